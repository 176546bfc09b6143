"""One run of the ffmpeg binary that comes with imageio-ffmpeg, and the one way in which it is handed a file."""

import errno
import io
import re
import subprocess
import threading
from collections import deque
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import IO

import imageio_ffmpeg

from audioviz.errors import EncodeError

_QUIET = ("-hide_banner", "-nostats", "-loglevel", "error")
# ffmpeg's last lines only repeat that something failed; the line before them says what.
_REPEATED = (
    "Conversion failed!",
    "Nothing was written into output file",
    "Terminating thread with return code",
    "Error opening output file ",
    "Error opening output files:",
    "Error opening input file ",
    "Error opening input files:",
    "Error parsing options for output file",
    "Failed to set value",
    "To ignore this, add a trailing",
    "Task finished with error code",
    "Could not open encoder before EOF",
    "Cannot determine format of input",
    "Decode error rate",
    "Svt[",
)
# On Windows the counterpart of a session, and no window even if audioviz itself has none; 0 elsewhere.
_APART = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) | getattr(subprocess, "CREATE_NO_WINDOW", 0)
_NO_FFMPEG = "reinstall imageio-ffmpeg, or set IMAGEIO_FFMPEG_EXE to a working ffmpeg"


def input_file(path: Path) -> list[str]:
    """ffmpeg's arguments for a file that is to be read: this file alone, whatever its name or its content asks for."""
    return ["-protocol_whitelist", "file,pipe", "-i", f"file:{path}"]


class Ffmpeg:
    """A running ffmpeg; as a context manager it never outlives its block.

    It has a session of its own, or a process group on Windows, so Ctrl-C in the terminal reaches us alone and we decide
    what becomes of it. Should we be killed, the end of the pipe that it reads or writes ends it. What it says is kept,
    never shown.

    Parameters
    ----------
    arguments : sequence of str
        The command line after the name of the binary.
    stdin, stdout : file or subprocess constant
        As for subprocess.Popen; nothing by default.

    Raises
    ------
    EncodeError
        If there is no ffmpeg binary or it cannot be started.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        stdin: int | IO[bytes] = subprocess.DEVNULL,
        stdout: int | IO[bytes] = subprocess.DEVNULL,
    ):
        try:
            self._process = subprocess.Popen(
                [imageio_ffmpeg.get_ffmpeg_exe(), *_QUIET, *arguments],
                stdin=stdin,
                stdout=stdout,
                stderr=subprocess.PIPE,
                start_new_session=True,
                creationflags=_APART,
            )
        except (OSError, RuntimeError) as error:
            raise EncodeError(f"ffmpeg cannot be started ({error}): {_NO_FFMPEG}") from error
        assert self._process.stderr is not None
        self._said: deque[str] = deque(maxlen=12)
        self._listener = threading.Thread(target=self._listen, args=(self._process.stderr,), daemon=True)
        self._listener.start()

    @property
    def stdin(self) -> io.BufferedWriter:
        """What it reads, if that is a pipe."""
        assert isinstance(self._process.stdin, io.BufferedWriter), "not a pipe"
        return self._process.stdin

    @property
    def stdout(self) -> io.BufferedReader:
        """What it writes, if that is a pipe."""
        assert isinstance(self._process.stdout, io.BufferedReader), "not a pipe"
        return self._process.stdout

    def _listen(self, stderr: IO[bytes]) -> None:
        for line in stderr:
            self._said.append(line.decode(errors="replace").strip())

    def wait(self) -> str:
        """Wait for the end: an empty string if all went well, otherwise ffmpeg's own last word."""
        status = self._process.wait()
        self._listener.join()
        if status == 0:
            return ""
        said = [re.sub(r"^(\[[^]]* @ 0x\w+\] ?)+", "", line) for line in self._said]
        said = [line for line in said if line and not line.startswith(_REPEATED)]
        ended = f"ended by signal {-status}" if status < 0 else f"exit status {status}"
        return f"{said[-1]} ({ended})" if said else ended

    def close(self) -> None:
        """End it, if it still runs, and free its pipes."""
        self._process.kill()
        self._process.wait()
        self._listener.join()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError as error:
                    if not reader_ended(error):  # what was still buffered is lost, and nobody wants it
                        raise

    def __enter__(self) -> "Ffmpeg":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def reader_ended(error: OSError) -> bool:
    """Whether a write failed because whoever reads the pipe has ended. Windows may call the write invalid then."""
    return isinstance(error, BrokenPipeError) or (hasattr(error, "winerror") and error.errno == errno.EINVAL)


@cache
def ffmpeg_version() -> str:
    """The version that the binary names, which is asked once.

    Raises
    ------
    EncodeError
        If there is no ffmpeg binary or it does not run.
    """
    with Ffmpeg(["-version"], stdout=subprocess.PIPE) as ffmpeg:
        first = ffmpeg.stdout.readline().decode(errors="replace")
        ffmpeg.stdout.read()
        said = ffmpeg.wait()
    if said:
        raise EncodeError(f"ffmpeg does not run ({said}): {_NO_FFMPEG}")
    return " ".join(first.split()[:3])
