"""Seed generators: one seed a frame, uint64 arrays of shape (T,), the same on every machine."""

import math
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any, TypedDict

import numpy as np

from audioviz.clock import Clock
from audioviz.curve import easing
from audioviz.errors import ScheduleError, no_attribute, to_number
from audioviz.schedule.binding import bound_clock
from audioviz.schedule.times import event_frames, passed


class Travel(TypedDict):
    """Columns of a Schedule for the way from noise to noise: each of shape (T,)."""

    seed: np.ndarray
    seed_to: np.ndarray
    seed_mix: np.ndarray


def fixed(seed: int, *, clock: Clock | None = None) -> np.ndarray:
    """The same seed in every frame."""
    return np.full(bound_clock(clock).frames, _base(seed), np.uint64)


def step(base: int = 0, *, by: int = 1, clock: Clock | None = None) -> np.ndarray:
    """base, base + by, base + 2 by ...: another seed in each frame, modulo 2^64."""
    stride = np.uint64(to_number("step: by", by, whole=True) % 2**64)
    return _base(base) + np.arange(bound_clock(clock).frames, dtype=np.uint64) * stride


def random(base: int = 0, *, clock: Clock | None = None) -> np.ndarray:
    """Unrelated seeds drawn from a base; frame k has the same one whatever the length of the song."""
    generator = np.random.Generator(np.random.PCG64(int(_base(base))))
    return generator.integers(0, 2**64, size=bound_clock(clock).frames, dtype=np.uint64, endpoint=False)


def change_at(events, base: int = 0) -> np.ndarray:
    """`base` before the first event, and the next seed from each event on; events may be `song.sections` too."""
    return _base(base) + passed(events).astype(np.uint64)


def random_at(events, base: int = 0) -> np.ndarray:
    """An unrelated new seed from each event on, drawn from a base; events may be `song.sections` too."""
    count = passed(events)
    generator = np.random.Generator(np.random.PCG64(int(_base(base))))
    return generator.integers(0, 2**64, size=int(count[-1]) + 1, dtype=np.uint64, endpoint=False)[count]


def alternate(events, seeds: Sequence[int]) -> np.ndarray:
    """The first of the seeds until the first event, then the next from each event on, and round again."""
    if not np.iterable(seeds) or isinstance(seeds, str) or len(seeds) == 0:
        raise ScheduleError(f"alternate: seeds {seeds!r:.60}: expected at least one, such as [1, 2, 3]")
    return np.array([_base(seed) for seed in seeds], np.uint64)[passed(events) % len(seeds)]


def ladder(events, base: int = 0, *, rungs: int = 4) -> np.ndarray:
    """One up at each event to the highest of the rungs, then one down at each to `base`, and up again."""
    height = to_number("ladder: rungs", rungs, low=2, whole=True) - 1
    return _base(base) + (height - np.abs(passed(events) % (2 * height) - height)).astype(np.uint64)


def travel(events, base: int = 0, *, ease: str = "linear") -> Travel:
    """From noise to noise: at each event one seed is reached and the way to the next begins, on the arc between them.

    Returns
    -------
    The columns seed, seed_to and seed_mix.

    Examples
    --------
    >>> plan = av.Schedule(**av.seeds.travel(song.beats[::4], 7), denoise=0.3)
    """
    frames, clock = event_frames(events)
    ends = np.unique(np.concatenate(([0], frames, [clock.frames])))
    left = np.searchsorted(ends, np.arange(clock.frames), side="right") - 1
    progress = (np.arange(clock.frames) - ends[left]) / (ends[left + 1] - ends[left])
    seed = _base(base) + left.astype(np.uint64)
    return {"seed": seed, "seed_to": seed + np.uint64(1), "seed_mix": np.clip(easing(ease)(progress), 0, 1)}


def sine(base: int = 0, *, divisor: int = 4, by: int = 1, clock: Clock | None = None) -> np.ndarray:
    """The original's sine keying: from frame 1 on the seed swings by 1000 with a period of `divisor` frames.

    `by` is 1 where its seed mode is increment, -1 for decrement, 0 for fixed; fractions are cut off, as there.

    Source
    ------
    KSampler Sequence v2 (WAS), as audioviz.sampling.was computes it.
    """
    to_number("sine: by", by)
    return _keyed(base, lambda k: int(base + 1000 * math.sin(2 * math.pi * k / divisor) + by), divisor, clock)


def modulo(base: int = 0, *, divisor: int = 4, by: int = 1, clock: Clock | None = None) -> np.ndarray:
    """The original's modulo keying: from frame 1 on the seed is the first one, plus k on each `divisor`-th frame k.

    `by` and the source are those of `sine`.
    """
    to_number("modulo: by", by, whole=True)
    return _keyed(base, lambda k: base + (0 if k % divisor else k) + by, divisor, clock)


def _keyed(base: int, seed_of_frame: Callable[[int], int], divisor: int, clock: Clock | None) -> np.ndarray:
    to_number("seed divisor", divisor, low=1, whole=True)
    later = (seed_of_frame(k) % 2**64 for k in range(1, bound_clock(clock).frames))
    return np.array([_base(base), *later], np.uint64)


def _base(seed: int) -> np.uint64:
    if not isinstance(seed, Real) or not 0 <= seed < 2**64 or int(seed) != seed:
        raise ScheduleError(f"seed {seed!r:.60}: expected a whole number in 0 .. 2^64 - 1")
    return np.uint64(int(seed))


def __dir__() -> list[str]:
    return _NAMES


def __getattr__(name: str) -> Any:
    raise no_attribute("av.seeds has", name, _NAMES)


_NAMES = [
    name for name, kind in list(globals().items()) if getattr(kind, "__module__", "") == __name__ and name[0] != "_"
]
