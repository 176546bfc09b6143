"""LoRA, textual inversion and another autoencoder (VAE): what users add to a model, through diffusers' own loaders."""

import re
import warnings
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from safetensors.torch import load_file

from audioviz.errors import AudiovizWarning, ModelError
from audioviz.models.lora import Misfit, work_in
from audioviz.models.pipeline import loading_failure, with_variant
from audioviz.models.sources import first_names, read_shapes


def add_loras(pipeline: Any, loras: list[tuple[Path, float]]) -> None:
    """Work LoRA files, each as strongly as is said, into a pipeline's weights, one after the other; see lora.py.

    Raises
    ------
    ModelError
        If one is pickled, damaged or made for another family.

    """
    for file, strength in loras:
        shapes = read_shapes(file, what="LoRA")
        try:
            unread = work_in(pipeline, file, strength)
        except (Misfit, RuntimeError, KeyError) as error:  # the latter two of factors that do not fit each other
            raise ModelError(_misfit_message("LoRA", file, pipeline, shapes)) from error
        if unread:
            warnings.warn(
                f"LoRA {file}: {len(unread)} of its {len(shapes)} tensors change nothing in a "
                f"{type(pipeline).__name__} and are not used: {first_names(unread)}",
                AudiovizWarning,
                stacklevel=2,
            )


def add_embeddings(pipeline: Any, files: list[Path]) -> None:
    """Load textual inversion embeddings into a pipeline: each is a new word, the name of its file.

    Raises
    ------
    ModelError
        If one is pickled, damaged or made for another family.

    Source
    ------
    Gal et al., ICLR 2023 (textual inversion).
    """
    for file in files:
        shapes = read_shapes(file, what="embedding")
        weights = load_file(file)
        if "clip_g" in weights and getattr(pipeline, "text_encoder_2", None) is not None:
            encoders = [
                ("clip_l", pipeline.tokenizer, pipeline.text_encoder),
                ("clip_g", pipeline.tokenizer_2, pipeline.text_encoder_2),
            ]
        else:
            encoders = [(None, pipeline.tokenizer, pipeline.text_encoder)]
        try:
            for key, tokenizer, encoder in encoders:
                pipeline.load_textual_inversion(
                    weights[key] if key else weights, token=file.stem, tokenizer=tokenizer, text_encoder=encoder
                )
        except Exception as error:  # another width, or a pipeline that has no such thing
            raise ModelError(_misfit_message("embedding", file, pipeline, shapes)) from error


def other_vae(pipeline: Any, source: str | Path) -> Any:
    """The autoencoder (VAE) of a folder, a hub id or a .safetensors file, for the latents of this pipeline.

    Raises
    ------
    ModelError
        If there is none, or it reads other latents.
    """
    from diffusers.models.auto_model import AutoModel
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny

    own, place = pipeline.vae, Path(source)
    vae: Any
    try:
        if place.is_file():
            read_shapes(place, what="vae")
            with TemporaryDirectory() as folder:
                own.save_config(folder)
                vae = AutoencoderKL.from_single_file(str(place), config=folder, dtype=own.dtype, local_files_only=True)
        else:
            vae = with_variant(place, partial(AutoModel.from_pretrained, str(source), torch_dtype=own.dtype))
    except ModelError:
        raise
    except Exception as error:  # as when a pipeline is loaded
        what = "the folder, the hub id or the .safetensors file of an autoencoder"
        raise ModelError(f"vae {source}: {loading_failure(place, error, what)}") from error
    if any(weight.is_meta for weight in vae.parameters()):
        raise ModelError(f"vae {source}: weights are missing; expected a whole autoencoder of this model's family")
    if (
        not isinstance(vae, (AutoencoderKL, AutoencoderTiny))
        or vae.config["latent_channels"] != own.config.latent_channels
    ):
        raise ModelError(
            f"vae {source}: a {type(vae).__name__} of {vae.config.get('latent_channels')} channels; this model "
            f"expects one of {own.config.latent_channels}"
        )
    return vae


def _misfit_message(what: str, file: Path, pipeline: Any, shapes: dict[str, tuple[int, ...]]) -> str:
    """The message for a file that was made for another family, which the text width of its tensors may tell."""
    widths = {768: "Stable Diffusion 1", 1024: "Stable Diffusion 2", 2048: "SDXL"}
    text_widths = [
        shape[-1]
        for name, shape in shapes.items()
        if re.search(r"attn2_to_k.lora_down|attn2.to_k.lora_A|attn2.processor.to_k_lora.down", name)
    ]
    made = next((f" (it seems made for {widths[width]})" for width in text_widths if width in widths), "")
    return (
        f"{what} {file}: does not fit this model, a {type(pipeline).__name__}{made}; use one that was made for its "
        "family"
    )
