"""Drift control: each channel's mean and standard deviation are held near those of a picture that was right."""

from dataclasses import dataclass

import torch
from torch import Tensor

from audioviz.errors import InputError


@dataclass(frozen=True, eq=False)
class Anchor:
    """Where the statistics of a latent are held.

    Parameters
    ----------
    mean, std : float, shape (C,)
        Of each channel.
    strength : float in [0, 1]
        How much of the way each frame is moved; 0 is off.
    """

    mean: Tensor
    std: Tensor
    strength: float

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 1:
            raise InputError(f"anchor strength is {self.strength!r}: expected a number from 0 to 1")


def anchor_of(latent: Tensor, strength: float) -> Anchor:
    """The anchor that holds frames near this latent, shape (B, C, H, W)."""
    return Anchor(latent.mean((0, 2, 3)), latent.std((0, 2, 3), correction=0), strength)


def hold(latent: Tensor, anchor: Anchor) -> Tensor:
    """The latent (B, C, H, W), its mean and spread moved `strength` of the way to the anchor's.

    A channel without spread has none to widen: only its mean is moved.
    """
    mean = latent.mean((2, 3), keepdim=True)
    std = latent.std((2, 3), keepdim=True, correction=0)
    wanted_mean, wanted_std = (w.to(latent)[:, None, None].expand_as(mean) for w in (anchor.mean, anchor.std))
    flat = std <= 1e-6 * mean.abs() + 1e-12
    gain = torch.where(flat, 1.0, torch.lerp(std, wanted_std, anchor.strength) / torch.where(flat, 1.0, std))
    return (latent - mean) * gain + torch.lerp(mean, wanted_mean, anchor.strength)
