"""The network that hears beats, downbeats, kicks, snares and hats, in numpy: log-mel steps to activations."""

from functools import cache
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from audioviz.audio.hearing.hits import elu, second_look
from audioviz.audio.hearing.spectrum import HOP
from audioviz.audio.reading.blocks import RATE

NAMES = ("beat", "downbeat", "kick", "snare", "hat")
STEP = 2  # hops
STEPS_PER_SECOND = RATE / (STEP * HOP)
_WEIGHTS = Path(__file__).with_name("beats.safetensors")
_FLOOR = 1e-6  # power in a band, against the mean of the whole where it sounds
_SOUNDING = 1e-4  # power against the loudest step's
_AT_ONCE = 512  # steps


def activations(steps: np.ndarray) -> np.ndarray:
    """How likely each step holds an event of each of `NAMES`: float32 in [0, 1], shape (steps, 5), drums 0 beside hits.

    Parameters
    ----------
    steps : float32, shape (steps, MELS)
        Of `log_mel`.
    """
    weights = _weights()
    x = _spectral(steps, weights)
    layer = 0
    while f"wide.{layer}.weight" in weights:
        wide = elu(_dilated(x, weights[f"wide.{layer}.weight"], 2**layer) + weights[f"wide.{layer}.bias"])
        x = x + wide @ weights[f"mix.{layer}.weight"][:, :, 0].T + weights[f"mix.{layer}.bias"]
        layer += 1
    logits = x @ weights["out.weight"][:, :, 0].T + weights["out.bias"]
    heard = 1 / (1 + np.exp(-logits))
    heard[:, 2:] = second_look(steps, x, logits[:, 2:], weights)
    return heard


def log_mel(mel: np.ndarray) -> np.ndarray:
    """What the network is shown: float32, shape (steps, MELS), 0 for silence and about 1 to 2 where it is loud.

    Parameters
    ----------
    mel : float32, shape (hops, MELS)
        Step i holds the hops from i * `STEP` on.
    """
    power = np.add.reduceat(mel, np.arange(0, len(mel), STEP), axis=0)
    power[: len(mel) // STEP] /= STEP
    whole = power.sum(axis=1)
    mean = whole[whole >= _SOUNDING * whole.max()].mean()  # whatever silence is around the song
    power /= np.float32(mean + 1e-20)
    power += np.float32(_FLOOR)
    return (np.log10(power, out=power) + 6) / 3


def steps_to_seconds(steps: np.ndarray) -> np.ndarray:
    """The moment around which the hops of each step are centred."""
    return (steps + (STEP - 1) / (2 * STEP)) / STEPS_PER_SECOND


@cache
def _weights() -> dict[str, np.ndarray]:
    return {name: value.astype(np.float32) for name, value in load_file(_WEIGHTS).items()}


def _spectral(x: np.ndarray, weights: dict[str, np.ndarray]) -> np.ndarray:
    """The convolutions over the spectrum, some steps at a time: float32, shape (steps, channels)."""
    steps, found = len(x), []
    for first in range(0, steps, _AT_ONCE):
        last = min(first + _AT_ONCE, steps)
        y = _convolved(_rows(x[..., None], first - 2, last + 2), weights["bands.weight"], 4) + weights["bands.bias"]
        y = elu(y)
        y[: max(0, 1 - first)] = 0  # beyond the song each layer sees nothing
        y[len(y) - max(0, last + 1 - steps) :] = 0
        y = elu(_convolved(y, weights["shapes.weight"], 2) + weights["shapes.bias"])
        y = y.transpose(0, 2, 1).reshape(len(y), -1)
        found.append(elu(y @ weights["whole.weight"][:, :, 0].T + weights["whole.bias"]))
    return np.concatenate(found)


def _rows(x: np.ndarray, first: int, last: int) -> np.ndarray:
    """Rows of which some may lie before the first or after the last: zeros there."""
    inside = x[max(0, first) : last]
    return np.pad(inside, ((max(0, -first), max(0, last - len(x))), *[(0, 0)] * (x.ndim - 1)))


def _convolved(x: np.ndarray, kernel: np.ndarray, stride: int) -> np.ndarray:
    """Across time, without padding, and bands, padded to (width - stride) / 2: (t, bands, c) to (t - 2, .., d)."""
    tall, wide = kernel.shape[2:]
    x = np.pad(x, ((0, 0), ((wide - stride) // 2,) * 2, (0, 0)))
    view = np.lib.stride_tricks.sliding_window_view(x, (tall, wide), axis=(0, 1))[:, ::stride]
    t, bands = view.shape[:2]
    flat = view.reshape(t * bands, -1) @ kernel.reshape(len(kernel), -1).T
    return flat.reshape(t, bands, -1)


def _dilated(x: np.ndarray, kernel: np.ndarray, step: int) -> np.ndarray:
    """Along time, as long as x: (t, c) to (t, d)."""
    taps = kernel.shape[2]
    out = x @ kernel[:, :, taps // 2].T
    for tap in range(taps):
        shift = (tap - taps // 2) * step
        if shift > 0 and shift < len(x):
            out[:-shift] += x[shift:] @ kernel[:, :, tap].T
        elif shift < 0 and -shift < len(x):
            out[-shift:] += x[:shift] @ kernel[:, :, tap].T
    return out
