"""Beat tracking: activations become tempo, beats and bars by the model of bars, and exact times by the attacks."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from audioviz.audio.hearing.activations import STEPS_PER_SECOND, steps_to_seconds
from audioviz.audio.hearing.bars import Bars, beat_worth, decode
from audioviz.audio.hearing.onsets import drawn
from audioviz.audio.hearing.structure import bar_worth, phases

USUAL_METRES = (4, 3)  # beats in a bar that are tried; the first where there is nothing to tell by
_SLOWEST, _FASTEST = 52.0, 215.0  # beats a minute that are heard unasked
_NEAR = 1.12  # times or part of the tempo that the user gives about
_CLOSE = 1.01  # and of bounds: a tempo is not heard more finely
_FEWEST = 4  # beats: fewer are no grid
_USUALLY = 4.0  # nats that the first metre may be worse by than another
_SPAN = 1.4  # times or part of its usual tempo that a song may reach
_FACTORS = (2.0, 0.5, 1.5, 2 / 3, 4 / 3, 0.75)  # by which a tempo is mistaken for another
_LIKE = 1.06  # times or part of a rival's tempo
_ASIDE = 4.0  # nats that a beat off the one phase of a song is worth less
_BIAS, _WEIGHTS = -2.65, np.array([2.53, 2.42, 0.54])  # of the confidence, as examples/train_beats.py fits them
CLIP = (-1.0, 5.0)  # nats of evidence that count
SURE = 0.93  # confidence from which on a tempo is called sure
_TOLD = 2  # other tempi that are named
_AROUND = 2  # steps on each side of a beat in which its activation is centred
_DRAW = 0.03  # seconds between a beat and an onset that is taken for it
_EVENING = 1.5  # beats: how far the evening out reaches


@dataclass(frozen=True, eq=False)
class Beats:
    """The beat grid of a song.

    Parameters
    ----------
    tempo : float
        Beats a minute; 0.0 without beats.
    confidence : float in [0, 1]
        How likely the tempo is right.
    other_tempi : tuple of float
        What it may be instead, the likelier first.
    seconds : float64, shape (n,)
    down : bool, shape (n,)
        Which of the beats begin a bar.
    beats_per_bar : int
    """

    tempo: float
    confidence: float
    other_tempi: tuple[float, ...]
    seconds: np.ndarray
    down: np.ndarray
    beats_per_bar: int


def track_beats(
    beat: np.ndarray,
    downbeat: np.ndarray,
    onsets: np.ndarray,
    *,
    sound: np.ndarray | None = None,
    bounds: tuple[float, float] | None = None,
    beats: str | None = None,
    beats_per_bar: int | None = None,
) -> Beats:
    """Tempo, beats and bars of a song.

    Parameters
    ----------
    beat, downbeat : float32 in [0, 1], shape (steps,)
        Activations of the network.
    onsets : float64, shape (n,)
        Exact times, seconds: beats are drawn to them; where there are fewer than two, there is no beat.
    sound : shape (steps / 4, bands), optional
        Of `structure.sound_of`, whose changes tell of bars.
    bounds : (lowest, highest), optional
        Tempi that may be; where both are equal, about where to look.
    beats : `half` or `double`, optional
        Half or twice as many beats as are heard.
    beats_per_bar : int, optional
        By default one of `USUAL_METRES`.
    """
    worth = beat_worth(beat, downbeat)
    metres = (beats_per_bar,) if beats_per_bar else USUAL_METRES
    low, high = tempo_limits(bounds)
    found = _on_one_level(worth, low, high, metres)
    limits = (low, high)
    if beats and len(found.beats) >= _FEWEST:
        if beats == "double":
            between = (found.beats[1:] + found.beats[:-1]) // 2
            worth[between, 0] = np.maximum(worth[between, 0], worth[found.beats[:-1], 0])
        tempo = {"half": 0.5, "double": 2.0}[beats] * _tempo(found.beats)
        limits = (tempo / _NEAR, tempo * _NEAR)
        found = _likeliest(worth, *limits, metres)
    if len(found.beats) < _FEWEST or len(onsets) < 2:
        return Beats(0.0, 0.0, (), np.zeros(0), np.zeros(0, bool), metres[0])
    rivals = _rivals(worth, found, low, high)
    confidence = _confidence(evidence(worth, found, rivals))
    found = _as_a_whole(worth, found, sound, limits, metres)
    seconds = settle(steps_to_seconds(_peaks(found.beats, beat)), onsets)
    tempo = float(60 / np.median(np.diff(seconds)))
    others = sorted(rivals, key=rivals.__getitem__, reverse=True)
    told = () if confidence >= SURE else tuple(tempo * factor for factor in others[:_TOLD])
    return Beats(tempo, confidence, told, seconds, found.places == 0, found.beats_per_bar)


def tempo_limits(bounds: tuple[float, float] | None) -> tuple[float, float]:
    """Tempi that may be heard: any usual one, one about what the user says, or one inside of his bounds."""
    low, high = bounds or (_SLOWEST, _FASTEST)
    slack = 1.0 if bounds is None else _NEAR if low == high else _CLOSE
    return low / slack, high * slack


def _likeliest(worth: np.ndarray, low: float, high: float, metres: tuple[int, ...]) -> Bars:
    """The best path through all metres, the first of them if they are about as good."""
    shortest, longest = (round(60 * STEPS_PER_SECOND / tempo) for tempo in (high, low))
    paths = [decode(worth, range(shortest, longest + 1), metre) for metre in metres]
    return max(paths, key=lambda path: path.score + _USUALLY * (path.beats_per_bar == metres[0]))


def _on_one_level(worth: np.ndarray, low: float, high: float, metres: tuple[int, ...]) -> Bars:
    """The best path whose tempo stays within `_SPAN` of its own middle, so that it is never halved in mid-song."""
    found = _likeliest(worth, low, high, metres)
    if len(found.beats) < _FEWEST:
        return found
    tempo, intervals = _tempo(found.beats), np.diff(found.beats)
    if intervals.max() < _SPAN * np.median(intervals) < _SPAN**2 * intervals.min():
        return found
    levels = [level for level in (tempo, tempo / 2, 2 * tempo) if low <= level <= high]
    paths = [_likeliest(worth, *_within((low, high), level, _SPAN), metres) for level in levels]
    return max(paths, key=lambda path: path.score)


def _as_a_whole(
    worth: np.ndarray, found: Bars, sound: np.ndarray | None, limits: tuple[float, float], metres: tuple[int, ...]
) -> Bars:
    """The best path in one phase where the song keeps its tempo, and with bars that begin where its sound changes."""
    low, high = _within(limits, _tempo(found.beats), _LIKE)
    ways = [np.where(grid[:, None], worth, worth - np.float32(_ASIDE)) for grid in phases(found.beats, len(worth))]
    if ways:
        paths = [_likeliest(way, low, high, metres) for way in ways]
        found, worth = max(zip(paths, ways), key=lambda pair: pair[0].score)
    if sound is None or len(found.beats) < _FEWEST:
        return found
    worth = worth.copy()
    around = found.beats + np.arange(-_AROUND, _AROUND + 1)[:, None]
    worth[np.clip(around, 0, len(worth) - 1), 1] += bar_worth(sound, found.beats).astype(np.float32)
    return _likeliest(worth, *_within(limits, _tempo(found.beats), _SPAN), metres)


def _within(limits: tuple[float, float], tempo: float, span: float) -> tuple[float, float]:
    return max(limits[0], tempo / span), min(limits[1], tempo * span)


def _rivals(worth: np.ndarray, found: Bars, low: float, high: float) -> dict[float, float]:
    """The scores of the best paths at the tempi that a tempo is mistaken for, by factor."""
    scores = {}
    for factor in _FACTORS:
        tempo = factor * _tempo(found.beats)
        if low <= tempo <= high:
            scores[factor] = _likeliest(worth, tempo / _LIKE, tempo * _LIKE, (found.beats_per_bar,)).score
    return scores


def evidence(worth: np.ndarray, found: Bars, rivals: dict[float, float]) -> np.ndarray:
    """What speaks for a path: nats a beat, its lead over the best rival, and over the moments halfway: shape (3,)."""
    beats = len(found.beats)
    lead = (found.score - max(rivals.values(), default=0.0)) / beats
    halves = (found.beats[1:] + found.beats[:-1]) // 2
    aside = float(np.mean(worth[found.beats, 0]) - np.mean(worth[halves, 0]))
    return np.array([found.score / beats, lead, aside])


def _confidence(found: np.ndarray) -> float:
    return float(1 / (1 + np.exp(-(_BIAS + _WEIGHTS @ np.clip(found, *CLIP)))))


def _tempo(steps: np.ndarray) -> float:
    return 60 * STEPS_PER_SECOND / float(np.median(np.diff(steps)))


def _peaks(steps: np.ndarray, beat: np.ndarray) -> np.ndarray:
    """Where the activation around each step is centred, with a fraction."""
    around = np.arange(-_AROUND, _AROUND + 1)
    weights = np.pad(beat, _AROUND)[steps[:, None] + around + _AROUND] ** 2 + 1e-6
    return steps + (weights * around).sum(axis=1) / weights.sum(axis=1)


def settle(beats: np.ndarray, onsets: np.ndarray) -> np.ndarray:
    """Beats off the grid of the tracker: drawn to the onsets that are close, then evened out among their neighbours."""
    beats = drawn(beats, onsets, within=_DRAW)
    count = np.arange(len(beats))
    slope, first = np.polyfit(count, beats, 1)
    steady = first + slope * count
    reach = min(round(4 * _EVENING), len(beats) - 1)
    aside = np.pad(beats - steady, reach, mode="reflect", reflect_type="odd")  # so that a ramp goes on past its ends
    return np.maximum(0, steady + gaussian_filter1d(aside, _EVENING)[reach:-reach])
