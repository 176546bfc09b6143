"""Beats: one tempo for the song, and the moments that keep it best."""

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.ndimage import gaussian_filter1d, uniform_filter1d

from audioviz.audio.spectrum import HOP, RATE

_STEP = 2  # hops a step of the tracker: 11.6 ms
_RATE = RATE / (HOP * _STEP)  # steps a second
_TEMPI = 60 * 2 ** np.arange(-0.6, 2.0, 1 / 96)  # beats a minute that are tried: 40 to 240
_USUAL = 120.0  # beats a minute, middle of the prior
_SPREAD = 1.0  # octaves, its standard deviation
_TIGHTNESS = 100.0  # how dearly a beat pays for a distance from the last that is not the period


def track_beats(strength: np.ndarray) -> tuple[float, np.ndarray]:
    """Tempo and beats of an onset strength.

    Parameters
    ----------
    strength : float32, shape (hops,)

    Returns
    -------
    tempo : float
        Beats a minute; 0.0 if there is nothing to follow.
    seconds : float64, shape (n,)

    Source
    ------
    Ellis, "Beat tracking by dynamic programming", J. New Music Research 36 (2007).
    """
    accents = _accents(strength)
    tempo = _tempo(accents)
    if tempo == 0:
        return 0.0, np.zeros(0)
    beats = _follow(accents, 60 * _RATE / tempo)
    return tempo, beats / _RATE


def _accents(strength: np.ndarray) -> np.ndarray:
    """Strength in steps of the tracker, above its surroundings, in units of its own spread."""
    steps = np.pad(strength, (0, -len(strength) % _STEP)).reshape(-1, _STEP).max(axis=1).astype(np.float64)
    local = np.maximum(0, steps - uniform_filter1d(steps, int(0.4 * _RATE)))
    spread = local.std()
    return local / spread if spread > 0 else np.zeros_like(local)


def _tempo(accents: np.ndarray) -> float:
    size = next_fast_len(2 * len(accents), real=True)
    smooth = gaussian_filter1d(accents, 1.0)
    alike = irfft(np.abs(rfft(smooth - smooth.mean(), size)) ** 2, size)[:len(accents)]
    if alike[0] <= 0:
        return 0.0
    lags = 60 * _RATE / _TEMPI
    grid = np.arange(len(alike))
    score = sum(np.interp(lags * n, grid, alike, right=0.0) / alike[0] / n for n in (1, 2, 4))
    prior = np.exp(-0.5 * (np.log2(_TEMPI / _USUAL) / _SPREAD) ** 2)
    score = score * prior
    return float(_TEMPI[np.argmax(score)]) if score.max() > 0 else 0.0


def _follow(accents: np.ndarray, period: float) -> np.ndarray:
    """The steps of the best chain of beats near this period."""
    local = gaussian_filter1d(accents, period / 32)
    back = np.arange(-round(2 * period), -round(period / 2) + 1)
    cost = -_TIGHTNESS * np.log(-back / period) ** 2
    best, link = local.copy(), np.full(len(local), -1)
    padded = np.concatenate([np.full(-back[0], -np.inf), best])
    for i in range(len(local)):
        scores = padded[i:i + len(back)] + cost
        k = scores.argmax()
        if scores[k] > 0:
            padded[i - back[0]] += scores[k]
            link[i] = i + back[k]
    best = padded[-back[0]:]
    last = int(np.argmax(best[-round(2 * period):])) + max(0, len(best) - round(2 * period))
    chain = [last]
    while link[chain[-1]] >= 0:
        chain.append(link[chain[-1]])
    return np.array(chain[::-1], np.float64)
