"""Units of latents: those of the autoencoder, which frames are kept in, and those that the model was trained with."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class LatentUnits:
    """How latents of an autoencoder become those of a model: (latent - shift) * scale.

    Parameters
    ----------
    shift, scale : float, or float32 tensor of shape (C, 1, 1) on the device of the latents
        The latter where each channel has its own.
    """

    shift: float | Tensor = 0.0
    scale: float | Tensor = 1.0

    def to(self, device: torch.device) -> "LatentUnits":
        """The same for latents on a device."""
        shift, scale = (value.to(device) if isinstance(value, Tensor) else value for value in (self.shift, self.scale))
        return LatentUnits(shift, scale)

    def to_model(self, latent: Tensor) -> Tensor:
        """Latents (B, C, H, W) as the model reads them."""
        return (latent - self.shift) * self.scale

    def from_model(self, x: Tensor) -> Tensor:
        """What a model gives (B, C, H, W), as the autoencoder reads it."""
        return x / self.scale + self.shift
