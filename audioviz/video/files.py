"""Files that appear under their name only when they are whole, whatever happens meanwhile."""

import io
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from audioviz.errors import InputError

_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def check_apart(outputs: Iterable[Path | None], inputs: Iterable[str | Path]) -> None:
    """Raise an InputError if one of the files to be written is one of those that are read."""
    read = [Path(path) for path in inputs if os.path.exists(path)]
    for path in outputs:
        if path and os.path.exists(path) and any(path.samefile(other) for other in read):
            raise InputError(f"{path}: would overwrite what is read: give the output another name")


def part_of(path: Path) -> Path:
    """The temporary name beside a file, on the same disk, so that renaming it is atomic."""
    return path.with_name(f".{path.name}.part")


def create(path: Path) -> io.FileIO:
    """A new empty file, open for writing. What stood there is removed, and a link is never followed."""
    remove(path)
    return io.FileIO(os.open(path, _NEW, 0o666), "w")


def put(part: Path, path: Path) -> None:
    """Rename a whole file, already on the disk, to its final name, and make the name last."""
    os.replace(part, path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file by new content: after a crash it holds the old or the new, never a part."""
    part = part_of(path)
    try:
        with create(part) as file, io.BufferedWriter(file) as buffered:
            buffered.write(content)
            buffered.flush()
            os.fsync(file.fileno())
        put(part, path)
    except BaseException:
        remove(part)
        raise


def remove(path: Path) -> None:
    """Remove a file, a link or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
