"""Beats: one tempo for the song, and the moments that keep it best."""

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.ndimage import gaussian_filter1d, maximum_filter1d, uniform_filter1d

from audioviz.audio.spectrum import HOP, RATE

_STEP = 2  # hops a step of the tracker: 11.6 ms
_RATE = RATE / (HOP * _STEP)  # steps a second
_TEMPI = 60 * 2 ** np.arange(-1, 2.33, 1 / 96)  # beats a minute that are tried: 30 to 300
_USUAL = 120.0  # beats a minute, middle of the prior
_SPREAD = 1.0  # octaves, its standard deviation
_NEAR = 0.1  # octaves, that of a prior which the user gives
_CHOICE = {None: 1.0, "half": 0.5, "double": 2.0}
_TIGHTNESS = 100.0  # how dearly a beat pays for a distance from the last that is not the period
_EVEN = 0.47  # what lies halfway between beats is a beat too, if it is at least this loud against them
_UNEVEN = 0.13  # every second beat is none, if it is not even this loud
_DRAW = 0.03  # seconds between a beat and an onset that is taken for it
_EVENING = 1.5  # beats: how far the evening out reaches
_SLOWEST, _FASTEST = 68.0, 200.0  # beats a minute that a change of octave may lead to


def track_beats(strength: np.ndarray, loudness: np.ndarray, onsets: np.ndarray, *,
                bounds: tuple[float, float] | None = None, beats: str | None = None) -> tuple[float, np.ndarray]:
    """Tempo and beats.

    Parameters
    ----------
    strength, loudness : float32, shape (hops,)
        Onset strength that hears whatever starts, and one that weighs it by loudness, which tells beats from halves.
    onsets : float64, shape (n,)
        Exact times, seconds: beats are drawn to them.
    bounds : (lowest, highest), optional
        Tempi that may be; where both are equal, about where to look.
    beats : `half` or `double`, optional
        Half or twice the tempo that is heard.

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
    tempo = _tempo(accents, _prior(bounds)) if len(onsets) > 1 else 0.0
    if tempo == 0:
        return 0.0, np.zeros(0)
    steps = _follow(accents, 60 * _RATE / tempo)
    octave = _CHOICE[beats] * (_octave(tempo, steps, loudness) if bounds is None else 1.0)
    if octave != 1:
        steps = _follow(accents, 60 * _RATE / (tempo * octave))
    if len(steps) < 3:
        return 0.0, np.zeros(0)
    seconds = _settle(steps / _RATE, onsets)
    return float(60 / np.median(np.diff(seconds))), seconds


def _octave(tempo: float, beats: np.ndarray, loudness: np.ndarray) -> float:
    """2.0 or 0.5 if the loudness says that the beats are every second, or twice too many; else 1.0."""
    if len(beats) < 4:  # too few to tell
        return 1.0
    loudest = maximum_filter1d(loudness, 7)
    on = loudest[np.minimum((beats * _STEP).astype(np.int64), len(loudest) - 1)]
    between = loudest[((beats[1:] + beats[:-1]) / 2 * _STEP).astype(np.int64)]
    if 2 * tempo <= _FASTEST and between.mean() > _EVEN * on.mean():
        return 2.0
    weaker, stronger = sorted((on[::2].mean(), on[1::2].mean()))
    return 0.5 if tempo / 2 >= _SLOWEST and weaker < _UNEVEN * stronger else 1.0


def _accents(strength: np.ndarray) -> np.ndarray:
    """Strength in steps of the tracker, above its surroundings, in units of its own spread."""
    steps = np.pad(strength, (0, -len(strength) % _STEP)).reshape(-1, _STEP).max(axis=1).astype(np.float64)
    local = np.maximum(0, steps - uniform_filter1d(steps, int(0.4 * _RATE)))
    spread = local.std()
    return local / spread if spread > 0 else np.zeros_like(local)


def _prior(bounds: tuple[float, float] | None) -> np.ndarray:
    """How likely each of `_TEMPI` is before a sound is heard."""
    if bounds is not None and bounds[0] == bounds[1]:
        return np.exp(-0.5 * (np.log2(_TEMPI / bounds[0]) / _NEAR) ** 2)
    usual = np.exp(-0.5 * (np.log2(_TEMPI / _USUAL) / _SPREAD) ** 2)
    return usual if bounds is None else usual * ((_TEMPI >= bounds[0]) & (_TEMPI <= bounds[1]))


def _tempo(accents: np.ndarray, prior: np.ndarray) -> float:
    """The tempo at which the accents are most like themselves one, two and four beats later, if it is a usual one."""
    size = next_fast_len(2 * len(accents), real=True)
    smooth = gaussian_filter1d(accents, 1.0)
    alike = irfft(np.abs(rfft(smooth - smooth.mean(), size)) ** 2, size)[:len(accents)]
    if alike[0] <= 0:
        return 0.0
    lags, grid = 60 * _RATE / _TEMPI, np.arange(len(alike))
    score = prior * sum(np.interp(lags * n, grid, alike, right=0.0) / n for n in (1, 2, 4))
    return float(_TEMPI[np.argmax(score)]) if score.max() > 0 else 0.0


def _follow(accents: np.ndarray, period: float) -> np.ndarray:
    """The steps of the best chain of beats near this period."""
    local = gaussian_filter1d(accents, period / 32)
    back = np.arange(-round(2 * period), -round(period / 2) + 1)
    cost = -_TIGHTNESS * np.log(-back / period) ** 2
    ahead = -back[0]
    best = np.concatenate([np.full(ahead, -np.inf), local])  # so that no step looks back past the start
    link = np.full(len(local), -1)
    for i in range(len(local)):
        scores = best[i:i + len(back)] + cost
        k = scores.argmax()
        if scores[k] > 0:
            best[ahead + i] += scores[k]
            link[i] = i + back[k]
    end = max(0, len(local) - round(period))
    chain = [end + int(np.argmax(best[ahead + end:]))]
    while link[chain[-1]] >= 0:
        chain.append(link[chain[-1]])
    return np.array(chain[::-1], np.float64)


def _settle(beats: np.ndarray, onsets: np.ndarray) -> np.ndarray:
    """Beats off the grid of the tracker: drawn to the onsets that are close, then evened out among their neighbours."""
    after = np.clip(np.searchsorted(onsets, beats), 1, len(onsets) - 1)
    sooner, later = onsets[after - 1], onsets[after]
    nearest = np.where(np.abs(sooner - beats) < np.abs(later - beats), sooner, later)
    drawn = np.where(np.abs(nearest - beats) < _DRAW, nearest, beats)
    count = np.arange(len(beats))
    slope, first = np.polyfit(count, drawn, 1)
    steady = first + slope * count
    return np.maximum(0, steady + gaussian_filter1d(drawn - steady, _EVENING, mode="nearest"))
