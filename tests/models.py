"""A Model that renders in milliseconds: FakeDenoiser between a text encoder that counts letters and a decoder of blocks."""

from types import SimpleNamespace

import torch

from audioviz.models.model import Defaults, Model
from tests.fakes import FakeDenoiser


class FakeVae(torch.nn.Module):
    """Each latent cell becomes a block of 8 x 8 pixels, coloured by its first three channels."""

    dtype = torch.float32

    def decode(self, latent: torch.Tensor) -> SimpleNamespace:
        blocks = latent[:, :3].repeat_interleave(8, 2).repeat_interleave(8, 3)
        return SimpleNamespace(sample=blocks / 6)


class FakeTextEncoder(torch.nn.Module):
    """Every token of a text says how long it is."""

    device = torch.device("cpu")

    def forward(self, tokens: torch.Tensor) -> tuple[torch.Tensor]:
        return (tokens.float()[..., None].expand(-1, -1, 8) / 20,)


class FakeTokenizer:
    model_max_length = 4

    def __call__(self, text: str, **options) -> SimpleNamespace:
        return SimpleNamespace(input_ids=torch.full((1, 4), len(text)))


def fake_model(*, digest: str = "f" * 64, **denoiser) -> Model:
    """The model; keywords are for FakeDenoiser."""
    return Model(name="fake", digest=digest, denoiser=FakeDenoiser(**denoiser), vae=FakeVae(),
                 text_encoder=FakeTextEncoder(), tokenizer=FakeTokenizer(), factor=8,
                 defaults=Defaults(size=64, steps=2, cfg=2.0, sampler="euler", scheduler="normal"))
