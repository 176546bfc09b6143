"""What a render takes of a GPU, told before its model is loaded."""

from pathlib import Path

import torch

from audioviz.errors import ModelError
from audioviz.models.autoencoder import bfloat16_or_float32
from audioviz.models.families import family_of
from audioviz.models.footprint import GIB, fit, footprint
from audioviz.models.placement import free_bytes
from audioviz.models.sources import read_shapes
from audioviz.models.weigh import Weighed, folder_numbers, numbers, weigh
from audioviz.project import Look


def describe_memory(look: Look, size: tuple[int, int], device: torch.device) -> str | None:
    """The memory that pictures of (width, height) pixels take on a GPU of CUDA; None on any other device."""
    if device.type != "cuda":
        return None
    free = free_bytes(device)
    try:
        weighed = weigh(look.model)
    except (OSError, ValueError, KeyError, ModelError):  # what is wrong with it is said when it is loaded
        weighed = None
    if weighed is None:
        return f"unknown until the model is here; the GPU has {free / GIB:.1f} GB free"
    element = 4 if look.dtype == "float32" else 2
    vae_element = _vae_element(look, weighed, device)
    wanted = footprint(
        weighed.core,
        weighed.vae,
        size,
        factor=2 ** (len(weighed.vae["block_out_channels"]) - 1),
        element=element,
        vae_element=vae_element,
        controlnet=look.controlnet is not None,
    )
    texts, rest = weighed.texts * element, (weighed.rest + _controlnet_numbers(look)) * element
    found = fit(texts, rest, wanted, free)
    weights = 0 if found.streamed else rest + (0 if found.turns else texts)
    how = [
        "the model is streamed through it, which is slow" if found.streamed else "",
        "text is read first" if found.turns else "",
        "pictures are decoded in tiles" if found.tiled else "",
    ]
    said = ", ".join(filter(None, how)) or "all of the model lies there"
    taken = weights + (wanted.least if found.tiled else wanted.usual)
    return f"about {taken / GIB:.1f} GB of the {free / GIB:.1f} GB that are free on the GPU: {said}"


def _vae_element(look: Look, weighed: Weighed, device: torch.device) -> int:
    """Bytes of a number of the autoencoder."""
    if look.vae_dtype != "auto":
        return 4 if look.vae_dtype == "float32" else 2
    family = family_of(weighed.core)
    if look.dtype != "bfloat16" and family and family.wide and weighed.vae.get("force_upcast", True):
        return bfloat16_or_float32(device).itemsize
    return 4 if look.dtype == "float32" else 2


def _controlnet_numbers(look: Look) -> int:
    """Of its weights, where it lies on this disk."""
    place = Path(look.controlnet or "")
    if look.controlnet is None or not place.exists():
        return 0
    return numbers(read_shapes(place, what="ControlNet")) if place.is_file() else folder_numbers(place, place)
