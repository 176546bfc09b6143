"""Pins: beats that the user moves by hand, and what lies between them."""

import math
from collections.abc import Mapping

import numpy as np

from audioviz.clock import read_time
from audioviz.errors import InputError


def read_pins(pins: Mapping[float | str, float | str] | None) -> dict[str, float] | None:
    """Pins with each beat as text, `12.34s`, and its new place in seconds, in the order of the beats; None for none.

    Raises
    ------
    InputError
        If one of them is not two times in seconds.
    """
    if pins is not None and not isinstance(pins, Mapping):
        raise InputError(f"pins {pins!r:.60}: expected a place for each beat, such as {{'12.34s': 12.4}}")
    read = sorted((_seconds(key, key, place), _seconds(place, key, place)) for key, place in (pins or {}).items())
    return {np.format_float_positional(beat, trim="-") + "s": place for beat, place in read} or None


def pinned(beats: np.ndarray, pins: Mapping[str, float], *, end: float) -> np.ndarray:
    """The beats moved so that each one that a pin names is in its place.

    Beats between two pins move along the line between them; those before the first and after the last, as it does.

    Parameters
    ----------
    beats : float, shape (n,)
        Seconds.
    pins : what `read_pins` gives
    end : float
        Length of the song, seconds.

    Returns
    -------
    float, shape (n,)
        Seconds, in order; some may lie outside of the song.

    Raises
    ------
    InputError
        If a pin names no beat, or the same as another; if its place is past the end, or not after that of the one
        before.
    """
    if not len(beats):
        raise InputError(f"pin {next(iter(pins))}: no beats were heard; give a tempo")
    reach = np.median(np.diff(beats)) / 2 if len(beats) > 1 else 0.5
    keys, places = list(pins), np.array(list(pins.values()))
    named = np.array([read_time(key)[0] for key in keys])
    which = np.abs(named[:, None] - beats).argmin(axis=1)
    for i, (key, place) in enumerate(pins.items()):
        if abs(named[i] - beats[which[i]]) > reach:
            raise InputError(
                f"pin {key}: expected the time of a beat, within half of one; the nearest is at {beats[which[i]]:.2f}s"
            )
        if place > end:
            raise InputError(f"pin {key}={place:g}: expected a place in the song, which is {end:.2f} s long")
        if i and which[i] == which[i - 1]:
            raise InputError(f"pins {keys[i - 1]} and {key} name the same beat: leave one out")
        if i and place <= places[i - 1]:
            raise InputError(
                f"pin {key}={place:g}: expected a place after {places[i - 1]:g}, where pin {keys[i - 1]} puts an "
                "earlier beat"
            )
    at = beats[which]
    return np.interp(beats, at, places) + np.minimum(beats - at[0], 0) + np.maximum(beats - at[-1], 0)


def _seconds(time: float | str, key: float | str, place: float | str) -> float:
    try:
        value, unit = read_time(time)
    except InputError:
        value, unit = math.nan, ""
    if not 0 <= value < math.inf or unit != "s":
        raise InputError(f"pin {key}={place}: expected where a beat is and where it is to be, seconds: 12.34=12.4")
    return value
