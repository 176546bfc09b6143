"""Feature series as curves on the clock: means over the video frames, scaled to [0, 1]."""

from collections.abc import Mapping

import numpy as np

from audioviz.audio.hearing.spectrum import FINE, HOP
from audioviz.audio.reading.blocks import RATE
from audioviz.clock import Clock
from audioviz.curve import Curve

_FLOOR = 10 ** (-65 / 20)  # amplitude against the loudest moment: what lies below is taken as silence
_FAINT = 0.01  # amplitude of a part against the whole: below, its curve does not reach 1
_SOUNDING = 1e-3  # amplitude against the loudest frame: silent stretches do not decide what is loud
_STEADY = 0.75  # what stays above this part of its top is held to be steady, and not stretched to the full range


def curves_on_clock(
    series: Mapping[str, np.ndarray], drums: Mapping[str, tuple[np.ndarray, np.ndarray]], clock: Clock
) -> dict[str, Curve]:
    """All curves of a song.

    Parameters
    ----------
    series : mapping of name to float32 array
        `power` in steps of `FINE` samples; on the hops `low`, `mid`, `high`, `percussive`, `harmonic` (powers),
        `pitch` and `weight` (the spectrum's centre times its weight, and the weight), `onset` (in [0, 1]).
    drums : mapping of `kick`, `snare`, `hat` to seconds and strengths
    clock : Clock

    Returns
    -------
    dict of name to Curve, values in [0, 1].
    """
    on_hops = {
        name: frame_means(values, clock, step=HOP, first=-HOP // 2)
        for name, values in series.items()
        if name not in ("power", "onset")
    }
    sound = np.sqrt(frame_means(series["power"], clock, step=FINE, first=0))
    split = np.sqrt(on_hops["percussive"] + on_hops["harmonic"])
    found = {"rms": scale(sound, whole=sound)}
    for name, whole in (("low", sound), ("mid", sound), ("high", sound), ("percussive", split), ("harmonic", split)):
        found[name] = scale(np.sqrt(on_hops[name]), whole=whole)
    heard = on_hops["weight"] > 0
    centre = np.divide(on_hops["pitch"], on_hops["weight"], out=np.zeros(clock.frames), where=heard)
    found["brightness"] = scale(centre, whole=centre) * np.clip(found["rms"] * 20, 0, 1)
    found["onset"] = _peak(series["onset"], clock)
    for drum, (seconds, strengths) in drums.items():
        found[drum] = np.zeros(clock.frames)
        np.maximum.at(found[drum], clock.seconds_to_frame(seconds), strengths)
    order = ("rms", "onset", *drums, "low", "mid", "high", "percussive", "harmonic", "brightness")
    return {name: Curve(found[name], clock) for name in order}


def frame_means(
    values: np.ndarray, clock: Clock, *, step: int, first: int, rate: int = RATE, at_least: float = 0.0
) -> np.ndarray:
    """Mean over each frame, or over `at_least` seconds around its middle; 0 where the series does not reach.

    Parameters
    ----------
    values : float >= 0, shape (n,)
        Entry i holds for `step` samples from first + i * step on.
    step, first, rate : int
        Samples, and how many there are a second.

    Returns
    -------
    float64, shape (T,)
    """
    bounds = clock.sample_bounds(rate)
    widen = max(0.0, at_least * rate - rate / float(clock.fps)) / 2
    start, end = (np.clip((side - first) / step, 0, len(values)) for side in (bounds[:-1] - widen, bounds[1:] + widen))
    total = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    place = np.arange(len(total))
    return np.maximum(0, np.interp(end, place, total) - np.interp(start, place, total)) / np.maximum(end - start, 1e-9)


def _peak(values: np.ndarray, clock: Clock) -> np.ndarray:
    """Highest value of the hops in each frame; the next hop's where a frame is too short for one; 0 past the end."""
    first = -(-clock.sample_bounds(RATE)[:-1] // HOP)
    return np.maximum.reduceat(np.append(values, 0), np.minimum(first, len(values)))


def scale(level: np.ndarray, *, whole: np.ndarray) -> np.ndarray:
    """To [0, 1]: the quiet to 0 and the loud to 1, neither decided by one moment; a steady level stays high.

    Parameters
    ----------
    level : float >= 0, shape (T,)
    whole : float >= 0, shape (T,)
        What it is a part of: a part that is faint against the whole is not made loud.
    """
    level = np.maximum(0, level - _FLOOR * whole.max())
    if not level.any():
        return np.zeros_like(level)
    quiet, loud = _range(level)
    top = max(loud, _FAINT * _range(whole)[1])
    quiet = min(quiet, _STEADY * top)
    return np.clip((level - quiet) / (top - quiet), 0, 1)


def _range(level: np.ndarray) -> np.ndarray:
    """The levels that 5% of the sounding frames stay below, and 2% exceed."""
    return np.percentile(level[level > _SOUNDING * level.max()], (5, 98))
