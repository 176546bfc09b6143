"""The weights by which `hearing/beats.py` tells how likely a tempo is right: a logistic fit to the songs that judge."""

from pathlib import Path

import numpy as np
from mir_eval.beat import f_measure, trim_beats
from scipy.optimize import minimize

from audioviz.audio.hearing import beats
from audioviz.audio.hearing.activations import NAMES, activations, steps_to_seconds
from audioviz.audio.hearing.bars import beat_worth
from beat_model.pool import load

RIGHT = 0.8  # F-measure of beats of the right tempo
PENALTY = 0.3  # on the squares of the weights
NOISES = 24  # songs without a beat


def fit(folder: Path) -> None:
    """Print the weights, and how many of those called sure are right, half of the songs told by the other half."""
    rows = [row for path in sorted(folder.glob("*.npz")) if (row := _song(path))]
    rows += [(found, False) for seed in range(NOISES) if (found := _evidence(_noise(seed))) is not None]
    x, right = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    for name, learn, judge in (("even", 0, 1), ("odd", 1, 0)):
        weights = _logistic(x[learn::2], right[learn::2])
        sure = _confidence(weights, x[judge::2]) >= beats.SURE
        print(f"told by {name}: {sure.mean():.2f} are sure, of these right {right[judge::2][sure].mean():.3f}")
    print("_BIAS, _WEIGHTS =", _logistic(x, right).round(2).tolist(), f"right {right.mean():.3f}")


def _song(path: Path) -> tuple[np.ndarray, bool] | None:
    song = load(path)
    heard = activations(song.steps.astype(np.float32))
    found = _evidence(heard)
    if found is None:
        return None
    seconds = beats.track_beats(*_pulse(heard), np.array([0.0, 1e4])).seconds
    truth = trim_beats(steps_to_seconds(song.events["beats"]))
    return found, len(truth) > 1 and f_measure(truth, trim_beats(seconds)) >= RIGHT


def _noise(seed: int) -> np.ndarray:
    """What the network makes of noise whose colour and loudness wander."""
    rng = np.random.default_rng(seed)
    steps = np.cumsum(rng.normal(0, rng.uniform(0, 0.05), (3000, 80)), axis=0) + rng.normal(1, 0.1, (3000, 80))
    return activations(np.clip(steps, 0, 2).astype(np.float32))


def _evidence(heard: np.ndarray) -> np.ndarray | None:
    worth = beat_worth(*_pulse(heard))
    low, high = beats.tempo_limits(None)
    found = beats._on_one_level(worth, low, high, beats.USUAL_METRES)
    return beats.evidence(worth, found, beats._rivals(worth, found, low, high)) if len(found.beats) > 3 else None


def _pulse(heard: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return heard[:, NAMES.index("beat")], heard[:, NAMES.index("downbeat")]


def _confidence(weights: np.ndarray, x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-(weights[0] + np.clip(x, *beats.CLIP) @ weights[1:])))


def _logistic(x: np.ndarray, right: np.ndarray) -> np.ndarray:
    def cost(weights: np.ndarray) -> float:
        logits = weights[0] + np.clip(x, *beats.CLIP) @ weights[1:]
        return np.logaddexp(0, np.where(right, -logits, logits)).sum() + PENALTY * (weights[1:] ** 2).sum()

    return minimize(cost, np.zeros(x.shape[1] + 1)).x
