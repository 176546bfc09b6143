"""A model that runs in microseconds, for tests of everything around it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from audioviz.errors import ModelError
from audioviz.sampling import Conditioning, Control
from audioviz.sampling.units import LatentUnits


def fake_sigmas() -> Tensor:
    """A thousand training sigmas, as Stable Diffusion's: float64, ascending."""
    return torch.linspace(-3.5, 2.7, 1000, dtype=torch.float64).exp()


def flow_sigmas() -> Tensor:
    """A thousand noise levels of flow matching: float64, ascending to 1."""
    return torch.arange(1, 1001, dtype=torch.float64) / 1000


def fake_text(words: float, *, tokens: int = 4, width: int = 8, batch: int = 1) -> Conditioning:
    """A conditioning that says `words`, a number: FakeDenoiser draws pictures about that mean."""
    return Conditioning(torch.full((batch, tokens, width), float(words)))


@dataclass(frozen=True, eq=False)
class FakeDenoiser:
    """The exact denoiser of a world whose latents are normal: their mean is what the text says.

    `spread` is their deviation. Fulfils the denoiser contract; with `flow`, and flow_sigmas, that of flow matching. Its
    deterministic samplers all tend to mean + spread * noise.
    """

    channels: int = 4
    spread: float = 0.5
    units: LatentUnits = LatentUnits(0.0, 0.18215)
    rescale: float = 0.0
    ragged: bool = False  # calls are not batched
    patch: int = 1
    flow: bool = False
    distilled: bool = False  # reads nothing negative
    nan_from_call: int | None = None  # this call, counted from 0, and all later ones give NaN
    device: torch.device = torch.device("cpu")
    dtype: torch.dtype = torch.float32
    sigmas: Tensor = field(default_factory=fake_sigmas)
    calls: list[float] = field(default_factory=list)  # the sigma of each call so far

    def __call__(
        self, x: Tensor, sigma: Tensor, texts: Sequence[Conditioning], *, control: Control = Control(), cfg: float = 1.0
    ) -> tuple[Tensor, ...]:
        if x.shape[1] != self.channels or sigma.shape != (len(x),):
            raise ModelError(f"x has the shape {tuple(x.shape)} and sigma {tuple(sigma.shape)}")
        self.calls.append(sigma[0].item())
        broken = self.nan_from_call is not None and len(self.calls) > self.nan_from_call
        return tuple(self._denoise(x, sigma, text) * (float("nan") if broken else 1.0) for text in texts)

    def _denoise(self, x: Tensor, sigma: Tensor, text: Conditioning) -> Tensor:
        mean = text.embeddings.mean((1, 2))[:, None, None, None]
        sigma = sigma[:, None, None, None]
        kept = 1 - sigma if self.flow else 1
        return mean + (x - kept * mean) * kept * self.spread**2 / ((kept * self.spread) ** 2 + sigma**2)
