"""What several effects need: places of a picture, reading it there, Gaussian blur, luma, random numbers.

Pictures are float32 (B, 3, H, W) in 0..1. Lengths are in heights of the picture, so that all sizes look alike; x goes
to the right and y down from the middle.
"""

import math
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

from audioviz.colours import LUMA
from audioviz.pixels import read_at

_REACH = 3.5  # sigmas, beyond which a Gaussian is nothing
_NARROW = 3.0  # pixels of sigma up to which a picture is convolved as it is


@lru_cache(maxsize=8)
def _places(height: int, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    x = (torch.arange(width, dtype=torch.float32) + 0.5 - width / 2) / height
    y = (torch.arange(height, dtype=torch.float32) + 0.5 - height / 2) / height
    return x[None, :].to(device), y[:, None].to(device)


def places(picture: Tensor) -> tuple[Tensor, Tensor]:
    """The middles of a picture's pixels: x, shape (1, W), and y, shape (H, 1), in heights from its middle."""
    height, width = picture.shape[-2:]
    return _places(height, width, picture.device)


def look(picture: Tensor, x: Tensor, y: Tensor, *, mode: str = "bilinear") -> Tensor:
    """The picture (B, C, H, W) read at places that broadcast to (H, W); outside of it is its mirror image."""
    height, width = picture.shape[-2:]
    grid = torch.empty(1, height, width, 2, device=picture.device)
    grid[..., 0] = x * (2 * height / width)
    grid[..., 1] = 2 * y
    grid = grid.expand(len(picture), -1, -1, -1)
    return read_at(picture, grid, mode=mode)


def shrunk(picture: Tensor, rows: float) -> Tensor:
    """The picture with so many rows, each new pixel the mean of those that it covers; itself if it has no more."""
    height, width = picture.shape[-2:]
    if rows >= height:
        return picture
    size = (max(1, round(rows)), max(1, round(rows * width / height)))
    return interpolate(picture, size, mode="area")


def gaussian(picture: Tensor, sigma: float) -> Tensor:
    """The picture (B, C, H, W) under a Gaussian blur; sigma in heights.

    A wide one is two of less sigma, to a small picture and back, as products of matrices: cheaper the wider it is.
    """
    height, width = picture.shape[-2:]
    spread = sigma * height  # pixels
    if spread <= _NARROW:
        return _convolved(picture, spread)
    half = spread / 2**0.5
    rows, columns = (max(1, math.ceil(size / half)) for size in (height, width))
    small = _weights(height, rows, half, picture.device) @ picture @ _weights(width, columns, half, picture.device).mT
    down, across = (
        _weights(few, size, half * few / size, picture.device) for few, size in ((rows, height), (columns, width))
    )
    return down @ small @ across.mT


def _convolved(picture: Tensor, spread: float) -> Tensor:
    reach = math.ceil(_REACH * spread)
    weights = [math.exp(-0.5 * (step / spread) ** 2) for step in range(reach + 1)]
    total = weights[0] + 2 * sum(weights[1:])
    for axis in (-2, -1):
        size, sides = picture.shape[axis], (0, 0, reach, reach) if axis == -2 else (reach, reach, 0, 0)
        wide = pad(picture, sides, mode="replicate")
        picture = wide.narrow(axis, reach, size) * (weights[0] / total)
        for step, weight in enumerate(weights[1:], 1):
            for begin in (reach - step, reach + step):
                picture.add_(wide.narrow(axis, begin, size), alpha=weight / total)
    return picture


@lru_cache(maxsize=32)
def _weights(size: int, wanted: int, spread: float, device: torch.device) -> Tensor:
    """What each of so many pixels is made of, shape (wanted, size), with a Gaussian of a spread in the old pixels."""
    old = torch.arange(size, dtype=torch.float32) + 0.5
    new = (torch.arange(wanted, dtype=torch.float32)[:, None] + 0.5) * (size / wanted)
    far = (new - old) / spread
    weights = torch.where(far.abs() <= _REACH, torch.exp(-0.5 * far**2), 0.0)  # none so small that it slows
    return (weights / weights.sum(1, keepdim=True)).to(device)


def enlarged(picture: Tensor, height: int, width: int) -> Tensor:
    """The picture in a larger size, linear between its pixels."""
    if picture.shape[-2:] == (height, width):
        return picture
    return interpolate(picture, (height, width), mode="bilinear", align_corners=False)


def luma(picture: Tensor) -> Tensor:
    """How bright each pixel looks, shape (B, 1, H, W).

    Source
    ------
    ITU-R BT.709, section 3.2.
    """
    red, green, blue = picture.split(1, 1)
    return LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue


def screen(picture: Tensor, light: Tensor) -> Tensor:
    """Light in 0..1 on a picture, as of two projectors: brighter, and never above 1."""
    return torch.addcmul(picture, light, 1 - picture)


def random_bits(seed: int, frame: int, name: str) -> np.random.PCG64:
    """The random stream of an effect in a frame, equal on all machines.

    Source
    ------
    O'Neill, HMC-CS-2014-0905, through numpy.random.SeedSequence and raw PCG64, whose values are fixed for good.
    """
    return np.random.PCG64(np.random.SeedSequence([int(seed) % 2**64, frame, *name.encode()]))


def uniform(bits: np.random.PCG64, count: int) -> np.ndarray:
    """Random numbers in [0, 1): float64, shape (count,)."""
    return (bits.random_raw(count) >> np.uint64(11)) * 2.0**-53
