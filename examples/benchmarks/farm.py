"""What a farm gains and costs: two workers against one, the scheduler for each chunk, the driver's memory.

python examples/benchmarks/farm.py [sweep shots overhead memory songs]
"""

import resource
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path

from audioviz.clock import Clock
from audioviz.farm.farm import make_films
from audioviz.farm.films import Film, FilmPlan, Made, Order
from audioviz.farm.joining import join_film
from audioviz.farm.local import LocalRunner
from audioviz.farm.runner import News
from audioviz.farm.runs import chunks_of, pieces_of
from audioviz.farm.store import Store
from audioviz.project import Project
from audioviz.video.chunks import PicturePlan

SONG = Path(__file__).parent.parent / "song.ogg"
DRAFTS = 6
IDENTITY = {"versions": {"audioviz": version("audioviz")}}


class Clocked:
    """A watcher that knows when the first frame was begun and the last film was there."""

    def __init__(self) -> None:
        self.first = self.last = 0.0

    def planned(self, film, plan, done):
        """As in Watcher."""

    def begun(self, worker, film, task, plan):
        """As in Watcher."""
        if task.kind == "sample":
            self.first = self.first or time.monotonic()

    def ended(self, worker, film, task, *, rows):
        """As in Watcher."""

    def settled(self, film, outcome):
        """As in Watcher."""
        if outcome.error:
            raise outcome.error
        self.last = time.monotonic()

    def said(self, line):
        """As in Watcher."""


def seconds_of(projects: list[Project], workers: int) -> tuple[float, float]:
    """Seconds that so many workers of one thread take for films: in all, and from the first frame on."""
    with tempfile.TemporaryDirectory() as folder:
        films = [Film(project, Path(folder, f"{number}.mp4")) for number, project in enumerate(projects)]
        store, watcher, began = Store(f"{folder}/store"), Clocked(), time.monotonic()
        with closing(LocalRunner(workers, store.place)) as runner:
            make_films(
                films, runner, store, join=lambda number, plan: join_film(films[number], plan, store), watcher=watcher
            )
    return watcher.last - began, watcher.last - watcher.first


def gain(projects: list[Project], what: str) -> tuple[str, str]:
    """How much quicker two workers are than one."""
    one, two = (seconds_of(projects, workers) for workers in (1, 2))
    return (
        f"{what}: two workers of one thread against one",
        f"{one[1] / two[1]:.2f} times from the first frame on ({one[1]:.1f} s, {two[1]:.1f} s), "
        f"{one[0] / two[0]:.2f} with the start",
    )


def sweep() -> list[tuple[str, str]]:
    """Drafts of four seconds."""
    project = Project(SONG).changed(threads=1, start=4, duration=4)
    drafts = [project.changed(settings={"punch": 0.1 + 0.1 * number}) for number in range(DRAFTS)]
    return [gain(drafts, f"{DRAFTS} drafts of 4 s")]


def shots() -> list[tuple[str, str]]:
    """A film of eight shots of three seconds."""
    project = Project(SONG).changed(threads=1, duration=24, beats_per_bar=6, shots="bar:1")
    return [gain([project], "a film of 8 shots, 24 s")]


class Echo(LocalRunner):
    """Workers that have it all done already."""

    def give(self, worker: str, order: Order) -> None:
        """As in Runner."""
        self._workers[worker].busy = True
        self._workers[worker].pipe.send((0, answer, (order, self._store), {}))


def answer(order: Order, place: str) -> FilmPlan | Made:
    """What a worker without a model gives."""
    if order.kind == "plan":
        return plan_of(int(order.film.out.stem))
    Store(place).put(order.key, b"made" * 1000)
    return Made(pictures=False)


def plan_of(chunks: int) -> FilmPlan:
    """The plan of a film that is one run of so many chunks."""
    frames = 60 * chunks
    pieces = pieces_of([range(frames)], [str(i) for i in range(frames)], IDENTITY, length=60)
    pictures = PicturePlan((256, 256), Fraction(12), {}, [""] * frames)
    parts = chunks_of(pieces, pictures, length=60, looks_back=False)
    folder, clock = pieces[0].key.partition("/")[0], Clock(Fraction(12), frames)
    return FilmPlan(
        IDENTITY, False, folder, pieces, parts, "{}", clock, Fraction(), "h264", None, 0, tuple(range(frames))
    )


def overhead() -> list[tuple[str, str]]:
    """The driver and the pipe for each chunk, in a folder."""
    count = 1000
    with tempfile.TemporaryDirectory() as folder, closing(Echo(1, folder)) as runner:
        film, watcher = Film(Project(SONG), Path(f"{count}.mp4")), Clocked()
        make_films([film], runner, Store(folder), join=lambda number, plan: None, watcher=watcher)
    each = (watcher.last - watcher.first) / (2 * count)
    return [("the scheduler, a piece or a chunk, its file put", f"{1000 * each:.2f} ms")]


class Here:
    """A runner that has it all done at once, in this process."""

    def __init__(self, plan: FilmPlan):
        self._plan, self._given = plan, list[Order]()
        self.workers = ("here",)

    def give(self, worker: str, order: Order) -> None:
        """As in Runner."""
        self._given.append(order)

    def news(self, seconds: float) -> list[News]:
        """As in Runner."""
        given, self._given = self._given, []
        return [
            News("here", replace(self._plan) if order.kind == "plan" else Made(order.kind == "sample"))
            for order in given
        ]

    def replace(self, worker: str) -> None:
        """As in Runner."""

    def dismiss(self, worker: str) -> None:
        """As in Runner."""

    def close(self) -> None:
        """As in Runner."""


def memory() -> list[tuple[str, str]]:
    """The driver's memory while 10,000 chunks are made."""
    found = []
    plan = plan_of(100)
    with tempfile.TemporaryDirectory() as folder:
        for count in (10, 100):
            films = [Film(Project(SONG), Path(f"{number}.mp4")) for number in range(count)]
            make_films(films, Here(plan), Store(folder), join=lambda number, plan: None, watcher=Clocked())
            found.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10)
    return [("the driver's memory at most, after 1,000 and 10,000 chunks", "{:.0f} and {:.0f} MB".format(*found))]


def songs() -> list[tuple[str, str]]:
    """A thousand songs of three minutes at 12 frames a second."""
    plan = plan_of(36)
    with tempfile.TemporaryDirectory() as folder:
        films = [Film(Project(SONG), Path(f"{number}.mp4")) for number in range(1000)]
        began = time.monotonic()
        make_films(films, Here(plan), Store(folder), join=lambda number, plan: None, watcher=Clocked())
    return [("1,000 songs of 36 chunks, planned and handed out", f"{time.monotonic() - began:.1f} s")]


PARTS = {"sweep": sweep, "shots": shots, "overhead": overhead, "memory": memory, "songs": songs}

if __name__ == "__main__":
    print("| what | figure |\n|---|---|")
    for name in sys.argv[1:] or PARTS:
        for what, figure in PARTS[name]():
            print(f"| {what} | {figure} |", flush=True)
