"""Messages and files of the commands: results on standard output, all else in one line on standard error."""

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from audioviz.errors import AudiovizWarning


def say(message: str) -> None:
    """Print a message as one line on standard error, whatever it quotes."""
    print(f"audioviz: {' '.join(message.split()):.1000}", file=sys.stderr)


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
