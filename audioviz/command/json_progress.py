"""Progress as events for programs."""

import io
import time
from typing import Any

from tqdm import tqdm

from audioviz.command.output import emit
from audioviz.farm.progress import State

JSON_SECONDS = 0.5  # between events


class JsonBar(tqdm):
    """The bar of one film as events for programs, about two a second."""

    def __init__(self, film: str):
        super().__init__(desc=film, mininterval=JSON_SECONDS, file=io.StringIO())

    def display(self, *_: Any, **__: Any) -> None:
        """Print how far it is."""
        state = self.format_dict
        fps = state["rate"] or (self.n - self.initial) / max(state["elapsed"], 1e-3)
        left = (self.total - self.n) / fps if self.total and fps else None
        emit("progress", film=self.desc, frames=self.n, total=self.total, fps=fps, left_seconds=left)


class JsonProgress:
    """The state of a farm as events for programs, about two a second."""

    def __init__(self) -> None:
        self._next = 0.0

    def show(self, state: State) -> None:
        """Print a state, if it is time for that, or all is settled."""
        now = time.monotonic()
        if now >= self._next or state.settled == state.films:
            self._next = now + JSON_SECONDS
            workers = dict(state.doing)
            facts = {"films": state.films, "settled": state.settled, "frames": state.frames, "total": state.total}
            emit("progress", **facts, fps=state.fps, left_seconds=state.left_seconds, workers=workers)
