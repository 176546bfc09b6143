"""Model: a diffusers model with all that a render asks of it."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from audioviz.errors import InputError
from audioviz.models.denoiser import UNetDenoiser
from audioviz.models.weights import split_weights
from audioviz.sampling import Conditioning, Guidance


@dataclass(frozen=True)
class Defaults:
    """What works for a family of models when the user says nothing."""

    size: int  # pixels, of a square picture
    steps: int
    cfg: float
    sampler: str
    scheduler: str


@dataclass(frozen=True, eq=False)
class Model:
    """Text to conditioning, latents to pictures, and the denoiser between.

    Parameters
    ----------
    name : what the user asked for
    digest : sha256 of its files, hex
    denoiser : the denoiser contract of `audioviz.sampling`
    vae, text_encoder, tokenizer : of diffusers and transformers, on one device
    factor : pixels a latent cell, each way
    defaults : Defaults
    """

    name: str
    digest: str
    denoiser: UNetDenoiser
    vae: torch.nn.Module
    text_encoder: torch.nn.Module
    tokenizer: object
    factor: int
    defaults: Defaults

    @torch.inference_mode()
    def encode_text(self, text: str) -> Conditioning:
        """A prompt as the model reads it; what is longer than the model can read is left out.

        Parts may have weights, `a (red:1.3) fox`: see weights.py. Above 1 a part is drawn away from the empty text, below
        it is drawn to the text without it.

        Returns
        -------
        Conditioning with embeddings of shape (1, tokens, width), float32
        """
        parts, weights = zip(*split_weights(text) or [("", 1.0)])
        if set(weights) != {1.0}:
            from compel import EmbeddingsProvider
            provider = EmbeddingsProvider(self.tokenizer, self.text_encoder)
            return Conditioning(provider.get_embeddings_for_weighted_prompt_fragments([parts], [weights]).float())
        tokens = self.tokenizer("".join(parts), padding="max_length", truncation=True,
                                max_length=self.tokenizer.model_max_length, return_tensors="pt").input_ids
        return Conditioning(self.text_encoder(tokens.to(self.text_encoder.device))[0].float())

    def guidance(self, text: str, negative: str = "") -> Guidance:
        """The guided pair of a prompt and what to steer away from."""
        return Guidance(self.encode_text(text), self.encode_text(negative))

    @torch.inference_mode()
    def decode(self, latent: Tensor) -> np.ndarray:
        """The picture of a latent.

        Parameters
        ----------
        latent : float, shape (1, C, H, W), in the autoencoder's own units

        Returns
        -------
        uint8, shape (H * factor, W * factor, 3)
        """
        picture = self.vae.decode(latent.to(self.vae.dtype)).sample[0]
        levels = picture.float().add(1).mul(127.5).round_().clamp_(0, 255)
        return levels.to(torch.uint8).permute(1, 2, 0).contiguous().cpu().numpy()

    def empty_latent(self, size: tuple[int, int]) -> Tensor:
        """Zeros of shape (1, C, H, W) for a picture of (width, height) pixels.

        Raises
        ------
        InputError
            If the model cannot make this size.
        """
        width, height = size
        if width % self.factor or height % self.factor or min(size) < 4 * self.factor or max(size) > 8192:
            good = "x".join(str(max(4, round(side / self.factor)) * self.factor) for side in size)
            raise InputError(f"size {width}x{height}: this model makes multiples of {self.factor} from "
                             f"{4 * self.factor} to 8192 pixels; try {good}")
        return torch.zeros(1, self.denoiser.channels, height // self.factor, width // self.factor)
