"""Autosave: what is not saved yet is kept in a file beside the project, never in the project itself."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from audioviz.errors import InputError
from audioviz.files import remove
from audioviz.project import save_project
from audioviz.studio.places import free_name
from audioviz.studio.session import Session

PAUSE = 0.3  # seconds from an edit on, in which others may follow
_AGAIN = 2.0  # seconds until what failed is tried again


class Autosave:
    """Keeps `NAME.autosave.avz` beside NAME.avz as long as there is what NAME.avz does not hold.

    Parameters
    ----------
    session : Session
    tell : function
        Sends an event to every page.
    """

    def __init__(self, session: Session, tell: Callable[[dict[str, Any]], None]) -> None:
        self._session, self._tell = session, tell
        self._wake = asyncio.Event()
        self._written: Path | None = None
        self._fault: str | None = None
        self._wake.set()  # what is opened may be an autosave itself
        session.changed.append(self._wake.set)

    async def work(self) -> None:
        """Keep what is not saved, for ever."""
        while await self._wake.wait():
            await asyncio.sleep(PAUSE)
            self._wake.clear()
            await self._keep()
            if self._fault:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), _AGAIN)
                self._wake.set()

    async def close(self) -> None:
        """Keep what is not saved, a last time."""
        if self._wake.is_set() or self._fault:
            await self._keep()

    async def _keep(self) -> None:
        session, fault = self._session, None
        project, path = session.project, session.autosave
        if project is None or path is None:
            return
        stale = self._written if self._written != path or session.is_saved else None
        try:
            if not session.is_saved:
                await self._put_aside(path)
                await asyncio.to_thread(save_project, project, path)
                self._written = path
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
