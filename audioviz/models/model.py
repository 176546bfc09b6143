"""Model: text encoder, denoiser and autoencoder, with all that a render asks of them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from audioviz.models.autoencoder import Autoencoder
from audioviz.models.defaults import Defaults
from audioviz.models.denoisers.flow import FlowDenoiser
from audioviz.models.denoisers.unet import UNetDenoiser
from audioviz.models.memory.placement import Placement
from audioviz.models.sources import check_size
from audioviz.models.text.composition import mean, positives_at, staged
from audioviz.models.text.editing import UNREAD, components, text_at, without_tags
from audioviz.models.text.encoders import say_once
from audioviz.sampling import Conditioning, Guidance


@dataclass(frozen=True, eq=False)
class Model:
    """Text to conditioning, latents to pictures, and the denoiser between.

    Parameters
    ----------
    name : what the user asked for
    digest : sha256 of its settings and weights, hex
    denoiser : the denoiser contract of `audioviz.sampling`
    autoencoder : Autoencoder
        On the denoiser's device.
    text_encoder : function of a text
        Its conditioning: see `encode_text`.
    defaults : Defaults
    placement : Placement
        Where its parts lie; None where it has none to move.
    compiled : see compiled.py
    loras : names, lower case, of the LoRAs that are worked in
    encode_reference : function of a picture, of models with an IP-Adapter
        The image embeddings of a uint8 picture (height, width, 3), the IP-Adapter reference, and those of none.
    """

    name: str
    digest: str
    denoiser: UNetDenoiser | FlowDenoiser
    autoencoder: Autoencoder
    text_encoder: Callable[[str], Conditioning]
    defaults: Defaults
    placement: Placement | None = None
    compiled: bool = False
    loras: frozenset[str] = frozenset()
    encode_reference: Callable[[np.ndarray], tuple[Tensor, Tensor]] | None = None

    def __repr__(self) -> str:
        kind, device = type(self.denoiser).__name__.removesuffix("Denoiser"), self.denoiser.device
        return f"Model({self.name}: {kind}, {self.defaults.size} pixels, {device}, {self.autoencoder.dtype})"

    def with_networks(self, change: Callable[[Any], Any]) -> "Model":
        """The same with what a function makes of each network that frames call; the one given stays as it is."""
        autoencoder, denoiser = self.autoencoder.with_networks(change), self.denoiser.with_networks(change)
        if inpainting := getattr(denoiser, "inpainting", None):  # which encodes too, and is to be watched with the rest
            denoiser = replace(denoiser, inpainting=replace(inpainting, autoencoder=autoencoder, blanks={}))
        return replace(self, denoiser=denoiser, autoencoder=autoencoder)

    @torch.inference_mode()
    def encode_text(self, text: str) -> Conditioning:
        """The conditioning of a prompt.

        Parts may have weights, `a (red:1.3) fox`: see weights.py. Above 1 a part is drawn away from the empty text,
        below it is drawn to that. CLIP reads any length, in chunks; what a model cannot read is said. Of a prompt that
        is edited or joined by AND (see editing.py) this is one conditioning in the place of all; `guidance` has each.

        Returns
        -------
        Conditioning with embeddings of shape (1, tokens, width), float32
        """
        return mean([(self._read(part), strength) for part, strength in components(text_at(text, 0, 1))])

    def _read(self, text: str) -> Conditioning:
        words, tags = without_tags(text)
        for tag in tags:
            if tag.kind != "lora" or tag.name.lower() not in self.loras:
                say_once(self, f"prompt {text!r:.60}: {_UNUSED[tag.kind].format(tag)}")
        for unread in UNREAD.findall(words):
            say_once(self, f"prompt {text!r:.60}: {unread!r} means nothing to this program, and is read as words")
        return self.text_encoder(words)

    @torch.inference_mode()
    def guidance(self, text: str, negative: str = "", *, steps: int = 1) -> Guidance:
        """The conditionings of a prompt and of its negative prompt, for classifier-free guidance in so many steps."""
        return staged(
            (text, negative),
            steps,
            lambda step: (
                positives_at(self.encode_text, text, step, steps),
                self.encode_text(text_at(negative, step, steps)),
            ),
            about=self,
        )

    @torch.inference_mode()
    def decode(self, latent: Tensor) -> np.ndarray:
        """The picture of a latent.

        Parameters
        ----------
        latent : float, shape (1, C, H, W), in the autoencoder's own units

        Returns
        -------
        uint8, shape (H * factor, W * factor, 3)

        Raises
        ------
        ModelError
            If the autoencoder gives values that are not numbers.
        """
        return self.autoencoder.to_levels(latent)

    @property
    def multiple(self) -> int:
        """Pixels that each side of a picture is a multiple of."""
        return self.autoencoder.factor * self.denoiser.patch

    def empty_latent(self, size: tuple[int, int]) -> Tensor:
        """Zeros of shape (1, C, H, W) for a picture of (width, height) pixels.

        Raises
        ------
        InputError
            If the model cannot make this size.
        """
        (width, height), factor = size, self.autoencoder.factor
        check_size(size, step=self.multiple)
        return torch.zeros(1, self.denoiser.channels, height // factor, width // factor)

    def at_size(self, size: tuple[int, int], *, steps: int | None = None) -> "Model":
        """The model for pictures of (width, height) pixels in so many steps, its own number if that is not said.

        The noise levels of flow matching may depend on both.
        """
        if not isinstance(self.denoiser, FlowDenoiser):
            return self
        height, width = self.empty_latent(size).shape[2:]
        return replace(self, denoiser=self.denoiser.at_size(height, width, steps or self.defaults.steps))


_UNUSED = {
    "lora": "the LoRA {0.name} is not worked into the model, and its tag is left out; name the folder that holds it "
    "(--lora-dir), or the file (--lora {0.name}.safetensors:{0.weight:g})",
    "hypernet": "hypernetworks such as {0.name} are not read, and the tag is left out",
}
