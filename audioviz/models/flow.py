"""Flow matching: the denoiser of a transformer of SD3 or Flux.

Here x is (1 - sigma) * latent + sigma * noise with sigma in 0..1, and the transformer predicts its velocity,
noise - latent.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from audioviz.models.denoiser import pooled_of, stacked
from audioviz.sampling.conditioning import Conditioning, Guidance, composed

TIMESTEPS = 1000


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

    transformer: Any  # SD3Transformer2DModel or FluxTransformer2DModel, whose attributes torch cannot tell
    velocity: Callable[[Any, Tensor, Tensor, Conditioning, float], Tensor]
    scheduler: Any  # FlowMatchEulerDiscreteScheduler
    sigmas: Tensor  # noise levels, ascending to 1, float64, on the CPU
    scaling_factor: float
    shift_factor: float
    channels: int  # C of the latents
    device: torch.device  # where x has to lie
    distilled: bool  # is told the guidance scale, and needs no negative half
    patch: int  # latent cells a token, each way
    flow: ClassVar[bool] = True

    @cached_property
    def dtype(self) -> torch.dtype:
        """What the transformer runs in; it looks through all its modules to tell."""
        return self.transformer.dtype

    def with_networks(self, change: Callable[[Any], Any]) -> "FlowDenoiser":
        """The same with what a function makes of its network."""
        return replace(self, transformer=change(self.transformer))

    def __call__(self, x: Tensor, sigma: Tensor, conditioning: Guidance, cfg: float) -> Tensor:
        """Denoised x, float32, shape (B, C, H, W); all as for UNetDenoiser."""
        if conditioning.others or conditioning.strength != 1:
            return composed(lambda one, scale: self(x, sigma, one, scale), conditioning, cfg, told_scale=self.distilled)
        positive, negative = conditioning.positive, conditioning.negative
        if cfg == 1 or negative is None or self.distilled:
            return self._denoise(x, sigma, positive, cfg)
        if positive.embeddings.shape[1] != negative.embeddings.shape[1]:  # which attention to all tokens would notice
            wanted, unwanted = (self._denoise(x, sigma, text, cfg) for text in (positive, negative))
            return unwanted + (wanted - unwanted) * cfg
        both = stacked(positive, negative, batch=len(x))
        wanted, unwanted = self._denoise(torch.cat((x, x)), torch.cat((sigma, sigma)), both, cfg).chunk(2)
        return unwanted + (wanted - unwanted) * cfg

    def _denoise(self, x: Tensor, sigma: Tensor, text: Conditioning, cfg: float) -> Tensor:
        rows = Conditioning(
            text.embeddings.to(x.device, self.dtype).expand(len(x), -1, -1),
            pooled_of(text).to(x.device, self.dtype).expand(len(x), -1),
        )
        velocity = self.velocity(self.transformer, x.to(self.dtype), sigma, rows, cfg)
        return x - velocity.float() * sigma[:, None, None, None]

    def at_size(self, height: int, width: int) -> "FlowDenoiser":
        """The same with the noise levels for latents of (height, width) cells."""
        return replace(self, sigmas=flow_sigmas(self.scheduler, height * width // self.patch**2))


def flow_denoiser(
    transformer: Any,
    scheduler: Any,
    *,
    scaling_factor: float,
    shift_factor: float,
) -> FlowDenoiser:
    """A diffusers transformer of SD3 or Flux as a denoiser; factors as for unet_denoiser."""
    transformer = transformer.eval().requires_grad_(False)
    flux = type(transformer).__name__ == "FluxTransformer2DModel"
    patch = 2 if flux else transformer.config.patch_size
    channels = transformer.config.in_channels // patch**2 if flux else transformer.config.in_channels
    return FlowDenoiser(
        transformer,
        _flux if flux else _sd3,
        scheduler,
        flow_sigmas(scheduler, (128 // patch) ** 2),
        scaling_factor,
        shift_factor,
        channels,
        transformer.device,
        flux and transformer.config.guidance_embeds,
        patch,
    )


def _sd3(transformer: Any, x: Tensor, sigma: Tensor, text: Conditioning, cfg: float) -> Tensor:
    return transformer(
        hidden_states=x,
        timestep=sigma * TIMESTEPS,
        encoder_hidden_states=text.embeddings,
        pooled_projections=text.pooled,
        return_dict=False,
    )[0]


def _flux(transformer: Any, x: Tensor, sigma: Tensor, text: Conditioning, cfg: float) -> Tensor:
    from diffusers.pipelines.flux.pipeline_flux import FluxPipeline

    batch, channels, height, width = x.shape
    guidance = torch.full((batch,), float(cfg), device=x.device) if transformer.config.guidance_embeds else None
    ids = FluxPipeline._prepare_latent_image_ids(batch, height // 2, width // 2, x.device, x.dtype)
    output = transformer(
        hidden_states=FluxPipeline._pack_latents(x, batch, channels, height, width),
        timestep=sigma.to(x.dtype),
        guidance=guidance,
        pooled_projections=text.pooled,
        encoder_hidden_states=text.embeddings,
        txt_ids=torch.zeros(text.embeddings.shape[1], 3, device=x.device, dtype=x.dtype),
        img_ids=ids,
        return_dict=False,
    )[0]
    # what FluxPipeline._unpack_latents does, in latent cells
    return output.view(batch, height // 2, width // 2, channels, 2, 2).permute(0, 3, 1, 4, 2, 5).reshape(x.shape)
