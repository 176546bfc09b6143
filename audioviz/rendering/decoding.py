"""Latents as they are kept, and their pictures, each decoded once."""

from collections.abc import Sequence

import torch
from torch import Tensor

from audioviz.models.model import Model
from audioviz.transfer import to_device


class Decoder:
    """Decodes latents as they are kept, in float16, so that one that is read back in has the same picture.

    The last picture is remembered: the film shows it, and the next frame starts from it.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self._latent: Tensor | None = None
        self._picture: Tensor | None = None

    def __call__(self, latent: Tensor) -> Tensor:
        """The picture of a latent (1, C, h, w): float32, shape (1, 3, H, W), -1..1 or a little beyond."""
        if self._picture is None or latent is not self._latent:
            self._latent = self._picture = None
            picture = self.model.autoencoder.decode(self._kept(latent))
            self._latent, self._picture = latent, picture
        return self._picture

    def together(self, latents: Sequence[Tensor], *, rows: int) -> Sequence[Tensor]:
        """The picture of each of so many latents or fewer, decoded as a batch of so many; one alone is remembered."""
        if rows == 1:
            return [self(latent) for latent in latents]
        batch = torch.cat([self._kept(latent) for latent in [*latents, *[latents[-1]] * (rows - len(latents))]])
        return self.model.autoencoder.decode(batch).split(1)[: len(latents)]

    def _kept(self, latent: Tensor) -> Tensor:
        return to_device(latent, self.model.denoiser.device).half().float()
