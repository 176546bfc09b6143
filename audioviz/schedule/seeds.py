"""One seed a frame: uint64 arrays of shape (T,), the same on every machine."""

import numpy as np

from audioviz.clock import Clock
from audioviz.errors import ScheduleError
from audioviz.schedule.binding import bound_clock


def fixed(seed: int, *, clock: Clock | None = None) -> np.ndarray:
    """The same seed in every frame."""
    return np.full(bound_clock(clock).frames, _base(seed), np.uint64)


def step(base: int = 0, *, by: int = 1, clock: Clock | None = None) -> np.ndarray:
    """base, base + by, base + 2 by ...: another seed in each frame, modulo 2^64."""
    return _base(base) + np.arange(bound_clock(clock).frames, dtype=np.uint64) * np.uint64(by % 2**64)


def random(base: int = 0, *, clock: Clock | None = None) -> np.ndarray:
    """Unrelated seeds drawn from a base; frame k has the same one whatever the length of the song."""
    generator = np.random.Generator(np.random.PCG64(int(_base(base))))
    return generator.integers(0, 2**64, size=bound_clock(clock).frames, dtype=np.uint64, endpoint=False)


def change_at(events, base: int = 0) -> np.ndarray:
    """`base` before the first event, and the next seed from each event on."""
    passed = np.bincount(np.asarray(events, np.int64), minlength=events.clock.frames)
    return _base(base) + np.cumsum(passed, dtype=np.uint64)


def _base(seed: int) -> np.uint64:
    if not 0 <= int(seed) < 2**64:
        raise ScheduleError(f"seed {seed}: expected 0 .. 2^64 - 1")
    return np.uint64(int(seed))
