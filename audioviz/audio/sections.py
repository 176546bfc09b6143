"""The sections of a song as a schedule uses them: in order, by label, the loudest, the quietest."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from numbers import Integral
from typing import NoReturn, overload

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from audioviz.clock import Clock
from audioviz.curve import Curve
from audioviz.errors import InputError, ScheduleError, nearest, no_attribute


class _Parts(NDArrayOperatorsMixin):
    """What is equal to its like, and has neither arithmetic nor an order."""

    def __array_ufunc__(self, ufunc, method, *inputs, **options) -> NoReturn:
        raise ScheduleError(
            f"sections take no {ufunc.__name__}: they are parts of the song, not numbers; compare section.label or "
            "section.energy, or compute with section.inside, a curve that is 1 in its frames"
        )

    def __eq__(self, other: object) -> bool:
        if other is not None and not isinstance(other, _Parts):
            return super().__eq__(other)  # which says that sections take none
        return type(self) is type(other) and vars(self) == vars(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(tuple(vars(self).values()))

    def __getattr__(self, name: str) -> NoReturn:
        raise no_attribute(f"{type(self).__name__} has", name, dir(self))


@dataclass(frozen=True, eq=False)
class Section(_Parts):
    """A part of a song.

    Parameters
    ----------
    start, end : float
        Seconds.
    label : str
        `A` for the first kind of part that is heard, `B` for the second ...
    frames : range
        From the one nearest to its start on; empty for a part that is shorter than a frame.
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

    def __repr__(self) -> str:
        return f"Section({self.label}: {self.start:.2f} to {self.end:.2f} s, energy {self.energy:.2f})"

    @property
    def inside(self) -> Curve:
        """1 in the frames of the section, 0 elsewhere."""
        k = np.arange(self.clock.frames)
        return Curve((k >= self.frames.start) & (k < self.frames.stop), self.clock)


@dataclass(frozen=True, eq=False)
class Sections(_Parts):
    """All parts of a song in order: a sequence. `sections["A"]` are those of that label; `"A" in sections` asks first.

    Raises
    ------
    InputError
        If there is none of a label.
    """

    parts: tuple[Section, ...]

    @classmethod
    def at(cls, starts: np.ndarray, kinds: np.ndarray, *, duration: float, rms: Curve) -> "Sections":
        """Sections that begin at these seconds; kinds are numbers from 0."""
        clock = rms.clock
        with_end = replace(clock, frames=clock.frames + 1)  # as events, so that a beat on a bound lies in the later one
        bounds = with_end.seconds_to_frame(np.append(starts, duration)).tolist()
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

    def __contains__(self, part: object) -> bool:
        return part in (self.labels if isinstance(part, str) else self.parts)

    def __repr__(self) -> str:
        some = ", ".join(f"{part.label} from {part.start:.2f} s" for part in self.parts[:8])
        return f"Sections({some}{', ...' if len(self) > 8 else ''})"

    @overload
    def __getitem__(self, index: int) -> Section: ...
    @overload
    def __getitem__(self, index: slice | str) -> "Sections": ...
    def __getitem__(self, index: "int | slice | str") -> "Section | Sections":
        """One section for an int; Sections for a slice or a label."""
        if isinstance(index, str):
            if index not in self.labels:
                raise InputError(
                    f"no section {index!r}{nearest(index, self.labels)}: the song has {', '.join(self.labels)}"
                )
            return Sections(tuple(part for part in self.parts if part.label == index))
        if not isinstance(index, (Integral, slice)):
            raise InputError(f"sections[{index!r:.60}]: expected a number, a slice, or one of {', '.join(self.labels)}")
        return Sections(self.parts[index]) if isinstance(index, slice) else self.parts[index]

    @property
    def inside(self) -> Curve:
        """1 in the frames of these sections, 0 elsewhere."""
        if not self.parts:
            raise InputError("sections: there are none here to be inside of")
        return Curve(np.any([part.inside for part in self.parts], axis=0), self.parts[0].clock)

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
