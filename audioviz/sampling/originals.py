"""What the two original sequence nodes share: their lists, their noise, their way of unsampling."""

from collections.abc import Sequence
from itertools import cycle, islice
from numbers import Integral, Real

from torch import Tensor

from audioviz.errors import InputError
from audioviz.sampling.conditioning import Conditioning, Guidance
from audioviz.sampling.denoiser import Denoiser
from audioviz.sampling.frame import run_sigmas
from audioviz.sampling.noise import Draw
from audioviz.sampling.plan import FramePlan
from audioviz.sampling.samplers import Sampler
from audioviz.sampling.sigmas import Schedule, sigmas_for


def to_guidances(
    positive: Tensor | Sequence[Conditioning], negative: Tensor | Sequence[Conditioning]
) -> list[Guidance]:
    """One Guidance for each row of `positive`.

    Raises
    ------
    InputError
        If a sequence is empty or holds something else, or the negative is shorter.
    """
    wanted, unwanted = to_conditionings("positive", positive), to_conditionings("negative", negative)
    if len(unwanted) < len(wanted):
        raise InputError(
            f"the negative sequence has {len(unwanted)} conditionings and the positive {len(wanted)}: "
            "expected at least as many"
        )
    return [Guidance(p, n) for p, n in zip(wanted, unwanted)]


def to_conditionings(name: str, texts: Tensor | Sequence[Conditioning]) -> list[Conditioning]:
    """A Conditioning for each row of a tensor (frames, tokens, width), or the list as it is.

    Raises
    ------
    InputError
        If it is empty, or holds something else.
    """
    rows = [Conditioning(row[None]) for row in texts] if isinstance(texts, Tensor) else list(texts)
    if not rows:
        raise InputError(f"the {name} sequence is empty: expected at least one conditioning")
    if not all(isinstance(text, Conditioning) for text in rows):
        raise InputError(
            f"the {name} sequence holds something else: expected a tensor (frames, tokens, width) or Conditionings"
        )
    return rows


def per_frame(name: str, values: Sequence[float], frames: int, *, low: float, high: float) -> list:
    """The list, repeated until it has an entry for each frame; what is left over is not used.

    Raises
    ------
    InputError
        If it is empty, or no list of numbers from low to high; an int for low asks for whole numbers.
    """
    kind = Integral if isinstance(low, int) else Real
    if isinstance(values, (str, bytes)) or not isinstance(values, Sequence) or not values:
        raise InputError(f"{name} is {values!r}: expected a list of numbers, at least one")
    for value in values:
        if not isinstance(value, kind) or not low <= value <= high:
            raise InputError(
                f"{name} holds {value!r}: expected {'whole ' * (kind is Integral)}numbers from {low} to {high}"
            )
    return list(islice(cycle(values), frames))


def interpolation_mode(name: str) -> str:
    """Our name of an interpolation, from the original's.

    Raises
    ------
    InputError
        If it is not known.
    """
    if name not in INTERPOLATIONS:
        raise InputError(
            f"latent_interpolation_mode {name!r} is not known: expected one of {', '.join(INTERPOLATIONS)}"
        )
    return INTERPOLATIONS[name]


def rising_sigmas(denoiser: Denoiser, steps: int, kind: Sampler, scheduler: str | Schedule) -> tuple[float, ...]:
    """The original's unsampling: one step only, from 0.0001 to above the smallest sigma of the table of `steps` steps.

    Raises
    ------
    InputError
        If the sampler has no way up: the original gives NaN there.
    """
    if not kind.rises:
        raise InputError(
            "unsample_latents: this stochastic sampler cannot run backwards; "
            "choose another sampler, or turn unsample_latents off"
        )
    table = sigmas_for(scheduler, denoiser.sigmas, steps, drop_penultimate=kind.drop_penultimate)
    return tuple((table.flip(0)[:2] + 0.0001).tolist())


def start_step(denoise: float, steps: int) -> int:
    """Where a run enters its table when the latent was unsampled."""
    return round((1 - denoise) * steps)


def stream_after(denoiser: Denoiser, plan: FramePlan, kind: Sampler, scheduler: str | Schedule) -> Draw:
    """The original's global generator when a frame is done: it continues the stream that made the initial noise."""
    steps = len(run_sigmas(denoiser, plan, kind, scheduler)) - 1
    return stream_after_run(Draw(plan.seed, 1), plan.seed, kind, steps)


def stream_after_run(stream: Draw, seed: int, kind: Sampler, steps: int = 1) -> Draw:
    """The original's global generator after the sampler has run, which most leave where it was.

    One with a seed of its own for the outside of masks moves the generator there, mask or not.
    """
    if steps < 1:
        return stream
    return Draw(seed + kind.mask_seed, 1) if kind.mask_seed else stream.after(steps * kind.global_draws)


INTERPOLATIONS = {"Blend": "blend", "Slerp": "slerp", "Cosine Interp": "cosine"}
