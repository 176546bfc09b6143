"""Progress of a farm, and how it is shown: one bar for all films, and a line for each worker."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tqdm import tqdm

from audioviz.farm.board import Task
from audioviz.farm.farm import Outcome
from audioviz.farm.films import FilmPlan

MOST_LINES = 16  # of workers that are shown


@dataclass(frozen=True)
class State:
    """How far all films are.

    Parameters
    ----------
    films, settled : int
        All, and those that are made or will not be.
    frames, found, total : int
        That are sampled, those of them that were there at the beginning, and all; films that are not planned yet are
        taken for ones like the others, and before the first plan there is no total.
    fps : float
        Frames a second since the beginning.
    doing : mapping of a worker to what it does, empty where it waits
    """

    films: int
    settled: int
    frames: int
    found: int
    total: int | None
    fps: float
    doing: Mapping[str, str]

    @property
    def left_seconds(self) -> float | None:
        """Until all is sampled, if that can be told."""
        return (self.total - self.frames) / self.fps if self.total and self.fps else None


class Progress:
    """Watches a farm, and shows how far it is after each thing that happens.

    Parameters
    ----------
    names : sequence of str
        Of the films.
    show : function of a State
    say : function of a line
    end : function of an Outcome, as soon as there is one
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        show: Callable[[State], None],
        say: Callable[[str], None],
        end: Callable[[Outcome], None],
    ):
        self._names, self._tell, self._say, self._end = names, show, say, end
        self._totals: dict[int, int] = {}
        self._done: dict[int, int] = {}
        self._found = self._settled = 0
        self._doing: dict[str, str] = {}
        self._notes: set[str] = set()
        self._began = time.monotonic()

    def planned(self, film: int, plan: FilmPlan, done: int) -> None:
        """As in Watcher."""
        if film not in self._totals:
            self._found += done
        self._totals[film], self._done[film] = plan.frames, done
        self._show()

    def begun(self, worker: str, film: int, task: Task, plan: FilmPlan | None) -> None:
        """As in Watcher."""
        self._doing[worker] = f"{self._names[film]}: {_describe(task, plan)}"
        self._show()

    def ended(self, worker: str, film: int, task: Task, *, rows: int) -> None:
        """As in Watcher."""
        self._doing[worker] = ""
        self._done[film] = self._done.get(film, 0) + rows
        self._show()

    def settled(self, film: int, outcome: Outcome) -> None:
        """As in Watcher."""
        self._settled += 1
        self._end(outcome)
        self._show()

    def said(self, line: str) -> None:
        """As in Watcher; the same is said once."""
        if line not in self._notes:
            self._notes.add(line)
            self._say(line)

    def _show(self) -> None:
        done, films = sum(self._done.values()), len(self._names)
        total = round(sum(self._totals.values()) / len(self._totals) * films) if self._totals else None
        fps = (done - self._found) / max(time.monotonic() - self._began, 1e-3)
        self._tell(State(films, self._settled, done, self._found, total, fps, dict(self._doing)))


class Bars:
    """A bar on the terminal, and below it a line for each worker; nothing where standard error is none."""

    def __init__(self, *, shown: bool = True) -> None:
        self._bar = tqdm(total=None, unit="frame", disable=None if shown else True, smoothing=0.05, position=0)
        self._lines: dict[str, tqdm] = {}

    def show(self, state: State) -> None:
        """Show a state."""
        if self._bar.disable:
            return
        if self._bar.initial != state.found:  # its pace is that of the other frames
            self._bar.initial = self._bar.last_print_n = state.found
        self._bar.total = state.total
        self._bar.desc = f"{state.settled} of {state.films} films: " if state.films > 1 else ""
        self._bar.update(state.frames - self._bar.n)
        self._bar.refresh()
        for worker, doing in state.doing.items():
            if worker not in self._lines and len(self._lines) < MOST_LINES:
                self._lines[worker] = tqdm(bar_format="{desc}", position=len(self._lines) + 1, leave=False)
            if worker in self._lines:
                self._lines[worker].set_description_str(f"  {worker}: {doing or 'waits'}")

    def close(self) -> None:
        """Leave the bar as it is, and take the lines away."""
        for line in self._lines.values():
            line.close()
        self._bar.close()


def _describe(task: Task, plan: FilmPlan | None) -> str:
    """What a worker does, such as `frames 120 to 179 of 480`."""
    if plan is None:
        return "its song is heard, its model loaded"
    parts = plan.pieces if task.kind == "sample" else plan.chunks
    frames = parts[task.number].frames
    what = "frames" if task.kind == "sample" else "pictures of frames"
    return f"{what} {frames.start} to {frames.stop - 1} of {plan.frames}"
