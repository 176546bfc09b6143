"""Autosave: what is not saved yet is kept in a file beside the project, never in the project itself."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from audioviz.errors import InputError
from audioviz.files import remove
from audioviz.project import save_project
from audioviz.studio.hearing import stamp
from audioviz.studio.places import free_name
from audioviz.studio.session import Session

PAUSE = 0.3  # seconds from an edit on, in which others may follow
_AGAIN = 2.0  # seconds until what failed is tried again


class Autosave:
    """Keeps `NAME.autosave.avz` beside NAME.avz as long as there is what NAME.avz does not hold.

    Where another studio keeps its own there, this one goes on under the next free name.

    Parameters
    ----------
    session : Session
    tell : function
        Sends an event to every page.
    """

    def __init__(self, session: Session, tell: Callable[[dict[str, Any]], None]) -> None:
        self._session, self._tell = session, tell
        self._wake = asyncio.Event()
        self._home: Path | None = None  # where that of the project that is open belongs
        self._place: Path | None = None  # where it is
        self._stamp: tuple[int, int] | None = None  # of what this studio found or wrote there last
        self._written: Path | None = None  # what is not saved of the project that is open
        self._opened = session.opened
        self._keeping = asyncio.Lock()
        self._fault: str | None = None
        self._wake.set()  # what is opened may be an autosave itself
        session.changed.append(self._wake.set)

    async def work(self) -> None:
        """Keep what is not saved, for ever."""
        while await self._wake.wait():
            await asyncio.sleep(PAUSE)
            self._wake.clear()
            async with self._keeping:
                await self._keep()
            if self._fault:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), _AGAIN)
                self._wake.set()

    async def now(self) -> None:
        """Keep what is not saved at once, for what is open will not be any more."""
        async with self._keeping:
            if self._wake.is_set() or self._fault:
                await self._keep()

    async def _keep(self) -> None:
        session, fault = self._session, None
        project, path = session.project, session.autosave
        if project is None or path is None:
            return
        if self._opened != session.opened:  # another project; what was kept of the one before is offered with that
            self._opened, self._home, self._written = session.opened, None, None
        is_stale = self._written and (self._home != path or session.is_saved) and stamp(self._written) == self._stamp
        stale = self._written if is_stale else None
        if self._home != path:
            self._home, self._place, self._stamp = path, path, stamp(path)
        try:
            if not session.is_saved:
                await self._put_aside(path)
                place = self._step_aside(path)
                await asyncio.to_thread(save_project, project, place)
                self._stamp, self._written = stamp(place), place
            if stale:
                remove(stale)
                self._written = None if stale == self._written else self._written
        except InputError as error:
            fault = f"not kept, and tried again: {error}"
        except OSError as error:
            fault = f"not kept, and tried again: {error.filename}: {error.strerror}"
        if fault != self._fault:
            self._fault = fault
            self._tell({"on": "problem", "where": "autosave", "message": fault})

    def _step_aside(self, path: Path) -> Path:
        """Where this studio may write: elsewhere, once another one has written there."""
        if self._place is None or stamp(self._place) not in (None, self._stamp):
            self._place = free_name(path)
            text = f"another studio has this project open: what is not saved here is kept in {self._place}"
            self._tell({"on": "notice", "text": text, "kind": "note"})
        return self._place

    async def _put_aside(self, path: Path) -> None:
        """Edits go on though an autosave is offered: that one stays under another name."""
        if self._session.offered is None:
            return
        aside = free_name(path)
        if aside != path:
            path.rename(aside)
            text = f"what was not saved before is kept in {aside}"
            self._tell({"on": "notice", "text": text, "kind": "note"})
        self._session.offered = None
        self._session.tell()
