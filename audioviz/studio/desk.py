"""Desk: keeps song and schedule of the open project computed, and tells the page; the newest project wins."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from audioviz.errors import AudiovizError, InputError
from audioviz.project import Project
from audioviz.studio import thinking
from audioviz.studio.arrays import Curves
from audioviz.studio.catalog import catalog_event
from audioviz.studio.easel import Easel
from audioviz.studio.pictures import Pictures
from audioviz.studio.render_queue import RenderQueue
from audioviz.studio.session import Session
from audioviz.studio.sound import Sound
from audioviz.studio.worker import Worker

Tell = Callable[[dict | bytes | Curves], None]
Action = Callable[[Mapping[str, Any]], Awaitable[dict[str, Any] | None]]  # a request's fields -> those of its reply
PLAN_SECONDS = 60.0  # after which a script is held to be without an end
LISTENING_SECONDS = 1.0  # after which the page is told that a song is being heard
MOST_SAMPLES = 2**22  # of one request
LAST_SAMPLE = 2**40  # that could be asked for: more than any file has
_IN_FILE = re.compile(r"(?P<file>.+?\.py):(?P<line>\d+): (?P<message>.*)", re.DOTALL)


class Desk:
    """What is computed of the project that is open.

    Parameters
    ----------
    session : Session
    tell : function
        Sends an event to every page.
    """

    def __init__(self, session: Session, tell: Tell) -> None:
        self._session, self._tell = session, tell
        self._thinker = Worker("the analysis", warm=thinking.warm)
        self._wake = asyncio.Event()
        self._heard: object = None  # what the song that was told depends on
        self._sound: Sound | None = None
        self._told: set[str] = set()  # where there are problems
        self._warned: set[str] = set()  # of what: each bar and picture has the same to say
        self._curves: Curves | None = None  # of the last plan
        self.latest: dict[str, dict | bytes | Curves] = {"catalog": catalog_event()}  # what a page that joins is told
        self.actions: dict[str, Action] = {"expression": self._expression, "words": self._words}  # what it can ask for
        self.routes: list[BaseRoute] = [Route("/sound", self._serve_sound)]  # what it can fetch
        pictures = Pictures(say=self._say, drop=self._drop)
        self._easel = Easel(session, pictures, say=self._say, warn=self._warn)
        self._queue = RenderQueue(session, pictures, say=self._say, warn=self._warn)
        self.actions |= self._easel.actions | self._queue.actions
        self.routes += [Route("/picture/{key}.webp", pictures.serve), Route("/film/{job:int}.mp4", self._queue.serve)]
        session.changed.append(self._wake.set)

    def refresh(self) -> None:
        """Compute all anew: a file that the project names was written."""
        self._heard = None
        self._wake.set()
        self._easel.look_again(anew=True)

    async def work(self) -> None:
        """Compute what has changed, for ever."""
        async with asyncio.TaskGroup() as group:
            for work in (self._think, self._easel.work, self._queue.work):
                group.create_task(work())

    async def _think(self) -> None:
        self._wake.set()
        while await self._wake.wait():
            self._wake.clear()
            project = self._session.project
            if project is None:
                continue
            hearing = replace(project.song, start=0.0, duration=None), project.fps
            if self._heard != hearing:
                self._heard = hearing if await self._hear(project) else None
            if self._heard is not None and not self._wake.is_set():
                await self._plan(project)

    async def _hear(self, project: Project) -> bool:
        listening = asyncio.create_task(self._say_listening(project.song.path))
        try:
            event, self._sound = await self._thinker.run(thinking.song_event, project)
        except AudiovizError as error:
            self._say_problems("song", {"song": str(error)})
            return False
        finally:
            listening.cancel()
        self._say("song", event)
        self._say_problems("song", {})
        return True

    async def _say_listening(self, path: Path) -> None:
        await asyncio.sleep(LISTENING_SECONDS)
        self._tell({"on": "notice", "kind": "listening", "text": f"listening to {path.name}"})

    async def _plan(self, project: Project) -> None:
        try:
            known = self._curves.known if self._curves else frozenset()
            answer = await self._thinker.run_within(PLAN_SECONDS, thinking.plan_event, project, known)
        except AudiovizError as error:
            self._say_problems("plan", {"schedule": str(error)})
            return
        if answer.event:
            self._curves = answer.event.whole(self._curves)
            self._say("plan", self._curves)
        self._easel.prepare()
        self._say_problems("plan", answer.problems)

    def _say_problems(self, of: str, problems: Mapping[str, str]) -> None:
        """Say what is wrong, by where; and of what was wrong before, and is no more, that it is right again."""
        about_song = {where for where in self._told if where == "song"}
        before = about_song if of == "song" else self._told - about_song
        for where in before - problems.keys():
            self._told.discard(where)
            self.latest.pop(f"problem {where}", None)
            self._tell({"on": "problem", "where": where, "message": None})
        for where, message in problems.items():
            self._told.add(where)
            self._say(f"problem {where}", {"on": "problem", "where": where} | _located(message))

    async def _expression(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        wanted = self._open(), asked["column"], asked["text"]
        return {"fault": await self._thinker.run_within(PLAN_SECONDS, thinking.expression_fault, *wanted)}

    async def _words(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        model = self._session.project.look.model if self._session.project else "embedded"
        return {"unknown": await self._thinker.run(thinking.words_unknown, asked["text"], model)}

    async def _serve_sound(self, request: Request) -> Response:
        """Samples of the song: `sound?from=FIRST&count=N`."""
        try:
            first, count = int(request.query_params["from"]), int(request.query_params["count"])
        except (KeyError, ValueError):
            return Response("expected ?from=FIRST&count=N", 400)
        if not (0 <= first < LAST_SAMPLE and 0 < count <= MOST_SAMPLES):
            return Response(f"expected from in 0 to {LAST_SAMPLE} and count in 1 to {MOST_SAMPLES}", 400)
        if self._sound is None:
            return Response("no song has been heard", 404)
        if not self._sound.path.is_file():
            with suppress(AudiovizError):
                self._sound = await self._thinker.run(thinking.sound_file, self._open())
        try:
            samples = await asyncio.to_thread(self._sound.samples, first, count)
        except OSError as error:
            return Response(f"the samples of the song cannot be read ({error.strerror})", 404)
        return Response(samples, media_type="application/octet-stream")

    def _open(self) -> Project:
        if self._session.project is None:
            raise InputError("no project is open: drop a song first")
        return self._session.project

    def _say(self, what: str, event: dict | bytes | Curves) -> None:
        self.latest[what] = event
        self._tell(event)

    def _warn(self, text: str) -> None:
        """Tell what is warned of, once in a session."""
        if text not in self._warned:
            self._warned.add(text)
            self._tell({"on": "notice", "kind": "warning", "text": text})

    def _drop(self, what: str) -> None:
        self.latest.pop(what, None)

    def close(self) -> None:
        """End the processes."""
        for part in (self._thinker, self._easel, self._queue):
            part.close()


def _located(message: str) -> dict[str, Any]:
    """A message, with the file and the line apart where it names them."""
    found = _IN_FILE.fullmatch(message)
    return {"message": message} | ({"file": found["file"], "line": int(found["line"])} if found else {})
