"""KSampler: one latent batch in, one out."""

import torch
from torch import Tensor

from audioviz.errors import InputError
from audioviz.sampling.conditioning import Conditioning, Guidance
from audioviz.sampling.denoiser import Denoiser
from audioviz.sampling.frame import check_latent, sample_frame
from audioviz.sampling.plan import FramePlan
from audioviz.sampling.samplers import Run
from audioviz.sampling.sigmas import Schedule


def ksampler(
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
    start_step: int | None = None,
    last_step: int | None = None,
    force_full_denoise: bool = False,
    disable_noise: bool = False,
    noise_mask: Tensor | None = None,
    batch_index: list[int] | None = None,
) -> Tensor:
    """A batch of latents sampled anew, as KSampler and its advanced form do it.

    Parameters
    ----------
    model : Denoiser
    seed, steps, cfg, sampler_name, scheduler, denoise : as users know them
    positive, negative : float (1 or B, tokens, width), or Conditioning
    latent_image : float, shape (B, C, H, W)
        In the autoencoder's units.
    start_step, last_step : int, optional
        Where the run enters and leaves the sigma table; past its end the latent is returned.
    force_full_denoise : bool
        End at 0 even where last_step cuts the table.
    disable_noise : bool
        Add no noise: the latent already has its own.
    noise_mask : float, as for sample_frame
        1 where the latent is sampled.
    batch_index : list of B ints, optional
        Which of the seed's pictures each one is: noise is drawn one by one, and picked.

    Returns
    -------
    float32, shape (B, C, H, W), in the autoencoder's units.

    Raises
    ------
    InputError
        If a name is not known, a value is out of range, or the latent or the mask do not fit.
    """
    latent = check_latent(model, latent_image)
    plan = FramePlan(
        conditioning=Guidance(to_conditioning(positive), to_conditioning(negative)),
        seed=seed,
        steps=steps,
        cfg=cfg,
        denoise=denoise,
        first_step=start_step,
        last_step=last_step,
        force_full_denoise=force_full_denoise,
        add_noise=not disable_noise,
        initial_noise=None if batch_index is None else _picked_noise(seed, latent, batch_index),
    )
    return sample_frame(model, plan, latent, sampler=sampler_name, scheduler=scheduler, noise_mask=noise_mask)


def to_conditioning(text: Tensor | Conditioning) -> Conditioning:
    """A tensor (B, tokens, width) as a Conditioning, which passes as it is."""
    return text if isinstance(text, Conditioning) else Conditioning(text)


def _picked_noise(seed: int, latent: Tensor, batch_index: list[int]) -> Tensor:
    if len(batch_index) != len(latent) or min(batch_index) < 0:
        raise InputError(
            f"batch_index is {batch_index!r}: expected {len(latent)} numbers, one for each latent, none negative"
        )
    generator = torch.Generator("cpu").manual_seed(seed)
    drawn = [torch.randn((1, *latent.shape[1:]), generator=generator) for _ in range(max(batch_index) + 1)]
    return torch.cat([drawn[i] for i in batch_index])
