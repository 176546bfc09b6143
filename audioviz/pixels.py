"""Pictures as torch has them, (1, 3, H, W), and as files have them, uint8 (H, W, 3)."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from audioviz.transfer import to_device


def levels_to_unit(picture: np.ndarray | Tensor, device: torch.device | None = None) -> Tensor:
    """A picture of uint8, shape (H, W, 3), as float32 (1, 3, H, W) in 0..1, on a device if one is named."""
    levels = picture if isinstance(picture, Tensor) else torch.from_numpy(picture.copy())
    levels = levels if device is None else to_device(levels, device)
    return levels.permute(2, 0, 1)[None].float() / 255


def rounded(picture: Tensor) -> Tensor:
    """A picture (1, 3, H, W) in 0..1 as uint8, shape (H, W, 3), where it is."""
    levels = picture[0].mul(255).round_().permute(1, 2, 0)
    return levels.to(torch.uint8, memory_format=torch.contiguous_format)


def unit_to_levels(picture: Tensor) -> np.ndarray:
    """A picture (1, 3, H, W) in 0..1 as uint8, shape (H, W, 3)."""
    return rounded(picture).cpu().numpy()


def signed_to_unit(picture: Tensor) -> Tensor:
    """A picture of -1..1, or a little beyond, in 0..1."""
    return picture.add(1).mul(0.5).clamp_(0, 1)


def read_at(picture: Tensor, grid: Tensor, *, mode: str = "bilinear") -> Tensor:
    """A picture (B, C, H, W) at the places of a grid (B, H', W', 2) in -1..1; outside of it is its mirror image.

    On Apple's GPUs the CPU does it where it is to be bicubic, which they do not know in all versions of torch.
    """
    if mode == "bicubic" and picture.device.type == "mps":
        return read_at(picture.cpu(), grid.cpu(), mode=mode).to(picture.device)
    return grid_sample(picture, grid, mode=mode, padding_mode="reflection", align_corners=False)
