"""Messages and files of the commands: results on standard output, all else in one line on standard error."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from audioviz.errors import AudiovizWarning, InputError


def say(message: str) -> None:
    """Print a message as one line on standard error, whatever it quotes."""
    print(f"audioviz: {' '.join(message.split()):.1000}", file=sys.stderr)


def show_warning(message: Warning | str, category: type[Warning], *place: Any) -> None:
    """Print our own warnings in one line; those of other packages, which no user can act on, not at all."""
    if issubclass(category, AudiovizWarning):
        say(str(message))


def save(path: Path | None, to_text: Callable[[Any], str], value: Any) -> None:
    """Write `to_text(value)` to a file as a whole, if one was asked for."""
    if path:
        from audioviz.video.files import write_whole

        draw(path, lambda target: write_whole(target, to_text(value).encode()))


def draw(path: Path, write: Callable[..., None], *values: Any) -> None:
    """Call `write(*values, path)`; a path that cannot be written is the user's mistake."""
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise InputError(f"{path}: expected the name of a file in a folder that exists")
    try:
        write(*values, path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({os.strerror(error.errno or 0)})") from error
