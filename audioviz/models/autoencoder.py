"""Autoencoder: pictures to latents and back, in units that hold for the autoencoder that stands in for another, too."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from audioviz.sampling.units import LatentUnits


@dataclass(frozen=True, eq=False)
class Autoencoder:
    """Pictures (B, 3, height, width) to latents (B, C, H, W) and back.

    Parameters
    ----------
    module : AutoencoderKL, AutoencoderTiny, or one like them
    units : LatentUnits
        How its latents become the model's.
    factor : int
        Pixels a latent cell, each way.
    in_model_units : bool
        The module stands in for the model's own, and reads latents as the model does (TAESD).
    packed : int
        A latent cell is so many cells of the module, each way, one behind the other as its channels.
    """

    module: Any
    units: LatentUnits
    factor: int
    in_model_units: bool = False
    packed: int = 1

    @cached_property
    def dtype(self) -> torch.dtype:
        """What the module runs in; it looks through all its layers to tell."""
        return self.module.dtype

    @cached_property
    def device(self) -> torch.device:
        """Where the module lies; it looks through all its layers to tell."""
        return self.module.device

    @torch.inference_mode()
    def decode(self, latent: Tensor) -> Tensor:
        """The pictures of latents, not yet rounded: float32, shape (B, 3, height, width), -1..1."""
        if self.in_model_units:
            latent = self.units.to_model(latent)
        if self.packed > 1:
            latent = pixel_shuffle(latent, self.packed)
        return self.module.decode(latent.to(self.device, self.dtype)).sample.float()

    @torch.inference_mode()
    def encode(self, picture: Tensor) -> Tensor:
        """The latents of pictures, as `decode` takes them: float32, on the module's device."""
        encoded = self.module.encode(picture.to(self.device, self.dtype))
        latent = (encoded.latents if hasattr(encoded, "latents") else encoded.latent_dist.mode()).float()
        if self.packed > 1:
            latent = pixel_unshuffle(latent, self.packed)
        return self.units.from_model(latent) if self.in_model_units else latent


def config_units(own: Any, used: Any) -> LatentUnits:
    """The units of the model that an autoencoder of diffusers belongs to, as its config tells them: see Family."""
    config = own.config
    return LatentUnits(config.get("shift_factor") or 0.0, config["scaling_factor"])
