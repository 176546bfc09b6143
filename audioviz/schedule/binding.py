"""The song that a schedule script is running on, so that curves and seeds in it need not be told their clock."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from os import PathLike
from typing import Any

from audioviz.clock import Clock
from audioviz.errors import InputError, ScheduleError

_song: ContextVar[Any] = ContextVar("song")


@contextmanager
def bound(song) -> Iterator[None]:
    """Inside this block `av.curves`, `av.seeds` and `av.Schedule` use the song's clock.

    Parameters
    ----------
    song : Song, or the path of one, which is heard at 12 frames a second

    Examples
    --------
    >>> with av.bound(song):
    ...     slow = av.curves.oscillate("sine", beats=8)
    """
    token = _song.set(as_song(song))
    try:
        yield
    finally:
        _song.reset(token)


def as_song(song):
    """The song; one that is given by its path is loaded.

    Raises
    ------
    InputError
        If it is none.
    """
    if song is None or isinstance(getattr(song, "clock", None), Clock):
        return song
    if isinstance(song, (str, PathLike)):
        from audioviz.audio.load import load_song

        return load_song(song)
    raise InputError(f"song {song!r:.60}: expected one of av.load_song, or the path of one")


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
    if clock is not None and not isinstance(clock, Clock):
        raise ScheduleError(f"clock {clock!r:.60}: expected that of a song, clock=song.clock")
    return clock or song.clock
