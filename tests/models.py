"""A Model that renders in milliseconds: FakeDenoiser between a reader that counts letters and a decoder of blocks."""

from types import SimpleNamespace

import torch
from torch.nn.functional import avg_pool2d

from audioviz.models.autoencoder import Autoencoder
from audioviz.models.defaults import Defaults
from audioviz.models.model import Model
from audioviz.rendering.frame_table import frame_table
from audioviz.rendering.plans import plan_frames
from audioviz.rendering.settings import RenderSettings
from audioviz.sampling import Conditioning
from tests.fakes import FakeDenoiser

SETTINGS = RenderSettings((64, 64), 2, 2.0, "euler", "normal")


class FakeVae(torch.nn.Module):
    """Each latent cell becomes a block of 8 x 8 pixels, coloured by its first three channels."""

    dtype, device = torch.float32, torch.device("cpu")

    def decode(self, latent: torch.Tensor) -> SimpleNamespace:
        blocks = latent[:, :3].repeat_interleave(8, 2).repeat_interleave(8, 3)
        return SimpleNamespace(sample=blocks / 6)

    def encode(self, picture: torch.Tensor) -> "Encoded":
        cells = 6 * avg_pool2d(picture, 8)
        return Encoded(latents=torch.cat((cells, cells.mean(1, keepdim=True)), 1))


class Encoded(dict):
    """As diffusers gives it: a dict whose entry is an attribute too."""

    latents = property(lambda self: self["latents"])


def fake_autoencoder(module: torch.nn.Module | None = None) -> Autoencoder:
    return Autoencoder(module or FakeVae(), FakeDenoiser().units, factor=8)


def count_letters(text: str) -> Conditioning:
    """Every token of a text says how long it is."""
    return Conditioning(torch.full((1, 4, 8), len(text) / 20))


def fake_model(*, digest: str = "f" * 64, **denoiser) -> Model:
    """The model; keywords are for FakeDenoiser."""
    return Model(
        name="fake",
        digest=digest,
        denoiser=FakeDenoiser(**denoiser),
        autoencoder=fake_autoencoder(),
        text_encoder=count_letters,
        defaults=Defaults(size=64, steps=2, cfg=2.0, sampler="euler", scheduler="normal"),
    )


def plans_of(model, schedule, settings=SETTINGS, *, part=None, first=0, guides=None):
    """The plans of a schedule's frames, as a render makes them."""
    table = frame_table(schedule, settings, part=part, anew=guides is None or guides.init is None)
    return plan_frames(model, table, settings, first=first, guides=guides)


def digests_of(schedule, settings=SETTINGS) -> list[str]:
    """What the frames of a schedule depend on, a hash each."""
    table = frame_table(schedule, settings)
    return [table.digest(i) for i in range(len(table))]
