"""Onset detection: where something starts to sound, to a millisecond."""

import numpy as np
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from audioviz.audio.hearing.spectrum import FINEST, HOP, Spectrum
from audioviz.audio.reading.blocks import RATE

_LAG = 3  # hops over which the rise is measured: 17 ms
_EARLY = 1  # hops: the window sees a sound before its own centre reaches it, measured on clicks
_LEAST = 0.1  # strength of an onset: less is the wavering of a steady sound
_REACH = 208  # samples on each side of a peak in which its attack is sought: 9 ms
_SPAN = 112  # samples after an attack that are held against those before it: 5 ms


def onset_strength(mel: np.ndarray, *, floor: float) -> np.ndarray:
    """Onset strength: the rise of the spectrum from hop to hop (spectral flux), blind to vibrato.

    Parameters
    ----------
    mel : float32, shape (hops, MELS)
    floor : float
        Power, against the loudest hop's, above which loudness counts by its logarithm: 1e-5 hears whatever starts, 1e-2
        weighs it by how loud it is.

    Returns
    -------
    float32, shape (hops,); 0 for silence.

    Source
    ------
    SuperFlux: Böck & Widmer, "Maximum filter vibrato suppression for onset detection", DAFx 2013.
    `librosa.onset.onset_strength` of the same levels is the same, in 1.1 times the time.
    """
    loudest = mel.mean(axis=1).max()
    if loudest == 0:
        return np.zeros(len(mel), np.float32)
    level = np.log1p(mel / (floor * loudest))
    before = np.pad(maximum_filter1d(level, 3, axis=1), ((_LAG, 0), (0, 0)))[: len(level)]
    rise = np.maximum(0, level - before).mean(axis=1)
    return np.pad(rise, (_EARLY, 0))[: len(level)]


def pick_onsets(strength: np.ndarray) -> np.ndarray:
    """Hops at which the strength peaks above its surroundings: int64, shape (n,).

    `librosa.util.peak_pick` only adds to the mean around a peak, where this multiplies it too; in 1.6 times the time.
    """
    highest = maximum_filter1d(strength, 11)
    peaks = np.flatnonzero((strength == highest) & (strength > 0))
    if peaks.size == 0:
        return peaks
    around = uniform_filter1d(strength, 41, mode="constant")
    threshold = _LEAST + 1.5 * around + 0.06 * np.percentile(strength[peaks], 95)
    peaks = peaks[strength[peaks] > threshold[peaks]]
    return peaks[np.diff(peaks, prepend=-HOP) > 5]


def drawn(moments: np.ndarray, onsets: np.ndarray, *, within: float) -> np.ndarray:
    """Each moment, or the onset nearest to it if it is that close; both ascending, in one unit."""
    if len(onsets) < 2:
        return moments
    after = np.clip(np.searchsorted(onsets, moments), 1, len(onsets) - 1)
    sooner, later = onsets[after - 1], onsets[after]
    nearest = np.where(np.abs(sooner - moments) < np.abs(later - moments), sooner, later)
    return np.where(np.abs(nearest - moments) <= within, nearest, moments)


def attack_times(hops: np.ndarray, spectrum: Spectrum) -> np.ndarray:
    """When the sounds begin whose strength peaks at these hops.

    The window of the transform smears an attack over 46 ms; the waveform does not. The attack is the moment near the
    peak at which the power just after stands out most against the power just before, and the last before that is over.
    `librosa.onset.onset_backtrack` goes back to a hop: 17 ms before it in the median, and 42 ms and more for one in 20.

    Returns
    -------
    seconds : float64, shape (n,), ascending
    """
    reach, span = _REACH // FINEST, _SPAN // FINEST
    before_start = reach + span  # zeros, so that no index leaves the array
    total = np.concatenate([np.zeros(before_start + 1), np.cumsum(spectrum.attack, dtype=np.float64)])
    total = np.pad(total, (0, reach + span + HOP // FINEST), mode="edge")
    steps = (hops * HOP // FINEST)[:, None] + np.arange(-reach, reach + 1)
    now = total[steps + before_start]
    after, before = total[steps + before_start + span] - now, now - total[steps + before_start - span]
    rise = after / (before + 0.05 * after.max(axis=1, keepdims=True) + np.finfo(np.float64).tiny)
    best = rise.argmax(axis=1)[:, None]
    fallen = (rise < 0.8 * np.take_along_axis(rise, best, axis=1)) & (np.arange(steps.shape[1]) > best)
    fallen[:, -1] = True
    attack = steps[:, 0] + fallen.argmax(axis=1) - 1
    return np.maximum.accumulate(np.maximum(0, (attack + 0.5) * FINEST / RATE))
