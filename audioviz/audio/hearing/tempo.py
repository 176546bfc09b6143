"""Tempo estimation: a tempogram of the accents, and the tempo at each moment as a path through it."""

import numpy as np
from scipy.fft import next_fast_len
from scipy.ndimage import gaussian_filter1d

from audioviz.audio.hearing.fourier import irfft, rfft

PER_OCTAVE = 48
TEMPI = 60 * 2 ** (np.arange(-PER_OCTAVE, 113) / PER_OCTAVE)  # beats a minute that are tried: 30 to 300
_WINDOW, _HOP = 10.0, 1.0  # seconds in which accents are held against themselves, and from one window to the next
_BEATS = (1, 2, 4)  # distances at which they are, in beats
_USUAL, _SPREAD = 120.0, 1.0  # beats a minute, octaves: middle and standard deviation of the prior
_NEAR = 0.1  # octaves, that of a prior which the user gives
_DRIFT = 0.5  # what an octave of change from a window to the next costs
_STEP = 0.03  # what any change costs at most,
_FURTHEST = round(0.4 * PER_OCTAVE)  # if it is within so many steps of TEMPI: less than from a tempo to 4/3 of it


def tempo_path(accents: np.ndarray, rate: float, bounds: tuple[float, float] | None) -> np.ndarray:
    """Beats a minute at each step: float64, of the shape of the accents; zeros if there is nothing to follow.

    Parameters
    ----------
    accents : float64, shape (steps,)
    rate : float
        Steps a second.
    bounds : (lowest, highest), optional
        Tempi that may be; where both are equal, about where to look.

    Source
    ------
    Tempogram and path: Peeters, "Template-based estimation of time-varying tempo", EURASIP JASP (2007).
    """
    score = _prior(bounds) * np.maximum(_tempogram(accents, rate), 0)  # (windows, tempi)
    if not score.any():
        return np.zeros(len(accents))
    path = np.log2(TEMPI)[_best_path(score)]
    path = gaussian_filter1d(path, 1.0, mode="nearest")
    centres = np.arange(len(path)) * _HOP * rate
    return 2 ** np.interp(np.arange(len(accents)), centres, path)


def _tempogram(accents: np.ndarray, rate: float) -> np.ndarray:
    """The tempogram: autocorrelation of the accents around each moment at one, two and four beats of each tempo.

    Float64, shape (windows, tempi).
    """
    size, hop = round(_WINDOW * rate), round(_HOP * rate)
    smooth = gaussian_filter1d(accents, 1.0)
    padded = np.pad(smooth - smooth.mean(), (size // 2, size), mode="constant")
    view = np.lib.stride_tricks.sliding_window_view(padded, size)[: len(accents) : hop]
    fast = next_fast_len(2 * size, real=True)
    alike = irfft(np.abs(rfft(view * np.hanning(size), fast)) ** 2, fast)[:, :size]
    alike /= alike[:, :1].mean() * 0.2 + 0.8 * alike[:, :1] + 1e-12
    lags = 60 * rate / TEMPI
    found = np.zeros((len(view), len(TEMPI)))
    for n in _BEATS:
        at = lags * n
        low = np.minimum(at.astype(np.int64), size - 2)
        share = np.minimum(at - low, 1)
        found += ((1 - share) * alike[:, low] + share * alike[:, low + 1]) * (at < size - 1) / n
    return found


def _prior(bounds: tuple[float, float] | None) -> np.ndarray:
    """How likely each of `TEMPI` is before a sound is heard."""
    if bounds is not None and bounds[0] == bounds[1]:
        return np.exp(-0.5 * (np.log2(TEMPI / bounds[0]) / _NEAR) ** 2)
    usual = np.exp(-0.5 * (np.log2(TEMPI / _USUAL) / _SPREAD) ** 2)
    if bounds is None:
        return usual
    inside = (bounds[0] <= TEMPI) & (bounds[1] >= TEMPI)
    inside[np.argmin(np.abs(np.log(TEMPI**2 / (bounds[0] * bounds[1]))))] = True  # bounds may lie between two of TEMPI
    return usual * inside


def _best_path(score: np.ndarray) -> np.ndarray:
    """The entries of `TEMPI`, one a window, that add up to the highest score less what their changes cost."""
    shifts = np.arange(-_FURTHEST, _FURTHEST + 1)
    cost = np.minimum(_DRIFT * np.abs(shifts) / PER_OCTAVE, _STEP)
    best, backpointers = score[0], np.zeros(score.shape, np.int64)
    for i in range(1, len(score)):
        padded = np.pad(best, _FURTHEST, constant_values=-np.inf)
        reached = np.lib.stride_tricks.sliding_window_view(padded, len(shifts)) - cost
        choice = reached.argmax(axis=1)
        backpointers[i] = np.arange(len(best)) + shifts[choice]
        best = score[i] + np.take_along_axis(reached, choice[:, None], axis=1)[:, 0]
    path = np.empty(len(score), np.int64)
    path[-1] = best.argmax()
    for i in range(len(score) - 1, 0, -1):
        path[i - 1] = backpointers[i, path[i]]
    return path
