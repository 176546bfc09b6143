"""Desk: keeps song and schedule of the open project computed, and tells the page; the newest project wins."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.routing import BaseRoute

from audioviz.errors import AudiovizError
from audioviz.project import Project
from audioviz.studio.session import Session
from audioviz.studio.thinking import plan_event, song_event
from audioviz.studio.worker import Worker

Tell = Callable[[dict | bytes], None]
Action = Callable[[Mapping[str, Any]], Awaitable[dict[str, Any] | None]]  # a request's fields -> those of its reply


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
        self._thinker = Worker("the analysis")
        self._wake = asyncio.Event()
        self._heard: Project | None = None
        self.latest: dict[str, dict | bytes] = {}  # what a page that joins is told
        self.actions: dict[str, Action] = {}  # what a page can ask for
        self.routes: list[BaseRoute] = []  # what it can fetch: sound, pictures, films
        session.changed.append(self._wake.set)

    def refresh(self) -> None:
        """Compute all anew: a file that the project names was written."""
        self._heard = None
        self._wake.set()

    async def work(self) -> None:
        """Compute what has changed, for ever."""
        self._wake.set()
        while await self._wake.wait():
            self._wake.clear()
            project = self._session.project
            if project is None:
                continue
            heard = self._heard
            if heard is None or (project.song, project.fps) != (heard.song, heard.fps):
                if not await self._compute("song", song_event, project):
                    continue
                self._heard = project
            await self._compute("plan", plan_event, project)

    async def _compute(self, where: str, make: Callable[[Project], bytes], project: Project) -> bool:
        try:
            self._say(where, await self._thinker.run(make, project))
            self._say(f"problem {where}", {"on": "problem", "where": where, "message": None})
        except AudiovizError as error:
            self._say(f"problem {where}", {"on": "problem", "where": where, "message": str(error)})
            return False
        return True

    def _say(self, what: str, event: dict | bytes) -> None:
        self.latest[what] = event
        self._tell(event)

    def close(self) -> None:
        """End the processes."""
        self._thinker.close()
