"""Curve generators: constants, events, ramps, keyframes, oscillators, smooth noise, expressions, mixtures.

Each takes `clock=`; inside a schedule script it may be left out.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from audioviz.audio.song import ON_DEMAND
from audioviz.clock import Clock
from audioviz.curve import Curve, easing, to_numbers
from audioviz.errors import ScheduleError, nearest, no_attribute, to_number
from audioviz.schedule.binding import bound_clock, bound_song
from audioviz.schedule.eases import ease_of_each, eased
from audioviz.schedule.expression import evaluate
from audioviz.schedule.formats.keyframes import text_to_values
from audioviz.schedule.times import beat_position, event_frames, key_to_seconds, passed


def constant(value: float, *, clock: Clock | None = None) -> Curve:
    """The same value in every frame."""
    return Curve(value, bound_clock(clock))


def at(events, value: float | np.ndarray, otherwise: float = 0.0) -> Curve:
    """`value` on the frames of the events, `otherwise` elsewhere.

    Parameters
    ----------
    events : Events, such as song.beats[::4], or song.sections
    value : float, or one for each event
    """
    frames, clock = event_frames(events)
    values = np.full(clock.frames, to_number("at: otherwise", otherwise), float)
    given = to_numbers("at: value", value)
    if given.shape not in ((), frames.shape):
        raise ScheduleError(f"at: values of shape {given.shape}: expected one, or one for each of {len(frames)} events")
    values[frames] = given
    return Curve(values, clock)


def push(events, *, seconds: float) -> Curve:
    """A speed for the camera: it leaps up at each event, dies away over `seconds`, and moves by 1 in all.

    At any fps the way is the same: `shift_x=0.1 * push(song.kicks, seconds=0.2)` moves it by a tenth at each kick, and
    `zoom=1.4 ** push(...)` makes it 1.4 times as large. Events that come sooner than that cut the way short.

    Examples
    --------
    >>> leap = av.curves.push(song.kicks, seconds=0.2)
    >>> plan = av.Schedule(zoom=1.4**leap, shift_x=0.1 * leap)
    """
    to_number("push: seconds", seconds, above=0)
    shape = at(events, 1.0).decay(seconds)
    return shape * -np.expm1(-1 / (seconds * float(shape.clock.fps))) * float(shape.clock.fps)


def count(events) -> Curve:
    """How many of the events have come so far: `count(song.beats) % 4` numbers the beats of a bar 1, 2, 3, 0."""
    return Curve(passed(events), event_frames(events)[1])


def random_at(events, seed: int, *, low: float = 0.0, high: float = 1.0) -> Curve:
    """A new random value between `low` and `high` from each event on; the same for the same seed."""
    count, (_, clock) = passed(events), event_frames(events)
    values = np.random.default_rng(to_number("random_at: seed", seed, low=0, whole=True)).random(count[-1] + 1)
    return _between(low, high, values[count], clock)


def ramp(
    start: float,
    stop: float,
    *,
    begin: float | str = 0.0,
    end: float | str | None = None,
    ease: str = "linear",
    clock: Clock | None = None,
) -> Curve:
    """From `start` to `stop` between two times, level outside them.

    `begin` and `end` are keys as of `keyframes`: the whole song if not given.
    """
    clock = bound_clock(clock)
    begin, end = (key_to_seconds(key, clock) for key in (begin, float(clock.duration) if end is None else end))
    if not begin < end:
        raise ScheduleError(f"ramp from {begin} to {end} seconds: expected a beginning before its end")
    return keyframes({begin: start, end: stop}, ease=ease, clock=clock)


def keyframes(
    keys: Mapping[str, float] | Mapping[float, float] | Mapping[float | str, float] | str,
    *,
    ease: str | Mapping[str, str] | Mapping[float, str] | Mapping[float | str, str] = "linear",
    clock: Clock | None = None,
) -> Curve:
    """Values at keys, eased in between and level before the first and after the last.

    Parameters
    ----------
    keys : seconds, or text such as `8s`, `1:30`, `96f`, `16b` (beats), `4bar`, or the label of a section -> value
        Or text as Deforum and FizzNodes have it, values at frames with lines between them: `0:(0.95), 24:(0.3)`.
    ease : any of `audioviz.curve.easing`, or a mapping of a key to one
        One that a key has holds from it to the next; keys that have none are linear.

    Examples
    --------
    >>> calm_then_wild = av.curves.keyframes({"0s": 0.3, "16b": 0.4, "8bar": 0.7}, ease="in_out_sine")
    >>> leap = av.curves.keyframes({"0s": 0.3, "16b": 0.4, "8bar": 0.7}, ease={"16b": "out_bounce"})
    >>> print(av.curves.keyframes({0: 0.2, 2: 0.8})[[0, 12, 24]])  # at 12 frames a second
    [0.2 0.5 0.8]
    """
    clock, eases = bound_clock(clock), ease_of_each(ease, keys)
    if isinstance(keys, str) and keys:
        return Curve(text_to_values(keys, clock), clock)
    if not isinstance(keys, Mapping) or not keys:
        raise ScheduleError(
            f"keyframes {keys!r:.60}: expected at least one {{seconds: value}}, such as {{0: 0.2, '4bar': 0.8}}"
        )
    found = [(key_to_seconds(key, clock), to_number(f"keyframe {key}", value)) for key, value in keys.items()]
    *columns, eases = zip(*sorted((*pair, name) for pair, name in zip(found, eases)))
    times, values = (np.array(column, float) for column in columns)
    _check_inside(times, clock)
    frames = replace(clock, frames=clock.frames + 1).seconds_to_frame(times)  # T for the end of the song
    begun = np.searchsorted(frames, np.arange(clock.frames), side="right")
    left = np.maximum(begun - 1, 0)
    right = np.minimum(left + 1, len(times) - 1)
    span = np.where(right > left, times[right] - times[left], 1.0)
    progress = np.clip((clock.times - times[left]) / span, 0, 1)
    return Curve(values[left] + eased(progress, left, eases) * (values[right] - values[left]), clock)


def oscillate(
    shape: str = "sine",
    *,
    seconds: float | None = None,
    beats: float | None = None,
    phase: float = 0.0,
    low: float = 0.0,
    high: float = 1.0,
    clock: Clock | None = None,
) -> Curve:
    """A wave between `low` and `high` with a period in seconds, or in beats of the song's own grid.

    Parameters
    ----------
    shape : sine, triangle, saw (rises), square or pulse (jumps up and decays)
    phase : in periods
    """
    if not isinstance(shape, str) or shape not in WAVES:
        raise ScheduleError(f"unknown wave {shape!r:.60}{nearest(shape, WAVES)}: use one of {', '.join(WAVES)}")
    if (seconds is None) == (beats is None):
        raise ScheduleError("oscillate: give a period above 0, either seconds= or beats=")
    period = to_number("oscillate: period", seconds if beats is None else beats, above=0)
    clock = bound_clock(clock)
    turns = (clock.times if beats is None else beat_position(clock.times)) / period
    turns = turns + to_number("oscillate: phase", phase)
    turns = np.round(turns, 9)  # so that what should be a whole turn is not a hair less
    return _between(low, high, WAVES[shape](turns % 1.0), clock)


def noise(seed: int, *, seconds: float = 1.0, low: float = 0.0, high: float = 1.0, clock: Clock | None = None) -> Curve:
    """Smooth random motion that turns about every `seconds`; the same for the same seed at any fps."""
    from scipy.interpolate import CubicSpline  # an import of some 0.15 s, which few schedules need

    clock = bound_clock(clock)
    count = int(float(clock.duration) / to_number("noise: seconds", seconds, above=0)) + 4
    knots = np.random.default_rng(to_number("noise: seed", seed, low=0, whole=True)).random(count)
    path = CubicSpline(np.arange(count) * seconds, knots)(clock.times)
    return _between(low, high, np.clip(path, 0, 1), clock)


def expression(text: str, *, clock: Clock | None = None) -> Curve:
    """A formula, such as "0.4 + 0.3 * low * sin(pi * b)".

    It may name `t` (seconds), `f` (frame), `b` (beat), the song's curves, those of its stems as `drums.onset`, and
    events by hand, which are 1 in their frames as `kick` is.

    Raises
    ------
    ScheduleError
        If it holds anything but numbers, these names, arithmetic, comparisons and the functions of expression.py.

    Examples
    --------
    >>> denoise = av.curves.expression("0.3 + 0.4 * low * (1 - silence)")
    >>> print(av.curves.expression("clip(t, 0, 1)")[[0, 6, 12, 18]])  # at 12 frames a second
    [0.  0.5 1.  1. ]
    """
    clock, song = bound_clock(clock), bound_song()
    names = {"t": clock.times, "f": np.arange(clock.frames, dtype=float)}
    if song is not None:
        names |= {"b": beat_position(clock.times)} if len(song.beats) > 1 else {}
    return Curve(evaluate(text, names if song is None else _Names(names, song)), clock)


class _Names(Mapping[str, np.ndarray]):
    """The names of a formula: those that are ready, and the song's curves, some of which are heard when read."""

    def __init__(self, ready: dict[str, np.ndarray], song):
        self._ready, self._songs = ready, {"": song} | song.stems
        names = {of: [*one.curves, *ON_DEMAND] for of, one in self._songs.items()}
        of_stems = [f"{stem}.{name}" for stem in song.stems for name in names[stem]]
        self._names = dict.fromkeys([*ready, *names[""], *of_stems])

    def __getitem__(self, name: str) -> np.ndarray:
        stem, _, curve = name.rpartition(".")
        return self._ready[name] if name in self._ready else np.asarray(getattr(self._songs[stem], curve))

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def tremor(seed: int, *, hz: float = 8.0, amount: float = 1.0, clock: Clock | None = None) -> Curve:
    """Smooth random shaking about 0, within `amount` to either side; it turns about `hz` times a second."""
    reach = to_number("tremor: amount", amount)
    return noise(seed, seconds=1 / to_number("tremor: hz", hz, above=0), low=-reach, high=reach, clock=clock)


def beats(number: float) -> float:
    """The length of so many beats in seconds, at the tempo of the song: `hit.decay(av.curves.beats(0.5))`."""
    clock, wanted = bound_clock(), to_number("beats", number)
    first, last = beat_position(np.array([0.0, float(clock.duration)]))
    return float(wanted * float(clock.duration) / (last - first))


def beat_rate() -> Curve:
    """Beats a second along the grid: a camera speed for each beat, `angle=90 * av.curves.beat_rate()`.

    What it moves over the frames from one beat to the next adds up to one beat. Factors take it as an exponent:
    `zoom=1.1 ** av.curves.beat_rate()` grows by a tenth each beat.
    """
    clock = bound_clock()
    step = 1 / float(clock.fps)
    now, before = (beat_position(times, exact=True) for times in (clock.times, clock.times - step))
    return Curve((now - before) / step, clock)


def where(condition, yes, no, *, clock: Clock | None = None) -> Curve:
    """`yes` in the frames where the condition holds and `no` elsewhere; all three are curves, arrays or numbers."""
    clock = _common_clock(clock, condition, yes, no)
    condition, yes, no = (
        to_numbers(f"where: {what}", given, clock)
        for what, given in (("condition", condition), ("yes", yes), ("no", no))
    )
    return Curve(np.where(condition, yes, no), clock)


def blend(a, b, weight, *, clock: Clock | None = None) -> Curve:
    """`a` where the weight is 0, `b` where it is 1, a straight mix between; weights are held inside 0..1."""
    clock = _common_clock(clock, a, b, weight)
    weight = np.clip(to_numbers("blend: weight", weight, clock), 0, 1)
    return Curve((1 - weight) * to_numbers("blend: a", a, clock) + weight * to_numbers("blend: b", b, clock), clock)


def cross(a, b, *, at: float | str, seconds: float, ease: str = "smooth", clock: Clock | None = None) -> Curve:
    """`a` fades into `b`: half way at `at` (seconds, or a key as for keyframes), over `seconds` in all."""
    clock = _common_clock(clock, a, b)
    to_number("cross: seconds", seconds, low=0)
    middle = key_to_seconds(at, clock)
    _check_inside(np.array([middle]), clock)
    begun = np.arange(clock.frames) >= clock.seconds_to_frame(middle)
    progress = (clock.times - middle) / seconds + 0.5 if seconds else begun.astype(float)
    return blend(a, b, easing(ease)(np.clip(progress, 0, 1)), clock=clock)


def _check_inside(times: np.ndarray, clock: Clock) -> None:
    if not ((times >= 0) & (times <= float(clock.latest))).all():
        raise ScheduleError(
            f"keyframes at {times.tolist()} seconds: expected times in 0 .. {float(clock.duration):g}, "
            "the length of the song"
        )


def _between(low, high, weight: np.ndarray, clock: Clock) -> Curve:
    """`low` where the weight is 0, `high` where it is 1; both are curves, arrays or numbers."""
    low, high = (Curve(end, clock) for end in (low, high))
    return low + (high - low) * weight


def _common_clock(clock: Clock | None, *values) -> Clock:
    clocks = [value.clock for value in values if isinstance(value, Curve)]
    if any(other != clocks[0] for other in clocks):
        raise ScheduleError(f"curves of different clocks: {clocks[0]} and {next(c for c in clocks if c != clocks[0])}")
    return clocks[0] if clocks else bound_clock(clock)


WAVES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "sine": lambda u: 0.5 - 0.5 * np.cos(2 * np.pi * u),
    "triangle": lambda u: 1 - np.abs(2 * u - 1),
    "saw": lambda u: u,
    "square": lambda u: (u < 0.5).astype(float),
    "pulse": lambda u: np.exp(-4 * u),
}


def __dir__() -> list[str]:
    return _NAMES


def __getattr__(name: str) -> Any:
    raise no_attribute("av.curves has", name, _NAMES)


_NAMES = [
    name for name, kind in list(globals().items()) if getattr(kind, "__module__", "") == __name__ and name[0] != "_"
]
