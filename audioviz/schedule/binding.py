"""The song that a schedule script is running on, so that curves and seeds in it need not be told their clock."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from audioviz.clock import Clock
from audioviz.errors import ScheduleError

_song: ContextVar[Any] = ContextVar("song")


@contextmanager
def bound(song) -> Iterator[None]:
    """Inside this block `av.curves`, `av.seeds` and `av.Schedule` use the song's clock.

    Examples
    --------
    >>> with av.bound(song):
    ...     slow = av.curves.oscillate("sine", beats=8)
    """
    token = _song.set(song)
    try:
        yield
    finally:
        _song.reset(token)


def bound_song():
    """The song of the script that is running, or None."""
    return _song.get(None)


def bound_clock(clock: Clock | None = None) -> Clock:
    """`clock`, or else that of the song of the script that is running.

    Raises
    ------
    ScheduleError
        If there is neither.
    """
    song = bound_song()
    if clock is None and song is None:
        raise ScheduleError(
            "no clock: outside a schedule script, pass clock=song.clock, or work inside `with av.bound(song):`"
        )
    return clock or song.clock
