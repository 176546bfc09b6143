"""What a whole song says of its beats: one phase where its tempo is kept, bars that begin where the sound changes."""

import numpy as np
from scipy.ndimage import maximum_filter1d

SOUND_STEPS, SOUND_BANDS = 4, 20  # steps of the network that are one of the sound's, and bands
_KEPT = 0.8  # how nearly all beats lie on a grid of half beats, 1 being exactly, in a song that keeps its tempo
_PERIODS = 0.03  # share of a beat's length by which it may be told wrong
_PHASE = 0.2  # beats by which a beat of the same phase may be aside,
_ONE = 0.98  # and the share of beats from which on all are of one
_WIDE = 3  # steps to either side of a beat of the grid that belong to it
_BEATS = 8  # on each side, between which the sound changes
_BAR = 3  # beats on each side of which none changes it more
_CHANGE = 0.3  # nats for the mean change


def sound_of(steps: np.ndarray) -> np.ndarray:
    """The sound in bands, coarsely: float16, shape (steps / 4, 20), from log-mel steps of shape (steps, 80)."""
    whole = len(steps) // SOUND_STEPS * SOUND_STEPS
    return steps[:whole].reshape(-1, SOUND_STEPS, SOUND_BANDS, steps.shape[1] // SOUND_BANDS).mean((1, 3), np.float16)


def bar_worth(sound: np.ndarray, beats: np.ndarray) -> np.ndarray:
    """Nats for a bar that begins at each beat: float64, shape (n,), of mean 0.

    Parts of a song are whole bars long, so that where the sound of the next eight beats is unlike that of the last, a
    bar begins.

    Parameters
    ----------
    sound : shape (steps / 4, bands)
        Of `sound_of`.
    beats : int64, shape (n,)
        Steps.

    Source
    ------
    The novelty of Foote, "Automatic audio segmentation using a measure of audio novelty", ICME 2000, on beats.
    """
    at = np.clip(np.round(beats / SOUND_STEPS).astype(int), 0, len(sound))
    total = np.concatenate([np.zeros((1, sound.shape[1])), np.cumsum(sound, axis=0, dtype=float)])
    before, after = at[np.maximum(np.arange(len(at)) - _BEATS, 0)], np.append(at, [at[-1]] * _BEATS)[_BEATS:]
    old = (total[at] - total[before]) / np.maximum(at - before, 1)[:, None]
    new = (total[after] - total[at]) / np.maximum(after - at, 1)[:, None]
    change = ((new - old) ** 2).mean(axis=1)
    change[[0, -1]] = 0
    change[change < maximum_filter1d(change, 2 * _BAR + 1)] = 0
    return _CHANGE * (change / max(change.mean(), 1e-9) - 1)


def phases(beats: np.ndarray, steps: int) -> list[np.ndarray]:
    """Of a song that keeps its tempo but not its phase: the steps of one phase, and of that half a beat aside.

    Parameters
    ----------
    beats : int64, shape (n,)
        Steps at which beats are heard.

    Returns
    -------
    Two bool arrays of shape (steps,), or none where the tempo wanders, or all beats are of one phase.
    """
    period, kept, first = _half_beats(beats)
    if kept < _KEPT:
        return []
    aside = np.abs((beats - first) / period % 1 - 0.5)  # 0.5 on the one phase, 0 on the other
    if max(np.mean(aside > 0.5 - _PHASE), np.mean(aside < _PHASE)) > _ONE:
        return []
    from_grid = np.abs(((np.arange(steps) - first) / period + 0.5) % 1 - 0.5) * period
    return [from_grid <= _WIDE + 0.5, from_grid >= period / 2 - _WIDE - 0.5]


def _half_beats(beats: np.ndarray) -> tuple[float, float, float]:
    """The grid of half beats that beats lie on best: the length of a beat, how nearly they do, and one of its steps."""
    usual, whole = np.median(np.diff(beats)), beats[-1] - beats[0]
    periods = np.arange(usual * (1 - _PERIODS), usual * (1 + _PERIODS), usual**2 / whole / 8)
    vectors = np.exp(4j * np.pi * beats / periods[:, None]).mean(axis=1)
    best = np.abs(vectors).argmax()
    return periods[best], np.abs(vectors[best]), np.angle(vectors[best]) / (4 * np.pi) * periods[best]
