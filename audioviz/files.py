"""Files that appear under their name only when they are whole, whatever happens meanwhile, on every system.

What a system lacks is left out: Windows follows links where others do not, has no folders that can be opened, and
translates line ends in files that are not opened as binary.
"""

import errno
import io
import os
import shutil
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from platformdirs import user_cache_dir

from audioviz.errors import InputError

_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_PLAIN = _NO_LINK | getattr(os, "O_BINARY", 0)
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | _PLAIN
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _PLAIN  # a pipe in the place of a file would block
_APPEND = os.O_WRONLY | os.O_APPEND | _PLAIN
_SHARED = os.O_RDWR | os.O_CREAT | _PLAIN
_FOLDER: int | None = getattr(os, "O_DIRECTORY", None)  # None where folders cannot be opened
_PAUSES = (0.01, 0.04, 0.16, 0.64)  # seconds before a rename is tried again


def user_cache() -> Path:
    """The folder for what can be computed again; the environment variable AUDIOVIZ_CACHE overrides it."""
    return Path(os.environ.get("AUDIOVIZ_CACHE") or user_cache_dir("audioviz"))


def check_apart(outputs: Iterable[Path | None], inputs: Iterable[str | Path]) -> None:
    """Raise an InputError if one of the files to be written is one of those that are read."""
    read = [path for path in map(Path, inputs) if exists(path)]
    for path in outputs:
        if path and exists(path) and any(path.samefile(other) for other in read):
            raise InputError(f"{path}: would overwrite what is read: give the output another name")


def exists(path: Path) -> bool:
    """Whether there is a file or a folder; there is none of a name that is too long."""
    return os.path.exists(path)  # noqa: PTH110  Path.exists raises for that


def part_of(path: Path) -> Path:
    """The temporary name beside a file, on the same disk, so that renaming it is atomic."""
    return path.with_name(f".{path.name}.part")


def create(path: Path) -> io.FileIO:
    """A new empty file, open for writing. What stood there is removed, and a link is never followed."""
    remove(path)
    return io.FileIO(os.open(path, _NEW, 0o666), "w")


def open_plain(path: Path) -> io.FileIO:
    """A plain file, open for reading; an OSError if it is anything else, such as a link or a pipe."""
    if stat.S_ISREG(path.lstat().st_mode):
        file = io.FileIO(os.open(path, _READ))
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return file
        file.close()
    raise OSError(errno.EINVAL, "not a plain file", str(path))


def open_to_append(path: Path) -> io.TextIOWrapper:
    """A text file that is there, open for writing at its end. A link is not followed."""
    raw = io.FileIO(os.open(path, _APPEND), "a")
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8", errors="backslashreplace")


def open_inside(folder: Path, name: str) -> int:
    """The descriptor of a file in a folder, made if it is missing; an OSError if the folder or the file is a link."""
    if _FOLDER is None:
        for path in (folder, folder / name):
            if path.is_symlink():
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
        return os.open(folder / name, _SHARED, 0o666)
    place = os.open(folder, os.O_RDONLY | _FOLDER | _NO_LINK)
    try:
        return os.open(name, _SHARED, 0o666, dir_fd=place)
    finally:
        os.close(place)


def put(part: Path, path: Path) -> None:
    """Rename a whole file, already on the disk, to its final name, and make the name last."""
    _replace(part, path)
    if _FOLDER is None:
        return
    folder = os.open(path.parent, os.O_RDONLY | _FOLDER)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _replace(part: Path, path: Path) -> None:
    """Rename, if need be again: Windows refuses it while a virus scanner or an indexer looks at one of the files."""
    for pause in _PAUSES:
        try:
            part.replace(path)
            return
        except PermissionError as error:
            if not hasattr(error, "winerror"):
                raise
            time.sleep(pause)
    part.replace(path)


def write_whole(path: Path, content: bytes, *, part: Path | None = None) -> None:
    """Replace a file by new content: after a crash it holds the old or the new, never a part.

    `part` is its temporary name on the same disk, where that of `part_of` may be another writer's too.
    """
    part = part or part_of(path)
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


def to_path(what: str, value: Any) -> Path:
    """The path that a user gave, his home for `~`.

    Raises
    ------
    InputError
        If it is none.
    """
    if not isinstance(value, (str, os.PathLike)):
        raise InputError(f"{what} {value!r:.60}: expected a path")
    return user_path(value)


def user_path(path: str | os.PathLike[str]) -> Path:
    """A path with `~` for the user's home folder, as shells read it outside of quotes."""
    return Path(os.path.expanduser(path))  # noqa: PTH111  Path.expanduser raises for a user who is not there


@contextmanager
def asked_for(path: str | os.PathLike[str], *, apart: Iterable[Path] = ()) -> Iterator[Path]:
    """A file that a user asked for is written inside this block; what the system has against it is the user's mistake.

    Raises
    ------
    InputError
        If it cannot be written there, or is one of the files that it is made of, `apart`.
    """
    path = to_path("file", path)
    check_apart([path], apart)
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise InputError(f"{path}: expected the name of a file in a folder that exists")
    try:
        yield path
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({os.strerror(error.errno or 0)})") from error


def text_or_file(text: str, path: str | os.PathLike[str] | None, *, apart: Iterable[Path] = ()) -> str | None:
    """The text; None if it went to a file, as a whole, which is none of those `apart`."""
    if path is None:
        return text
    with asked_for(path, apart=apart) as place:
        write_whole(place, text.encode())
    return None
