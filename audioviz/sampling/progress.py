"""KSampler Progress: how a picture comes to be, step by step."""

import torch
from torch import Tensor

from audioviz.errors import InputError
from audioviz.sampling.conditioning import Conditioning
from audioviz.sampling.frame import check_latent
from audioviz.sampling.ksampler import ksampler
from audioviz.sampling.samplers import Run
from audioviz.sampling.sigmas import Schedule


def progress(model, *, seed: int = 0, steps: int = 20, cfg: float = 8.0, sampler_name: str | Run,
             scheduler: str | Schedule, positive: Tensor | Conditioning, negative: Tensor | Conditioning,
             latent_image: Tensor, denoise: float = 1.0, noise_mode: str = "CPU", interval: int = 1,
             omit_start_latent: bool = True) -> tuple[Tensor, Tensor]:
    """A latent sampled anew, and the latents on the way there, as KSampler Progress makes them.

    Parameters
    ----------
    model : denoiser
    positive, negative : float (1 or B, tokens, width), or Conditioning
    latent_image : float, shape (B, C, H, W)
        In the autoencoder's units.
    interval : int > 0
        A latent is kept after the first step and then after each so many, and after the last.
    omit_start_latent : bool
        Leave out the latent before the first step.
    The others as for ksampler.

    Returns
    -------
    The final latent (B, C, H, W), and the kept ones (kept * B, C, H, W) with the noise still in them.

    Raises
    ------
    InputError
        As for ksampler, and if the interval or the noise mode is not one.
    """
    if not isinstance(interval, int) or interval < 1:
        raise InputError(f"interval is {interval!r}: expected a whole number, at least 1")
    latent = check_latent(model, latent_image)
    kept = [] if omit_start_latent else [latent]
    # it starts at step 0 whatever denoise says, and goes on past the end, where the last latent is repeated
    count = int(steps / denoise) + 1
    for step in range(count):
        # each step is a call of its own: multistep samplers stay at first order, ancestral ones draw the same noise
        latent = ksampler(model, seed, steps, cfg, sampler_name, scheduler, positive, negative, latent,
                          start_step=step, last_step=step + 1, disable_noise=step > 0)
        if step % interval == 0 or step == count - 1:
            kept.append(latent)
    return latent, torch.cat(kept)
