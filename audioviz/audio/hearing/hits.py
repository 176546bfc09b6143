"""Which drums each hit is: a second look at its sound, in numpy."""

import numpy as np
from scipy.ndimage import maximum_filter1d
from scipy.special import expit

BEFORE, AFTER = 8, 20  # steps of a hit's sound: 93 ms before and 232 ms after it
AROUND = (-6, -2, 0, 2, 6)  # steps from a hit at which the features of the song are seen
STRIDES = (1, 2, 2)  # of the convolutions along a hit's sound
_AT_ONCE = 512  # hits
_LEAST, _APART = 0.05, 7  # activation of what may be a hit, and steps in which there is one alone
_NEAR = np.arange(-2, 3)  # steps by which drums that are hit together may be apart


def find_hits(activations: np.ndarray) -> np.ndarray:
    """Steps of whatever may be a hit of any drum: int64, shape (n,).

    Parameters
    ----------
    activations : float32, shape (steps, drums)
    """
    strongest = activations.max(axis=1)
    return np.flatnonzero((strongest == maximum_filter1d(strongest, _APART)) & (strongest > _LEAST))


def surroundings(
    steps: np.ndarray, features: np.ndarray, logits: np.ndarray, hits: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What is seen of each hit: its sound, its place in the song, and the first guess of its drums.

    Parameters
    ----------
    steps : float32, shape (steps, MELS)
    features : float32, shape (steps, channels)
    logits : float32, shape (steps, drums)
    hits : int64, shape (n,)

    Returns
    -------
    Three float32 arrays of shapes (n, MELS, BEFORE + AFTER), (n, len(AROUND) * channels) and (n, drums).
    """
    at = hits[:, None] + np.arange(-BEFORE, AFTER)
    sound = np.where((at >= 0)[..., None] & (at < len(steps))[..., None], steps[_inside(at, steps)], np.float32(0))
    place = features[_inside(hits[:, None] + AROUND, steps)].reshape(len(hits), -1)
    return sound.transpose(0, 2, 1), place, logits[_inside(hits[:, None] + _NEAR, steps)].max(axis=1)


def second_look(
    steps: np.ndarray, features: np.ndarray, logits: np.ndarray, weights: dict[str, np.ndarray]
) -> np.ndarray:
    """How likely each step holds a hit of each drum: float32 in [0, 1], shape (steps, drums), 0 beside hits.

    Parameters
    ----------
    steps : float32, shape (steps, MELS)
        Of `log_mel`.
    features, logits : float32, shapes (steps, channels) and (steps, drums)
        What the network has last, and its first guess.
    weights : dict of name to float32 array
        Those whose names begin with `hits.`.
    """
    found = np.zeros_like(logits)
    hits = find_hits(expit(logits))
    for first in range(0, len(hits), _AT_ONCE):
        some = hits[first : first + _AT_ONCE]
        likely = expit(_looked_at(*surroundings(steps, features, logits, some), weights))
        near = _inside(some[:, None] + _NEAR, steps)
        for drum in range(logits.shape[1]):
            loudest = near[np.arange(len(some)), logits[near, drum].argmax(axis=1)]
            np.maximum.at(found[:, drum], loudest, likely[:, drum])
    return found


def _looked_at(sound: np.ndarray, place: np.ndarray, guess: np.ndarray, weights: dict[str, np.ndarray]) -> np.ndarray:
    """Logits of n hits: float32, shape (n, drums)."""
    x = sound
    for layer, stride in enumerate(STRIDES):
        kernel = weights[f"hits.sound.{layer}.weight"]
        view = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[2], axis=2)[:, :, ::stride]  # (n, c, t, taps)
        flat = view.transpose(0, 2, 1, 3).reshape(len(x) * view.shape[2], -1) @ kernel.reshape(len(kernel), -1).T
        x = elu(flat + weights[f"hits.sound.{layer}.bias"]).reshape(len(x), -1, len(kernel)).transpose(0, 2, 1)

    def linear(name: str, x: np.ndarray) -> np.ndarray:
        return x @ weights[f"hits.{name}.weight"].T + weights[f"hits.{name}.bias"]

    seen = elu(linear("shape", x.reshape(len(x), -1)) + linear("place", place) + linear("guess", guess))
    return guess + linear("out", elu(linear("wide", seen)))


def _inside(at: np.ndarray, steps: np.ndarray) -> np.ndarray:
    return at.clip(0, len(steps) - 1)


def elu(x: np.ndarray) -> np.ndarray:
    """The exponential linear unit."""
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))
