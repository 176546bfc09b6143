"""The denoiser contract: what sampling asks of a model, and what samplers are handed of it."""

from typing import ClassVar, Protocol

import torch
from torch import Tensor

from audioviz.sampling.conditioning import Guidance


class Denoiser(Protocol):
    """A model that predicts x without its noise.

    At noise level sigma x is latent + sigma * noise, or, where `flow` is true, (1 - sigma) * latent + sigma * noise;
    that latent is the autoencoder's less `shift_factor`, times `scaling_factor`.
    """

    flow: ClassVar[bool]
    """Whether it is a model of flow matching (SD3, Flux)."""

    @property
    def sigmas(self) -> Tensor:
        """Noise levels of training, ascending: float64, shape (timesteps,), on the CPU."""
        ...

    @property
    def scaling_factor(self) -> float:
        """Of the autoencoder's latents."""
        ...

    @property
    def shift_factor(self) -> float:
        """Of the autoencoder's latents, before they are scaled."""
        ...

    @property
    def channels(self) -> int:
        """C of the latents."""
        ...

    @property
    def device(self) -> torch.device:
        """Where x has to lie."""
        ...

    def __call__(self, x: Tensor, sigma: Tensor, conditioning: Guidance, cfg: float, /) -> Tensor:
        """Denoised x, float32, of the shape of x.

        Parameters
        ----------
        x : float32, shape (B, C, H, W)
            Scaled, on `device`.
        sigma : float32, shape (B,)
            Noise level of each picture.
        conditioning : Guidance
            One row for each picture, or one for all.
        cfg : float
            Guidance scale.
        """
        ...


class BoundDenoiser(Protocol):
    """A denoiser with its conditioning and guidance scale bound: what samplers are handed."""

    @property
    def sigmas(self) -> Tensor:
        """Noise levels of training, ascending: float64, shape (timesteps,), on the CPU."""
        ...

    def __call__(self, x: Tensor, sigma: float, /) -> Tensor:
        """Denoised x, float32, of the shape of x, (B, C, H, W)."""
        ...

    def pair(self, x: Tensor, sigma: float, /) -> tuple[Tensor, Tensor]:
        """Denoised x with the guidance, and by the negative conditioning alone, each of the shape of x."""
        ...
