"""The model of bars: tempo and place in the bar as a hidden state, decoded over the whole song at once."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter1d, uniform_filter1d

_FLOOR = 0.02  # activation: what lies below is nothing
_EAGER = 4.0  # times that the odds of a beat are lower than the network says, which is trained to miss none
_SECOND = 86  # steps: in as many there is a beat
_AROUND = 1033  # steps, 12 s: an activation is held against the beats about it,
_SHARE = 0.35  # of which it must reach so much
_STEEP = 1.5  # nats for the logarithm of what it is more
_SURE = 0.3  # activation of a beat from which on its downbeat counts in full
_LEAST = 0.02  # probability of a downbeat that is held to be possible
_RIGID = 60.0  # nats for a change of tempo, times the share by which it changes from one beat to the next
_LOOSE = 0.3  # nats for each step of it: tempi lie between whole steps
_LEAP = 30.0  # nats for any other tempo
_USUAL = 46  # steps of a usual beat: 112 bpm
_UNUSUAL = 0.15  # nats for each usual beat's time, at half of that tempo or twice
_SLIP = 30.0  # nats for a bar that is cut short
_REACH = 4  # steps by which an interval may change without a leap
_LEAPT = 2 * _REACH + 1  # the way by which the interval before was any other


@dataclass(frozen=True, eq=False)
class Bars:
    """The likeliest path through a song.

    Parameters
    ----------
    beats : int64, shape (n,)
        Steps.
    places : int64, shape (n,)
        Of each beat in its bar, from 0.
    beats_per_bar : int
    score : float
        Nats, against no beat at all.
    """

    beats: np.ndarray
    places: np.ndarray
    beats_per_bar: int
    score: float


def decode(worth: np.ndarray, intervals: range, beats_per_bar: int) -> Bars:
    """The beats and bars that explain the activations best.

    Parameters
    ----------
    worth : float32, shape (steps, 2)
        Of `beat_worth`.
    intervals : range
        Steps that a beat may last.

    Source
    ------
    The bar pointer whose tempo changes at beats alone: Krebs, Böck & Widmer, "An efficient state-space model for joint
    tempo and meter tracking", ISMIR 2015; here as a semi-Markov chain, whose states are whole beats, so that a tempo
    costs nothing but its beats.
    """
    trellis = _Trellis(np.array(intervals), beats_per_bar)
    block = intervals[0]  # no beat of so many steps follows on another of them
    padded = np.pad(worth, ((0, -len(worth) % block), (0, 0)), constant_values=-np.inf)
    for first in range(0, len(padded), block):
        trellis.advance(padded[first : first + block])
    return trellis.path(len(worth))


def beat_worth(beat: np.ndarray, downbeat: np.ndarray) -> np.ndarray:
    """Nats of a beat within a bar, and of one that begins it, at each step: float32, shape (steps, 2).

    Parameters
    ----------
    beat, downbeat : float32 in [0, 1], shape (steps,)
        Activations.
    """
    near = maximum_filter1d(beat, 3)
    likely = near / (near + _EAGER * (1 - near))
    peaks, inside = maximum_filter1d(likely, _SECOND), np.ones_like(beat)
    usual = uniform_filter1d(peaks, _AROUND, mode="constant") / uniform_filter1d(inside, _AROUND, mode="constant")
    worth = _STEEP * (np.log(likely + _FLOOR) - np.log(_SHARE * usual + _FLOOR))
    first = np.clip(maximum_filter1d(downbeat, 3) / (near + _FLOOR), _LEAST, 1 - _LEAST)
    sure = np.minimum(near / _SURE, 1)
    return np.stack([worth + sure * np.log(1 - first), worth + sure * np.log(first)], axis=1).astype(np.float32)


class _Trellis:
    """Viterbi's table: the best way to each beat, by its interval, its place in the bar and its step."""

    def __init__(self, intervals: np.ndarray, bar: int):
        self.intervals, self.bar, self.block = intervals, bar, int(intervals[0])
        longest = int(intervals[-1])
        # the last steps; before the first all is even, for a song may begin within any beat
        self.recent = np.zeros((len(intervals), bar, longest), np.float32)
        row = np.arange(len(intervals) * bar).reshape(len(intervals), bar, 1) * longest
        self.ended = row + (longest - intervals)[:, None, None] + np.arange(self.block)
        shifts = np.abs(np.arange(-_REACH, _REACH + 1))[:, None]
        costs = _LOOSE * shifts + _RIGID * np.maximum(0, shifts - 1) / intervals
        self.costs = costs.astype(np.float32)[..., None, None]
        odd = _UNUSUAL * np.log2(intervals / _USUAL) ** 2 * intervals / _USUAL
        self.odd = odd.astype(np.float32)[:, None, None]
        self.ways: list[np.ndarray] = []  # of each block, which interval was before; `_LEAPT` for the best of all
        self.leapt: list[np.ndarray] = []  # which that is
        self.slipped: list[np.ndarray | None] = []  # from which place a bar was cut short; 0 where it was not

    def advance(self, worth: np.ndarray) -> None:
        """Take the next `block` steps."""
        left = self.recent.take(self.ended)
        came = np.roll(self._changed(left), 1, axis=1)
        short = came[:, 1:].max(axis=1, initial=-np.inf) - np.float32(_SLIP)
        cut = short > came[:, 0]
        self.slipped.append((came[:, 1:].argmax(axis=1) + 1) * cut if cut.any() else None)
        came[:, 0] = np.maximum(came[:, 0], short)
        came -= self.odd
        came[:, 0] += worth[:, 1]
        came[:, 1:] += worth[:, 0]
        self.recent[..., : -self.block] = self.recent[..., self.block :]
        self.recent[..., -self.block :] = came

    def _changed(self, left: np.ndarray) -> np.ndarray:
        """The best for each interval that may follow; keeps which was before, under the place to come."""
        padded = np.pad(left, ((_REACH, _REACH), (0, 0), (0, 0)), constant_values=-np.inf)
        count = len(left)
        candidates = [padded[way : way + count] - cost for way, cost in enumerate(self.costs)]
        candidates.append(np.broadcast_to(left.max(axis=0) - np.float32(_LEAP), left.shape))
        came = candidates[0]
        for candidate in candidates[1:]:
            came = np.maximum(came, candidate)
        best = np.zeros(left.shape, np.int8)
        for way, candidate in enumerate(candidates):
            np.maximum(best, np.multiply(candidate == came, np.int8(way), dtype=np.int8), out=best)
        self.ways.append(np.roll(best, 1, axis=1))
        self.leapt.append(np.roll(left.argmax(axis=0).astype(np.int16), 1, axis=0))
        return came

    def path(self, steps: int) -> Bars:
        """Back from the beat that sounds best at the end: each began where the one before it was over."""
        first = len(self.ways) * self.block - self.recent.shape[2]
        late = first + np.arange(self.recent.shape[2]) >= steps - self.intervals[:, None]
        last = np.where(late[:, None], self.recent, -np.inf)
        interval, place, k = (int(at) for at in np.unravel_index(last.argmax(), last.shape))
        score, t, found = float(last[interval, place, k]), first + k, []
        while t >= 0:
            found.append((t, place))
            block, k = divmod(t, self.block)
            slipped = self.slipped[block]
            came = int(slipped[interval, k]) if place == 0 and slipped is not None else place
            way = int(self.ways[block][interval, came, k])
            interval = int(self.leapt[block][came, k]) if way == _LEAPT else interval + way - _REACH
            place = (came - 1) % self.bar
            t -= int(self.intervals[interval])
        beats, places = np.array(found[::-1], np.int64).reshape(-1, 2).T
        return Bars(beats, places, self.bar, score)
