"""Drum detection: kicks, snares and hats that the network hears, placed on the attacks, with how hard each is hit."""

import numpy as np
from scipy.ndimage import maximum_filter1d

from audioviz.audio.hearing.activations import NAMES, STEP
from audioviz.audio.hearing.onsets import attack_times, drawn
from audioviz.audio.hearing.spectrum import Spectrum

DRUMS = {"kick": "low", "snare": "mid", "hat": "high"}  # and the band in which each is loud
_LEAST = {"kick": 0.5, "snare": 0.45, "hat": 0.5}  # activation of a hit
_APART = 5  # steps: 58 ms, in which there is one hit alone
_DRAW = 4  # hops: 23 ms between a hit and an onset that is taken for it
_RISE = 8  # hops: 46 ms before and after a hit between which its band rises


def find_drums(
    activations: np.ndarray, onsets: np.ndarray, spectrum: Spectrum
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Seconds and strengths of the hits of each of `DRUMS`: float64, each of shape (n,), strengths in [0, 1].

    Parameters
    ----------
    activations : float32, shape (steps, 5)
    onsets : int64, shape (n,)
        Hops of all onsets.
    """
    found = {}
    for drum, band in DRUMS.items():
        activation = activations[:, NAMES.index(drum)]
        peaks = (activation == maximum_filter1d(activation, _APART)) & (activation > _LEAST[drum])
        hops = np.unique(drawn(np.flatnonzero(peaks) * STEP, onsets, within=_DRAW))
        found[drum] = (attack_times(hops, spectrum), _strengths(hops, np.sqrt(spectrum.bands[band])))
    return found


def _strengths(hops: np.ndarray, level: np.ndarray) -> np.ndarray:
    """How far a level rises at each hop, against what a hard hit does."""
    if not len(hops):
        return np.zeros(0)
    around = np.pad(level, _RISE, mode="edge")[hops[:, None] + np.arange(2 * _RISE)].astype(np.float64)
    rise = np.maximum(0, around[:, _RISE:].max(axis=1) - around[:, :_RISE].min(axis=1))
    return np.minimum(rise / max(np.percentile(rise, 90), 1e-9), 1)
