"""Upscaling of finished pictures: Lanczos, or a network that spandrel loads, in tiles; cropped to an exact frame."""

import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.nn.functional import interpolate

from audioviz.errors import InputError, with_article

TILE = 512  # pixels of a side that a network is given at most
OVERLAP = 64  # of neighbouring tiles; the outer quarter of it, where a tile ends too early, is not shown
LOBES = 3  # of the Lanczos window


class Upscaler:
    """Pictures in another size: by a network if there is one, then by Lanczos, and cropped around the middle.

    Parameters
    ----------
    size : (width, height)
        Pixels of what comes out: it is filled, and what stands over is cut off.
    network : Network, optional

    Examples
    --------
    >>> import torch
    >>> from audioviz.video.upscale import Upscaler
    >>> Upscaler((128, 72))(torch.rand(1, 3, 32, 32)).shape
    torch.Size([1, 3, 72, 128])
    """

    def __init__(self, size: tuple[int, int], network: "Network | None" = None):
        self.size = size
        self._network = network

    @torch.inference_mode()
    def __call__(self, picture: Tensor) -> Tensor:
        """The upscaled picture of one that is float, (1, 3, H, W) in 0..1, where it is; of the same kind."""
        if self._network is not None:
            picture = self._network(picture)
        width, height = self.size
        before = picture.shape[3], picture.shape[2]
        scale = max(width / before[0], height / before[1])
        wide, high = max(width, round(before[0] * scale)), max(height, round(before[1] * scale))
        if (wide, high) != before:
            picture = lanczos(picture, (wide, high))
        left, top = (wide - width) // 2, (high - height) // 2
        return picture[..., top : top + height, left : left + width]


def lanczos(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """A picture (1, 3, H, W), float in 0..1, in another size (width, height), by the Lanczos filter with three lobes.

    On a CPU it is rounded to 256 levels first, as which torch resamples several times as fast.

    Source
    ------
    Duchon, Journal of Applied Meteorology 1979; widened where the picture becomes smaller, and with the edges of
    Pillow's `Image.Resampling.LANCZOS`, which it agrees with.
    """
    width, height = size
    if picture.device.type == "cpu" and _torch_has_lanczos():
        levels = picture.mul(255).round_().clamp_(0, 255).to(torch.uint8, memory_format=torch.channels_last)
        return interpolate(levels, (height, width), mode="lanczos", antialias=True).float().div_(255)
    across = _weights(picture.shape[3], width, picture.device)
    down = _weights(picture.shape[2], height, picture.device)
    return (down @ picture @ across.T).clamp_(0, 1)


@cache
def _torch_has_lanczos() -> bool:
    """Whether torch resamples so by itself, as it does from 2.12 on, on a CPU."""
    try:
        interpolate(torch.zeros(1, 3, 2, 2, dtype=torch.uint8), (2, 2), mode="lanczos", antialias=True)
    except (NotImplementedError, ValueError):
        return False
    return True


@cache
def _weights(before: int, after: int, device: torch.device) -> Tensor:
    """What each of so many pixels takes of each of those before: float32, shape (after, before)."""
    reach = max(before / after, 1)  # of a lobe
    centres = (torch.arange(after, dtype=torch.float64) + 0.5) * before / after
    apart = (torch.arange(before, dtype=torch.float64) + 0.5 - centres[:, None]) / reach
    weights = torch.where(apart.abs() < LOBES, torch.sinc(apart) * torch.sinc(apart / LOBES), 0)
    return (weights / weights.sum(1, keepdim=True)).float().to(device)


class Network:
    """A network that spandrel knows, such as Real-ESRGAN, SwinIR, HAT, DAT or SPAN; `load_network` makes one.

    Attributes
    ----------
    file : Path
        Of its weights.
    scale : int
        How many times as wide its pictures become.
    """

    def __init__(self, file: Path, descriptor: Any, dtype: torch.dtype, *, whole: bool):
        self.file = file
        self.scale: int = descriptor.scale
        self._descriptor, self._dtype, self._whole = descriptor, dtype, whole

    @torch.inference_mode()
    def __call__(self, picture: Tensor) -> Tensor:
        """The picture of one that is float, (1, 3, H, W) in 0..1, in `scale` times its size; float32."""
        if self._whole:
            return self._run(picture)
        return in_tiles(self._run, picture, scale=self.scale)

    def _run(self, picture: Tensor) -> Tensor:
        return self._descriptor(picture.to(self._dtype)).float()


def load_network(file: Path, device: torch.device) -> Network:
    """The network of a .safetensors file: half precision on a GPU if it knows that, float32 on a CPU.

    Raises
    ------
    InputError
        If spandrel is not there or does not know it, or it is not for pictures of three colours.
    """
    try:
        from spandrel import (  # pyright: ignore[reportMissingImports]  (an extra)
            ImageModelDescriptor,
            ModelLoader,
            UnsupportedModelError,
            canonicalize_state_dict,
        )
    except (ImportError, RuntimeError) as error:  # the latter of a torchvision for another torch
        raise InputError(
            f"upscale {file}: networks are loaded by spandrel, which cannot be imported ({error!s:.100}): pip install "
            "'audioviz[upscale]', with the torchvision that goes with your torch"
        ) from error
    try:
        found = ModelLoader(device).load_from_state_dict(canonicalize_state_dict(load_file(file)))
    except (OSError, SafetensorError) as error:
        raise InputError(f"upscale {file}: no whole .safetensors file ({error!s:.100})") from error
    except (UnsupportedModelError, RuntimeError, ValueError, KeyError) as error:
        raise InputError(f"upscale {file}: of no architecture that spandrel knows ({error!s:.100})") from error
    colours = found.input_channels, found.output_channels
    if not isinstance(found, ImageModelDescriptor) or colours != (3, 3):
        raise InputError(
            f"upscale {file}: {with_article(found.architecture.name)} for {found.purpose} with {colours[0]} channels; "
            "expected a network that upscales pictures of three colours"
        )
    dtype = torch.float32
    if device.type == "cuda" and (found.supports_half or found.supports_bfloat16):
        dtype = torch.float16 if found.supports_half else torch.bfloat16
    return Network(file, found.to(dtype).eval(), dtype, whole=found.tiling.name != "SUPPORTED")


def in_tiles(
    network: Callable[[Tensor], Tensor], picture: Tensor, *, scale: int, tile: int = TILE, overlap: int = OVERLAP
) -> Tensor:
    """What a network makes of a picture, (B, 3, H, W) to (B, 3, H * scale, W * scale), in tiles without seams.

    Parameters
    ----------
    tile : pixels
        Of a side; a picture that is no larger goes through whole.
    overlap : pixels
        In which a tile passes into the next one.
    """
    height, width = picture.shape[2:]
    if max(height, width) <= tile:
        return network(picture)
    whole = picture.new_zeros(*picture.shape[:2], height * scale, width * scale, dtype=torch.float32)
    total = whole.new_zeros(1, 1, *whole.shape[2:])
    for top in _starts(height, tile, overlap):
        for left in _starts(width, tile, overlap):
            part = network(picture[..., top : top + tile, left : left + tile])
            high, wide = part.shape[2:]
            down = _ramp(top * scale, high, whole.shape[2], overlap * scale)
            share = down[:, None] * _ramp(left * scale, wide, whole.shape[3], overlap * scale)
            share = share.to(whole)
            place = (..., slice(top * scale, top * scale + high), slice(left * scale, left * scale + wide))
            whole[place] += part * share
            total[place] += share
    return whole.div_(total)


def _starts(length: int, tile: int, overlap: int) -> list[int]:
    """Where tiles begin that cover a length: as few as can be, evenly spread."""
    if length <= tile:
        return [0]
    count = math.ceil((length - overlap) / (tile - overlap))
    return [round(i * (length - tile) / (count - 1)) for i in range(count)]


def _ramp(start: int, length: int, whole: int, overlap: int) -> Tensor:
    """The share of a tile along one side: rises from 0 to 1 in the middle half of the overlap; 1 at the edges."""
    place = torch.arange(length) + 0.5
    share = torch.ones(length)
    if start > 0:
        share = share * ((place - overlap / 4) / (overlap / 2)).clamp(0, 1)
    if start + length < whole:
        share = share * ((length - place - overlap / 4) / (overlap / 2)).clamp(0, 1)
    return share
