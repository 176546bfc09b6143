"""The one clock: exact fps as a Fraction; frames <-> seconds <-> samples.

Frame k is on screen during [k / fps, (k + 1) / fps). An event at t seconds belongs to frame round(t * fps), so it is
never more than half a frame off, at any position of a song of any length.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import overload

import numpy as np

from audioviz.errors import InputError

MAX_FPS = 240
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
