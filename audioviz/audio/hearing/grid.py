"""Corrections of the beat grid: what the user knows of tempo, beats and bars, where the ear errs."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real

import numpy as np

from audioviz.audio.hearing.pins import read_pins
from audioviz.clock import read_time
from audioviz.errors import InputError

SLOWEST, FASTEST = 30.0, 300.0  # beats a minute that may be asked for
_LONGEST_OFFSET = 2000.0  # ms
_MOST_IN_A_BAR = 16


@dataclass(frozen=True)
class Grid:
    """Corrections of the beat grid; each that is None leaves it to the ear.

    Parameters
    ----------
    tempo : number, or (lowest, highest), or text such as `120` or `90-130`, optional
        Beats a minute: one number is about where to look, two are the bounds.
    beats : `half` or `double`, optional
        Half as many beats as heard, or twice as many.
    beat_offset : float
        Milliseconds by which all beats come later than heard; negative: sooner.
    first_downbeat : number, or text such as `1.9s`, `1:30` or `3b`, optional
        The beat nearest to so many seconds, or a beat counted from 0, begins the first bar; each bar after it has
        `beats_per_bar` beats. Seconds that are more than a quarter of a beat from it move all beats by half of one.
    beats_per_bar : int, optional
    pins : mapping of a time to seconds, optional
        Beats moved by hand: `{"12.34s": 12.4}` puts the beat that all of the above leaves nearest to 12.34 s at 12.4 s.
        Beats between two pins move along the line between them, and those outside as the nearest pin does; bars and
        sections follow. A pin is refused more than half a beat from any beat, or where it puts beats out of order.

    Raises
    ------
    InputError
        If one of them cannot be.

    Examples
    --------
    >>> song = av.load_song("song.mp3", grid=av.Grid(tempo="90-130", first_downbeat="1b"))
    >>> late = av.Grid(pins={"4.5s": 4.52, "20s": 20.1})
    >>> av.Grid(tempo="90-130").bounds
    (90.0, 130.0)
    """

    tempo: float | str | tuple[float, float] | None = None
    beats: str | None = None
    beat_offset: float = 0.0
    first_downbeat: float | str | None = None
    beats_per_bar: int | None = None
    pins: Mapping[float | str, float | str] | None = None

    def __post_init__(self) -> None:
        _tempo_bounds(self.tempo)
        if self.beats not in (None, "half", "double"):
            raise InputError(f"beats {self.beats!r}: expected 'half' or 'double'")
        if not isinstance(self.beat_offset, Real) or not abs(self.beat_offset) <= _LONGEST_OFFSET:
            raise InputError(
                f"beat offset {self.beat_offset!r:.60} ms: expected -{_LONGEST_OFFSET:g} to {_LONGEST_OFFSET:g}"
            )
        if self.first_downbeat is not None:
            _moment(self.first_downbeat)
        if self.beats_per_bar is not None and not (
            isinstance(self.beats_per_bar, int) and 1 <= self.beats_per_bar <= _MOST_IN_A_BAR
        ):
            raise InputError(f"beats per bar {self.beats_per_bar}: expected a whole number from 1 to {_MOST_IN_A_BAR}")
        object.__setattr__(self, "pins", read_pins(self.pins))

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Lowest and highest tempo, which are equal if one number was given; None if none."""
        return _tempo_bounds(self.tempo)

    def placed(self, beats: np.ndarray) -> np.ndarray:
        """These beats (seconds, after the offset), or those halfway between if the first downbeat is nearer to one."""
        value, unit = _moment(self.first_downbeat) if self.first_downbeat is not None else (0.0, "b")
        if unit == "b" or len(beats) < 2:
            return beats
        step = np.median(np.diff(beats))
        apart = np.abs(beats - value).min() / step
        return halfway(np.r_[beats[0] - step, beats, beats[-1] + step]) if 1 / 4 < apart < 3 / 4 else beats

    def first_of(self, beats: np.ndarray) -> int | None:
        """Which of the beats (seconds, placed) begins the first bar; None if it is left to the ear.

        Raises
        ------
        InputError
            If it lies outside of them.
        """
        if self.first_downbeat is None:
            return None
        value, unit = _moment(self.first_downbeat)
        if not len(beats):
            raise InputError(f"first downbeat {self.first_downbeat}: no beats were heard; give a tempo")
        step = np.median(np.diff(beats)) if len(beats) > 1 else 1.0
        place = int(np.abs(beats - value).argmin()) if unit == "s" else int(value)
        if place >= len(beats) or (unit == "s" and abs(beats[place] - value) > step):
            raise InputError(
                f"first downbeat {self.first_downbeat}: expected a beat from 0b to {len(beats) - 1}b, "
                f"or seconds from {beats[0]:.2f}s to {beats[-1]:.2f}s"
            )
        return place


def halfway(beats: np.ndarray) -> np.ndarray:
    """The moments between each two beats."""
    return (beats[1:] + beats[:-1]) / 2


def _tempo_bounds(tempo: float | str | tuple[float, float] | None) -> tuple[float, float] | None:
    if tempo is None:
        return None
    parts = tempo.split("-") if isinstance(tempo, str) else tempo if isinstance(tempo, (tuple, list)) else (tempo,)
    try:
        low, high = float(parts[0]), float(parts[-1])
    except (TypeError, ValueError, IndexError):
        low = high = math.nan
    if len(parts) > 2 or not SLOWEST <= low <= high <= FASTEST:
        raise InputError(
            f"tempo {tempo}: expected beats a minute from {SLOWEST:g} to {FASTEST:g}, such as 120, "
            "or a range such as 90-130"
        )
    return low, high


def _moment(key: float | str) -> tuple[float, str]:
    """Seconds (`s`) or the number of a beat (`b`)."""
    try:
        value, unit = read_time(key)
    except InputError:
        value, unit = math.nan, ""
    if not 0 <= value < math.inf or unit not in ("s", "b") or (unit == "b" and value % 1):
        raise InputError(
            f"first downbeat {key}: expected seconds such as 1.9s or 1:30, or a beat counted from 0 such as 3b"
        )
    return value, unit
