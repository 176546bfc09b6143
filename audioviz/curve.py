"""Curve: what a schedule computes with, a float array (T,) that knows its clock."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytweening
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import ArrayLike

from audioviz.clock import Clock
from audioviz.errors import ScheduleError


def easing(name: str) -> Callable[[np.ndarray], np.ndarray]:
    """The function of that name from progress 0..1, float (n,), to weight, float (n,).

    `hold` keeps the old value until the next key; `late` moves in the last two fifths of the way; `in` starts slowly,
    `out` ends slowly, and each kind of them (`in_sine`, `out_bounce`, `in_out_expo` ...) is the usual one of that name;
    those of `back` and `elastic` overshoot.

    Source
    ------
    Penner, Programming Macromedia Flash MX, 2002, through pytweening.
    """
    if name not in EASINGS:
        raise ScheduleError(f"unknown easing {name!r}: use one of {', '.join(EASINGS)}")
    return EASINGS[name]


@dataclass(frozen=True, eq=False, init=False)
class Curve(NDArrayOperatorsMixin):
    """One value a frame. Arithmetic and numpy functions work on it; methods speak in seconds.

    Parameters
    ----------
    values : float, shape (T,)
        Finite. A scalar is repeated for every frame.
    clock : Clock
        Holds T and fps.

    Raises
    ------
    ScheduleError
        If the length is not T, a value is not finite, or two curves of different clocks meet.
    """

    values: np.ndarray
    clock: Clock

    def __init__(self, values: ArrayLike, clock: Clock) -> None:
        shape = np.shape(values)
        if shape not in ((), (1,), (clock.frames,)):
            raise ScheduleError(f"curve of shape {shape}: expected one value for each of {clock.frames} frames")
        series = np.array(np.broadcast_to(np.asarray(values, float), (clock.frames,)))
        if not np.isfinite(series).all():
            raise ScheduleError(f"curve is not finite at frame {int(np.argmin(np.isfinite(series)))}")
        series.setflags(write=False)
        object.__setattr__(self, "values", series)
        object.__setattr__(self, "clock", clock)

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.array(self.values, dtype=dtype) if copy else np.asarray(self.values, dtype=dtype)

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        for other in inputs:
            if isinstance(other, Curve) and other.clock != self.clock:
                raise ScheduleError(f"curves of different clocks: {self.clock} and {other.clock}")
        plain = [i.values if isinstance(i, Curve) else i for i in inputs]
        if ufunc in _LOGIC:
            plain = [np.asarray(i) != 0 for i in plain]
        if any(isinstance(out, Curve) for out in options.get("out", ())):
            del options["out"]  # `curve += 1` makes a new curve
        options = {
            name: option.values != 0 if isinstance(option, Curve) else option for name, option in options.items()
        }
        result = getattr(ufunc, method)(*plain, **options)
        return Curve(result, self.clock) if np.shape(result) == self.values.shape else result

    def __len__(self) -> int:
        return self.clock.frames

    def __getitem__(self, index):
        return self.values[index.values != 0 if isinstance(index, Curve) else index]

    def __repr__(self) -> str:
        low, mean, high = self.values.min(), self.values.mean(), self.values.max()
        return f"Curve({len(self)} frames at {self.clock.fps} fps: {low:.3g} .. {high:.3g}, mean {mean:.3g})"

    def _with(self, values: np.ndarray) -> "Curve":
        return Curve(values, self.clock)

    def _frames(self, seconds: float) -> float:
        if not np.isfinite(seconds) or seconds < 0:
            raise ScheduleError(f"{seconds} seconds: expected a finite time of at least 0")
        return float(seconds * self.clock.fps)

    def smooth(self, seconds: float) -> "Curve":
        """Gaussian blur over about `seconds` (two standard deviations); the ends are repeated."""
        from scipy.ndimage import gaussian_filter1d  # here, so that curves without filters need no scipy

        sigma = self._frames(seconds) / 2
        return self._with(gaussian_filter1d(self.values, sigma, mode="nearest")) if sigma else self

    def decay(self, seconds: float) -> "Curve":
        """Peaks fall away exponentially instead of at once: to 1/e after `seconds`."""
        return self.attack_release(0.0, seconds)

    def anticipate(self, seconds: float) -> "Curve":
        """Peaks are announced: the curve rises exponentially towards each, from 1/e `seconds` before it."""
        return self._with(self._with(self.values[::-1]).decay(seconds).values[::-1])

    def peak(self, seconds: float) -> "Curve":
        """The highest value of the last `seconds`, to the nearest frame: peaks are held."""
        back = round(self._frames(seconds))
        padded = np.pad(self.values, (back, 0), constant_values=-np.inf)
        return self._with(np.lib.stride_tricks.sliding_window_view(padded, back + 1).max(1))

    def attack_release(self, attack: float, release: float, *, hold: float = 0.0) -> "Curve":
        """An envelope follower: rises with time constant `attack`, holds peaks, falls with `release`; all in seconds.

        `hold` is the time for which a peak is held before it falls.

        Examples
        --------
        >>> pumped = song.low.attack_release(0.05, 0.4, hold=0.1)
        """
        rise, fall = (np.exp(-1 / n) if (n := self._frames(s)) else 0.0 for s in (attack, release))
        out = np.empty_like(self.values)
        level = self.values[0]
        for k, target in enumerate(self.peak(hold).values):
            keep = rise if target > level else fall
            level = out[k] = target + keep * (level - target)
        return self._with(out)

    def delay(self, seconds: float) -> "Curve":
        """The curve moved later (earlier if negative), to the fraction of a frame; the first value fills the gap."""
        k = np.arange(len(self))
        return self._with(np.interp(k - float(seconds * self.clock.fps), k, self.values))

    def gate(self, threshold: float, *, softness: float = 0.1) -> "Curve":
        """What lies above the threshold passes, what lies below fades to 0 over `softness`, without a jump."""
        if softness <= 0:
            raise ScheduleError(f"gate softness {softness}: expected above 0")
        u = np.clip((self.values - threshold) / softness + 0.5, 0, 1)
        return self._with(self.values * easing("smooth")(u))

    def remap(self, low: float, high: float, *, source: tuple[float, float] = (0.0, 1.0)) -> "Curve":
        """Straight line that takes the range `source` to [low, high]; values outside it go on outside."""
        if source[0] == source[1]:
            raise ScheduleError(f"remap from an empty range {source}")
        return self._with(low + (self.values - source[0]) * (high - low) / (source[1] - source[0]))

    def clip(self, low: float, high: float) -> "Curve":
        """Values held inside [low, high]."""
        return self._with(np.clip(self.values, low, high))

    def ease(self, name: str = "smooth") -> "Curve":
        """Values of 0..1 bent by an easing; those outside are held at its ends."""
        return self._with(easing(name)(np.clip(self.values, 0, 1)))

    def quantize(self, levels: int) -> "Curve":
        """Values of 0..1 in that many equal steps, both ends included."""
        if levels < 2:
            raise ScheduleError(f"quantize to {levels} levels: expected at least 2")
        return self._with(np.round(self.values * (levels - 1)) / (levels - 1))

    def normalize(self, *, seconds: float | None = None) -> "Curve":
        """Scaled so that the quiet lies at 0 and the loud at 1, robustly: one loud hit does not flatten the song.

        The range is the 5th to the 98th percentile, and values are cut at its ends. With `seconds`, the loud end
        follows the loudest of that window, so that a quiet part of the song is lifted too, at most eightfold.
        A curve without variation becomes zeros.
        """
        low, high = np.percentile(self.values, (5, 98))
        high = high if high > low else self.values.max()
        if high - low <= 1e-12 * max(1.0, abs(high)):
            return self._with(np.zeros(len(self)))
        scaled = np.clip((self.values - low) / (high - low), 0, 1)
        if seconds is not None:
            from scipy.ndimage import gaussian_filter1d, maximum_filter1d

            width = max(1, round(self._frames(seconds)))
            loudest = gaussian_filter1d(maximum_filter1d(scaled, width), width / 4, mode="nearest")
            scaled = np.clip(scaled / np.maximum(loudest, 1 / 8), 0, 1)
        return self._with(scaled)

    def accumulate(self) -> "Curve":
        """Running sum scaled to end at 1: a pace for travel, quick where the curve is high; straight for zeros."""
        total = np.cumsum(np.maximum(self.values, 0))
        return self._with(total / total[-1] if total[-1] > 0 else np.linspace(0, 1, len(self)))


def _smooth(u: np.ndarray) -> np.ndarray:
    return u * u * (3 - 2 * u)


def _exact_at_the_ends(bend: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """The library's bounces begin at 0.003, and keys are passed through exactly here."""
    return lambda u: np.where(u <= 0, 0.0, np.where(u >= 1, 1.0, bend(u)))


_LOGIC = (np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.invert)  # of what compares: `(low > 0.5) & (high > 0.3)`
EASINGS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "linear": lambda u: u,
    "hold": lambda u: np.zeros_like(u),
    "smooth": _smooth,
    "late": lambda u: _smooth(np.clip(u * 2.5 - 1.5, 0, 1)),
} | {
    way + name: _exact_at_the_ends(np.vectorize(getattr(pytweening, f"ease{bend}{kind}"), otypes=[float]))
    for way, bend in (("in", "In"), ("out", "Out"), ("in_out", "InOut"))
    for name, kind in (
        ("", "Quad"),
        ("_sine", "Sine"),
        ("_cubic", "Cubic"),
        ("_quart", "Quart"),
        ("_quint", "Quint"),
        ("_expo", "Expo"),
        ("_circ", "Circ"),
        ("_back", "Back"),
        ("_elastic", "Elastic"),
        ("_bounce", "Bounce"),
    )
}
