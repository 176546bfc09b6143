"""RenderQueue: renders one after the other, in a process of their own; each can be stopped, and goes on later."""

import asyncio
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from audioviz.errors import AudiovizError, InputError
from audioviz.project import Project
from audioviz.rendering.process import Note
from audioviz.studio import filming
from audioviz.studio.pictures import Pictures, address
from audioviz.studio.session import Session
from audioviz.studio.worker import Worker, WorkerDied
from audioviz.video.probe import probe, read_metadata
from audioviz.video.work import LOG, work_folder

NEWS_SECONDS = 0.2  # between events
LOG_LINES, LOG_BYTES = 12, 8192
MOST_JOBS = 200  # all of which each event tells
ENDINGS = {"prores": ".mov", "vp9": ".webm"}  # of films whose codec an MP4 cannot hold


@dataclass
class Job:
    """A render that was asked for, and what became of it.

    Parameters
    ----------
    order : Order
        The project as it was when it was asked for.
    begun : tuple of float and int
        When it was begun, and how many frames were done then.
    """

    order: filming.Order
    name: str
    start: float | str
    duration: float | None
    status: str = "waiting"
    frames: int = 0
    done: int = 0
    picture: str | None = None
    film: Path | None = None
    error: str | None = None
    reaction: dict[str, Any] | None = None
    log: list[str] = field(default_factory=list)
    begun: tuple[float, int] | None = None
    fps: float | None = None

    @property
    def number(self) -> int:
        """By which it is asked for."""
        return self.order.job

    def take(self, news: filming.News) -> None:
        """Take note of how far it is."""
        self.done, self.frames = news.done, news.frames
        now = time.monotonic()
        if self.begun is None and news.done:
            self.begun = now, news.done
        elif self.begun and now > self.begun[0] and news.done > self.begun[1]:
            self.fps = (news.done - self.begun[1]) / (now - self.begun[0])

    def describe(self) -> dict[str, Any]:
        """What the page is told of it."""
        left = (self.frames - self.done) / self.fps if self.fps and self.status == "running" else None
        return {
            "id": self.number,
            "name": self.name,
            "status": self.status,
            "start": self.start,
            "duration": self.duration,
            "draft": self.order.draft,
            "frames": self.frames,
            "done": self.done,
            "fps": self.fps,
            "left_seconds": left,
            "picture": self.picture,
            "film": f"film/{self.number}.mp4" if self.film else None,
            "path": str(self.film or self.order.out),
            "error": self.error,
            "log": self.log,
            "reaction": self.reaction,
        }


class RenderQueue:
    """The renders of a session.

    Parameters
    ----------
    session : Session
    pictures : Pictures
    say : function of a name and an event
        Tells every page, and those that join later the newest of each name.
    warn : function of a text
        Tells every page what is warned of.
    """

    def __init__(
        self,
        session: Session,
        pictures: Pictures,
        *,
        say: Callable[[str, dict[str, Any]], None],
        warn: Callable[[str], None],
    ) -> None:
        self._session, self._pictures, self._say, self._warn = session, pictures, say, warn
        self._renderer: Worker | None = None  # started by the first job: it takes as much memory as its model
        self._jobs: dict[int, Job] = {}
        self._numbers = count(1)
        self._wake = asyncio.Event()
        self._told, self._telling = 0.0, False
        self._song: Path | None = None  # that is open: the frames of its renders are shown among the others
        session.changed.append(self._look)
        self._look()
        self.actions = {"render": self._render, "cancel": self._cancel, "resume": self._resume, "forget": self._forget}

    def _look(self) -> None:
        """Let go of the frames of renders when another song is open."""
        project = self._session.project
        song = project and project.song.path
        if song != self._song:
            self._song = song
            for number in self._jobs:
                self._pictures.forget_all(number)

    async def work(self) -> None:
        """Make the films that are waited for, for ever."""
        while await self._wake.wait():
            self._wake.clear()
            while waiting := [job for job in self._jobs.values() if job.status == "waiting"]:
                await self._make(waiting[0])

    async def _make(self, job: Job) -> None:
        self._renderer = self._renderer or Worker("the render", hear=self._take)
        job.status, job.error, job.begun, job.fps = "running", None, None, None
        self._say_soon()
        folder = job.order.out.parent
        try:
            folder.mkdir(exist_ok=True)
            made = await self._renderer.run(filming.film, job.order)
            job.status, job.reaction = ("stopped" if made.stopped else "done"), made.reaction
            if not made.stopped:
                job.done, job.film = job.frames, _kept_film(job.order)
        except WorkerDied as error:
            job.status, job.error = "failed", f"{error}; resume goes on from the frames that are finished"
        except AudiovizError as error:
            job.status, job.error = "failed", str(error)
        except OSError as error:
            job.status, job.error = "failed", f"{error.filename or folder}: cannot be written ({error.strerror})"
        finally:
            if job.status == "running":  # a defect of ours
                job.status, job.error = "failed", "a defect of audioviz ended it; resume goes on from what is finished"
            job.log = _last_lines(job.order)
            self._say_soon()

    def _take(self, news: filming.News | Note) -> None:
        if isinstance(news, Note):
            self._warn(news.text)
            return
        job = self._jobs.get(news.job)
        if job is None:
            return
        job.take(news)
        if news.webp:
            if job.order.project.song.path == self._song:
                about = {"estimate": False, "size": "draft" if job.order.draft else "final"}
                self._pictures.show(job.number, news.frame, about, key=news.key, webp=news.webp)
            else:
                self._pictures.keep(news.key, news.webp)
            job.picture = address(news.key)
        self._say_soon()

    async def _render(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        project = self._session.project
        if project is None:
            raise InputError("no project is open: drop a song first")
        if len(self._jobs) >= MOST_JOBS:
            raise InputError(f"there are {MOST_JOBS} renders already: forget some first")
        start, duration, draft = asked.get("start", 0.0), asked.get("duration"), asked.get("draft", False)
        whole = duration is None and start == 0
        project = project if whole else project.changed(start=start, duration=duration)
        out = await asyncio.to_thread(self._place, project, whole=whole, draft=draft)
        order = filming.Order(next(self._numbers), project, out, draft)
        self._jobs[order.job] = Job(order, asked.get("name") or out.stem, start, duration)
        self._go_on()
        return {"job": order.job}

    def _place(self, project: Project, *, whole: bool, draft: bool) -> Path:
        """The file of a film: beside the project; of drafts and parts in a folder of their own there."""
        home, ending = self._session.home, ENDINGS.get(project.finish.codec or "", ".mp4")
        name = home.stem if home else project.song.path.stem
        folder = self._session.folder
        if whole and not draft:
            names = (f"{name}{'-film' * (n > 0)}{f'-{n}' * (n > 1)}{ending}" for n in count())
            return next(folder / free for free in names if _is_free(folder / free))
        length = "" if project.song.duration is None else f"-{_plain(project.song.duration)}"
        part = "all" if whole else f"{_plain(project.song.start)}{length}"
        return folder / f"{name}.studio" / f"{part}{'-draft' * draft}{ending}"

    async def _cancel(self, asked: Mapping[str, Any]) -> None:
        job = self._job(asked)
        if job.status == "running" and self._renderer:
            self._renderer.stop()
        elif job.status == "waiting":
            job.status = "stopped"
            self._say_soon()

    async def _resume(self, asked: Mapping[str, Any]) -> None:
        job = self._job(asked)
        if job.status in ("stopped", "failed"):
            job.status = "waiting"
            self._go_on()

    async def _forget(self, asked: Mapping[str, Any]) -> None:
        """Take a render off the list; the films of drafts and parts go with it, and what they were made of."""
        job = self._job(asked)
        if job.status == "running":
            raise InputError(f"job {job.number} is running: cancel it first")
        if job.order.out.parent.suffix == ".studio":
            is_last = not any(other.order.out == job.order.out for other in self._jobs.values() if other is not job)
            try:
                await asyncio.to_thread(_remove, job, work=is_last)
            except OSError as error:
                raise InputError(f"{error.filename}: cannot be removed ({error.strerror})") from error
        self._jobs.pop(job.number, None)
        self._pictures.forget_all(job.number)
        self._say_soon()

    async def serve(self, request: Request) -> Response:
        """A finished film, or the part of it that is asked for: `film/ID.mp4`."""
        job = self._jobs.get(request.path_params["job"])
        if job is None or job.film is None or not job.film.is_file():
            return Response("there is no such film", 404)
        return FileResponse(job.film)

    def _job(self, asked: Mapping[str, Any]) -> Job:
        try:
            return self._jobs[int(asked["job"])]
        except (KeyError, ValueError) as error:
            raise InputError(f"job {asked.get('job')!r:.40}: there is none of this number") from error

    def _go_on(self) -> None:
        self._wake.set()
        self._say_soon()

    def _say_soon(self) -> None:
        """Tell of all jobs, a few times a second."""
        if not self._telling:
            self._telling = True
            wait = max(0.0, self._told + NEWS_SECONDS - time.monotonic())
            asyncio.get_running_loop().call_later(wait, self._say_now)

    def _say_now(self) -> None:
        self._telling, self._told = False, time.monotonic()
        for job in self._jobs.values():
            if job.status == "running":
                job.log = _last_lines(job.order)
        self._say("jobs", {"on": "jobs", "jobs": [job.describe() for job in self._jobs.values()]})

    def close(self) -> None:
        """End the process; what it finished is kept."""
        if self._renderer:
            self._renderer.close()


def _kept_film(order: filming.Order) -> Path:
    """Where a film stays: those of drafts and parts each under a name of its own, to be compared."""
    if order.out.parent.suffix != ".studio":
        return order.out
    own = (order.out.with_name(f"{order.out.stem}-{n}{order.out.suffix}") for n in count(1))
    place = next(path for path in own if not path.exists())
    return order.out.replace(place)


def _remove(job: Job, *, work: bool) -> None:
    """Remove the film of a draft or part, what it was made of where no other is made of it, and a folder left empty."""
    if job.film:
        job.film.unlink(missing_ok=True)
    if work and (folder := work_folder(job.order.out)).is_dir():
        shutil.rmtree(folder)
    with suppress(OSError):
        job.order.out.parent.rmdir()


def _is_free(path: Path) -> bool:
    """Whether a film can have this name: nothing is there, or a film of ours."""
    if not path.exists():
        return True
    try:
        return bool(read_metadata(probe(path).metadata))
    except AudiovizError:
        return False


def _plain(time: float | str) -> str:
    """A time as part of a file's name."""
    return f"{time:.2f}".rstrip("0").rstrip(".") if isinstance(time, float) else str(time).replace(":", ".")


def _last_lines(order: filming.Order) -> list[str]:
    log = work_folder(order.out) / LOG
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - LOG_BYTES))
            return file.read().decode(errors="replace").splitlines()[-LOG_LINES:]
    except OSError:
        return []
