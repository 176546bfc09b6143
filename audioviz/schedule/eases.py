"""Easings between keyframes: one for all of them, or one from each key to the next."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from audioviz.curve import easing
from audioviz.errors import ScheduleError, nearest


def ease_of_each(ease: str | Mapping[Any, str], keys: object) -> list[str]:
    """The name of the easing from each key on, in the order of the keys.

    Parameters
    ----------
    ease : name, or mapping of a key, as it is written in keys, to one
        Keys that are not named are linear.
    keys : mapping of a key to its value; anything else has no keys that could be named

    Raises
    ------
    ScheduleError
        If a key or an easing is unknown.
    """
    known = list(keys) if isinstance(keys, Mapping) else []
    if not isinstance(ease, Mapping):
        easing(ease)
        return [ease] * len(known)
    for key, name in ease.items():
        if key not in known:
            expected = f"one of the keys {', '.join(map(str, known[:20]))}" if known else "one easing for all, as text"
            raise ScheduleError(f"ease of {key!r:.60}: no such key{nearest(key, map(str, known))}, expected {expected}")
        easing(name)
    return [ease.get(key, "linear") for key in known]


def eased(progress: np.ndarray, left: np.ndarray, eases: Collection[str]) -> np.ndarray:
    """Progress bent by the easing of the key that each frame follows.

    Parameters
    ----------
    progress : float in [0, 1], shape (T,)
    left : int64, shape (T,)
        The number of that key.
    eases : names of easings, one for each key
    """
    of_frame, weight = np.array(eases)[left], np.empty(len(progress))
    for name in dict.fromkeys(eases):
        here = of_frame == name
        weight[here] = easing(name)(progress[here])
    return weight
