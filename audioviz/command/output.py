"""Messages and files of the commands: results on standard output, all else in one line on standard error."""

import io
import json
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from audioviz.errors import AudiovizWarning

if TYPE_CHECKING:
    from audioviz.farm.progress import State

JSON_SECONDS = 0.5  # between events of progress


_for_programs = False


def speak_json() -> None:
    """From now on standard error is for programs: a JSON object on each line."""
    global _for_programs
    _for_programs = True


def say(message: str, *, event: str = "note") -> None:
    """Print a message as one line on standard error, whatever it quotes; for programs as an event of this name."""
    line = f"{' '.join(message.split()):.1000}"
    if _for_programs:
        emit(event, text=line)
    else:
        tqdm.write(f"audioviz: {line}", file=sys.stderr)


def emit(event: str, **facts: Any) -> None:
    """Print an event for programs."""
    print(json.dumps({"event": event, **facts}), file=sys.stderr, flush=True)


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

    def show(self, state: "State") -> None:
        """Print a state, if it is time for that, or all is settled."""
        now = time.monotonic()
        if now >= self._next or state.settled == state.films:
            self._next = now + JSON_SECONDS
            workers = dict(state.doing)
            facts = {"films": state.films, "settled": state.settled, "frames": state.frames, "total": state.total}
            emit("progress", **facts, fps=state.fps, left_seconds=state.left_seconds, workers=workers)


def show_warning(message: Warning | str, category: type[Warning], *place: Any) -> None:
    """Print our own warnings in one line; those of other packages, which no user can act on, not at all."""
    if issubclass(category, AudiovizWarning):
        say(str(message))


@contextmanager
def each_warning_once() -> Iterator[None]:
    """Show what is warned of again and again, as in renders that are alike, the first time alone."""
    with warnings.catch_warnings():
        show, shown = warnings.showwarning, set()

        def show_new(message: Warning | str, *place: Any) -> None:
            if str(message) not in shown:
                shown.add(str(message))
                show(message, *place)

        warnings.showwarning = show_new
        yield


def save(path: Path | None, to_file: Callable[[Path], Any]) -> None:
    """Write a file, if one was asked for."""
    if path:
        to_file(path)
