"""Where curves come from: constants, events, ramps, keyframes, oscillators, smooth noise, expressions.

Each takes `clock=`; inside a schedule script it may be left out.
"""

from typing import Callable, Mapping

import numpy as np
from scipy.interpolate import CubicSpline

from audioviz.clock import Clock
from audioviz.curve import Curve, easing
from audioviz.errors import ScheduleError
from audioviz.schedule.binding import bound_clock, bound_song
from audioviz.schedule.expression import evaluate


def constant(value: float, *, clock: Clock | None = None) -> Curve:
    """The same value in every frame."""
    return Curve(value, bound_clock(clock))


def at(events, value: float, otherwise: float = 0.0) -> Curve:
    """`value` on the frames of the events, `otherwise` elsewhere.

    Parameters
    ----------
    events : Events, such as song.beats[::4]
    value : float, or one for each event
    """
    values = np.full(events.clock.frames, float(otherwise))
    values[np.asarray(events, np.int64)] = value
    return Curve(values, events.clock)


def ramp(start: float, stop: float, *, begin: float = 0.0, end: float | None = None, ease: str = "linear",
         clock: Clock | None = None) -> Curve:
    """From `start` to `stop` between two times in seconds (the whole song if not given), level outside them."""
    clock = bound_clock(clock)
    return keyframes({begin: start, float(clock.duration) if end is None else end: stop}, ease=ease, clock=clock)


def keyframes(keys: Mapping[float, float], *, ease: str = "linear", clock: Clock | None = None) -> Curve:
    """Values at times in seconds, eased in between and level before the first and after the last."""
    clock, bend = bound_clock(clock), easing(ease)
    if not keys:
        raise ScheduleError("keyframes: expected at least one {seconds: value}")
    times, values = (np.array(column, float) for column in zip(*sorted(keys.items())))
    if not np.isfinite(times).all():
        raise ScheduleError(f"keyframes at {times.tolist()} seconds: expected finite times")
    left = np.clip(np.searchsorted(times, clock.times, side="right") - 1, 0, len(times) - 1)
    right = np.minimum(left + 1, len(times) - 1)
    span = np.where(right > left, times[right] - times[left], 1.0)
    progress = np.clip((clock.times - times[left]) / span, 0, 1)
    return Curve(values[left] + bend(progress) * (values[right] - values[left]), clock)


def oscillate(shape: str = "sine", *, seconds: float | None = None, beats: float | None = None, phase: float = 0.0,
              low: float = 0.0, high: float = 1.0, clock: Clock | None = None) -> Curve:
    """A wave between `low` and `high` with a period in seconds, or in beats of the song's own grid.

    Parameters
    ----------
    shape : sine, triangle, saw (rises), square or pulse (jumps up and decays)
    phase : in periods
    """
    if shape not in WAVES:
        raise ScheduleError(f"unknown wave {shape!r}: use one of {', '.join(WAVES)}")
    if (seconds is None) == (beats is None) or (seconds or beats) <= 0:
        raise ScheduleError("oscillate: give a period above 0, either seconds= or beats=")
    clock = bound_clock(clock)
    turns = clock.times / seconds if beats is None else _beat_position(clock) / beats
    return Curve(low + (high - low) * WAVES[shape]((turns + phase) % 1.0), clock)


def noise(seed: int, *, seconds: float = 1.0, low: float = 0.0, high: float = 1.0, clock: Clock | None = None) -> Curve:
    """Smooth random motion that turns about every `seconds`; the same for the same seed at any fps."""
    clock = bound_clock(clock)
    if seconds <= 0:
        raise ScheduleError(f"noise of {seconds} seconds: expected above 0")
    count = int(float(clock.duration) / seconds) + 4
    knots = np.random.default_rng(seed).random(count)
    path = CubicSpline(np.arange(count) * seconds, knots)(clock.times)
    return Curve(low + (high - low) * np.clip(path, 0, 1), clock)


def expression(text: str, *, clock: Clock | None = None) -> Curve:
    """A formula of `t` (seconds), `f` (frame), `b` (beat) and the song's curves by name: "0.4 + 0.3 * low * sin(pi * b)".

    Raises
    ------
    ScheduleError
        If it holds anything but numbers, these names, arithmetic, comparisons and the functions of expression.py.
    """
    clock, song = bound_clock(clock), bound_song()
    names = {"t": clock.times, "f": np.arange(clock.frames, dtype=float)}
    if song is not None:
        names |= {"b": _beat_position(clock)} | {name: np.asarray(curve) for name, curve in song.curves.items()}
    return Curve(evaluate(text, names), clock)


def _beat_position(clock: Clock) -> np.ndarray:
    """Beats since the first one, with fractions: (T,). The grid goes on at its own tempo beyond both ends."""
    song = bound_song()
    if song is None or len(song.beats) < 2:
        raise ScheduleError("beats: this song has no beat grid; use seconds instead")
    grid = song.beats.seconds
    count = np.arange(len(grid))
    inside = np.interp(clock.times, grid, count)
    before, after = clock.times - grid[0], clock.times - grid[-1]
    return inside + np.minimum(before, 0) / (grid[1] - grid[0]) + np.maximum(after, 0) / (grid[-1] - grid[-2])


WAVES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "sine": lambda u: 0.5 - 0.5 * np.cos(2 * np.pi * u),
    "triangle": lambda u: 1 - np.abs(2 * u - 1),
    "saw": lambda u: u,
    "square": lambda u: (u < 0.5).astype(float),
    "pulse": lambda u: np.exp(-4 * u),
}
