"""Beat tracking by dynamic programming: the moments that keep the tempo best."""

import numpy as np
from scipy.ndimage import gaussian_filter1d, uniform_filter1d

from audioviz.audio.hearing.cues import Cues
from audioviz.audio.hearing.downbeats import find_downbeats
from audioviz.audio.hearing.metrical_level import choose_pulse, twice
from audioviz.audio.hearing.spectrum import HOP
from audioviz.audio.hearing.tempo import tempo_path
from audioviz.audio.reading.blocks import RATE

_STEP = 2  # hops a step of the tracker: 11.6 ms
_RATE = RATE / (HOP * _STEP)  # steps a second
_FINENESS = 96  # periods an octave that are told apart
_FACTORS = (1.0, 2 / 3, 3 / 2)  # what a tempo is taken for besides halves and doubles
_FEWEST = 4  # beats: with fewer there is nothing to follow
_TIGHTNESS = 100.0  # how dearly a beat pays for a distance from the last that is not the period
_DRAW = 0.03  # seconds between a beat and an onset that is taken for it
_EVENING = 1.5  # beats: how far the evening out reaches


def track_beats(
    cues: Cues, onsets: np.ndarray, *, bounds: tuple[float, float] | None = None, beats: str | None = None
) -> tuple[float, np.ndarray]:
    """Tempo and beats of a song.

    Parameters
    ----------
    cues : Cues
    onsets : float64, shape (n,)
        Exact times, seconds: beats are drawn to them.
    bounds : (lowest, highest), optional
        Tempi that may be; where both are equal, about where to look.
    beats : `half` or `double`, optional
        Half or twice as many beats as are heard.

    Returns
    -------
    tempo : float
        Beats a minute; 0.0 if there is nothing to follow.
    seconds : float64, shape (n,)

    Source
    ------
    Ellis, "Beat tracking by dynamic programming", J. New Music Research 36 (2007), with a tempo that may change.
    """
    found = [settle(chain, onsets) for chain in chains(cues.strength, onsets, bounds) if len(chain) >= _FEWEST]
    if not found:
        return 0.0, np.zeros(0)
    seconds = choose_pulse(found, cues, bounds=bounds)
    if beats == "half":
        bars = find_downbeats(seconds, cues)[1]
        seconds = seconds[round(np.mean(bars % 2)) :: 2]  # those that begin the bars among them
    elif beats == "double":
        seconds = twice(seconds)
    seconds = settle(seconds, onsets)
    return float(60 / np.median(np.diff(seconds))), seconds


def chains(strength: np.ndarray, onsets: np.ndarray, bounds: tuple[float, float] | None) -> list[np.ndarray]:
    """The best beats at the tempo that is heard, and at those it is taken for, in seconds; none without a tempo."""
    accents = _accents(strength)
    tempo = tempo_path(accents, _RATE, bounds) if len(onsets) > 1 else np.zeros(1)
    if not tempo.any():
        return []
    return [_best_chain(accents, 60 * _RATE / (factor * tempo)) / _RATE for factor in _FACTORS]


def _accents(strength: np.ndarray) -> np.ndarray:
    """Strength in steps of the tracker, above its surroundings, in units of its own spread."""
    steps = np.pad(strength, (0, -len(strength) % _STEP)).reshape(-1, _STEP).max(axis=1).astype(np.float64)
    local = np.maximum(0, steps - uniform_filter1d(steps, int(0.4 * _RATE)))
    sounding = np.flatnonzero(local)
    spread = local[sounding[0] : sounding[-1] + 1].std() if len(sounding) else 0  # whatever silence is around the song
    return local / spread if spread > 0 else np.zeros_like(local)


def _best_chain(accents: np.ndarray, periods: np.ndarray) -> np.ndarray:
    """The steps of the best chain of beats whose distances are near the period at each."""
    local = gaussian_filter1d(accents, np.median(periods) / 32)
    sizes = np.round(np.log2(periods) * _FINENESS).astype(np.int64)
    costs = {size: _cost(2 ** (size / _FINENESS)) for size in np.unique(sizes)}
    ahead = int(2 * periods.max()) + 2
    best = np.concatenate([np.full(ahead, -np.inf), local])  # so that no step looks back past the start
    link = np.full(len(local), -1)
    for i, size in enumerate(sizes.tolist()):
        first, cost = costs[size]
        scores = best[ahead + i + first : ahead + i + first + len(cost)] + cost
        k = scores.argmax()
        if scores[k] > 0:
            best[ahead + i] += scores[k]
            link[i] = i + first + k
    end = max(0, len(local) - round(periods[-1]))
    chain = [end + int(np.argmax(best[ahead + end :]))]
    while link[chain[-1]] >= 0:
        chain.append(link[chain[-1]])
    return np.array(chain[::-1], np.float64)


def _cost(period: float) -> tuple[int, np.ndarray]:
    """Where to look for the beat before, from the furthest on, and what each distance costs."""
    back = np.arange(-round(2 * period), -round(period / 2) + 1)
    return int(back[0]), -_TIGHTNESS * np.log(-back / period) ** 2


def settle(beats: np.ndarray, onsets: np.ndarray) -> np.ndarray:
    """Beats off the grid of the tracker: drawn to the onsets that are close, then evened out among their neighbours."""
    after = np.clip(np.searchsorted(onsets, beats), 1, len(onsets) - 1)
    sooner, later = onsets[after - 1], onsets[after]
    nearest = np.where(np.abs(sooner - beats) < np.abs(later - beats), sooner, later)
    drawn = np.where(np.abs(nearest - beats) < _DRAW, nearest, beats)
    count = np.arange(len(beats))
    slope, first = np.polyfit(count, drawn, 1)
    steady = first + slope * count
    reach = min(round(4 * _EVENING), len(beats) - 1)
    aside = np.pad(drawn - steady, reach, mode="reflect", reflect_type="odd")  # so that a ramp goes on past its ends
    return np.maximum(0, steady + gaussian_filter1d(aside, _EVENING)[reach:-reach])
