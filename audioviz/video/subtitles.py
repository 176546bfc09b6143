"""Where and when lines of words stand in a picture: none over another, none moves while it is read."""

from collections.abc import Sequence
from typing import Protocol

_QUICK = 0.12  # seconds in which a line goes and the next one comes, if there is no time
_TOUCHING = 0.1  # seconds that a line may reach into the next one and still be before it


class Timed(Protocol):
    """When a line is sung from and to, and when the voice comes to which character of it; seconds."""

    @property
    def start(self) -> float: ...
    @property
    def end(self) -> float: ...
    @property
    def marks(self) -> tuple[tuple[int, float], ...]: ...


def tops_of_lines(
    lines: Sequence[Timed], heights: Sequence[float], bases: Sequence[float], *, upwards: bool, gap: float
) -> list[float]:
    """The upper edge of each line; of those that are sung together, one that begins later gives way.

    Parameters
    ----------
    lines : sequence of Timed
        In order of their beginnings.
    heights, bases : pixels
        Of each line, and its upper edge where it has the picture for itself.
    upwards : bool
        Lines give way to above; else to below.
    gap : pixels between two lines
    """
    tops: dict[int, float] = {}
    sung: list[int] = []  # that may still be sung
    for index in sorted(range(len(lines)), key=lambda i: (lines[i].start, -i if upwards else i)):
        top, height = bases[index], heights[index]
        sung = [other for other in sung if lines[index].start < lines[other].end - _TOUCHING]
        beside = [other for other in sung if _together(lines[index], lines[other])]
        for other in sorted(beside, key=tops.__getitem__, reverse=upwards):
            if _overlap(top, height, tops[other], heights[other]):
                top = tops[other] - gap - height if upwards else tops[other] + heights[other] + gap
        tops[index] = top
        sung.append(index)
    return [tops[index] for index in range(len(lines))]


def times_of_lines(
    lines: Sequence[Timed], tops: Sequence[float], heights: Sequence[float], *, fade: float
) -> list[tuple[float, float, float, float]]:
    """When each line begins to appear, is there, begins to go, and is gone; seconds. Lines are as for tops_of_lines.

    A line is there when it is sung. Where another one follows in its place, it is gone before that appears: a fade is
    shared by both, and ends when the next one is sung; it is short where the last word is sung until then.
    """
    comes, goes = [fade] * len(lines), []
    for index, line in enumerate(lines):
        place = (tops[index], heights[index])
        following = next(
            (
                other
                for other in range(index + 1, len(lines))
                if lines[other].start > line.start
                and not _together(line, lines[other])
                and _overlap(*place, tops[other], heights[other])
            ),
            None,
        )
        goes.append((line.end, line.end + fade))
        if following is not None:
            start = lines[following].start
            sung = line.marks[-1][1] if line.marks else line.start
            length = min(fade, max(fade, start - line.end) / 2, max(_QUICK, start - sung) / 2, (start - line.start) / 2)
            begin = min(line.end, start - 2 * length)
            goes[index] = (begin, begin + length)
            comes[following] = min(comes[following], length)
    return [(line.start - come, line.start, *go) for line, come, go in zip(lines, comes, goes, strict=True)]


def _together(one: Timed, other: Timed) -> bool:
    return one.start < other.end - _TOUCHING and other.start < one.end - _TOUCHING


def _overlap(top: float, height: float, other_top: float, other_height: float) -> bool:
    return top < other_top + other_height and other_top < top + height
