"""Grids of places: where each place of a picture is taken from, as torch's grid_sample reads them."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from audioviz.pixels import read_at
from audioviz.transfer import to_device

_REACH = 2  # cells around a place that bicubic sampling looks at


def rays_of(picture: Tensor, focal: float, *, finer: int = 1) -> tuple[Tensor, Tensor]:
    """The directions in which the places of a picture (B, C, H, W) are seen, right and down for a way of 1 away.

    Parameters
    ----------
    focal : float
        Pixels that a way of 1 has at distance 1.
    finer : int
        How many places a side each pixel has.

    Returns
    -------
    two float32, shapes (1, W * finer) and (H * finer, 1)
    """
    height, width = (side * finer for side in picture.shape[-2:])
    y, x = (
        (torch.arange(side, device=picture.device, dtype=torch.float32) + 0.5 - side / 2) / (focal * finer)
        for side in (height, width)
    )
    return x[None], y[:, None]


def turned(rays: tuple[Tensor, Tensor], matrix: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
    """A matrix (3, 3) times rays, whose ways away are 1: right, down and away, each of shape (H, W)."""
    x, y = rays
    right, down, away = (a * x + (b * y + c) for a, b, c in matrix.tolist())
    return right, down, away


def seen_at(x: Tensor, y: Tensor, z: Tensor, picture: Tensor, focal: float, *, nearest: float) -> Tensor:
    """Where a picture is met by rays, right, down and away, in units of half of it: shape (1, H, W, 2).

    What is less than `nearest` away is taken to be that.
    """
    height, width = picture.shape[-2:]
    scale = 2 * focal / z.clamp(min=nearest)
    return torch.stack((x * scale / width, y * scale / height), -1)[None]


def sample_at(picture: Tensor, grid: Tensor, *, wrap: bool) -> Tensor:
    """A picture (B, C, H, W) at the places of a grid (B or 1, H, W, 2), bicubic; outside it is mirrored or repeated."""
    height, width = picture.shape[-2:]
    grid = grid.to(picture.dtype).expand(len(picture), -1, -1, -1)
    if wrap:
        grid = (grid + 1) % 2 - 1
        picture = pad(picture, 4 * (_REACH,), mode="circular")
        inner = torch.tensor([width / (width + 2 * _REACH), height / (height + 2 * _REACH)])
        grid = grid * to_device(inner.to(grid.dtype), grid.device)
    return read_at(picture, grid, mode="bicubic")
