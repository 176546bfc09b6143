"""Workers of a farm as processes that are ready at once, with a fake model, short chunks, and a store with troubles.

They are forked from a process in which all is imported, for importing takes longer than a film. In a file beside the
store's folder, of its name and `.trouble`, stands which number of an error reading and writing meet (`28`), or only
one of them (`write 28`).
"""

import contextlib
import multiprocessing
import multiprocessing.forkserver
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import s3fs  # noqa: F401  which takes as long
import soundfile

import audioviz.farm.maker
import audioviz.farm.runs
import audioviz.models.load
import audioviz.rendering.make
import audioviz.rendering.prepare
from audioviz.farm.farm import Limits, Outcome, Watcher, make_films
from audioviz.farm.films import Film, FilmPlan
from audioviz.farm.folder_files import FolderFiles
from audioviz.farm.joining import join_film
from audioviz.farm.local import LocalRunner
from audioviz.farm.store import Store
from audioviz.project import Project
from audioviz.rendering.process import _serve
from audioviz.rendering.render import render_project
from tests.fakes import FakeDenoiser
from tests.models import fake_model

CHUNK = 0.8  # seconds: some lie across a cut


class CountedDenoiser(FakeDenoiser):
    """Takes as many seconds as SECONDS says; each call adds a byte to the file that CALLS names."""

    def __call__(self, *values, **named):
        time.sleep(float(os.environ.get("SECONDS", "0.004")))
        if calls := os.environ.get("CALLS"):
            with Path(calls).open("ab") as file:
                file.write(b".")
        return super().__call__(*values, **named)


def _with_fakes() -> None:
    audioviz.farm.runs.CHUNK_SECONDS = audioviz.rendering.make.CHUNK_SECONDS = CHUNK
    model = replace(fake_model(), denoiser=CountedDenoiser())
    audioviz.models.load.load_model = lambda *_, **__: model
    for name, function in TROUBLED.items():
        setattr(FolderFiles, name, function)
    if version := os.environ.get("VERSION"):
        installed = audioviz.rendering.prepare.version
        audioviz.rendering.prepare.version = lambda name: version if name == "audioviz" else installed(name)


def _with_trouble(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def troubled(files: FolderFiles, *values):
        with files._explained(), contextlib.suppress(FileNotFoundError):
            *only, number = trouble_of(files._folder).read_text().split()
            if name in (only or [name]):
                raise OSError(int(number), os.strerror(int(number)))
        return function(files, *values)

    return troubled


TROUBLED = {name: _with_trouble(name, getattr(FolderFiles, name)) for name in ("names", "read", "write")}


def trouble_of(place: str | Path) -> Path:
    """The file that says which trouble a store has."""
    return Path(place).with_suffix(".trouble")


def _begin(environment: dict[str, str], address: str, function: Callable[..., None], values: Sequence[Any]) -> None:
    forks = multiprocessing.forkserver._forkserver  # where a driver has its workers from, too
    forks._forkserver_address, forks.ensure_running = address, lambda: None
    os.environ.clear()
    os.environ.update(environment)
    _with_fakes()
    function(*values)


def forked(function: Callable[..., None], *values: Any, daemon: bool = True) -> BaseProcess:
    """A function in a process of its own that has this one's environment."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.farm_workers"])
    multiprocessing.forkserver.ensure_running()
    address = multiprocessing.forkserver._forkserver._forkserver_address
    process = context.Process(target=_begin, args=(dict(os.environ), address, function, values), daemon=daemon)
    process.start()
    return process


def forked_worker(name: str) -> tuple[BaseProcess, Any]:
    """As `start_process`."""
    ours, theirs = multiprocessing.Pipe()
    process = forked(_serve, theirs)
    theirs.close()
    return process, ours


def write_song(path: Path, *, seconds: float = 6.0) -> Path:
    """Kicks at 120 a minute: bars of two seconds."""
    t = np.arange(int(22050 * seconds)) / 22050
    soundfile.write(path, np.sin(2 * np.pi * 60 * (t % 0.5)) * np.exp(-(t % 0.5) * 12) * 0.7, 22050)
    return path


def made_here(project: Project, out: Path) -> bytes:
    """The video of one process that makes it alone."""
    process = forked(_make_here, project, out)
    process.join()
    return out.read_bytes()


def _make_here(project: Project, out: Path) -> None:
    render_project(project, out=out, progress=False)


@dataclass
class Seen(Watcher):
    """Keeps what a farm tells."""

    lines: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)  # of what was asked for
    plan: FilmPlan | None = None

    def planned(self, film, plan, done):
        self.plan = plan

    def begun(self, worker, film, task, plan):
        if plan is not None:
            self.keys.append((plan.pieces if task.kind == "sample" else plan.chunks)[task.number].key)

    def ended(self, *_, **__):
        pass

    def settled(self, *_):
        pass

    def said(self, line):
        self.lines.append(line)


def made_by(
    runner: LocalRunner, films: Sequence[Film], place: str, seen: Watcher, *, limits: Limits = Limits()
) -> list[Outcome]:
    """What becomes of films."""
    store = Store(place)
    return make_films(
        films, runner, store, join=lambda i, plan: join_film(films[i], plan, store), watcher=seen, limits=limits
    )


def drive(count: int, films: Sequence[Film], place: str) -> None:
    """Be a driver: its workers are forked too."""
    import audioviz.farm.local

    audioviz.farm.local.start_process = forked_worker
    with contextlib.closing(LocalRunner(count, place)) as runner:
        made_by(runner, films, place, Seen())
