"""GPU memory: where it has not room for everything, text encoders stay on the CPU and pictures are decoded in tiles."""

import warnings
from typing import Any

import torch
from torch import nn

from audioviz.errors import AudiovizWarning

CALL_BYTES = 1024  # a pixel of the picture: what a guided call in half precision takes beside its weights, at most
MAPS = 4  # feature maps of the decoder's widest stage that are there at once


def place(pipeline: Any, device: torch.device, *, text_encoders: tuple[str, ...], size: int) -> None:
    """Move a pipeline to a device, but for its text encoders if a GPU has room for them or for the work, not for both.

    Parameters
    ----------
    pipeline : DiffusionPipeline
    device : torch.device
    text_encoders : their names in the pipeline
    size : pixels, of a square picture
    """
    parts = {name: part for name, part in pipeline.components.items() if isinstance(part, nn.Module)}
    on_cpu = ()
    if device.type == "cuda":
        free = torch.cuda.mem_get_info(device)[0]
        if sum(map(bytes_of, parts.values())) + working_bytes(pipeline.vae, (size, size)) > free:
            on_cpu = text_encoders
            warnings.warn(
                f"{free / 2**30:.1f} GB are free on the GPU: text is read on the CPU", AudiovizWarning, stacklevel=3
            )
    for name, part in parts.items():
        part.to("cpu", torch.float32) if name in on_cpu else part.to(device)


def tile_if_needed(vae: Any, size: tuple[int, int], free: int) -> bool:
    """Decode in tiles from now on if a whole picture of (width, height) pixels needs more than the `free` bytes."""
    if working_bytes(vae, size) <= free or getattr(vae, "use_tiling", True):
        return False
    vae.enable_tiling()
    return True


def bytes_of(part: nn.Module) -> int:
    """What the weights take."""
    return sum(weight.numel() * weight.element_size() for weight in part.parameters())


def working_bytes(vae: Any, size: tuple[int, int]) -> int:
    """Estimate of what a render of (width, height) pixels takes beside all weights: a model call and a decoding."""
    channels = vae.config.block_out_channels
    side = vae.tile_sample_min_size if getattr(vae, "use_tiling", False) else max(size)
    decoded = min(side, size[0]) * min(side, size[1])
    widest = channels[min(1, len(channels) - 1)]  # comes up to full size before its number falls
    return size[0] * size[1] * CALL_BYTES + MAPS * decoded * widest * next(vae.parameters()).element_size()
