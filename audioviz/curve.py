"""Curve: what a schedule computes with, a float array (T,) that knows its clock."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import pytweening
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import ArrayLike

from audioviz.clock import Clock
from audioviz.errors import ScheduleError, nearest, no_attribute, to_number

if TYPE_CHECKING:
    from PIL.Image import Image


def easing(name: str) -> Callable[[np.ndarray], np.ndarray]:
    """The function of that name from progress 0..1, float (n,), to weight, float (n,).

    `hold` keeps the old value until the next key; `late` moves in the last two fifths of the way; `in` starts slowly,
    `out` ends slowly, and each kind of them (`in_sine`, `out_bounce`, `in_out_expo` ...) is the usual one of that name;
    those of `back` and `elastic` overshoot.

    Source
    ------
    Penner, Programming Macromedia Flash MX, 2002, through pytweening.
    """
    if not isinstance(name, str) or name not in EASINGS:
        raise ScheduleError(f"unknown easing {name!r:.60}{nearest(name, EASINGS)}: use one of {', '.join(EASINGS)}")
    return EASINGS[name]


@dataclass(frozen=True, eq=False, init=False)
class Curve(NDArrayOperatorsMixin):
    """One value a frame. Arithmetic and numpy functions work on it; methods speak in seconds.

    It has `min`, `max`, `mean`, `std`, `sum`, `argmax`, `any`, `all`, `round`, `shape`, `tolist` and their like as an
    array has them; and like an array it is neither true nor false. Where Python has `if`, write `av.curves.where`;
    where it has `and`, `or`, `not`: `&`, `|`, `~`; where it has `max` and `min`: `np.maximum` and `np.minimum`.

    Parameters
    ----------
    values : float, shape (T,)
        Finite. A scalar is repeated for every frame.
    clock : Clock
        Holds T and fps.

    Raises
    ------
    ScheduleError
        If the length is not T, a value is no finite number, two curves of different clocks meet, or one stands where
        a single value is wanted.

    Examples
    --------
    >>> pulse = av.curves.where((song.low > 0.3) & ~(song.high > 0.8), np.maximum(song.low, song.onset), 0.1)
    """

    values: np.ndarray
    clock: Clock

    def __init__(self, values: ArrayLike, clock: Clock) -> None:
        if not isinstance(clock, Clock):
            raise ScheduleError(f"clock {clock!r:.60}: expected that of a song, clock=song.clock")
        series = np.array(np.broadcast_to(to_numbers("curve", values, clock), (clock.frames,)))
        if not np.isfinite(series).all():
            raise ScheduleError(f"curve is not finite at frame {int(np.argmin(np.isfinite(series)))}")
        series.setflags(write=False)
        object.__setattr__(self, "values", series)
        object.__setattr__(self, "clock", clock)

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.array(self.values, dtype=dtype) if copy else np.asarray(self.values, dtype=dtype)

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        others = [other for other in inputs if not isinstance(other, Curve)]
        plain = [self._plain(i) for i in inputs]
        if ufunc in _LOGIC:
            plain = [np.asarray(i) != 0 for i in plain]
        if any(isinstance(out, Curve) for out in options.get("out", ())):
            del options["out"]  # `curve += 1` makes a new curve
        options = {
            name: option.values != 0 if isinstance(option, Curve) else option for name, option in options.items()
        }
        try:
            return self._like(getattr(ufunc, method)(*plain, **options))
        except (TypeError, ValueError) as error:
            if method != "__call__" or not others:
                raise
            raise ScheduleError(
                f"{ufunc.__name__} of a curve and {others[0]!r:.60}: expected a number, a curve, or one value for each "
                f"of {len(self)} frames"
            ) from error

    def __array_function__(self, function, types, args, kwargs):
        """What `np.clip`, `np.where`, `np.interp` and their like compute for each frame is a curve again."""
        plain = {name: self._plain(value) for name, value in kwargs.items()}
        found = function(*self._plain(args), **plain)
        numbers = isinstance(found, np.ndarray) and found.dtype.kind == "f" and np.isfinite(found).all()
        return self._like(found) if numbers else found  # places, such as those of np.argsort, stay an array

    def __getattr__(self, name: str) -> Any:
        if name not in _OF_ARRAYS:
            raise no_attribute("a curve has", name, dir(self))
        found = getattr(self.values, name)
        return (lambda *values, **options: self._like(found(*values, **options))) if callable(found) else found

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *_OF_ARRAYS]

    def __bool__(self) -> NoReturn:
        raise ScheduleError(
            "a curve has a value for each frame, and is neither true nor false: in place of `if` write "
            "av.curves.where(song.low > 0.5, 0.9, 0.3); of `and`, `or`, `not`: &, |, ~; of `max`, `min`: np.maximum, "
            "np.minimum; of `0.2 < x < 0.5`: (x > 0.2) & (x < 0.5); or ask curve.any(), curve.all(), curve.max()"
        )

    def __float__(self) -> NoReturn:
        raise ScheduleError(
            "a curve has a value for each frame, and is not one number: ask it for curve.mean(), curve.max() or "
            "curve[frame], or use numpy's function for all of them, such as np.sqrt, np.floor, np.round"
        )

    __int__ = __complex__ = __index__ = __trunc__ = __float__

    def __round__(self, digits: int = 0) -> "Curve":
        return self.round(digits)

    def __len__(self) -> int:
        return self.clock.frames

    def __iter__(self) -> Iterator[np.float64]:
        return iter(self.values)

    def __getitem__(self, index):
        return self.values[index.values != 0 if isinstance(index, Curve) else to_index("curve", index)]

    def __setitem__(self, index, value) -> NoReturn:
        raise ScheduleError(
            "a curve does not change: make a new one, such as av.curves.where(song.silence, 0.0, curve), or change "
            "np.array(curve)"
        )

    def __repr__(self) -> str:
        low, mean, high = self.values.min(), self.values.mean(), self.values.max()
        return f"Curve({len(self)} frames at {self.clock.fps} fps: {low:.3g} .. {high:.3g}, mean {mean:.3g})"

    def plot(self, path: str | Path | None = None) -> "Image":
        """A picture of the curve over time, which a notebook shows; with a path, in a file too."""
        from audioviz.figures import draw_rows, picture_or_file

        return picture_or_file(draw_rows({"": self.values}, self.clock), path)

    def _with(self, values: np.ndarray) -> "Curve":
        return Curve(values, self.clock)

    def _plain(self, argument: Any) -> Any:
        """An argument of a numpy function with arrays in place of curves."""
        if isinstance(argument, (list, tuple)):
            return type(argument)(map(self._plain, argument))
        if not isinstance(argument, Curve):
            return argument
        if argument.clock != self.clock:
            raise ScheduleError(f"curves of different clocks: {self.clock} and {argument.clock}")
        return argument.values

    def _like(self, found: Any) -> Any:
        """What numpy found, as a curve if it has a value for each frame; each of several, such as those of divmod."""
        if isinstance(found, tuple):
            return tuple(map(self._like, found))
        return self._with(found) if isinstance(found, np.ndarray) and found.shape == self.values.shape else found

    def _frames(self, what: str, seconds: float) -> float:
        return float(to_number(f"{what}: seconds", seconds, low=0) * self.clock.fps)

    def smooth(self, seconds: float) -> "Curve":
        """Gaussian blur over about `seconds` (two standard deviations); the ends are repeated."""
        from scipy.ndimage import gaussian_filter1d  # here, so that curves without filters need no scipy

        sigma = self._frames("smooth", seconds) / 2
        return self._with(gaussian_filter1d(self.values, sigma, mode="nearest")) if sigma else self

    def decay(self, seconds: float) -> "Curve":
        """Peaks fall away exponentially instead of at once: to 1/e after `seconds`."""
        return self.attack_release(0.0, seconds)

    def anticipate(self, seconds: float) -> "Curve":
        """Peaks are announced: the curve rises exponentially towards each, from 1/e `seconds` before it."""
        return self._with(self._with(self.values[::-1]).decay(seconds).values[::-1])

    def peak(self, seconds: float) -> "Curve":
        """The highest value of the last `seconds`, to the nearest frame: peaks are held."""
        back = round(self._frames("peak", seconds))
        padded = np.pad(self.values, (back, 0), constant_values=-np.inf)
        return self._with(np.lib.stride_tricks.sliding_window_view(padded, back + 1).max(1))

    def attack_release(self, attack: float, release: float, *, hold: float = 0.0) -> "Curve":
        """An envelope follower: rises with time constant `attack`, holds peaks, falls with `release`; all in seconds.

        `hold` is the time for which a peak is held before it falls.

        Examples
        --------
        >>> pumped = song.low.attack_release(0.05, 0.4, hold=0.1)
        """
        frames = (self._frames(what, s) for what, s in (("attack", attack), ("release", release)))
        rise, fall = (np.exp(-1 / n) if n else 0.0 for n in frames)
        out = np.empty_like(self.values)
        level = self.values[0]
        for k, target in enumerate(self.peak(hold).values):
            keep = rise if target > level else fall
            level = out[k] = target + keep * (level - target)
        return self._with(out)

    def delay(self, seconds: float) -> "Curve":
        """The curve moved later (earlier if negative), to the fraction of a frame; the first value fills the gap."""
        k = np.arange(len(self))
        later = float(to_number("delay: seconds", seconds) * self.clock.fps)
        return self._with(np.interp(k - later, k, self.values))

    def gate(self, threshold: float, *, softness: float = 0.1) -> "Curve":
        """What lies above the threshold passes, what lies below fades to 0 over `softness`, without a jump."""
        above = self - to_numbers("gate: threshold", threshold, self.clock)
        u = np.clip(above.values / to_number("gate: softness", softness, above=0) + 0.5, 0, 1)
        return self._with(self.values * easing("smooth")(u))

    def remap(self, low: float, high: float, *, source: tuple[float, float] = (0.0, 1.0)) -> "Curve":
        """Straight line that takes the range `source` to [low, high]; values outside it go on outside."""
        bottom, top = (to_numbers(f"remap: {what}", v, self.clock) for what, v in (("low", low), ("high", high)))
        ends = to_numbers("remap: source", source)
        if ends.shape != (2,) or ends[0] == ends[1]:
            raise ScheduleError(f"remap: source {source!r:.60}: expected two different numbers, not an empty range")
        return self._with(bottom + (self.values - ends[0]) * (top - bottom) / (ends[1] - ends[0]))

    def clip(self, low: float, high: float) -> "Curve":
        """Values held inside [low, high]."""
        ends = (to_numbers(f"clip: {what}", v, self.clock) for what, v in (("low", low), ("high", high)))
        return self._with(np.clip(self.values, *ends))

    def ease(self, name: str = "smooth") -> "Curve":
        """Values of 0..1 bent by an easing; those outside are held at its ends."""
        return self._with(easing(name)(np.clip(self.values, 0, 1)))

    def quantize(self, levels: int) -> "Curve":
        """Values of 0..1 in that many equal steps, both ends included."""
        steps = to_number("quantize: levels", levels, low=2, whole=True) - 1
        return self._with(np.round(self.values * steps) / steps)

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

            width = max(1, round(self._frames("normalize", seconds)))
            loudest = gaussian_filter1d(maximum_filter1d(scaled, width), width / 4, mode="nearest")
            scaled = np.clip(scaled / np.maximum(loudest, 1 / 8), 0, 1)
        return self._with(scaled)

    def accumulate(self) -> "Curve":
        """Running sum scaled to end at 1: a pace for travel, quick where the curve is high; straight for zeros."""
        total = np.cumsum(np.maximum(self.values, 0))
        return self._with(total / total[-1] if total[-1] > 0 else np.linspace(0, 1, len(self)))


def to_index(what: str, index: Any) -> Any:
    """What chooses among entries: a whole number, a slice, or an array of whole numbers or of true and false.

    Raises
    ------
    ScheduleError
        If it is none of these.
    """
    if isinstance(index, (Integral, slice)):
        return index
    chosen = np.asarray(index)
    if chosen.size and chosen.dtype.kind not in "iub":
        raise ScheduleError(
            f"{what}[{index!r:.60}]: expected a whole number, a slice such as [::4], a comparison, or whole numbers"
        )
    return chosen if chosen.size else chosen.astype(int)


def to_numbers(what: str, values: ArrayLike, clock: Clock | None = None) -> np.ndarray:
    """Numbers as floats: of any shape, or one or as many as the clock has frames.

    Raises
    ------
    ScheduleError
        If they are none; the message begins with `what`.
    """
    if hasattr(values, "frames"):  # of events and sections
        raise ScheduleError(
            f"{what}: expected numbers, not {values!r:.60}: these are moments; write av.curves.at(song.beats, 1.0) for "
            "their values, section.inside for the frames of a section"
        )
    try:
        found = np.asarray(values, float)
    except (TypeError, ValueError, OverflowError) as error:
        raise ScheduleError(f"{what}: expected numbers, not {values!r:.60}") from error
    if clock is not None and found.shape not in ((), (1,), (clock.frames,)):
        raise ScheduleError(f"{what} of shape {found.shape}: expected one value for each of {clock.frames} frames")
    return found


def _smooth(u: np.ndarray) -> np.ndarray:
    return u * u * (3 - 2 * u)


def _exact_at_the_ends(bend: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """The library's bounces begin at 0.003, and keys are passed through exactly here."""
    return lambda u: np.where(u <= 0, 0.0, np.where(u >= 1, 1.0, bend(u)))


_OF_ARRAYS = (
    *("all", "any", "argmax", "argmin", "astype", "copy", "cumprod", "cumsum", "dtype", "max", "mean", "min", "ndim"),
    *("prod", "round", "shape", "size", "std", "sum", "tolist", "var"),
)
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
