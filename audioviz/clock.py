"""The one clock: exact fps as a Fraction; frames <-> seconds <-> samples.

Frame k is on screen during [k / fps, (k + 1) / fps). An event at t seconds belongs to frame round(t * fps), so it is
never more than half a frame off, at any position of a song of any length.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from numbers import Real
from typing import overload

import numpy as np

from audioviz.errors import InputError

MAX_FPS = 240
CLOCK_TIME = r"(?:(?P<hours>\d+):)?(?P<minutes>\d+):(?P<seconds>\d\d(?:\.\d*)?)"
COUNTED_TIME = r"(?P<number>[-+]?(?:\d+(?:\.\d*)?|\.\d+))\s*(?P<unit>s|f|b|bar)"
TIMES = "seconds as 90, 90s or 1:30, frames as 96f, beats as 16b, bars as 4bar"
_TIME = re.compile(rf"\s*(?:{CLOCK_TIME}|{COUNTED_TIME}?)\s*")
_NTSC = {
    "23.976": Fraction(24000, 1001),
    "23.98": Fraction(24000, 1001),
    "29.97": Fraction(30000, 1001),
    "47.952": Fraction(48000, 1001),
    "59.94": Fraction(60000, 1001),
    "119.88": Fraction(120000, 1001),
}


def to_fps(value: str | int | float | Fraction) -> Fraction:
    """The exact frame rate that a number or a string like `24`, `12.5`, `30000/1001` or `29.97` means.

    Raises
    ------
    InputError
        If it is no number, or not in (0, 240].
    """
    try:
        fps = _NTSC.get(str(value)) or Fraction(str(value))
    except (ValueError, ZeroDivisionError):
        fps = Fraction(0)
    if not 0 < fps <= MAX_FPS:
        raise InputError(
            f"fps {value!s} is not a frame rate: give a number above 0 and at most {MAX_FPS}, "
            "such as 12, 23.976 or 30000/1001"
        )
    return fps


def fps_to_json(fps: Fraction) -> int | float | str:
    """A number where that is exact, else text such as `30000/1001`."""
    if fps.denominator == 1:
        return fps.numerator
    return float(fps) if Fraction(repr(float(fps))) == fps else str(fps)


def read_time(value: str | float) -> tuple[float, str]:
    """The number and the unit of a time: `s` (seconds), `f` (frames), `b` (beats) or `bar`.

    Parameters
    ----------
    value : number of seconds, or text
        `90`, `90s`, `1:30`, `1:30.5`, `1:02:03`, `96f`, `16b`, `4bar`.

    Raises
    ------
    InputError
        If it is none of these.

    Examples
    --------
    >>> from audioviz.clock import read_time
    >>> read_time("1:30.5"), read_time("16b"), read_time(8)
    ((90.5, 's'), (16.0, 'b'), (8.0, 's'))
    """
    if isinstance(value, Real) and not isinstance(value, bool):
        return float(value), "s"
    match = _TIME.fullmatch(str(value))
    if match is None:
        raise InputError(f"unknown time {str(value).strip()!r}: write {TIMES}")
    if match["minutes"] is None:
        return float(match["number"]), match["unit"] or "s"
    hours, minutes, seconds = int(match["hours"] or 0), int(match["minutes"]), float(match["seconds"])
    if seconds >= 60 or (match["hours"] and minutes >= 60):
        raise InputError(
            f"time {value!r}: expected seconds, and minutes after hours, below 60, such as 1:30 or 1:02:03"
        )
    return 3600.0 * hours + 60 * minutes + seconds, "s"


def read_seconds(value: str | float, fps: Fraction) -> float:
    """The seconds of a time where no beats are known.

    Raises
    ------
    InputError
        If it is none, or counted in beats or bars.
    """
    number, unit = read_time(value)
    if unit in ("b", "bar"):
        raise InputError(f"time {value!r}: the beats of the song are not known here; write seconds or frames")
    return number if unit == "s" else number * fps.denominator / fps.numerator


@dataclass(frozen=True)
class Clock:
    """The T frames of a song.

    Parameters
    ----------
    fps : Fraction
        Frames per second, exact.
    frames : int >= 1
        T.
    """

    fps: Fraction
    frames: int

    @classmethod
    def for_duration(cls, seconds: Fraction | float, fps: str | int | float | Fraction) -> "Clock":
        """The clock of a song: T = max(1, round(seconds * fps))."""
        rate = to_fps(fps)
        return cls(rate, max(1, _round(Fraction(seconds) * rate)))

    @property
    def duration(self) -> Fraction:
        """Length of all frames, seconds."""
        return self.frames / self.fps

    @property
    def latest(self) -> Fraction:
        """The latest moment that a song with these frames may have, seconds: they end up to half a frame before it."""
        return (self.frames + Fraction(1, 2)) / self.fps

    @property
    def times(self) -> np.ndarray:
        """Start of each frame, seconds: float64, shape (T,)."""
        return self.frame_to_seconds(np.arange(self.frames))

    @overload
    def frame_to_seconds(self, frame: float) -> float: ...
    @overload
    def frame_to_seconds(self, frame: np.ndarray) -> np.ndarray: ...
    def frame_to_seconds(self, frame: float | np.ndarray) -> float | np.ndarray:
        """Start of a frame, seconds."""
        return frame * self.fps.denominator / self.fps.numerator

    @overload
    def seconds_to_frame(self, seconds: float) -> int: ...
    @overload
    def seconds_to_frame(self, seconds: np.ndarray) -> np.ndarray: ...
    def seconds_to_frame(self, seconds: float | np.ndarray) -> int | np.ndarray:
        """The frame that an event at these seconds belongs to, within 0 .. T - 1."""
        nearest = np.floor(np.asarray(seconds) * self.fps.numerator / self.fps.denominator + 0.5).astype(np.int64)
        frame = np.clip(nearest, 0, self.frames - 1)
        return int(frame) if frame.ndim == 0 else frame

    def sample_bounds(self, rate: int) -> np.ndarray:
        """First sample of each frame, and the end of the last: int64, shape (T + 1,), rounded from exact fractions."""
        step = Fraction(rate) / self.fps
        k = np.arange(self.frames + 1, dtype=np.int64)
        return (2 * k * step.numerator + step.denominator) // (2 * step.denominator)


def _round(value: Fraction) -> int:
    return int(value + Fraction(1, 2))
