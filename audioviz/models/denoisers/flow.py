"""Flow matching: the denoiser of a transformer (SD3, Flux and later ones).

Here x is (1 - sigma) * latent + sigma * noise with sigma in 0..1, and the transformer predicts its velocity,
noise - latent.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from audioviz.models.denoisers.inpainting import Inpainting, with_inpainting
from audioviz.models.denoisers.rows import stacked
from audioviz.models.denoisers.strength import Strength, set_strengths
from audioviz.sampling.conditioning import Conditioning, Control
from audioviz.sampling.units import LatentUnits

TIMESTEPS = 1000
Velocity = Callable[[Any, Tensor, Tensor, Conditioning, float], Tensor]
"""A family's own: of a transformer, x (B, C, H, W) and behind it what is read beside it, sigma (B,), a conditioning of
B rows and cfg, all in the transformer's type but sigma, the velocity of x."""
Shift = Callable[[Any, int, int], float]
"""A family's own: of a scheduler's config, the tokens of a picture and the number of steps, how far levels are shifted
to noise (mu), where the scheduler lets that depend on the picture."""
TOKENS = (1024 // 16) ** 2  # of a picture of 1024 pixels each way, as all these transformers cut it up


def shift_by_size(config: Any, tokens: int, steps: int) -> float:
    """The shift of most models, straight between that of a small and of a large picture: see `Shift`."""
    from diffusers.pipelines.flux.pipeline_flux import calculate_shift

    return calculate_shift(
        tokens, config.base_image_seq_len, config.max_image_seq_len, config.base_shift, config.max_shift
    )


def flow_sigmas(scheduler: Any, shift: Shift, tokens: int, steps: int) -> Tensor:
    """The noise levels of a model, ascending to 1: float64, shape (1000,).

    Parameters
    ----------
    scheduler : FlowMatchEulerDiscreteScheduler
        The model's own.
    shift : see `Shift`
    tokens, steps : int

    Source
    ------
    Esser et al., ICML 2024 (SD3), section 5.3.2.
    """
    from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler

    own: Any = FlowMatchEulerDiscreteScheduler.from_config(scheduler.config)
    own.set_timesteps(sigmas=np.arange(TIMESTEPS, 0, -1) / TIMESTEPS, mu=shift(own.config, tokens, steps))
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
    shift: Shift
    rescale: float = 0.0
    inpainting: Inpainting | None = None
    ragged: bool = False  # cuts texts to their own lengths, so that pictures of one batch are not alike in form
    loras: Mapping[str, Strength] = field(default_factory=dict)  # those that are unfused, by their names
    flow: ClassVar[bool] = True

    @cached_property
    def dtype(self) -> torch.dtype:
        """What the transformer runs in; it looks through all its modules to tell."""
        return self.transformer.dtype

    def with_networks(self, change: Callable[[Any], Any]) -> "FlowDenoiser":
        """The same with what a function makes of its network."""
        return replace(self, transformer=change(self.transformer))

    def __call__(
        self, x: Tensor, sigma: Tensor, texts: Sequence[Conditioning], *, control: Control = Control(), cfg: float = 1.0
    ) -> tuple[Tensor, ...]:
        """Denoised x by each of the texts: see the denoiser contract."""
        set_strengths(self.loras, control.loras, x.device)
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

    def at_size(self, height: int, width: int, steps: int) -> "FlowDenoiser":
        """The same with the noise levels for latents of (height, width) cells in so many steps."""
        tokens = height * width // self.patch**2
        return replace(self, sigmas=flow_sigmas(self.scheduler, self.shift, tokens, steps))


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
    shift: Shift = shift_by_size,
    steps: int = 20,
    ragged: bool = False,
) -> FlowDenoiser:
    """A diffusers transformer as a denoiser, for pictures of 1024 pixels in so many steps: see FlowDenoiser."""
    transformer = transformer.eval().requires_grad_(False)
    return FlowDenoiser(
        transformer,
        velocity,
        scheduler,
        flow_sigmas(scheduler, shift, TOKENS, steps),
        units,
        channels,
        transformer.device,
        distilled,
        patch,
        shift,
        inpainting=inpainting,
        ragged=ragged,
    )
