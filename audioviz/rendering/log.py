"""The story of a render, for the morning after: a plain text file in its work folder."""

import logging
import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from audioviz.errors import AudiovizError, Defect
from audioviz.video.files import create

MAX_BYTES = 2**20  # a longer file is begun anew; a render adds a line every few seconds of video


@contextmanager
def render_log(path: Path) -> Iterator[logging.Logger]:
    """A log that is appended to, and that tells with the whole traceback how its block ended.

    A file that cannot be written is no reason to end a render: then nothing is logged.

    Raises
    ------
    Defect
        In place of any exception that is neither an AudiovizError nor an interruption.
    """
    log = logging.Logger("audioviz.render")
    with _handler(path) as handler:
        log.addHandler(handler)
        try:
            yield log
        except AudiovizError:
            log.exception("stopped")
            raise
        except Exception as error:  # whatever it is, its traceback belongs here and not on the screen
            log.exception("stopped by an error of audioviz's own")
            raise Defect(
                f"stopped by an error of audioviz's own ({type(error).__name__}: {error!s:.200}): the "
                f"traceback is in {path}; the same command goes on from the frames that are finished"
            ) from error
        except BaseException as error:
            log.info("interrupted (%s)", type(error).__name__)
            raise


def resident_megabytes() -> int:
    """Memory that this process holds now; where the system does not tell, the most that it ever held."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") // 2**20
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak // (2**20 if sys.platform == "darwin" else 2**10)


class _Patient(logging.StreamHandler):
    """A handler that lets a full disk pass in silence."""

    def handleError(self, record: logging.LogRecord) -> None:
        pass


@contextmanager
def _handler(path: Path) -> Iterator[logging.Handler]:
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_BYTES:
            create(path).close()
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        yield logging.NullHandler()
        return
    file = open(descriptor, "a", encoding="utf-8", errors="backslashreplace")
    try:
        handler = _Patient(file)
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        yield handler
    finally:
        with suppress(OSError):
            file.close()
