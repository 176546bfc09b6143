"""One render at a time in a work folder: a lock that ends with its process, on a file that goes with the folder."""

import errno
import os
from contextlib import suppress
from pathlib import Path

from filelock import lock_descriptor, unlock_descriptor

from audioviz.errors import InputError
from audioviz.files import open_inside, open_plain

LOCK = "render.lock"
TRIES = 100  # each of them fails only if an owner of the folder removes it at that very moment


class FolderLock:
    """A folder, made if it is missing, held by one alone until it is closed, even by the death of the process.

    The system's lock is on the open file LOCK within; that the file is there means nothing. Two in one process exclude
    each other too.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    BlockingIOError
        If another holds it.
    OSError
        If the folder is a link or cannot be made, or its file cannot be opened or locked.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        for _ in range(TRIES):
            with suppress(FileExistsError):  # whatever it is; Path's exist_ok fails if it goes just now
                folder.mkdir()
            try:
                self._descriptor: int | None = _hold(folder)
                return
            except FileNotFoundError:
                continue  # its last owner has just removed it
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(folder / LOCK))

    def close(self) -> None:
        """Give the folder up, and leave it with the file. Harmless when closed."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            try:
                unlock_descriptor(descriptor)  # by itself Windows may take its time
            finally:
                os.close(descriptor)

    def remove(self) -> None:
        """Give the folder up, and remove the file and the folder, unless the folder holds anything else by now.

        Raises
        ------
        OSError
            If the folder's rights forbid it.
        """
        file = self._folder / LOCK
        try:
            file.unlink(missing_ok=True)  # while we hold it: who waits for it will find that it has no name any more
        except PermissionError as error:
            if not hasattr(error, "winerror"):
                raise
            self.close()  # Windows removes no open file: neither ours nor, from here on, that of a next owner
            with suppress(PermissionError):
                file.unlink(missing_ok=True)
        try:
            self._folder.rmdir()
        except FileNotFoundError:
            pass  # a next owner has been here and gone
        except OSError as error:
            if error.errno != errno.ENOTEMPTY:
                raise
        self.close()


def _hold(folder: Path) -> int:
    """The descriptor of a folder's file, locked; FileNotFoundError if its last owner removed it after we opened it."""
    descriptor = open_inside(folder, LOCK)
    try:
        if not lock_descriptor(descriptor, blocking=False):
            raise BlockingIOError(errno.EAGAIN, "held by another", str(folder))
        with open_plain(folder / LOCK) as named:
            if not os.path.sameopenfile(descriptor, named.fileno()):
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(folder / LOCK))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def lock_for(out: Path, folder: Path) -> FolderLock:
    """Hold the work folder of an output alone.

    Raises
    ------
    InputError
        If the output cannot be written there, or another render to it is running.
    """
    if not out.parent.is_dir():
        raise InputError(f"output folder {out.parent} does not exist: create it, or choose another output")
    if out.is_dir():
        raise InputError(f"output {out} is a folder: give the name of a file, such as {out / 'video.mp4'}")
    try:
        return FolderLock(folder)
    except BlockingIOError as error:
        raise InputError(f"another render to {out} is running: wait for it, or choose another output") from error
