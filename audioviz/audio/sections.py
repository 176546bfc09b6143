"""The sections of a song as a schedule uses them: in order, by label, the loudest, the quietest."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import overload

import numpy as np

from audioviz.clock import Clock
from audioviz.curve import Curve


@dataclass(frozen=True)
class Section:
    """A part of a song.

    Parameters
    ----------
    start, end : float
        Seconds.
    label : str
        `A` for the first kind of part that is heard, `B` for the second ...
    frames : range
        Those that begin in it; empty for a part that is shorter than a frame.
    energy : float in [0, 1]
        Mean of the song's `rms` over its frames.
    clock : Clock
    """

    start: float
    end: float
    label: str
    frames: range
    energy: float
    clock: Clock

    @property
    def inside(self) -> Curve:
        """1 in the frames of the section, 0 elsewhere."""
        k = np.arange(self.clock.frames)
        return Curve((k >= self.frames.start) & (k < self.frames.stop), self.clock)


@dataclass(frozen=True)
class Sections:
    """All parts of a song in order: a sequence. `sections["A"]` are those of that label."""

    parts: tuple[Section, ...]

    @classmethod
    def at(cls, starts: np.ndarray, kinds: np.ndarray, *, duration: float, rms: Curve) -> "Sections":
        """Sections that begin at these seconds; kinds are numbers from 0."""
        clock = rms.clock
        bounds = np.clip(np.round(np.append(starts, duration) * float(clock.fps)).astype(int), 0, clock.frames).tolist()
        ends = [*starts[1:].tolist(), float(duration)]
        energies = [float(rms.values[first:last].mean()) if last > first else 0.0 for first, last in pairwise(bounds)]
        rows = zip(starts.tolist(), ends, kinds.tolist(), pairwise(bounds), energies)
        return cls(
            tuple(
                Section(start, end, _letter(kind), range(*frames), energy, clock)
                for start, end, kind, frames, energy in rows
            )
        )

    def __len__(self) -> int:
        return len(self.parts)

    def __iter__(self) -> Iterator[Section]:
        return iter(self.parts)

    @overload
    def __getitem__(self, index: int) -> Section: ...
    @overload
    def __getitem__(self, index: slice | str) -> "Sections": ...
    def __getitem__(self, index: "int | slice | str") -> "Section | Sections":
        """One section for an int; Sections for a slice or a label."""
        if isinstance(index, str):
            return Sections(tuple(part for part in self.parts if part.label == index))
        return Sections(self.parts[index]) if isinstance(index, slice) else self.parts[index]

    @property
    def labels(self) -> tuple[str, ...]:
        """Each label once, in the order that they are first heard."""
        return tuple(dict.fromkeys(part.label for part in self.parts))

    @property
    def loudest(self) -> Section:
        """The section of the highest energy: the drop."""
        return max(self.parts, key=lambda part: part.energy)

    @property
    def quietest(self) -> Section:
        """The section of the lowest energy: the break."""
        return min(self.parts, key=lambda part: part.energy)


def _letter(kind: int) -> str:
    """A to Z, then A1 to Z1 ..."""
    return chr(ord("A") + kind % 26) + (str(kind // 26) if kind >= 26 else "")
