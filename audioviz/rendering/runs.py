"""Runs: stretches of frames that need none before them, and which frames of several are sampled in one batch."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from functools import cached_property
from itertools import islice, pairwise

import numpy as np

from audioviz.digests import json_digest
from audioviz.rendering.frame_table import FrameTable

AHEAD_BYTES = 256 * 2**20  # of the latents of frames that are sampled while some before them are not


@dataclass(frozen=True)
class Place:
    """Where a frame stands among those that are sampled with it: the last bits of its latent may depend on that."""

    row: int  # of the batch
    rows: int  # that the batch has


@dataclass(frozen=True)
class BatchPlan:
    """Which frames of a render are sampled together: one of each of the first `batch` runs that are not done.

    Parameters
    ----------
    runs : tuple of range
        All frames in order, cut before each that needs none before it.
    batch : int >= 1
        The most that are sampled together.
    window : int
        None is so many frames or more after the first that is not done, so that memory holds those that wait.
    """

    runs: tuple[range, ...]
    batch: int
    window: int

    @classmethod
    def of(cls, table: FrameTable, *, batch: int, latent_bytes: int, redraws: bool = False) -> "BatchPlan":
        """The plan for the rows of a table, whose latents take so many bytes; the rest as for `runs_of`."""
        return cls(tuple(runs_of(table, redraws=redraws)), batch, max(batch, AHEAD_BYTES // latent_bytes))

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """The place of each frame: rows in the order of frames, in a batch of a power of two of them, or of all."""
        places: dict[int, Place] = {}
        for frames in _batches(self.runs, self.batch, self.window):
            rows = min(self.batch, 1 << (len(frames) - 1).bit_length())
            places |= {frame: Place(row, rows) for row, frame in enumerate(frames)}
        return tuple(places[frame] for frame in sorted(places))

    @property
    def together(self) -> float:
        """How many frames are sampled together, on average."""
        return len(self.places) / sum(1 for _ in self.after(0))

    @property
    def caution(self) -> str | None:
        """What is said where there are fewer runs than could be sampled together."""
        if len(self.runs) >= self.batch:
            return None
        few = f"the frames make {len(self.runs)} runs, so {len(self.runs)} at most are sampled together"
        if len(self.runs) == 1:
            few = "no frame but the first is drawn without the one before, so they are sampled one by one"
        return f"batch {self.batch}: {few}; a run begins where denoise and interp are 1: --shots puts some"

    def run_of(self, frame: int) -> range:
        """The run that a frame belongs to."""
        return self.runs[bisect_right(self.runs, frame, key=lambda run: run.start) - 1]

    def digest(self, frame: int, own: str) -> str:
        """What a frame depends on by itself, as a hash tells, and where it is not sampled alone its place besides."""
        return own if self.batch == 1 else json_digest([own, astuple(self.places[frame])])

    def after(self, done: int) -> Iterator[tuple[int, ...]]:
        """The frames of each batch, in order, when so many frames are done: each where it has its place."""
        left = [range(max(run.start, done), run.stop) for run in self.runs if run.stop > done]
        return _batches(left, self.batch, self.window, self.places)


def runs_of(table: FrameTable, *, redraws: bool = False) -> list[range]:
    """The rows of a table, cut before each whose frame needs none before it.

    Parameters
    ----------
    redraws : bool
        Frames start from those of an initial video.
    """
    columns = table.columns
    alone = table.cut_points | (redraws & (columns["interp"] == 1) & (columns["flow"] == 0))
    begins = [0, *(np.flatnonzero(alone[1:]) + 1).tolist(), len(table)]
    return [range(begin, end) for begin, end in pairwise(begins)]


def _batches(runs: Sequence[range], batch: int, window: int, places: Sequence[Place] = ()) -> Iterator[tuple[int, ...]]:
    waiting, begun = iter(runs), list[range]()
    while begun := [*begun, *islice(waiting, batch - len(begun))]:
        frames = [run.start for run in begun if run.start < begun[0].start + window]
        if places:
            frames = _compatible(frames, places)
        yield tuple(frames)
        begun = [rest for run in begun if (rest := run[1:] if run.start in frames else run)]


def _compatible(frames: Sequence[int], places: Sequence[Place]) -> list[int]:
    """As many of the frames as have places of their own in one batch."""
    batches: dict[int, dict[int, int]] = {}  # frames by row, by the number of rows
    for frame in frames:
        batches.setdefault(places[frame].rows, {}).setdefault(places[frame].row, frame)
    return sorted(max(batches.values(), key=len).values())
