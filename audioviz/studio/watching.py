"""Watching: when a file that the project names is written by another program, all is computed anew."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from watchfiles import Change, awatch

from audioviz.project import Project
from audioviz.project.files import files_named
from audioviz.studio.session import Session

_PAUSE = 2.0  # seconds until folders that cannot be watched are tried again
_SETTLED = 200  # milliseconds in which changes of files are one


class Watch:
    """Watches the song, the script and other files of the project.

    Parameters
    ----------
    session : Session
    tell : function
        Is called when one of them has changed.
    """

    def __init__(self, session: Session, tell: Callable[[], None]) -> None:
        self._session, self._tell = session, tell
        self._stop = asyncio.Event()
        self._files: set[Path] = set()
        session.changed.append(self._look)
        self._look()

    async def work(self) -> None:
        """Watch, for ever."""
        while True:
            self._stop = asyncio.Event()
            folders = sorted({file.parent for file in self._files if file.parent.is_dir()})
            if not folders:
                await self._stop.wait()
                continue
            try:
                async for _ in awatch(
                    *folders,
                    watch_filter=self._is_named,
                    debounce=_SETTLED,
                    recursive=False,
                    stop_event=self._stop,
                ):
                    self._tell()
            except OSError:  # a folder went away, or the system watches no more
                await asyncio.sleep(_PAUSE)

    def _look(self) -> None:
        files = _watched(self._session.project)
        if files != self._files:
            self._files = files
            self._stop.set()

    def _is_named(self, _: Change, path: str) -> bool:
        return Path(path) in self._files


def _watched(project: Project | None) -> set[Path]:
    """The files that a project names: their places, and where links in them lead."""
    files = [] if project is None else files_named(project)
    return {place for file in files for place in (file.absolute(), file.resolve())}
