"""Time keys such as `4bar` in seconds, the frames of events, and the beat position at a time."""

import re
from numbers import Integral, Real

import numpy as np

from audioviz.clock import Clock
from audioviz.curve import Curve
from audioviz.errors import ScheduleError
from audioviz.schedule.binding import bound_clock, bound_song

_KEY = re.compile(r"\s*(?P<number>-?(\d+(\.\d*)?|\.\d+))\s*(?P<unit>[A-Za-z]*)\s*")


def key_to_seconds(key: str | int | float, clock: Clock) -> float:
    """The time of a key, in seconds.

    Parameters
    ----------
    key : a number of seconds, or text
        `8s` seconds, `96f` frames, `16b` beats, `4bar` bars: all counted from 0, with fractions if wanted, beats and
        bars from the first of the song. Or the label of a section of the song, which means its first one.
    clock : Clock

    Raises
    ------
    ScheduleError
        If it is none of these, or beats are meant and the song has no grid.
    """
    if isinstance(key, Real) and not isinstance(key, bool):
        return float(key)
    sections, word = section_starts(), str(key).strip()
    if word in sections:
        return sections[word]
    match = _KEY.fullmatch(word)
    if not match or match["unit"] not in ("s", "f", "b", "bar"):
        raise ScheduleError(
            f"unknown keyframe {word!r}: write seconds as '8s', frames as '96f', beats as '16b', bars as "
            "'4bar'" + (f", or a section: {', '.join(sections)}" if sections else "")
        )
    number = float(match["number"])
    if match["unit"] == "s":
        return number
    return float(clock.frame_to_seconds(number)) if match["unit"] == "f" else _grid_to_seconds(number, match["unit"])


def key_to_times(key: str | int | float, clock: Clock) -> list[float]:
    """The times of a key, in seconds: as `key_to_seconds`, but a label means every section that has it."""
    word = str(key).strip()
    return [float(section.start) for section in _sections() if section.label == word] or [key_to_seconds(key, clock)]


def is_key(text: str) -> bool:
    """Whether a text reads as a key, as what stands before the colon of `8s: gold mandala`."""
    return text.strip() in section_starts() or _KEY.fullmatch(text) is not None


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
            f"0 .. {clock.frames - 1}"
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
    grid = beats if exact else _on_frames(beats)
    inside = np.interp(times, grid, np.arange(len(grid)))
    before, after = times - grid[0], times - grid[-1]
    return inside + np.minimum(before, 0) / (beats[1] - beats[0]) + np.maximum(after, 0) / (beats[-1] - beats[-2])


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
    grid = _beats() if unit == "b" else _bars()
    last = len(grid) - 1
    beyond = min(number, 0) * (grid[1] - grid[0]) + max(number - last, 0) * (grid[-1] - grid[-2])
    return float(np.interp(number, np.arange(last + 1), grid) + beyond)


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
