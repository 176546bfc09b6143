"""The files of a store that is a folder, which may be one that several machines share."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from audioviz.farm.faults import StoreError, StoreFull, StoreRefused
from audioviz.files import remove, user_path, write_whole

FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG}


class FolderFiles:
    """Fulfils Files. A folder that is gone, as of a machine that is away, is not made anew by what is written to it."""

    def __init__(self, folder: str):
        self._folder = user_path(folder).absolute()

    def prepare(self) -> None:
        """As in Files."""
        with self._explained():
            self._folder.mkdir(parents=True, exist_ok=True)

    def names(self, folder: str) -> set[str]:
        """As in Files."""
        with self._explained():
            try:
                found = list((self._folder / folder).iterdir())
            except FileNotFoundError:
                self._folder.stat()
                return set()
            return {f"{folder}/{path.name}" for path in found if not path.name.startswith(".")}

    def read(self, name: str) -> bytes | None:
        """As in Files."""
        with self._explained():
            try:
                return (self._folder / name).read_bytes()
            except FileNotFoundError:
                self._folder.stat()
                return None

    def write(self, name: str, content: bytes) -> None:
        """As in Files."""
        path = self._folder / name
        with self._explained():
            if path.parent != self._folder:
                path.parent.mkdir(exist_ok=True)
            write_whole(path, content, part=path.with_name(f".{uuid4().hex}.part"))  # others may write the same

    def remove(self, name: str) -> None:
        """As in Files."""
        with self._explained():
            remove(self._folder / name)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Inside of it an OSError becomes a StoreError that says what to do."""
        try:
            yield
        except OSError as error:
            kind, advice = StoreError, "restore the way to it, which all workers need"
            if error.errno in FULL:
                kind, advice = StoreFull, "free space there"
            elif error.errno in REFUSED:
                kind, advice = StoreRefused, "give a folder where you may write"
            said = os.strerror(error.errno or errno.EIO)
            raise kind(
                f"store {self._folder}: {said}: {advice}; the same command goes on from what is there"
            ) from error
