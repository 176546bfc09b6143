"""Downbeats: which beats begin a bar, by what the bass, the chords and the loudness do at them."""

import numpy as np

from audioviz.audio.spectrum import HOP, NOTES_HOP, RATE

USUAL_METRES = (4, 3)  # beats in a bar that are tried; the first where there is nothing to tell by
_FEWEST = 8  # beats: with fewer there is nothing to tell by
_SLIP = -8.0  # log probability that a bar is cut short or extended by a beat
_WEIGHTS = {"bass": 0.8, "change": 1.2, "loud": 0.3}  # of each cue, in its standard deviations


def find_downbeats(beats: np.ndarray, low: np.ndarray, loudness: np.ndarray, notes: np.ndarray, *,
                   metres: tuple[int, ...] = USUAL_METRES) -> tuple[int, np.ndarray]:
    """Beats per bar, and the beats that begin one.

    Parameters
    ----------
    beats : float64, shape (n,)
        Seconds.
    low, loudness : float32, shape (hops,)
        Power of the low band; onset strength that weighs loudness.
    notes : float32, shape (steps of NOTES_HOP, 24)
    metres : tuple of int
        Beats in a bar that may be.

    Returns
    -------
    beats_per_bar : int
    downbeats : int64, shape (bars,)
        Positions among the beats.

    Source
    ------
    The bar as a hidden state at each beat: Durand, Bello, David & Richard, "Downbeat tracking with multiple features",
    ICASSP 2015, with three features and no network.
    """
    if len(beats) < _FEWEST:
        return metres[0], np.arange(0, len(beats), metres[0])
    gain = _gain(beats, low, loudness, notes)
    found = {metre: _best_path(gain, metre) for metre in metres}
    metre = max(metres, key=lambda metre: found[metre][0])
    return metre, found[metre][1]


def _gain(beats: np.ndarray, low: np.ndarray, loudness: np.ndarray, notes: np.ndarray) -> np.ndarray:
    """Log likelihood of each beat as a downbeat against another: float64, shape (n,)."""
    cues = {"bass": _rise(np.sqrt(low), beats), "change": _changes(notes, beats), "loud": _peak(loudness, beats)}
    return sum(_WEIGHTS[name] * _standard(cue) for name, cue in cues.items())


def _best_path(gain: np.ndarray, metre: int) -> tuple[float, np.ndarray]:
    """The likeliest places of the bars, of so many beats but for rare slips, and their log likelihood."""
    best, came = np.zeros(metre), np.zeros((len(gain), metre), np.int64)
    best[0] = gain[0]
    for i in range(1, len(gain)):
        onward = np.roll(best, 1)
        slip = best.argmax()
        came[i] = np.where(onward >= best[slip] + _SLIP, (np.arange(metre) - 1) % metre, slip)
        best = np.maximum(onward, best[slip] + _SLIP)
        best[0] += gain[i]
    place = int(best.argmax())
    places = np.empty(len(gain), np.int64)
    for i in range(len(gain) - 1, -1, -1):
        places[i], place = place, came[i, place]
    return float(best.max()), np.flatnonzero(places == 0)


def _rise(level: np.ndarray, beats: np.ndarray) -> np.ndarray:
    """How far a level rises around each beat."""
    reach = 12  # hops: 70 ms
    padded = np.pad(level, reach, mode="edge")
    at = np.minimum((beats * RATE / HOP).astype(np.int64), len(level) - 1)[:, None] + reach
    return padded[at + np.arange(reach)].max(axis=1) - padded[at - np.arange(1, reach)].min(axis=1)


def _peak(strength: np.ndarray, beats: np.ndarray) -> np.ndarray:
    at = (beats * RATE / HOP).astype(np.int64)[:, None] + np.arange(-8, 9)
    return strength[np.clip(at, 0, len(strength) - 1)].max(axis=1)


def _changes(notes: np.ndarray, beats: np.ndarray) -> np.ndarray:
    """How much other notes sound after each beat than before it: float64 in [0, 1], shape (n,)."""
    spans = _between(np.sqrt(notes), beats)
    length = np.linalg.norm(spans, axis=1)
    both = length[1:] * length[:-1]
    alike = np.einsum("ij,ij->i", spans[1:], spans[:-1])
    return 1 - np.divide(alike, both, out=np.ones_like(both), where=both > 0)


def _between(notes: np.ndarray, beats: np.ndarray) -> np.ndarray:
    """Means over the beat before the first, between each two, and after the last: float64, shape (n + 1, 24)."""
    step = np.median(np.diff(beats))
    bounds = np.concatenate([[beats[0] - step], beats, [beats[-1] + step]]) * RATE / NOTES_HOP + 0.5
    bounds = np.clip(bounds, 0, len(notes))
    total = np.concatenate([np.zeros((1, notes.shape[1])), np.cumsum(notes, axis=0, dtype=np.float64)])
    low = np.minimum(np.floor(bounds).astype(np.int64), len(notes) - 1)
    at = total[low] + (bounds - low)[:, None] * (total[low + 1] - total[low])
    return np.diff(at, axis=0) / np.maximum(np.diff(bounds), 1e-9)[:, None]


def _standard(cue: np.ndarray) -> np.ndarray:
    """Centred, in standard deviations, with what is far out drawn in."""
    spread = cue.std()
    return np.clip((cue - cue.mean()) / spread, -3, 3) if spread > 0 else np.zeros_like(cue)
