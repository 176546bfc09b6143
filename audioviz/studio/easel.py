"""Easel: has frames painted in a process of their own, the newest request first."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from audioviz.errors import AudiovizError, InputError
from audioviz.rendering.process import Note
from audioviz.studio import painting
from audioviz.studio.pictures import Pictures
from audioviz.studio.session import Session
from audioviz.studio.worker import Worker

PREVIEW = "preview"
CALM = 0.5  # seconds without a change after which pictures are looked through, if none is asked for


class Easel:
    """Paints the frames that the page asks for.

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
        self._painter: Worker | None = None
        self._wake = asyncio.Event()
        self._wanted: tuple[int, str] | None = None
        self._changed = self._anew = False
        self._failed = False
        self.actions = {"frame": self._frame}
        session.changed.append(self.look_again)

    def prepare(self) -> Worker:
        """The process, started if it is not there: not before the song is shown, which it would slow down."""
        if self._painter is None:
            self._painter = Worker("the preview", hear=self._take, warm=painting.warm)
        return self._painter

    def look_again(self, *, anew: bool = False) -> None:
        """Find the pictures that are of the project no more; of all, if a file that it names was written."""
        self._changed, self._anew = True, self._anew or anew
        self._hurry()

    async def work(self) -> None:
        """Paint what is asked for, for ever."""
        while await self._wake.wait():
            self._wake.clear()
            if self._wanted is None and await self._woken_in_time():  # while a hand moves, the curves come first
                continue
            project = self._session.project
            if project is None:
                continue
            try:
                if self._changed and self._painter:
                    anew, self._changed, self._anew = self._anew, False, False
                    for _, frame in await self._painter.run(painting.gone, project, anew=anew):
                        self._pictures.forget(PREVIEW, frame)
                if self._wanted is not None and not (self._changed and self._painter):
                    (frame, size), self._wanted, self._changed = self._wanted, None, False
                    await self.prepare().run(painting.paint, project, frame, size)
                self._say_problem(None)
            except AudiovizError as error:
                self._say_problem(str(error))

    async def _woken_in_time(self) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), CALM)
        return self._wake.is_set()

    async def _frame(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        if self._session.project is None:
            raise InputError("no project is open: drop a song first")
        self._wanted = asked["frame"], asked.get("size", "draft")
        self._hurry()
        return {}

    def _hurry(self) -> None:
        if self._painter:
            self._painter.stop()
        self._wake.set()

    def _take(self, picture: painting.Picture | Note) -> None:
        if isinstance(picture, Note):
            self._warn(picture.text)
            return
        if self._changed:  # it may be of the project before
            return
        about = {"frame": picture.frame, "estimate": picture.estimate, "size": picture.size}
        self._pictures.show(PREVIEW, picture.frame, about, key=picture.key, webp=picture.webp)

    def _say_problem(self, message: str | None) -> None:
        if message or self._failed:
            self._failed = message is not None
            self._say("problem frame", {"on": "problem", "where": "frame", "message": message})

    def close(self) -> None:
        """End the process."""
        if self._painter:
            self._painter.close()
