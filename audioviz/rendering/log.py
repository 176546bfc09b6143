"""The story of a render, for the morning after: a plain text file in its work folder."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from audioviz.errors import AudiovizError, Defect
from audioviz.files import create, open_to_append

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
    log, others = logging.Logger("audioviz.render"), logging.getLogger("audioviz")  # the latter for all below
    with _handler(path) as handler:
        log.addHandler(handler)
        others.addHandler(handler)
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
        finally:
            others.removeHandler(handler)


def resident_megabytes() -> int:
    """Memory that this process holds now."""
    return psutil.Process().memory_info().rss // 2**20


class _Patient(logging.StreamHandler):
    """A handler that lets a full disk pass in silence."""

    def handleError(self, record: logging.LogRecord) -> None:
        pass


@contextmanager
def _handler(path: Path) -> Iterator[logging.Handler]:
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_BYTES:
            create(path).close()
        file = open_to_append(path)
    except OSError:
        yield logging.NullHandler()
        return
    try:
        handler = _Patient(file)
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        yield handler
    finally:
        with suppress(OSError):
            file.close()
