"""KSampler Scheduled Sequence as it really computes: a planner whose every quirk is one line."""

from collections.abc import Sequence

import torch
from torch import Tensor

from audioviz.errors import InputError
from audioviz.sampling.conditioning import Conditioning
from audioviz.sampling.denoiser import Denoiser
from audioviz.sampling.frame import check_latent
from audioviz.sampling.noise import Draw
from audioviz.sampling.originals import (
    interpolation_mode,
    per_frame,
    rising_sigmas,
    start_step,
    stream_after,
    stream_after_run,
    to_guidances,
)
from audioviz.sampling.plan import FramePlan
from audioviz.sampling.samplers import Run, sampler_for
from audioviz.sampling.sequence import sequence
from audioviz.sampling.sigmas import Schedule


def salt_sequence(
    model: Denoiser,
    *,
    seed_sequence: Sequence[int],
    steps: int = 20,
    cfg: float = 8.0,
    sampler_name: str | Run,
    scheduler: str | Schedule,
    denoise_start: float = 1.0,
    denoise_sequence: Sequence[float],
    positive_sequence: Tensor | Sequence[Conditioning],
    negative_sequence: Tensor | Sequence[Conditioning],
    use_latent_interpolation: bool = False,
    latent_interpolation_mode: str = "Blend",
    latent_interp_strength_sequence: Sequence[float] = (0.5,),
    unsample_latents: bool = True,
    inject_noise: bool = True,
    noise_strength_sequence: Sequence[float] = (0.1,),
    latent_image: Tensor,
    noise_mask: Tensor | None = None,
) -> Tensor:
    """The latents of a scheduled sequence, number for number as KSampler Scheduled Sequence makes them.

    Parameters
    ----------
    model : Denoiser
    seed_sequence, denoise_sequence, latent_interp_strength_sequence, noise_strength_sequence : lists
        One entry a frame, shorter ones are repeated; the first denoise is not used, denoise_start is. Seeds may come
        from a curve: their fractions are cut off.
    positive_sequence, negative_sequence : float (T, tokens, width), or lists of Conditioning
        One for each of the T frames.
    latent_image : float, shape (B, C, H, W)
        Start of the first frame, in the autoencoder's units; with a mask, B is at least 2.
    noise_mask : float, as for sample_frame
        Of several planes the first counts.
    The others as users know them.

    Returns
    -------
    float32, shape (T * B, C, H, W), or (T, C, H, W) with a mask, in the autoencoder's units.

    Raises
    ------
    InputError
        If a name is not known, a list is empty or of a wrong type, or latents, mask or conditionings do not fit.
    """
    kind = sampler_for(sampler_name)
    texts = to_guidances(positive_sequence, negative_sequence)
    frames = len(texts)
    latent = check_latent(model, latent_image)
    if noise_mask is not None and frames > 1 and len(latent) < 2:
        raise InputError(
            "latent_image holds one latent: with a noise mask frames start from latents of their own, "
            "so give at least 2"
        )
    if noise_mask is not None and noise_mask.ndim > 2:
        noise_mask = noise_mask[:1]  # frames are single latents with a mask: its first plane counts
    seeds = [int(seed) for seed in per_frame("seed_sequence", seed_sequence, frames, low=0.0, high=2**64 - 1)]
    denoise = [denoise_start, *per_frame("denoise_sequence", denoise_sequence, frames, low=0.0, high=1.0)[1:]]
    weights = per_frame("latent_interp_strength_sequence", latent_interp_strength_sequence, frames, low=0.0, high=1.0)
    strengths = per_frame("noise_strength_sequence", noise_strength_sequence, frames, low=0.0, high=float("inf"))
    mode = interpolation_mode(latent_interpolation_mode)
    rising = rising_sigmas(model, steps + 1, kind, scheduler) if unsample_latents else ()

    plans, stream = [], Draw(seeds[0])
    for k in range(frames):
        later = k > 0
        unsampled = later and unsample_latents
        injected = strengths[k] if later and inject_noise else 0.0
        again = stream.after(1)  # noise is injected twice, and the sampler may move the generator in between
        plan = FramePlan(
            conditioning=texts[k],
            seed=seeds[k],
            frame=k,
            steps=steps,
            cfg=cfg,
            denoise=denoise[k],
            # the start step cuts the table that denoise has cut already, and comes from the frame before
            first_step=start_step(denoise[k - 1], steps) if unsampled else None,
            last_step=steps if unsampled else None,
            rising_sigmas=rising if unsampled else (),  # and full noise is added again after it
            noise_before=injected,
            draw_before=stream,
            noise_after=injected,
            draw_after=stream_after_run(again, seeds[k], kind) if unsampled else again,
            interp=weights[k] if later and use_latent_interpolation else 1.0,
            mode=mode,
            # with a mask frame 1 starts from latent 1, and every later one from the last
            start=None if noise_mask is None else latent[k : k + 1] if k < 2 else latent[-1:],
        )
        plans.append(plan)
        stream = stream_after(model, plan, kind, scheduler)
    start = latent if noise_mask is None else latent[:1]
    return torch.cat(
        list(sequence(model, plans, start=start, sampler=kind, scheduler=scheduler, noise_mask=noise_mask))
    )
