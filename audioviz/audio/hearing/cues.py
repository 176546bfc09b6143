"""Features at candidate beats and downbeats: bass rise, onset strength, loudness, chord change."""

from dataclasses import dataclass

import numpy as np

from audioviz.audio.hearing.spectrum import HOP, NOTES_HOP
from audioviz.audio.reading.blocks import RATE

_BEFORE, _AFTER = 12, 12  # hops: 70 ms, between which the bass rises
_NEAR = 7  # hops: 41 ms on each side, within which an attack belongs to a moment


@dataclass(frozen=True, eq=False)
class Cues:
    """What the beat grid is heard by.

    Parameters
    ----------
    low, strength, loudness : float32, shape (hops,)
        Power of the low band; onset strength that hears whatever starts, and one that weighs it by loudness.
    notes : float32, shape (steps of NOTES_HOP, 24)
    """

    low: np.ndarray
    strength: np.ndarray
    loudness: np.ndarray
    notes: np.ndarray

    def at(self, seconds: np.ndarray) -> dict[str, np.ndarray]:
        """Each cue at each of at least two moments: name -> float64 >= 0, shape (n,)."""
        return {
            "bass": _bass_rise(np.sqrt(self.low), seconds),
            "attack": _peak(self.strength, seconds),
            "loud": _peak(self.loudness, seconds),
            "change": _chord_change(self.notes, seconds),
        }


def _bass_rise(level: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """How far a level rises around each moment."""
    padded = np.pad(level, _AFTER, mode="edge")
    at = np.clip((seconds * RATE / HOP).astype(np.int64), 0, len(level) - 1)[:, None] + _AFTER
    rise = padded[at + np.arange(_AFTER)].max(axis=1) - padded[at - np.arange(1, _BEFORE)].min(axis=1)
    return np.maximum(rise, 0).astype(np.float64)


def _peak(strength: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    at = (seconds * RATE / HOP).astype(np.int64)[:, None] + np.arange(-_NEAR, _NEAR + 1)
    return strength[np.clip(at, 0, len(strength) - 1)].max(axis=1).astype(np.float64)


def _chord_change(notes: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """How much other notes sound until the next moment than since the last: in [0, 1]."""
    spans = _mean_notes(np.sqrt(notes), seconds)
    length = np.linalg.norm(spans, axis=1)
    both = length[1:] * length[:-1]
    alike = np.einsum("ij,ij->i", spans[1:], spans[:-1])
    return 1 - np.minimum(1, np.divide(alike, both, out=np.ones_like(both), where=both > 0))


def _mean_notes(notes: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """Means before the first moment, between each two, and after the last: float64, shape (n + 1, 24)."""
    step = np.median(np.diff(seconds))
    bounds = np.concatenate([[seconds[0] - step], seconds, [seconds[-1] + step]]) * RATE / NOTES_HOP + 0.5
    bounds = np.clip(bounds, 0, len(notes))
    total = np.concatenate([np.zeros((1, notes.shape[1])), np.cumsum(notes, axis=0, dtype=np.float64)])
    low = np.minimum(np.floor(bounds).astype(np.int64), len(notes) - 1)
    at = total[low] + (bounds - low)[:, None] * (total[low + 1] - total[low])
    return np.diff(at, axis=0) / np.maximum(np.diff(bounds), 1e-9)[:, None]
