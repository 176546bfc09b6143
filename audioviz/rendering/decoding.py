"""Latents as they are kept, and their pictures, each decoded once."""

from torch import Tensor

from audioviz.models.model import Model
from audioviz.transfer import to_device


class Decoder:
    """Decodes latents as they are kept, in float16, so that one that is read back in has the same picture.

    The last picture is remembered: the film shows it, and the next frame starts from it.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._latent: Tensor | None = None
        self._picture: Tensor | None = None

    def __call__(self, latent: Tensor) -> Tensor:
        """The picture of a latent (1, C, h, w): float32, shape (1, 3, H, W), -1..1 or a little beyond."""
        if self._picture is None or latent is not self._latent:
            self._latent = self._picture = None
            on_device = to_device(latent, self._model.denoiser.device)
            picture = self._model.autoencoder.decode(on_device.half().float())
            self._latent, self._picture = latent, picture
        return self._picture
