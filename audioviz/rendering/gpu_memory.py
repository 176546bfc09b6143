"""What a render takes of a GPU, told before its model is loaded."""

from pathlib import Path

import torch

from audioviz.errors import ModelError
from audioviz.models.autoencoder import autoencoder_dtype
from audioviz.models.devices import find_dtype
from audioviz.models.families import family_of
from audioviz.models.files.weigh import folder_numbers, numbers, weigh
from audioviz.models.memory.footprint import GIB, Footprint, fit, footprint
from audioviz.models.memory.placement import free_bytes
from audioviz.models.sources import read_shapes
from audioviz.project import Look


def describe_memory(look: Look, size: tuple[int, int], device: torch.device) -> str | None:
    """The memory that pictures of (width, height) pixels take on a GPU of CUDA; None on any other device."""
    if device.type != "cuda":
        return None
    free = free_bytes(device)
    memory = _memory(look, size, device)
    if memory is None:
        return f"unknown until the model is here; the GPU has {free / GIB:.1f} GB free"
    texts, rest, wanted = memory
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


def bytes_wanted(look: Look, size: tuple[int, int], device: torch.device) -> int | None:
    """What pictures of (width, height) pixels take on a GPU where all of the model lies there; None if unknown."""
    memory = _memory(look, size, device)
    if memory is None:
        return None
    texts, rest, wanted = memory
    return texts + rest + wanted.usual


def _memory(look: Look, size: tuple[int, int], device: torch.device) -> tuple[int, int, Footprint] | None:
    """Bytes of the text encoders, of all other weights, and of a render beside them; None if unknown."""
    try:
        weighed = weigh(look.model)
    except (OSError, ValueError, KeyError, ModelError):  # what is wrong with it is said when it is loaded
        return None
    if weighed is None:
        return None
    family = family_of(weighed.core)
    dtype = family.half if family and look.dtype == "auto" else find_dtype(look.dtype, device)
    element, wide = dtype.itemsize, family is not None and family.wide
    wanted = footprint(
        weighed.core,
        weighed.vae,
        size,
        element=element,
        vae_element=autoencoder_dtype(look.vae_dtype, dtype, weighed.vae, device, wide=wide).itemsize,
        controlnet=look.controlnet is not None,
        batch=look.batch,
    )
    return (
        weighed.texts * element,
        (weighed.rest + _controlnet_numbers(look) + _ip_adapter_numbers(look)) * element,
        wanted,
    )


def _controlnet_numbers(look: Look) -> int:
    """Of its weights, where it lies on this disk."""
    place = Path(look.controlnet or "")
    if look.controlnet is None or not place.exists():
        return 0
    return numbers(read_shapes(place, what="ControlNet")) if place.is_file() else folder_numbers(place, place)


def _ip_adapter_numbers(look: Look) -> int:
    """Of its weights and of its image encoder's, where they lie on this disk."""
    file = Path(look.ip_adapter or "")
    if not file.is_file():
        return 0
    return numbers(read_shapes(file, what="IP-Adapter")) + folder_numbers(file.parent / "image_encoder", file.parent)
