"""Which schedule scripts may be run: code comes from the user alone, never from the page."""

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from audioviz.errors import InputError
from audioviz.project import Project
from audioviz.shelf import find
from audioviz.studio.places import free_name

Ask = Callable[[str], Awaitable[bool]]


class Scripts:
    """The schedule scripts that may be run.

    Parameters
    ----------
    allowed : paths
        Those that the user named at the start.
    ask : function, optional
        Asks the user a question, where the page cannot answer; without one all other scripts are refused.
    """

    def __init__(self, allowed: Iterable[Path] = (), *, ask: Ask | None = None) -> None:
        self._allowed = {path.resolve() for path in allowed}
        self._ask = ask
        self._asked: Path | None = None

    def allow(self, script: Path) -> None:
        """Let a script be run."""
        self._allowed.add(script.resolve())

    def may_run(self, project: Project) -> bool:
        """Whether the schedule of a project may be computed: it runs no script, or one that is allowed."""
        script = script_of(project)
        return script is None or script.resolve() in self._allowed

    def copy(self, project: Project, folder: Path) -> tuple[Path, Path]:
        """Copy the script of a project's schedule, ready-made or allowed, into a folder: the script and the copy.

        The copy may be run as what it was copied from.

        Raises
        ------
        InputError
            If there is none, it may not be run, or the copy cannot be written.
        """
        if project.schedule.numbers is not None:
            raise InputError("the schedule was made in Python: there is no script to copy")
        if not self.may_run(project):
            raise InputError(f"{project.schedule.source}: a script that may not be run is not copied")
        script = find("schedules", project.schedule.source)
        copy = free_name(folder / script.name)
        try:
            with copy.open("xb") as file:
                file.write(script.read_bytes())
        except OSError as error:
            raise InputError(f"{copy}: cannot be written ({error.strerror})") from error
        self.allow(copy)
        return script, copy

    @property
    def can_ask(self) -> bool:
        """Whether there is somebody to ask."""
        return self._ask is not None

    def check_can_ask(self, script: Path) -> None:
        """Refuse a script about which nobody can be asked now.

        Raises
        ------
        InputError
        """
        if self._ask is None:
            raise InputError(
                f"{script}: a script is code, which the page cannot let run: start the studio with it, "
                f"--schedule {script}"
            )
        if self._asked not in (None, script):
            raise InputError(f"{script}: first answer the question about {self._asked} in the terminal")

    async def confirm(self, script: Path) -> bool:
        """Ask whether a script may be run, and remember a yes; False too while the question stands already."""
        if self._ask is None or self._asked is not None:
            return False
        self._asked = script
        try:
            shown = "".join(sign if sign.isprintable() else "?" for sign in str(script.resolve()))
            if await self._ask(f"The page asks to run the script {shown}: run it? [y/N] "):
                self.allow(script)
                return True
            return False
        finally:
            self._asked = None


def script_of(project: Project) -> Path | None:
    """The script that the schedule of a project is; None for what is ready-made, and for data."""
    choice = project.schedule
    is_script = choice.numbers is None and Path(choice.source).suffix == ".py"
    return Path(choice.source) if is_script else None


def terminal() -> Ask | None:
    """How to ask the user at the terminal while the server goes on; None where there is no terminal."""
    if sys.stdin is None or not sys.stdin.isatty():
        return None

    async def ask(question: str) -> bool:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[str] = loop.create_future()

        def settle(text: str) -> None:
            if not answer.done():
                answer.set_result(text)

        def read() -> None:
            print(question, end="", flush=True)
            text = sys.stdin.readline()
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle, text)

        threading.Thread(target=read, daemon=True).start()  # a thread, which the end of the server does not wait for
        return (await answer).strip().lower() in ("y", "yes")

    return ask
