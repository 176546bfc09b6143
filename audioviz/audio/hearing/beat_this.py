"""The pulse by a published network, Beat This!: log-mel frames, probabilities, and their places on our steps."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from audioviz.audio.hearing.activations import steps_to_seconds
from audioviz.audio.hearing.spectrum import Sliding
from audioviz.audio.reading.blocks import RATE, in_chunks

_WINDOW, _HOP = 1024, 441  # samples
_BANDS, _LOWEST_HZ, _HIGHEST_HZ = 128, 30.0, 11_000.0
_LEVEL = 1000 * np.sqrt(np.float32(_WINDOW * 3 / 16))  # of log1p; our bins are scaled by power, and theirs by length
_EDGE = 2 * _HOP  # samples that are mirrored at each end, more than half of a window
_AT_ONCE, _BORDER = 1488, 6  # frames whose probabilities are taken, and those on each side that are heard besides


class BeatThis:
    """Listens to a song on its way, and then tells its pulse.

    Parameters
    ----------
    network : function of a float32 tensor (1, frames, 128) to a dict of tensors (1, frames), the logits of `beat` and
        `downbeat`
        Of `beats_model.load_network`.

    Source
    ------
    Foscarin, Schlüter & Widmer, "Beat This! Accurate beat tracking without DBN postprocessing", ISMIR 2024.
    """

    def __init__(self, network: Callable[[Any], dict[str, Any]]):
        from librosa.filters import mel

        filters = mel(
            sr=RATE, n_fft=_WINDOW, n_mels=_BANDS, fmin=_LOWEST_HZ, fmax=_HIGHEST_HZ, norm=None, dtype=np.float32
        )
        self._network = network
        self._frames = Sliding(_WINDOW, _HOP, lambda bins: np.log1p(_LEVEL * (np.abs(bins) @ filters.T)))

    def overheard(self, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """The same mono samples at `RATE`, in chunks; each is listened to as it passes."""
        last = np.zeros(0, np.float32)
        for chunk in in_chunks(blocks):
            self._frames.feed(chunk if len(last) else np.pad(chunk, (_EDGE, 0), "reflect"))
            last = np.concatenate([last, chunk])[-_EDGE - 1 :]
            yield chunk
        if len(last):
            self._frames.feed(np.pad(last, (0, _EDGE), "reflect")[len(last) :])

    def pulse(self, steps: int) -> np.ndarray:
        """Probabilities of beats and downbeats: float32, shape (2, steps)."""
        frames = self._frames.finish()[_EDGE // _HOP : -_EDGE // _HOP]
        return frames_to_steps(probabilities(self._network, frames), steps)


def frames_to_steps(frames: np.ndarray, steps: int) -> np.ndarray:
    """Each frame on the step that is nearest to it, so that peaks stay sharp; steps between two frames are 0.

    Parameters
    ----------
    frames : float32 in [0, 1], shape (2, frames)
        Frame i is centred on sample i * 441.
    """
    seconds = np.arange(frames.shape[1]) * _HOP / RATE
    nearest = np.searchsorted(steps_to_seconds(np.arange(steps - 1) + 0.5), seconds)
    pulse = np.zeros((steps, len(frames)), np.float32)
    np.maximum.at(pulse, nearest, frames.T)
    return pulse.T.copy()


def probabilities(network: Callable[[Any], dict[str, Any]], frames: np.ndarray) -> np.ndarray:
    """Those of beats and downbeats: float32, shape (2, frames); half a minute at a time, as the network was trained."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    if isinstance(network, torch.nn.Module):
        network = network.to(device)
    starts = list(range(0, len(frames), _AT_ONCE))
    starts[-1] = max(0, len(frames) - _AT_ONCE)  # so that the last is no shorter than the others
    around = np.pad(frames, ((_BORDER, _BORDER), (0, 0)))
    found = np.zeros((2, len(frames)), np.float32)
    with torch.inference_mode():
        for start in reversed(starts):  # where two overlap, the earlier one counts
            heard = network(torch.from_numpy(around[None, start : start + _AT_ONCE + 2 * _BORDER]).to(device))
            logits = torch.cat([heard["beat"], heard["downbeat"]])[:, _BORDER:-_BORDER]
            found[:, start : start + _AT_ONCE] = torch.sigmoid(logits.float()).cpu().numpy()
    return found
