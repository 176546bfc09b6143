"""Messages and files of the commands: results on standard output, all else in one line on standard error."""

import json
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from audioviz.errors import AudiovizWarning

_for_programs = False


def speak_json() -> None:
    """From now on standard error is for programs: a JSON object on each line."""
    global _for_programs
    _for_programs = True


def say(message: str, *, event: str = "note") -> None:
    """Print a message as one line on standard error, whatever it quotes; for programs as an event of this name."""
    line = f"{' '.join(message.split()):.1000}"
    if _for_programs:
        emit(event, text=line)
    else:
        write_above_bars(f"audioviz: {line}", sys.stderr)


def write_above_bars(line: str, file: TextIO) -> None:
    """Print a line where bars may stand on the terminal."""
    if "tqdm" in sys.modules:
        sys.modules["tqdm"].tqdm.write(line, file=file)
    else:
        print(line, file=file)


def emit(event: str, **facts: Any) -> None:
    """Print an event for programs."""
    print(json.dumps({"event": event, **facts}), file=sys.stderr, flush=True)


def show_warning(message: Warning | str, category: type[Warning], *place: Any) -> None:
    """Print our own warnings in one line; those of other packages, which no user can act on, not at all."""
    if issubclass(category, AudiovizWarning):
        say(str(message))


@contextmanager
def each_warning_once() -> Iterator[None]:
    """Show what is warned of again and again, as in renders that are alike, the first time alone."""
    with warnings.catch_warnings():
        show, shown = warnings.showwarning, set()

        def show_new(message: Warning | str, *place: Any) -> None:
            if str(message) not in shown:
                shown.add(str(message))
                show(message, *place)

        warnings.showwarning = show_new
        yield


def save(path: Path | None, to_file: Callable[[Path], Any]) -> None:
    """Write a file, if one was asked for."""
    if path:
        to_file(path)
