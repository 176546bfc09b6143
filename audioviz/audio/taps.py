"""Events by hand: moments that the user names and taps, beside those that are heard."""

import keyword
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from numbers import Real

import numpy as np

from audioviz.audio.song import ON_DEMAND, Events, Song
from audioviz.clock import Clock
from audioviz.curve import Curve
from audioviz.errors import InputError

_HEARD = ("rms", "onset", "kick", "snare", "hat", "low", "mid", "high", "percussive", "harmonic", "brightness")
_OF_FORMULAS = ("t", "f", "b", "pi", "e")
_OF_TABLES = ("frame", "seconds", "beat", "downbeat")
_TAKEN = {*dir(Song), *(part.name for part in fields(Song)), *_HEARD, *ON_DEMAND, "chroma", *_OF_FORMULAS, *_OF_TABLES}
_SLACK = 0.1  # seconds that a player may hear more of a song than is decoded


def read_events(events: Mapping[str, Sequence[float]]) -> dict[str, tuple[float, ...]]:
    """Moments by name, seconds, in order.

    Raises
    ------
    InputError
        If a name is none, or is that of something else in a song or an expression; if a moment is no number of seconds.
    """
    if not isinstance(events, Mapping):
        raise InputError(f"events {events!r:.60}: expected moments by name, such as {{'taps': [1.2, 3.4]}}")
    for name, moments in events.items():
        if not (isinstance(name, str) and name.isidentifier()) or keyword.iskeyword(name):
            raise InputError(f"events {name!r:.60}: expected a name of letters, such as taps or claps")
        if name in _TAKEN:
            raise InputError(
                f"events {name!r}: a song or an expression has something else of this name; choose another"
            )
        if not isinstance(moments, (Sequence, np.ndarray)) or isinstance(moments, str):
            raise InputError(f"events {name}: {moments!r:.60}, expected moments in seconds, such as [1.2, 3.4]")
        for moment in moments:
            if not isinstance(moment, Real) or isinstance(moment, bool) or not 0 <= moment < math.inf:
                raise InputError(f"events {name}: {moment!r:.60}, expected 0 or more seconds")
    return {name: tuple(sorted(map(float, moments))) for name, moments in events.items()}


def events_on_clock(events: Mapping[str, Sequence[float]], clock: Clock, *, duration: float) -> dict[str, Events]:
    """What `read_events` gives on the clock of a song of that length, seconds.

    Raises
    ------
    InputError
        If a moment is past the end.
    """
    for name, moments in events.items():
        if len(moments) and moments[-1] > duration + _SLACK:
            raise InputError(
                f"events {name}: {moments[-1]:g} s is past the end of the song, which is {duration:.2f} s long"
            )
    return {name: Events.at(np.minimum(moments, duration), clock) for name, moments in events.items()}


def pulses(events: Mapping[str, Events]) -> dict[str, Curve]:
    """Curves of the same names that are 1 in the frames of the events, as those of the drums are, and 0 elsewhere."""
    return {
        name: Curve(np.isin(np.arange(given.clock.frames), given.frames), given.clock) for name, given in events.items()
    }
