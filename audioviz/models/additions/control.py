"""ControlNet and IP-Adapter: what leads a UNet beside the text, through diffusers' own loaders."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from audioviz.errors import ModelError, kind_of
from audioviz.models.files.pipeline import loading_failure, with_variant
from audioviz.models.sources import HUB_FILE, pixels_per_cell, read_shapes


def load_controlnet(pipeline: Any, source: str | Path) -> Any:
    """The ControlNet of a .safetensors file, a folder or a hub id, for the UNet of this pipeline.

    Raises
    ------
    ModelError
        If there is none, or it is of another family.

    Source
    ------
    Zhang et al., ICCV 2023 (ControlNet).
    """
    from diffusers.models.controlnets.controlnet import ControlNetModel

    unet, place, net = _unet_of(pipeline, "ControlNet"), Path(source), None
    what = "the .safetensors file, the diffusers folder or the hub id of a ControlNet"
    if place.is_file():
        read_shapes(place, what="ControlNet")
    try:
        if place.is_file():
            with TemporaryDirectory() as folder:
                own = ControlNetModel.from_unet(unet, load_weights_from_unet=False)
                own.register_to_config(in_channels=pipeline.vae.config["latent_channels"])  # inpainting has more
                own.save_config(folder)
                net = ControlNetModel.from_single_file(
                    str(place), config=folder, torch_dtype=unet.dtype, local_files_only=True
                )
        else:
            load = partial(ControlNetModel.from_pretrained, str(source), torch_dtype=unet.dtype)
            net = with_variant(place, load, dtype=unet.dtype)
    except Exception as error:  # a damaged one, or one of another family, makes diffusers raise almost anything
        raise ModelError(f"ControlNet {source}: {loading_failure(place, error, what)}") from error
    if any(weight.is_meta for weight in net.parameters()):
        raise ModelError(f"ControlNet {source}: weights are missing; expected {what}, for this model's family")
    for name in ("cross_attention_dim", "block_out_channels", "addition_embed_type"):
        if _listed(net.config[name]) != _listed(unet.config[name]):
            raise ModelError(
                f"ControlNet {source}: made for another family than this model ({name} is {net.config[name]}, "
                f"expected {unet.config[name]})"
            )
    _check_latents(net.config, pipeline.vae.config, source)
    return net.eval().requires_grad_(False)


def _check_latents(config: Any, vae: Any, source: str | Path) -> None:
    """Refuse a ControlNet for latents of another form than this autoencoder's, as their configs tell."""
    made = 2 ** (len(config["conditioning_embedding_out_channels"]) - 1), config["in_channels"]
    wanted = pixels_per_cell(vae), vae["latent_channels"]
    if made != wanted:
        raise ModelError(
            f"ControlNet {source}: made for latents of {made[1]} channels and {made[0]} pixels a cell, each way, and "
            f"this model has {wanted[1]} and {wanted[0]}; use one that was made for its family"
        )


def _listed(value: Any) -> Any:
    """A setting as JSON has it, in which there are no tuples."""
    return list(value) if isinstance(value, tuple) else value


def add_ip_adapter(pipeline: Any, source: str | Path) -> None:
    """Load an IP-Adapter file into a pipeline's UNet; its image encoder lies in the folder image_encoder beside it.

    Raises
    ------
    ModelError
        If there is none, or it is of another family.

    Source
    ------
    Ye et al., arXiv 2308.06721 (IP-Adapter).
    """
    _unet_of(pipeline, "IP-Adapter")
    file = Path(source)
    on_hub = None if file.exists() else HUB_FILE.fullmatch(str(source))
    if not on_hub:
        read_shapes(file, what="IP-Adapter")
    place, subfolder, name = on_hub.groups() if on_hub else (str(file.parent), "", file.name)
    try:
        pipeline.load_ip_adapter(
            place, subfolder=subfolder or "", weight_name=name, image_encoder_folder="image_encoder"
        )
    except Exception as error:  # where shapes, names or the encoder differ diffusers raises almost anything
        raise ModelError(
            f"IP-Adapter {source}: does not fit this model, or has no image encoder in a folder image_encoder "
            f"beside it ({str(error).strip().partition(chr(10))[0]:.150})"
        ) from error


def reference_encoder(pipeline: Any) -> Callable[[np.ndarray], tuple[Tensor, Tensor]]:
    """The image encoder of a pipeline with an IP-Adapter: see `Model.encode_reference`."""
    return partial(_encode_reference, pipeline)


@torch.inference_mode()
def _encode_reference(pipeline: Any, picture: np.ndarray) -> tuple[Tensor, Tensor]:
    """Image embeddings of a reference picture, and those of none: two tensors (1, ...), float32."""
    (both,) = pipeline.prepare_ip_adapter_image_embeds(Image.fromarray(picture), None, pipeline.unet.device, 1, True)
    unconditional, reference = both.float().chunk(2)
    return reference, unconditional


def _unet_of(pipeline: Any, what: str) -> Any:
    if getattr(pipeline, "unet", None) is None:
        raise ModelError(f"{what}: this model is {kind_of(pipeline)}; expected one of Stable Diffusion 1 or 2, or SDXL")
    return pipeline.unet
