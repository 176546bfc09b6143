"""Session: the project that is open, and all that was done to it."""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic_core import from_json, to_json

from audioviz.errors import InputError
from audioviz.project import Project, load_project, save_project
from audioviz.project.files import ENDING, files_named
from audioviz.project.project import document_of, project_of
from audioviz.studio.edits import edited
from audioviz.studio.history import History
from audioviz.studio.named import missing_files, naming_parts, render_command
from audioviz.studio.places import Places, clean_name, kind_of_file
from audioviz.studio.trust import Scripts, script_of

MOST_BYTES = 100_000_000  # of a project's file: an hour of all columns as numbers has less
_AUTOSAVE = re.compile(r"(.+)\.autosave(-\d+)?\.avz", re.IGNORECASE)


class Session:
    """The open project, its history, and those who are told of each change.

    Parameters
    ----------
    project : Project, optional
        That the user named: what it names may be read.
    path : Path, optional
        Of its file, if it has one.
    places : Places
        What the page may open besides; the folder of the song, if not given.
    scripts : Scripts
        Which may be run.
    """

    def __init__(
        self,
        project: Project | None = None,
        *,
        path: Path | None = None,
        places: Places | None = None,
        scripts: Scripts | None = None,
    ) -> None:
        self.places = places or Places([_folder(project, path)])
        self.scripts = scripts or Scripts()
        self.project: Project | None = None
        self.path: Path | None = None
        self.revision = 0
        self.opened = 0  # projects so far
        self.offered: Path | None = None  # an autosave with what was never saved, before the user takes or drops it
        self.changed: list[Callable[[], None]] = []
        self._history = History(b"")
        self._document: dict[str, Any] = {}
        self._saved = b""
        self._own: set[Path] = set()  # files that save may replace
        if project is not None:
            self.places.pick([project.song.path, *files_named(project)])
            self._begin(project, path)

    @property
    def home(self) -> Path | None:
        """Where the project is saved if nothing else is said: its file, or one beside the song."""
        return self.path or (self.project and self.project.song.path.with_suffix(ENDING))

    @property
    def folder(self) -> Path:
        """Where new files go: beside the project or the song, or where the user may look first."""
        return self.places.folders[0] if self.home is None else self.home.absolute().parent

    @property
    def autosave(self) -> Path | None:
        """Where the project is kept until it is saved."""
        return self.home and self.home.with_name(f"{self.home.stem}.autosave{ENDING}")

    @property
    def is_saved(self) -> bool:
        """Whether there is nothing in the project that is not in its file."""
        return self._history.text == self._saved

    def change(self, edits: Sequence[Mapping[str, Any]], name: str, gesture: str | None = None) -> None:
        """Change values at places of the project; an edit without a value takes it away.

        Raises
        ------
        InputError
            If what would be is no project, or names what the page may not read or run; nothing is changed then.
        """
        project = self._opened()
        changed = project_of(edited(self._document, edits))
        if naming_parts(changed) != naming_parts(project):
            self._check_places(changed)
        script = script_of(changed)
        if script is not None and script != script_of(project) and not self.scripts.may_run(changed):
            self.scripts.check_can_ask(script)
        document = document_of(changed)
        self._history.add(to_json(document), name, gesture)
        self._take(changed, document)

    def undo(self) -> None:
        """Take the last change back."""
        self._opened()
        if not self._history.undo():
            raise InputError("there is nothing to undo")
        self._take(*_read(self._history.text))

    def redo(self) -> None:
        """Make the change again that was taken back."""
        self._opened()
        if not self._history.redo():
            raise InputError("there is nothing to redo")
        self._take(*_read(self._history.text))

    def open(self, text: str) -> None:
        """Open a project, or begin one for a song.

        Raises
        ------
        InputError
            If it cannot be read, or lies outside of the folders that are open, or what it names does.
        """
        path, kind = self.places.path(text, folder=self.folder), kind_of_file(text)
        if kind not in ("song", "project"):
            raise InputError(f"{path}: expected a song, or a project that ends in {ENDING}")
        if not path.is_file():  # nor a pipe, which would be waited for
            raise InputError(f"{path}: there is no such {kind}")
        if kind == "project":
            self._begin(self._load(path), path)
        else:
            self._begin(Project(path), None)

    def restore(self) -> None:
        """Take what an autosave holds; undo goes back to what was saved.

        Raises
        ------
        InputError
            If none is offered, or it cannot be read.
        """
        restored = self._load(self._offer())
        document = document_of(restored)
        self._history.add(to_json(document), "restore what was not saved")
        self.offered = None
        self._take(restored, document)

    def discard(self) -> None:
        """Remove the autosave that is offered.

        Raises
        ------
        InputError
            If there is none, or it cannot be removed.
        """
        path = self._offer()
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise InputError(f"{path}: cannot be removed ({error.strerror})") from error
        self.offered = None
        self.tell()

    async def save(self, text: str | None = None, *, over: bool = False) -> Path:
        """Write the project to its file, or to another, which is its file from then on.

        Raises
        ------
        InputError
            If it cannot be written, or there is a file already that this session did neither open nor save.
        """
        project, home = self._opened(), self.home
        path = home if text is None or home is None else self.places.path(text, folder=self.folder)
        assert path is not None
        known = path.resolve() in self._own
        if _AUTOSAVE.fullmatch(path.name) or (clean_name(path.name) != path.name and not known):
            raise InputError(f"{path}: expected another name, such as {clean_name(home.name if home else 'song.avz')}")
        if path.exists() and not known and not over:
            raise InputError(f"{path}: is there already: save over it, or give another name")
        history, saved = self._history, self._history.text
        await asyncio.to_thread(save_project, project, path)
        if history is not self._history:  # another project was opened meanwhile
            return path
        self.path, self._saved = path, saved
        self._own.add(path.resolve())
        self.tell()
        return path

    def copy_schedule(self, name: str | None = None) -> Path:
        """Copy a ready-made schedule, or a script that may be run, beside the project, and take the copy.

        Raises
        ------
        InputError
            If there is none of that name, it may not be run, or the copy cannot be written.
        """
        project = self._opened()
        wanted = project.changed(schedule=name) if name else project
        found, copy = self.scripts.copy(wanted, self.folder)
        edits = [{"place": ["schedule", "source"], "value": copy.as_posix()}]
        if name and name != project.schedule.source:
            edits.append({"place": ["schedule", "settings"], "value": {}})
        self.change(edits, f"copy {found.stem}")
        return copy

    def retrust(self) -> None:
        """Look again whether the script of the project may be run, and tell of it."""
        if self.project is not None:
            self._take(self.project, self._document)

    def state(self) -> dict[str, Any]:
        """What the page is told."""
        project, home = self.project, self.home
        script = project and script_of(project)
        return {
            "on": "state",
            "project": self._document if project else None,
            "revision": self.revision,
            "path": self.path and str(self.path),
            "folder": str(self.folder),
            "home": home and str(home),
            "saved": self.is_saved,
            "autosaved": self.offered is not None,
            "undo": self._history.last,
            "redo": self._history.next,
            "script": {"path": str(script), "allowed": self.scripts.may_run(project)} if project and script else None,
            "missing": [str(file) for file in missing_files(project)] if project else [],
            "command": project and home and render_command(home, trust=script is not None),
        }

    def tell(self) -> None:
        """Tell all who listen."""
        self.revision += 1
        for listener in self.changed:
            listener()

    def _opened(self) -> Project:
        if self.project is None:
            raise InputError("no project is open: drop a song first")
        return self.project

    def _offer(self) -> Path:
        if self.offered is None:
            raise InputError("there is no autosave of this project")
        return self.offered

    def _load(self, path: Path) -> Project:
        if path.is_file() and path.stat().st_size > MOST_BYTES:  # reading it would stop all else
            raise InputError(f"{path}: {path.stat().st_size / 1e6:,.0f} MB, expected {MOST_BYTES / 1e6:g} MB at most")
        project = load_project(path)
        try:
            self._check_places(project)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
        return project

    def _check_places(self, project: Project) -> None:
        for file in files_named(project):
            self.places.check(file)

    def _begin(self, project: Project, path: Path | None) -> None:
        document = document_of(project)
        try:
            text = to_json(document)
        except ValueError as error:
            raise InputError(f"{project.song.path}: its name holds bytes that are no text: rename it") from error
        self.path = path
        self.opened += 1
        self._history, self._saved = History(text), text
        if path is not None:
            if kept := _AUTOSAVE.fullmatch(path.name):
                self.path, self._saved = path.with_name(f"{kept[1]}{ENDING}"), b""
            self._own.add(path.resolve())
        self.project = project
        self.offered = self._find_offer(project)
        self._take(project, document)

    def _find_offer(self, project: Project) -> Path | None:
        """The autosave beside a project, if it holds what the project does not."""
        path = self.autosave
        if path is None or not self._saved or not path.is_file():
            return None
        try:
            return path if self._load(path) != project else None
        except InputError:
            return None

    def _take(self, project: Project, document: dict[str, Any]) -> None:
        trusted = self.scripts.may_run(project)
        self.project = replace(project, schedule=replace(project.schedule, trusted=trusted))
        self._document = document
        self.tell()


def _folder(project: Project | None, path: Path | None) -> Path:
    return (path or project.song.path).absolute().parent if project else Path.cwd()


def _read(text: bytes) -> tuple[Project, dict[str, Any]]:
    document = from_json(text)
    return project_of(document), document
