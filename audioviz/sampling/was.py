"""KSampler Sequence v2 as it really computes: a planner whose every quirk is one line."""

import math
import random
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from audioviz.errors import InputError
from audioviz.sampling.conditioning import Conditioning, Guidance
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
    to_conditionings,
)
from audioviz.sampling.plan import FramePlan
from audioviz.sampling.samplers import Run, sampler_for
from audioviz.sampling.sequence import sequence
from audioviz.sampling.sigmas import Schedule


def was_sequence(
    model: Denoiser,
    *,
    seed: int = 0,
    seed_mode_seq: str = "increment",
    alternate_values: bool = True,
    steps: int = 20,
    cfg: float = 8.0,
    sampler_name: str | Run,
    scheduler: str | Schedule,
    frame_count: int = 0,
    cond_keyframes: int | Sequence[int] = 0,
    positive_seq: Tensor | Sequence[Conditioning],
    negative_seq: Tensor | Sequence[Conditioning],
    use_conditioning_slerp: bool = False,
    cond_slerp_strength: float = 0.5,
    use_latent_interpolation: bool = False,
    latent_interpolation_mode: str = "Blend",
    latent_interp_strength: float = 0.5,
    denoise_start: float = 1.0,
    denoise_seq: float = 0.5,
    denoise_sine: bool = True,
    denoise_max: float = 0.9,
    unsample_latents: bool = False,
    inject_noise: bool = True,
    noise_strength: float = 0.1,
    seed_keying: bool = True,
    seed_keying_mode: str = "sine",
    seed_divisor: int = 4,
    latent_image: Tensor,
) -> Tensor:
    """The latents of a sequence, number for number as KSampler Sequence v2 makes them.

    Parameters
    ----------
    model : Denoiser
    positive_seq, negative_seq : float (K, tokens, width), or lists of Conditioning
        One for each keyframe, the last of each for all that follow; there are T = max(frame_count, K) frames, K of the
        positive ones.
    cond_keyframes : int or list
        Frames at which the next conditioning takes over; an empty list is none, and then frame_count is not used.
    latent_image : float, shape (B, C, H, W)
        Start of the first frame, in the autoencoder's units.
    alternate_values, use_conditioning_slerp, cond_slerp_strength
        Without effect, as in the original: its slerp mixes a conditioning with itself.
    The others as users know them. The seed mode random draws from a copy of Python's own generator.

    Returns
    -------
    float32, shape (T * B, C, H, W), in the autoencoder's units.

    Raises
    ------
    InputError
        If a name is not known, a value is of a wrong type or out of range, or latents or conditionings do not fit.
    """
    kind = sampler_for(sampler_name)
    wanted, unwanted = to_conditionings("positive", positive_seq), to_conditionings("negative", negative_seq)
    if not isinstance(frame_count, int) or frame_count < 0:
        raise InputError(f"frame_count is {frame_count!r}: expected a whole number, at least 0")
    at = [cond_keyframes] if isinstance(cond_keyframes, int) else list(cond_keyframes)
    if at:
        per_frame("cond_keyframes", at, len(at), low=0, high=1024)
    frames = max(frame_count if at else 0, len(wanted))  # frame_count is a minimum, and unused without a keyframe
    latent = check_latent(model, latent_image)
    mode = interpolation_mode(latent_interpolation_mode)
    rising = rising_sigmas(model, steps, kind, scheduler) if unsample_latents else ()
    seeds = list(_seeds(seed, frames, seed_mode_seq, seed_keying_mode if seed_keying else None, seed_divisor))
    denoise = [_swing(denoise_seq, denoise_max, k, frames) if denoise_sine else denoise_seq for k in range(frames)]
    denoise[0] = denoise_start

    plans, stream = [], Draw(seeds[0])
    for k in range(frames):
        later = k > 0
        passed = sum(frame <= k for frame in set(at))  # each keyframe advances by one, keyframe 0 at once
        unsampled = later and unsample_latents
        # modulo keying leaves out the inversion alone on its multiples
        inverted = unsampled and not (seed_keying and seed_keying_mode == "modulo" and k % seed_divisor == 0)
        plan = FramePlan(
            conditioning=Guidance(wanted[min(passed, len(wanted) - 1)], unwanted[min(passed, len(unwanted) - 1)]),
            seed=seeds[k],
            frame=k,
            steps=steps,
            cfg=cfg,
            denoise=denoise[k],
            # the start step cuts the table that denoise has cut already
            first_step=start_step(denoise[k], steps) if unsampled else None,
            last_step=steps if unsampled else None,
            rising_sigmas=rising if inverted else (),  # and full noise is added again after it
            noise_after=noise_strength if later and inject_noise else 0.0,
            draw_after=stream_after_run(stream, seeds[k], kind) if inverted else stream,
            interp=latent_interp_strength if later and use_latent_interpolation else 1.0,
            mode=mode,
        )
        plans.append(plan)
        stream = stream_after(model, plan, kind, scheduler)
    return torch.cat(list(sequence(model, plans, start=latent, sampler=kind, scheduler=scheduler)))


def _swing(low: float, high: float, k: int, period: int) -> float:
    """A sine from low to high, to the last digit as the original computes it: the number of steps is cut from it."""
    value = (high - low) / 2 * math.sin(math.pi * 2 * k / period) + (high + low) / 2
    return min(max(value, 0.0), 1.0)


def _seeds(seed: int, frames: int, mode: str, keying: str | None, divisor: int) -> Iterator[int]:
    """The seed of each frame: keyed, it is made from the first; otherwise the mode goes on from frame to frame."""
    if mode not in _MODES:
        raise InputError(f"seed_mode_seq {mode!r} is not known: expected one of {', '.join(_MODES)}")
    if keying is not None and keying not in _KEYINGS:
        raise InputError(f"seed_keying_mode {keying!r} is not known: expected one of {', '.join(_KEYINGS)}")
    if not isinstance(divisor, int) or divisor < 1:
        raise InputError(f"seed_divisor is {divisor!r}: expected a whole number, at least 1")
    dice = random.Random()
    dice.setstate(random.getstate())  # the original draws from Python's own generator
    last = seed
    yield seed
    for k in range(1, frames):
        if keying is None:
            last = _MODES[mode](_MODES[mode](last, dice), dice)  # updated twice a frame
        else:
            last = int(_MODES[mode](_KEYINGS[keying](seed, k, divisor), dice))  # sine gives fractions: cut off
        yield last


_MODES = {
    "increment": lambda seed, dice: seed + 1,
    "decrement": lambda seed, dice: seed - 1,
    "random": lambda seed, dice: dice.randint(0, 2**64 - 1),
    "fixed": lambda seed, dice: seed,
}
_KEYINGS = {
    "sine": lambda seed, k, divisor: 1000 * np.sin(2 * math.pi * k / divisor) + seed,
    "modulo": lambda seed, k, divisor: seed if k % divisor else (seed + k) % (2**64 - 1),
}
