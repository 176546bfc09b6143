"""Board: what of a film is made, what can be made now, and what waits for something else."""

import heapq
from bisect import bisect_right
from collections.abc import Collection
from dataclasses import dataclass

from audioviz.farm.films import Film, FilmPlan, Kind, Order


@dataclass(frozen=True)
class Task:
    """A part of a film to make: the number of a piece, or of a chunk; of all else 0."""

    kind: Kind
    number: int = 0


class Board:
    """The state of a film. Tasks are taken from it, and are done or come back.

    Attributes
    ----------
    plan : FilmPlan, once it is there
    frames : int
        Rows that are sampled.
    """

    def __init__(self, film: Film):
        self.film = film
        self.plan: FilmPlan | None = None
        self.frames = 0
        self._asked = False
        self._sampled: set[int] = set()
        self._finished: set[int] = set()
        self._begun: set[int] = set()  # chunks that are made, or are ready to be
        self._runs: set[int] = set()  # pieces that can be sampled, each the first one left of its run
        self._queue: list[tuple[int, int]] = []  # the same, long runs first, then in order
        self._long = 0.0  # frames from which a run is long
        self._chunks: list[int] = []
        self._returned: list[Task] = []

    def begin(self, plan: FilmPlan, present: Collection[str]) -> None:
        """Take a plan, of which some is there already."""
        self.plan, self._asked = plan, True
        self._sampled, self._finished, self._begun = set(), set(), set()
        self._runs, self._queue, self._chunks, self._returned = set(), [], [], []
        self._long = 2 * plan.frames / max(1, sum(not piece.after for piece in plan.pieces))
        whole = [n for n, chunk in enumerate(plan.chunks) if _is_there(chunk.key, chunk.state, plan, n, present)]
        self._finished.update(whole)
        self._begun.update(whole)
        done = len(whole) == len(plan.chunks)
        self._sampled = {n for n, piece in enumerate(plan.pieces) if done or piece.key in present}
        self.frames = sum(len(plan.pieces[n].frames) for n in self._sampled)
        for number, piece in enumerate(plan.pieces):
            if number not in self._sampled and (not piece.after or number - 1 in self._sampled):
                self._open_run(number)
        for number in range(len(plan.chunks)):
            self._open_chunk(number)

    @property
    def is_made(self) -> bool:
        """Whether all its pictures are there."""
        return self.plan is not None and len(self._finished) == len(self.plan.chunks)

    def take(self, after: int | None = None) -> Task | None:
        """Something that can be made now: pictures, or what follows a piece, or what is next."""
        if self.plan is None:
            if self._asked:
                return None
            self._asked = True
            return Task("plan")
        if self._returned:
            return self._returned.pop()
        if self._chunks:
            return Task("finish", heapq.heappop(self._chunks))
        if after is not None and after + 1 in self._runs:
            self._runs.remove(after + 1)
            return Task("sample", after + 1)
        while self._queue:
            _, number = heapq.heappop(self._queue)
            if number in self._runs:
                self._runs.remove(number)
                return Task("sample", number)
        return None

    def give_back(self, task: Task) -> None:
        """A task that was taken and not done."""
        if task.kind == "plan":
            self._asked = False
        elif task.kind != "prepare":
            self._returned.append(task)

    def done(self, task: Task, *, pictures: bool) -> None:
        """A piece is sampled or a chunk is made, or both."""
        assert self.plan is not None
        if task.kind == "finish":
            self._finish(task.number)
            return
        piece = self.plan.pieces[task.number]
        if task.number not in self._sampled:
            self._sampled.add(task.number)
            self.frames += len(piece.frames)
        following = task.number + 1
        if following < len(self.plan.pieces) and self.plan.pieces[following].after == piece.key:
            self._open_run(following)
        own = self._chunk_of(task.number)
        if pictures:
            self._begun.add(own)
            self._finish(own)
        for number in (own, own + 1):
            self._open_chunk(number)

    def order(self, task: Task) -> Order:
        """What a worker is told of a task."""
        if self.plan is None:
            return Order(task.kind, self.film)
        parts = self.plan.pieces if task.kind == "sample" else self.plan.chunks
        return Order(task.kind, self.film, task.number, parts[task.number].key, self.plan.identity, self.plan.tiled)

    def frames_of(self, task: Task) -> range:
        """The rows that a task is about."""
        assert self.plan is not None
        return (self.plan.pieces if task.kind == "sample" else self.plan.chunks)[task.number].frames

    def _chunk_of(self, piece: int) -> int:
        assert self.plan is not None
        return bisect_right(self.plan.chunks, piece, key=lambda chunk: chunk.pieces.start) - 1

    def _finish(self, number: int) -> None:
        self._finished.add(number)
        self._open_chunk(number + 1)

    def _open_run(self, number: int) -> None:
        """Let what is left of a run be sampled: a long one at once, as it would be waited for at the end."""
        assert self.plan is not None
        if number in self._sampled:
            return
        end = number + 1
        while end < len(self.plan.pieces) and self.plan.pieces[end].after:
            end += 1
        left = self.plan.pieces[end - 1].frames.stop - self.plan.pieces[number].frames.start
        self._runs.add(number)
        heapq.heappush(self._queue, (-left if left > self._long else 0, number))

    def _open_chunk(self, number: int) -> None:
        """Let the pictures of a chunk be made, if all that they need is there."""
        assert self.plan is not None
        if number >= len(self.plan.chunks) or number in self._begun:
            return
        chunk = self.plan.chunks[number]
        needed = range(chunk.pieces.start - chunk.looks_back, chunk.pieces.stop)
        if self._sampled.issuperset(needed) and (not chunk.after or number - 1 in self._finished):
            self._begun.add(number)
            heapq.heappush(self._chunks, number)


def _is_there(key: str, state: str, plan: FilmPlan, number: int, present: Collection[str]) -> bool:
    """Whether a chunk is there, and the state that the next one may need."""
    carries = number + 1 < len(plan.chunks) and plan.chunks[number + 1].after
    return key in present and (not carries or state in present)
