"""Time keys such as `4bar` in seconds, the frames of events, and the beat position at a time."""

import re
from numbers import Integral

import numpy as np

from audioviz.clock import CLOCK_TIME, COUNTED_TIME, Clock, read_time
from audioviz.curve import Curve
from audioviz.errors import InputError, ScheduleError
from audioviz.schedule.binding import bound_clock, bound_song

_BEFORE_TEXT = re.compile(
    rf"\s*(?P<key>{CLOCK_TIME}(?=\s*:(?!\d))|{COUNTED_TIME}(?=\s*:)|\d+(?:\.\d*)?(?=:(?:\s|$)))\s*:"
)


def key_to_seconds(key: str | int | float, clock: Clock) -> float:
    """The time of a key, in seconds.

    Parameters
    ----------
    key : a number of seconds, or text
        `90`, `90s` or `1:30` seconds, `96f` frames, `16b` beats, `4bar` bars: all counted from 0, with fractions if
        wanted, beats and bars from the first of the song. Or the label of a section of the song, which means its first
        one.
    clock : Clock

    Raises
    ------
    ScheduleError
        If it is none of these, or beats are meant and the song has no grid.
    """
    word = str(key).strip()
    if word[:1].isalpha() and word in (sections := section_starts()):
        return sections[word]
    try:
        number, unit = read_time(key)
    except InputError as error:
        known = f", or a section: {', '.join(section_starts())}" if section_starts() else ""
        raise ScheduleError(str(error).replace("unknown time", "unknown keyframe") + known) from error
    if unit == "s":
        return number
    return float(clock.frame_to_seconds(number)) if unit == "f" else _grid_to_seconds(number, unit)


def length_to_seconds(length: str | int | float, clock: Clock, *, start: float) -> float:
    """A length of time from `start` on, in seconds: as `key_to_seconds`, where beats and bars follow the grid there.

    Raises
    ------
    ScheduleError
        As there; sections have no length here.
    """
    try:
        number, unit = read_time(length)
    except InputError as error:
        raise ScheduleError(str(error)) from error
    if unit in ("s", "f"):
        return key_to_seconds(length, clock)
    return _grid_to_seconds(_position(start, unit) + number, unit) - start


def key_to_times(key: str | int | float, clock: Clock) -> list[float]:
    """The times of a key, in seconds: as `key_to_seconds`, but a label means every section that has it."""
    word = str(key).strip()
    return [float(section.start) for section in _sections() if section.label == word] or [key_to_seconds(key, clock)]


def split_key(text: str) -> tuple[str, str] | None:
    """The key that stands before the colon of `8s: gold mandala`, and what follows it; None if it begins with none.

    A number alone is one only where a space follows the colon, so that `16:9 photo` is text.
    """
    label, colon, rest = text.partition(":")
    if colon and label.strip() in section_starts():
        return label.strip(), rest
    match = _BEFORE_TEXT.match(text)
    return (match["key"].strip(), text[match.end() :]) if match else None


def event_frames(events) -> tuple[np.ndarray, Clock]:
    """The frames of events, int64 (n,), and their clock.

    Sections are events at their starts, and plain frame numbers will do.

    Raises
    ------
    ScheduleError
        If they are anything else, or frames outside of the song.
    """
    if hasattr(events, "frames") and hasattr(events, "seconds"):
        return np.asarray(events, np.int64), events.clock
    events = list(events) if np.iterable(events) and not isinstance(events, Curve) else [events]
    if events and all(hasattr(event, "start") for event in events):
        clock = events[0].clock
        return clock.seconds_to_frame(np.array([float(section.start) for section in events])), clock
    clock = bound_clock()
    if not all(
        isinstance(frame, Integral) and not isinstance(frame, bool) and 0 <= int(frame) < clock.frames
        for frame in events
    ):
        raise ScheduleError(
            f"events {events!r:.60}: expected song.beats[::4] and the like, song.sections, or frames in "
            f"0 .. {clock.frames - 1}; for seconds, av.Events.at([1.5, 3.0], song.clock)"
        )
    return np.array(events, np.int64), clock


def passed(events) -> np.ndarray:
    """How many events lie at or before each frame: int64, shape (T,)."""
    frames, clock = event_frames(events)
    return np.cumsum(np.bincount(frames, minlength=clock.frames))


def beat_position(times: np.ndarray, *, exact: bool = False) -> np.ndarray:
    """Beats since the first one, with fractions, at these times in seconds: the same shape.

    Each beat lies at the start of its frame, so that there the number is whole, unless the `exact` grid is asked for.
    It goes on at its own tempo beyond both ends.

    Raises
    ------
    ScheduleError
        If the song has fewer than two beats.
    """
    beats = _beats()
    return _positions(times, beats if exact else _on_frames(beats), steps=np.diff(beats))


def section_starts() -> dict[str, float]:
    """Label -> start in seconds of the first section of that label; empty where the song has no sections."""
    starts: dict[str, float] = {}
    for section in _sections():
        starts.setdefault(section.label, float(section.start))
    return starts


def _sections():
    return getattr(bound_song(), "sections", ())


def _grid_to_seconds(number: float, unit: str) -> float:
    """The time of a beat or a bar, counted from 0."""
    grid = _grid(unit)
    last = len(grid) - 1
    beyond = min(number, 0) * (grid[1] - grid[0]) + max(number - last, 0) * (grid[-1] - grid[-2])
    return float(np.interp(number, np.arange(last + 1), grid) + beyond)


def _position(seconds: float, unit: str) -> float:
    """The inverse of it."""
    grid = _grid(unit)
    return float(_positions(np.array(seconds), grid, steps=np.diff(grid)))


def _positions(times: np.ndarray, grid: np.ndarray, *, steps: np.ndarray) -> np.ndarray:
    """Where times lie on a grid, counted from 0, with fractions; beyond both ends it goes on by the steps there."""
    inside = np.interp(times, grid, np.arange(len(grid)))
    return inside + np.minimum(times - grid[0], 0) / steps[0] + np.maximum(times - grid[-1], 0) / steps[-1]


def _grid(unit: str) -> np.ndarray:
    return _beats() if unit == "b" else _bars()


def _beats() -> np.ndarray:
    """Seconds of the beats, at least two."""
    song = bound_song()
    if song is None:
        raise ScheduleError("no beat grid: beats are known inside a schedule script, or inside `with av.bound(song):`")
    if len(song.beats) < 2:
        raise ScheduleError("beats: this song has no beat grid; use seconds instead")
    return song.beats.seconds


def _on_frames(beats: np.ndarray) -> np.ndarray:
    """Starts of the frames of the beats, seconds; the beats themselves where a frame has several."""
    clock = bound_clock()
    starts = clock.frame_to_seconds(clock.seconds_to_frame(beats))
    return starts if (np.diff(starts) > 0).all() else beats


def _bars() -> np.ndarray:
    """Seconds of the bars, at least two; where fewer were heard they are counted from the first downbeat, or beat."""
    beats, song = _beats(), bound_song()
    bars = song.downbeats.seconds if len(song.downbeats) else beats[:1]
    return bars if len(bars) > 1 else bars[0] + song.beats_per_bar * np.diff(beats[:2]) * [0, 1]
