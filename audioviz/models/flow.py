"""Flow matching: the denoiser of a transformer (SD3, Flux and later ones).

Here x is (1 - sigma) * latent + sigma * noise with sigma in 0..1, and the transformer predicts its velocity,
noise - latent.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from audioviz.models.denoiser import stacked
from audioviz.models.inpainting import Inpainting, with_inpainting
from audioviz.sampling.conditioning import Conditioning, Control
from audioviz.sampling.units import LatentUnits

TIMESTEPS = 1000
Velocity = Callable[[Any, Tensor, Tensor, Conditioning, float], Tensor]
"""A family's own: of a transformer, x (B, C, H, W) and behind it what is read beside it, sigma (B,), a conditioning of
B rows and cfg, all in the transformer's type but sigma, the velocity of x."""


def flow_sigmas(scheduler: Any, tokens: int) -> Tensor:
    """The noise levels of a model, ascending to 1: float64, shape (1000,).

    Parameters
    ----------
    scheduler : FlowMatchEulerDiscreteScheduler
        The model's own.
        Knows how far the levels are shifted to noise; for some models that depends on the size of the picture.
    tokens : int
        Of the picture, as the transformer cuts it up.

    Source
    ------
    Esser et al., ICML 2024 (SD3), section 5.3.2.
    """
    from diffusers.pipelines.flux.pipeline_flux import calculate_shift
    from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler

    own: Any = FlowMatchEulerDiscreteScheduler.from_config(scheduler.config)
    config = own.config
    mu = calculate_shift(
        tokens, config.base_image_seq_len, config.max_image_seq_len, config.base_shift, config.max_shift
    )
    own.set_timesteps(sigmas=np.arange(TIMESTEPS, 0, -1) / TIMESTEPS, mu=mu)
    return own.sigmas[:-1].flip(0).double()


@dataclass(frozen=True, eq=False)
class FlowDenoiser:
    """A transformer that takes x at noise level sigma to what it would be without noise.

    The transformer runs in its own type; everything around it is float32.
    """

    transformer: Any  # of diffusers, whose attributes torch cannot tell
    velocity: Velocity
    scheduler: Any  # FlowMatchEulerDiscreteScheduler
    sigmas: Tensor  # noise levels, ascending to 1, float64, on the CPU
    units: LatentUnits
    channels: int  # C of the latents
    device: torch.device  # where x has to lie
    distilled: bool  # is told the guidance scale, and needs no negative half
    patch: int  # latent cells a token, each way
    rescale: float = 0.0
    inpainting: Inpainting | None = None
    flow: ClassVar[bool] = True

    @cached_property
    def dtype(self) -> torch.dtype:
        """What the transformer runs in; it looks through all its modules to tell."""
        return self.transformer.dtype

    def __call__(
        self, x: Tensor, sigma: Tensor, texts: Sequence[Conditioning], *, control: Control = Control(), cfg: float = 1.0
    ) -> tuple[Tensor, ...]:
        """Denoised x by each of the texts: see the denoiser contract."""
        count = len(texts)
        together = stacked(texts, batch=len(x)) if count > 1 else None
        if together is None:
            return tuple(self._denoise(x, sigma, text, control, cfg) for text in texts)
        return self._denoise(torch.cat([x] * count), torch.cat([sigma] * count), together, control, cfg).chunk(count)

    def _denoise(self, x: Tensor, sigma: Tensor, text: Conditioning, control: Control, cfg: float) -> Tensor:
        rows = Conditioning(
            text.embeddings.to(x.device, self.dtype).expand(len(x), -1, -1),
            None if text.pooled is None else text.pooled.to(x.device, self.dtype).expand(len(x), -1),
            mask=None if text.mask is None else text.mask.to(x.device).expand(len(x), -1),
        )
        read = with_inpainting(x, self.inpainting, control) if self.inpainting else x
        velocity = self.velocity(self.transformer, read.to(self.dtype), sigma, rows, cfg)
        return x - velocity.float() * sigma[:, None, None, None]

    def at_size(self, height: int, width: int) -> "FlowDenoiser":
        """The same with the noise levels for latents of (height, width) cells."""
        return replace(self, sigmas=flow_sigmas(self.scheduler, height * width // self.patch**2))


def flow_denoiser(
    transformer: Any,
    velocity: Velocity,
    scheduler: Any,
    *,
    units: LatentUnits,
    channels: int,
    patch: int,
    distilled: bool = False,
    inpainting: Inpainting | None = None,
) -> FlowDenoiser:
    """A diffusers transformer as a denoiser: see FlowDenoiser."""
    transformer = transformer.eval().requires_grad_(False)
    return FlowDenoiser(
        transformer,
        velocity,
        scheduler,
        flow_sigmas(scheduler, (128 // patch) ** 2),
        units,
        channels,
        transformer.device,
        distilled,
        patch,
        inpainting=inpainting,
    )
