"""Photosensitive epilepsy: flashes in a stream of pictures by WCAG 2.3.1, measured, and held below its limit.

A general flash is a pair of opposing changes in relative luminance by a tenth of the most or more, where the darker
picture is below 0.8; a red flash one that involves a saturated red. More than three in a second, over a quarter of the
picture, are too many.

Source: WCAG 2.2, success criterion 2.3.1 and its definition of the thresholds; the quarter of the picture is that of
ITU-R BT.1702.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from fractions import Fraction

import numpy as np
from PIL import Image

from audioviz.colours import LUMA

KINDS = ("general", "red")
CELLS = 32  # across the shorter side: finer detail is no flash
MOST_CHANGES = 6  # in a second: three flashes, each of which is a pair
AREA = 0.25
_LUMINANCE, _RED = 0.1, 20 / 320  # changes that count
_BRIGHT, _SATURATED = 0.8, 0.8
_SIZES = (0.9, 0.95, 1.0, 1.05)  # what the guard takes for a change that counts: an encoded picture differs a little
_GUARDED_AREA = 0.9 * AREA
_SIXTEENTHS = (12, 8, 6, 4, 3, 2, 1, 0)  # of a picture, that are let through where it is too much
_level = np.arange(256) / 255
_LINEAR = np.where(_level <= 0.04045, _level / 12.92, ((_level + 0.055) / 1.055) ** 2.4).astype(np.float32)
_WEIGHTS = np.array(LUMA, np.float32)


@dataclass(frozen=True)
class Flashing:
    """A time in which there are too many flashes: seconds, and the kind, general or red."""

    start: float
    end: float
    kind: str


@dataclass(frozen=True, eq=False)
class _Swings:
    """How each cell has swung, by S sizes of what counts as a change; shape (S, 2, H, W), of luminance and red."""

    way: np.ndarray  # int8: 1 after a rise, -1 after a fall, 0 before the first change
    low: np.ndarray  # float32, since the last rise
    high: np.ndarray  # float32, since the last fall
    low_counts: np.ndarray  # bool: whether a change from there counts whatever it leads to
    high_counts: np.ndarray
    changes: np.ndarray  # bool, shape (n, S, 2, H, W), in the last n frames, a ring

    def after(self, cells: np.ndarray, frame: int, sizes: Sequence[float]) -> "_Swings":
        """The same one frame later; changes count from these parts of what the standard says on."""
        values, counts = _measures(cells)
        least = np.outer(sizes, [_LUMINANCE, _RED]).astype(np.float32)[..., None, None]
        rises = (self.way != 1) & (values - self.low >= least)
        falls = (self.way != -1) & (self.high - values >= least)
        lower, higher = falls | (values < self.low), rises | (values > self.high)
        changes = self.changes.copy()
        changes[frame % len(changes)] = (rises & (self.low_counts | counts)) | (falls & (self.high_counts | counts))
        return _Swings(
            way=np.where(rises, 1, np.where(falls, -1, self.way)).astype(np.int8),
            low=np.where(lower, values, self.low),
            high=np.where(higher, values, self.high),
            low_counts=np.where(lower, counts, self.low_counts),
            high_counts=np.where(higher, counts, self.high_counts),
            changes=changes,
        )

    def area(self, most: int, frames: np.ndarray | slice = slice(None)) -> np.ndarray:
        """The part of the picture that has more changes than `most`, of any size, in some of the last frames.

        Returns
        -------
        float, shape (2,), of luminance and of red.
        """
        return (self.changes[frames].sum(axis=0) > most).any(axis=0).mean(axis=(1, 2))


def _measures(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Luminance and redness of cells, shape (2, H, W), and whether a change from or to them counts."""
    linear = _LINEAR[cells]
    luminance, (red, green, blue) = linear @ _WEIGHTS, np.moveaxis(linear, -1, 0)
    saturated = red >= _SATURATED * np.maximum(red + green + blue, 1e-6)
    return np.stack([luminance, np.maximum(red - green - blue, 0)]), np.stack([luminance < _BRIGHT, saturated])


def _first(cells: np.ndarray, frames: int, sizes: Sequence[float]) -> _Swings:
    values, counts = (np.stack([of_one] * len(sizes)) for of_one in _measures(cells))
    still = np.zeros((frames, *values.shape), bool)
    return _Swings(still[0].astype(np.int8), values, values, counts, counts, still)


def to_cells(picture: np.ndarray) -> np.ndarray:
    """The mean colours of square cells: uint8, shape (H, W, 3), as the picture is."""
    height, width = picture.shape[:2]
    side = max(1.0, min(height, width) / CELLS)
    size = (max(1, round(width / side)), max(1, round(height / side)))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))


class FlashMeter:
    """Finds the times of too many flashes in pictures that it is shown one after the other.

    Parameters
    ----------
    fps : Fraction
    """

    def __init__(self, fps: Fraction):
        self._fps = fps
        self._swings: _Swings | None = None
        self._frame = 0
        self._found: list[Flashing] = []

    def see(self, picture: np.ndarray) -> None:
        """Take in the next picture: uint8, shape (H, W, 3)."""
        cells, frames = to_cells(picture), math.ceil(self._fps)
        swings = self._swings or _first(cells, frames, (1.0,))
        self._swings = swings.after(cells, self._frame, (1.0,))
        begin, end = (float(frame / self._fps) for frame in (max(0, self._frame - frames + 1), self._frame + 1))
        for kind, area in zip(KINDS, self._swings.area(MOST_CHANGES)):
            if area >= AREA:
                self._add(Flashing(begin, end, kind))
        self._frame += 1

    def _add(self, new: Flashing) -> None:
        last = next(
            (index for index, old in enumerate(self._found) if old.kind == new.kind and old.end >= new.start), None
        )
        if last is None:
            self._found.append(new)
        else:
            self._found[last] = replace(self._found[last], end=new.end)

    def watch(self, pictures: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """The same pictures, seen on their way."""
        for picture in pictures:
            self.see(picture)
            yield picture

    @property
    def found(self) -> list[Flashing]:
        """The times so far, in order."""
        return sorted(self._found, key=lambda flashing: flashing.start)


class FlashGuard:
    """Holds a stream of pictures below the limit: where one would pass it, only a part of the change is let through.

    A picture that is harmless is given back as it is. After the limit was near, changes are let through in even steps,
    until a second was harmless.

    Parameters
    ----------
    fps : Fraction
    """

    def __init__(self, fps: Fraction):
        self._frames = math.ceil(fps)
        self._pause = math.ceil(self._frames / MOST_CHANGES)
        self._swings: _Swings | None = None
        self._before = np.empty(0, np.uint8)
        self._frame = 0
        self._alert = 0  # frames for which it still is

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """The picture, or one between the last and it: uint8, shape (H, W, 3)."""
        if self._swings is None:
            self._swings = _first(to_cells(picture), self._frames, _SIZES)
        out, swings = picture, self._swings.after(to_cells(picture), self._frame, _SIZES)
        for sixteenths in _SIXTEENTHS:
            if not self._passes(swings):
                break
            out = _between(self._before, picture, sixteenths)
            swings = self._swings.after(to_cells(out), self._frame, _SIZES)
        self._alert = self._frames if out is not picture else max(0, self._alert - 1)
        self._swings, self._before, self._frame = swings, out, self._frame + 1
        return out

    def _passes(self, swings: _Swings) -> bool:
        """Whether a picture would pass the limit, or come too soon after a change while pictures are held back."""
        if (swings.area(MOST_CHANGES) >= _GUARDED_AREA).any():
            return True
        recent = (self._frame - np.arange(self._pause)) % self._frames
        new = swings.area(0, recent[:1]) >= _GUARDED_AREA
        return self._alert > 0 and bool((new & (swings.area(1, recent) >= _GUARDED_AREA)).any())

    @property
    def state(self) -> dict[str, np.ndarray]:
        """What the next picture depends on: arrays, empty before the first picture."""
        if self._swings is None:
            return {}
        counts = np.array([self._frame, self._alert])
        return {field.name: getattr(self._swings, field.name) for field in fields(_Swings)} | {
            "before": self._before,
            "counts": counts,
        }

    @state.setter
    def state(self, state: dict[str, np.ndarray]) -> None:
        if state:
            self._swings = _Swings(**{field.name: state[field.name] for field in fields(_Swings)})
            self._before = state["before"]
            self._frame, self._alert = map(int, state["counts"])


def _between(before: np.ndarray, after: np.ndarray, sixteenths: int) -> np.ndarray:
    return ((before * np.uint16(16 - sixteenths) + after * np.uint16(sixteenths) + np.uint16(8)) >> 4).astype(np.uint8)
