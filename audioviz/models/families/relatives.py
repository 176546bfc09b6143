"""Relatives of the families that cannot be driven: what each is, and what does its work in its place."""

from collections.abc import Mapping
from typing import Any

RELATIVES = {
    "refiner": "the refiner of SDXL, which finishes pictures of the base model and makes none: use the base model",
    "instruct-pix2pix": "reads a second picture beside the latent (8 input channels, as InstructPix2Pix does): use a "
    "text-to-image model, and --init for the picture or video that is redrawn",
    "depth": "reads depth beside the latent (5 input channels): use a text-to-image model of Stable Diffusion with a "
    "ControlNet for depth (--controlnet, --control)",
    "upscale": "enlarges pictures and makes none (7 input channels): use a text-to-image model",
    "unclip": "draws after the embedding of a picture (unCLIP): use a text-to-image model with --ip-adapter and "
    "--style",
    "flux-control": "reads a control picture beside the latent (128 input channels, as FLUX.1 Depth and Canny do): use "
    "FLUX.1 dev or schnell, or Stable Diffusion with a ControlNet (--controlnet, --control)",
}


def relative_of(config: Mapping[str, Any]) -> str | None:
    """What the model with a UNet or transformer of this config is, `_class_name` among it; None if no relative."""
    kind, channels = config.get("_class_name"), config.get("in_channels", 4)
    if kind == "FluxTransformer2DModel":
        return RELATIVES["flux-control"] if config.get("in_channels", 64) == 128 else None
    if kind != "UNet2DConditionModel":
        return None
    if config.get("addition_embed_type") == "text_time" and config.get("projection_class_embeddings_input_dim") == 2560:
        return RELATIVES["refiner"]
    if config.get("class_embed_type") == "projection":
        return RELATIVES["unclip"]
    return RELATIVES.get({5: "depth", 7: "upscale", 8: "instruct-pix2pix"}.get(channels, ""))


def relative_in_file(kind: str, shapes: Mapping[str, tuple[int, ...]]) -> str | None:
    """What the model in a single file is, by what diffusers takes it for and the shapes of its tensors; else None."""
    first = shapes.get("model.diffusion_model.input_blocks.0.0.weight")
    unet = {"_class_name": "UNet2DConditionModel", "in_channels": first[1]} if first else {}
    return RELATIVES.get(_KINDS.get(kind, "")) or relative_of(unet)


_KINDS = {"xl_refiner": "refiner", "instruct-pix2pix": "instruct-pix2pix", "upscale": "upscale"}
_KINDS |= {"flux-depth": "flux-control"}
