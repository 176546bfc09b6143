"""Session: the project that is open, and all that was done to it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from audioviz.errors import InputError
from audioviz.project import Project
from audioviz.project.project import document_of, project_of

Place = Sequence[str | int]


@dataclass(frozen=True)
class Step:
    """A project, and what made it of the one before."""

    project: Project
    name: str
    gesture: str | None = None


class Session:
    """The open project, its history, and those who are told of each change."""

    def __init__(self, project: Project | None = None, *, path: Path | None = None) -> None:
        self.path = path
        self.revision = 0
        self._done: list[Step] = [] if project is None else [Step(project, "open")]
        self._undone: list[Step] = []
        self.changed: list[Callable[[], None]] = []

    @property
    def project(self) -> Project | None:
        """The project as it is now; None before one is opened."""
        return self._done[-1].project if self._done else None

    def change(self, edits: Sequence[Mapping[str, Any]], name: str, gesture: str | None = None) -> None:
        """Change values at places of the project; an edit without a value takes it away.

        Raises
        ------
        InputError
            If what would be is no project; nothing is changed then.
        """
        if self.project is None:
            raise InputError("no project is open: drop a song first")
        document = document_of(self.project)
        for edit in edits:
            _put(document, edit["place"], edit)
        changed = replace(project_of(document), schedule=replace(project_of(document).schedule, trusted=True))
        if gesture and self._done[-1].gesture == gesture:
            self._done.pop()
        self._done.append(Step(changed, name, gesture))
        self._undone.clear()
        self._tell()

    def undo(self) -> None:
        """Take the last change back."""
        if len(self._done) < 2:
            raise InputError("there is nothing to undo")
        self._undone.append(self._done.pop())
        self._tell()

    def redo(self) -> None:
        """Make the change again that was taken back."""
        if not self._undone:
            raise InputError("there is nothing to redo")
        self._done.append(self._undone.pop())
        self._tell()

    def state(self) -> dict[str, Any]:
        """What the page is told."""
        project = self.project
        return {
            "on": "state",
            "project": project and document_of(project),
            "revision": self.revision,
            "path": self.path and str(self.path),
            "undo": self._done[-1].name if len(self._done) > 1 else None,
            "redo": self._undone[-1].name if self._undone else None,
        }

    def _tell(self) -> None:
        self.revision += 1
        for listener in self.changed:
            listener()


def _put(document: Any, place: Place, edit: Mapping[str, Any]) -> None:
    *parts, last = place
    for part in parts:
        document = document[part] if isinstance(document, list) else document.setdefault(part, {})
    if "value" in edit:
        document[last] = edit["value"]
    else:
        document.pop(last, None)
