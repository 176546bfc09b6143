"""Store: where workers put what they made, under the key of all that it depends on; what is there is done."""

import hashlib
import time
from collections.abc import Callable
from typing import Protocol, TypeVar

from audioviz.farm.faults import StoreError, StoreFull, StoreRefused
from audioviz.farm.folder_files import FolderFiles
from audioviz.farm.url_files import UrlFiles, without_password

PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)  # seconds before something is tried again
PATIENCE = 20.0  # seconds after which it is not
NOTE = "about.txt", b"What films of audioviz are made of. It is not needed any more when they are there.\n"
Answer = TypeVar("Answer")


class Files(Protocol):
    """Files by their names; each write is whole or not at all. What fails is a StoreError."""

    def prepare(self) -> None:
        """Make the folder that they are in, if it is not there."""
        ...

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


class Store:
    """What was made, by its key. Each content stands after its own digest: what is damaged is as if it were not there.

    What fails is tried again for a while, unless that cannot help; then it is a StoreError.

    Parameters
    ----------
    place : str
        A folder, or any URL that fsspec knows.
    pause : function of seconds
        Waits.

    Attributes
    ----------
    place : str
        The same for people to read: without a password.

    Raises
    ------
    InputError
        If the place cannot be one.
    """

    def __init__(self, place: str, *, pause: Callable[[float], None] = time.sleep):
        self.place = without_password(place)
        self._files: Files = UrlFiles(place) if "://" in place else FolderFiles(place)
        self._pause = pause

    def open(self) -> None:
        """Make the folder if need be, and see that it can be written, before anything is made for it."""
        self._files.prepare()
        self.try_out()

    def try_out(self) -> None:
        """Write a little, once."""
        self._files.write(*NOTE)

    def keys(self, folder: str) -> set[str]:
        """Those that begin with a folder."""
        return self._patiently(lambda: self._files.names(folder))

    def get(self, key: str) -> bytes | None:
        """What stands under a key; None if nothing does, or what does is damaged, which is removed."""
        content = self._patiently(lambda: self._files.read(key))
        if content is None:
            return None
        digest, body = content[:32], content[32:]
        if hashlib.sha256(body).digest() == digest:
            return body
        self.remove(key)
        return None

    def put(self, key: str, body: bytes) -> None:
        """Keep something under a key."""
        content = hashlib.sha256(body).digest() + body
        self._patiently(lambda: self._files.write(key, content))

    def remove(self, key: str) -> None:
        """Remove what stands under a key, if it is there."""
        self._patiently(lambda: self._files.remove(key))

    def log(self, name: str, text: str) -> None:
        """Write a text for people, in place of an earlier one; this is tried once."""
        self._files.write(name, without_password(text).encode())

    def _patiently(self, ask: Callable[[], Answer]) -> Answer:
        began = time.monotonic()
        for pause in PAUSES:
            try:
                return ask()
            except (StoreFull, StoreRefused):
                raise
            except StoreError:
                if time.monotonic() - began > PATIENCE:
                    raise
            self._pause(pause)
        return ask()
