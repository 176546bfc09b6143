"""The denoiser contract: what sampling asks of a model, and what samplers are handed of it."""

from collections.abc import Sequence
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from audioviz.sampling.conditioning import Conditioning, Control
from audioviz.sampling.units import LatentUnits


class Denoiser(Protocol):
    """A model that predicts x without its noise.

    At noise level sigma x is latent + sigma * noise, or, where `flow` is true, (1 - sigma) * latent + sigma * noise;
    that latent is the autoencoder's in the model's `units`.
    """

    flow: ClassVar[bool]
    """Whether it is a model of flow matching (SD3, Flux)."""

    @property
    def sigmas(self) -> Tensor:
        """Noise levels of training, ascending: float64, shape (timesteps,), on the CPU."""
        ...

    @property
    def units(self) -> LatentUnits:
        """How the autoencoder's latents become its own."""
        ...

    @property
    def channels(self) -> int:
        """C of the latents."""
        ...

    @property
    def device(self) -> torch.device:
        """Where x has to lie."""
        ...

    @property
    def distilled(self) -> bool:
        """Whether it is told the guidance scale, and needs no negative half."""
        ...

    @property
    def ragged(self) -> bool:
        """Whether its texts have lengths of their own, which leave little to calculate together in a batch."""
        ...

    @property
    def rescale(self) -> float:
        """How far guided predictions take the deviation of the positive's, 0..1: see `guidance.rescaled`."""
        ...

    def __call__(
        self, x: Tensor, sigma: Tensor, texts: Sequence[Conditioning], /, *, control: Control = Control(), cfg: float
    ) -> tuple[Tensor, ...]:
        """Denoised x by each of the texts, float32, of the shape of x; in as few batches as their lengths allow.

        Parameters
        ----------
        x : float32, shape (B, C, H, W)
            In the model's units, on `device`.
        sigma : float32, shape (B,)
            Noise level of each picture.
        texts : of Conditioning
            One row for each picture, or one for all.
        control : Control
        cfg : float
            Guidance scale, for those that are told it.
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
