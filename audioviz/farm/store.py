"""Store: where workers put what they made, under the key of all that it depends on; what is there is done."""

import hashlib
from pathlib import Path
from typing import Protocol

from audioviz.errors import InputError
from audioviz.farm.faults import StoreError
from audioviz.files import remove, write_whole


class Files(Protocol):
    """Files by their names; each write is whole or not at all. An OSError is a trouble that may pass."""

    def names(self, folder: str) -> set[str]:
        """Those of a folder."""
        ...

    def read(self, name: str) -> bytes | None:
        """What a file holds; None if there is none."""
        ...

    def write(self, name: str, content: bytes) -> None:
        """Put a file, in place of one that may be there."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        ...


class FolderFiles:
    """Files in a folder, which may be one that several machines share."""

    def __init__(self, folder: Path):
        self._folder = folder

    def names(self, folder: str) -> set[str]:
        """As in Files."""
        place = self._folder / folder
        return {f"{folder}/{path.name}" for path in place.iterdir()} if place.is_dir() else set()

    def read(self, name: str) -> bytes | None:
        """As in Files."""
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        """As in Files."""
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)

    def remove(self, name: str) -> None:
        """As in Files."""
        remove(self._folder / name)


class Store:
    """What was made, by its key. Each content stands after its own digest: what is damaged is as if it were not there.

    Parameters
    ----------
    place : str
        A folder, or the URL of one.
    """

    def __init__(self, place: str):
        self.place = place
        self._files: Files = files_at(place)

    def keys(self, folder: str) -> set[str]:
        """Those that begin with a folder."""
        with self._explained():
            return self._files.names(folder)

    def get(self, key: str) -> bytes | None:
        """What stands under a key; None if nothing does, or what does is damaged, which is removed."""
        with self._explained():
            content = self._files.read(key)
            if content is None:
                return None
            digest, body = content[:32], content[32:]
            if hashlib.sha256(body).digest() == digest:
                return body
            self._files.remove(key)
            return None

    def put(self, key: str, body: bytes) -> None:
        """Keep something under a key.

        Raises
        ------
        StoreError
            If the store takes nothing.
        """
        with self._explained():
            self._files.write(key, hashlib.sha256(body).digest() + body)

    def log(self, name: str, text: str) -> None:
        """Write a text for people, in place of an earlier one."""
        with self._explained():
            self._files.write(name, text.encode())

    def _explained(self) -> "_Explained":
        return _Explained(self.place)


class _Explained:
    """Inside of it an OSError becomes a StoreError."""

    def __init__(self, place: str):
        self._place = place

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, *rest: object) -> None:
        if isinstance(error, OSError):
            raise StoreError(
                f"store {self._place}: {error.strerror or error}: free space there or restore the way to it, then give "
                "the same command again: it goes on from what is there"
            ) from error


def files_at(place: str) -> Files:
    """The files of a folder, or of a URL.

    Raises
    ------
    InputError
        If its kind is unknown.
    """
    if "://" in place:
        raise InputError(f"store {place}: expected a folder")
    return FolderFiles(Path(place).absolute())
