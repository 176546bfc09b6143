"""Uploads: files that are dropped on the page are written beside the project, never over another."""

import asyncio
import contextlib
import filecmp
import os
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

from audioviz.errors import InputError
from audioviz.studio.places import clean_name, free_name, kind_of_file

LARGEST = 2_000_000_000  # bytes
_BEGIN = ".audioviz-upload-"  # of a file that is not whole yet
_STILL = 600.0  # seconds in which nothing was written to one that is left of a server that was killed
_CODE = (".py",)


def upload_name(text: str) -> str:
    """The name of an uploaded file, cleaned.

    Raises
    ------
    InputError
        If it is none, or of a kind that the studio has no use for.
    """
    name = clean_name(text)
    if kind_of_file(name) == "other" or Path(name).suffix.lower() in _CODE:
        raise InputError(f"{name}: expected a song, an image, a video, lyrics, a project, or .json, .csv or .txt")
    return name


def remove_leftovers(folder: Path) -> None:
    """Remove what is left in a folder of uploads whose server was killed."""
    with contextlib.suppress(OSError):
        for part in folder.glob(f"{_BEGIN}*"):
            if time.time() - part.stat().st_mtime > _STILL:
                part.unlink()


def check_size(name: str, size: int) -> None:
    """Refuse a file of too many bytes.

    Raises
    ------
    InputError
    """
    if size > LARGEST:
        raise InputError(f"{name}: expected {LARGEST / 1e9:g} GB at most")


async def receive(chunks: AsyncIterator[bytes], folder: Path, name: str) -> Path:
    """Write a file that comes in pieces into a folder, under its name or, where another has that, under the next.

    Raises
    ------
    InputError
        If it is too large, or cannot be written; nothing is left of it then.
    """
    part: Path | None = None
    try:
        descriptor, text = tempfile.mkstemp(prefix=_BEGIN, dir=folder)
        part = Path(text)
        with os.fdopen(descriptor, "wb") as file:
            size = 0
            async for chunk in chunks:
                size += len(chunk)
                check_size(name, size)
                await asyncio.to_thread(file.write, chunk)
        if not size:
            raise InputError(f"{name}: is empty")
        return await asyncio.to_thread(_settle, part, folder / name)
    except OSError as error:
        raise InputError(f"{folder / name}: cannot be written ({error.strerror})") from error
    finally:
        if part is not None:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)


def _settle(part: Path, path: Path) -> Path:
    """Give a whole file its name; where the same is there already, that one is it."""
    while True:
        if path.is_file() and filecmp.cmp(part, path, shallow=False):
            return path
        path = free_name(path)
        try:
            path.touch(exist_ok=False)  # the name is ours: what is replaced is empty
        except FileExistsError:
            continue
        part.chmod(path.stat().st_mode)
        part.replace(path)
        return path
