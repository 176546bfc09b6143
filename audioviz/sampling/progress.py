"""KSampler Progress: how a picture comes to be, step by step."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import Tensor

from audioviz.errors import InputError
from audioviz.sampling.conditioning import Conditioning, Control, Guidance
from audioviz.sampling.denoiser import Denoiser
from audioviz.sampling.frame import check_latent, run_sigmas, sample_frame
from audioviz.sampling.ksampler import to_conditioning
from audioviz.sampling.noise import Draw, cuda_randn
from audioviz.sampling.plan import FramePlan
from audioviz.sampling.samplers import Run, Sampler, sampler_for, sde
from audioviz.sampling.sequence import sequence
from audioviz.sampling.sigmas import Schedule, sigmas_for


def progress(
    model: Denoiser,
    seed: int,
    steps: int,
    cfg: float,
    sampler_name: str | Run,
    scheduler: str | Schedule,
    positive: Tensor | Conditioning,
    negative: Tensor | Conditioning,
    latent_image: Tensor,
    denoise: float = 1.0,
    *,
    noise_mode: str = "CPU",
    interval: int = 1,
    omit_start_latent: bool = True,
    omit_final_latent: bool | None = None,
) -> tuple[Tensor, Tensor]:
    """A latent sampled anew, and the latents on the way there, as KSampler Progress makes them.

    Parameters
    ----------
    model : Denoiser
    positive, negative : float (1 or B, tokens, width), or Conditioning
    latent_image : float, shape (B, C, H, W)
        In the autoencoder's units.
    noise_mode : "CPU" or "GPU(=A1111)"
        Whose random numbers the initial noise is made of; both are drawn on the CPU.
    interval : int > 0
        A latent is kept after the first step and then after each so many, and after the last.
    omit_start_latent : bool
        Leave out the latent before the first step.
    omit_final_latent : bool, optional
        Given at all, it asks for the node's later form, which is one run of the sampler and keeps what each step starts
        from; the final latent follows unless it is left out.
    The others as for ksampler.

    Returns
    -------
    The final latent (B, C, H, W), and the K intermediate ones (K * B, C, H, W) with the noise still in them.

    Raises
    ------
    InputError
        As for ksampler, and if denoise is 0, or the interval or the noise mode is not one.
    """
    if not isinstance(interval, int) or interval < 1:
        raise InputError(f"interval is {interval!r}: expected a whole number, at least 1")
    if noise_mode not in _NOISES:
        raise InputError(f"noise_mode {noise_mode!r} is not known: expected one of {', '.join(_NOISES)}")
    if not 0 < denoise <= 1:
        raise InputError(f"denoise is {denoise!r}: expected a number above 0, up to 1")
    latent = check_latent(model, latent_image)
    noise = _NOISES[noise_mode](seed, latent.shape)
    text = Guidance(to_conditioning(positive), to_conditioning(negative))
    kind = sampler_for(sampler_name, flow=model.flow)
    intermediate = [] if omit_start_latent else [latent]
    if omit_final_latent is not None:
        watched = _Watched(model)
        total = int(steps / denoise)
        plan = FramePlan(
            text,
            seed,
            steps=total,
            cfg=cfg,
            first_step=total - steps,
            last_step=total,
            force_full_denoise=True,
            initial_noise=noise,
            path_sigmas=_path_sigmas(model, total, kind, scheduler),
        )
        denoiser = cast(Denoiser, watched)  # but for the call, all of it is the model's
        final = sample_frame(denoiser, plan, latent, sampler=kind, scheduler=scheduler)
        seen = watched.latents(run_sigmas(model, plan, kind, scheduler)[:-1].tolist())
        intermediate += [x for i, x in enumerate(seen) if i % interval == 0 or i == len(seen) - 1]
        return final, torch.cat(intermediate if omit_final_latent else [*intermediate, final])
    # it starts at step 0 whatever denoise says, and goes on past the end, where the last latent is repeated;
    # each step is a run of its own: multistep samplers stay at first order, ancestral ones draw the same noise
    count = int(steps / denoise) + 1
    path = _path_sigmas(model, steps, kind, scheduler)
    plans = (
        FramePlan(
            text,
            seed,
            steps=steps,
            cfg=cfg,
            first_step=step,
            last_step=step + 1,
            add_noise=step == 0,
            initial_noise=noise,
            path_sigmas=path,
        )
        for step in range(count)
    )
    final = latent
    for step, final in enumerate(sequence(model, plans, start=latent, sampler=kind, scheduler=scheduler)):
        if step % interval == 0 or step == count - 1:
            intermediate.append(final)
    return final, torch.cat(intermediate)


@dataclass(frozen=True, eq=False)
class _Watched:
    """A denoiser that keeps the last x of each sigma: what the step from there starts from."""

    model: Denoiser
    seen: dict[float, Tensor] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def __call__(
        self, x: Tensor, sigma: Tensor, texts: Sequence[Conditioning], *, control: Control, cfg: float
    ) -> tuple[Tensor, ...]:
        self.seen[sigma[0].item()] = x
        return self.model(x, sigma, texts, control=control, cfg=cfg)

    def latents(self, sigmas: list[float]) -> list[Tensor]:
        """In the autoencoder's units, at the sigma of each step or, where a sampler goes its own way, the nearest."""
        nearest = (min(self.seen, key=lambda seen: abs(math.log(seen / sigma))) for sigma in sigmas)
        return [self.model.units.from_model(self.seen[sigma]) for sigma in nearest]


def _path_sigmas(model: Denoiser, steps: int, kind: Sampler, scheduler: str | Schedule) -> tuple[float, ...]:
    """What one Brownian path spans for all steps together; empty where each run has its own, or none."""
    if kind.run not in _ON_ONE_PATH:
        return ()
    return tuple(sigmas_for(scheduler, model.sigmas, steps).tolist())


_ON_ONE_PATH = (sde.dpmpp_sde, sde.dpmpp_2m_sde, sde.dpmpp_3m_sde)  # the original's list: without dpmpp_2m_sde_heun
_NOISES = {"CPU": lambda seed, shape: Draw(seed)(shape), "GPU(=A1111)": lambda seed, shape: cuda_randn(seed, shape)}
