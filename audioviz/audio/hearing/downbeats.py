"""Downbeat tracking: which beats begin a bar, by what the bass, the chords and the loudness do at them."""

import numpy as np

from audioviz.audio.hearing.cues import Cues

USUAL_METRES = (4, 3)  # beats in a bar that are tried; the first where there is nothing to tell by
_FEWEST = 8  # beats: with fewer there is nothing to tell by
_SLIP = -10.0  # log probability that a bar is cut short or extended by a beat
_WEIGHTS = {
    "bass": 1.6,
    "loud": 0.4,
    "change": 1.2,
}  # of each cue, in its standard deviations: rounded from a logistic fit


def find_downbeats(beats: np.ndarray, cues: Cues, *, metres: tuple[int, ...] = USUAL_METRES) -> tuple[int, np.ndarray]:
    """Beats per bar, and the beats that begin one.

    Parameters
    ----------
    beats : float64, shape (n,)
        Seconds.
    cues : Cues
    metres : tuple of int
        Beats in a bar that may be.

    Returns
    -------
    beats_per_bar : int
    downbeats : int64, shape (bars,)
        Positions among the beats.

    Source
    ------
    The place in the bar as a hidden state at each beat: Durand, Bello, David & Richard, "Downbeat tracking with
    multiple features and deep neural networks", ICASSP 2015; here with three features and no network.
    """
    if len(beats) < _FEWEST:
        return metres[0], np.arange(0, len(beats), metres[0])
    log_odds = _log_odds(beats, cues)
    found = {metre: _best_path(log_odds, metre) for metre in metres}
    metre = max(metres, key=lambda metre: found[metre][0])
    return metre, found[metre][1]


def bar_likelihood(beats: np.ndarray, cues: Cues) -> float:
    """How well beats fall into bars: log likelihood for each of them."""
    if len(beats) < _FEWEST:
        return 0.0
    log_odds = _log_odds(beats, cues)
    return max(_best_path(log_odds, metre)[0] for metre in USUAL_METRES) / len(beats)


def _log_odds(beats: np.ndarray, cues: Cues) -> np.ndarray:
    """Log likelihood of each beat as a downbeat against another: float64, shape (n,)."""
    weighted = (_WEIGHTS[name] * _standard(cue) for name, cue in cues.at(beats).items() if name in _WEIGHTS)
    return sum(weighted, np.zeros(len(beats)))


def _best_path(log_odds: np.ndarray, metre: int) -> tuple[float, np.ndarray]:
    """The likeliest places of the bars, of so many beats but for rare slips, and their log likelihood."""
    best, backpointers = [0.0] * metre, []  # plain lists: a bar is too short for numpy to be quicker
    for value in log_odds.tolist():
        slip = max(range(metre), key=best.__getitem__)
        slipped = best[slip] + _SLIP
        onward = [best[place - 1] for place in range(metre)]
        backpointers.append([place - 1 if onward[place] >= slipped else slip for place in range(metre)])
        best = [max(score, slipped) for score in onward]
        best[0] += value
    place = max(range(metre), key=best.__getitem__)
    top, places = best[place], []
    for before in reversed(backpointers):
        places.append(place)
        place = before[place] % metre
    return top, np.flatnonzero(np.array(places[::-1]) == 0)


def _standard(cue: np.ndarray) -> np.ndarray:
    """Centred, in standard deviations, with what is far out drawn in."""
    spread = cue.std()
    return np.clip((cue - cue.mean()) / spread, -3, 3) if spread > 0 else np.zeros_like(cue)
