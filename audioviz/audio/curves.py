"""Series on the grid of the analysis become curves on the clock, scaled to [0, 1]."""

from collections.abc import Mapping

import numpy as np

from audioviz.audio.spectrum import FINE, HOP, RATE
from audioviz.clock import Clock
from audioviz.curve import Curve

_FLOOR = 10 ** (-65 / 20)  # amplitude against the loudest moment: what lies below is taken as silence
_STEADY = 0.75  # a level that stays above this part of its top is held to be steady, and not stretched to the full range


def curves_on_clock(series: Mapping[str, np.ndarray], clock: Clock) -> dict[str, Curve]:
    """All curves of a song.

    Parameters
    ----------
    series : mapping of name to float32 array
        `power` in steps of `FINE` samples; on the hops `low`, `mid`, `high`, `percussive`, `harmonic` (powers),
        `pitch` and `weight` (the spectrum's centre times its weight, and the weight), `onset` (in [0, 1]).
    clock : Clock

    Returns
    -------
    dict of name to Curve, values in [0, 1].
    """
    means = {name: _mean(values, clock, step=FINE, first=0) if name == "power" else
             _mean(values, clock, step=HOP, first=-HOP // 2) for name, values in series.items() if name != "onset"}
    loudest = np.sqrt(means["power"].max())
    levels = {"rms": means.pop("power"), **means}
    weight, pitch = levels.pop("weight"), levels.pop("pitch")
    found = {name: _scale(np.sqrt(power) - _FLOOR * loudest) for name, power in levels.items()}
    centre = np.divide(pitch, weight, out=np.zeros_like(pitch), where=weight > 0)
    found["brightness"] = _scale(centre, where=found["rms"] > 0) * np.clip(found["rms"] * 20, 0, 1)
    found["onset"] = _peak(series["onset"], clock)
    order = ("rms", "onset", "low", "mid", "high", "percussive", "harmonic", "brightness")
    return {name: Curve(found[name], clock) for name in order}


def _mean(values: np.ndarray, clock: Clock, *, step: int, first: int) -> np.ndarray:
    """Mean over [k / fps, (k + 1) / fps) of a series whose entry i holds for `step` samples from first + i * step on."""
    bounds = np.clip((clock.sample_bounds(RATE) - first) / step, 0, len(values))
    total = np.interp(bounds, np.arange(len(values) + 1), np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)]))
    return np.maximum(0, np.diff(total)) / np.maximum(np.diff(bounds), 1e-9)


def _peak(values: np.ndarray, clock: Clock) -> np.ndarray:
    """Highest value of the hops in each frame; the next hop's where a frame is too short to hold one."""
    first = -(-clock.sample_bounds(RATE)[:-1] // HOP)
    return np.maximum.reduceat(values, np.minimum(first, len(values) - 1))


def _scale(level: np.ndarray, *, where: np.ndarray | None = None) -> np.ndarray:
    """To [0, 1]: the quiet to 0 and the loud to 1, neither decided by one moment; a steady level stays high.

    Parameters
    ----------
    level : float, shape (T,)
    where : bool, shape (T,), optional
        The frames that decide; all that are above 0 by default.
    """
    level = np.maximum(level, 0)
    heard = level[level > 1e-3 * level.max() if where is None else where]
    if heard.size == 0:
        return np.zeros_like(level)
    high = np.percentile(heard, 98)
    low = min(np.percentile(level if where is None else heard, 5), _STEADY * high)
    return np.clip((level - low) / (high - low), 0, 1)
