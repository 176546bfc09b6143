"""The short-time Fourier transform (STFT): mono sound becomes band powers on a fixed grid of hops.

Hop i stands for the samples around i * HOP: its window is centred there. All powers are mean squares.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audioviz.audio.hearing.fourier import rfft
from audioviz.audio.reading.blocks import RATE, in_chunks

HOP = 128  # samples: 5.8 ms
WINDOW = 1024  # samples: 46 ms
FINE = 16  # samples: 0.7 ms, the grid of the waveform's own power
FINEST = 4  # samples: 0.2 ms, the grid on which attacks are placed
MELS = 80
LOWEST_HZ = 30.0  # below: an offset of the signal, not sound
BANDS_HZ = {"low": (LOWEST_HZ, 200.0), "mid": (200.0, 4000.0), "high": (4000.0, RATE / 2)}
NOTES_HOP = 2048  # samples: 93 ms
NOTES_WINDOW = 4096  # samples: 186 ms, which tells notes a whole tone apart from 110 Hz on
_NOTES = (28, 52, 96)  # MIDI: lowest of the bass, lowest of the chords, end


@dataclass(frozen=True, eq=False)
class Spectrum:
    """What the analysis keeps of the sound.

    Parameters
    ----------
    samples : int
        n, at `RATE`.
    mel : float32, shape (hops, MELS)
        Power in mel bands.
    bands : dict of name to float32, shape (hops,)
        Power in the bands of `BANDS_HZ`.
    notes : float32, shape (n // NOTES_HOP + 1, 24)
        Power in the twelve pitch classes of the bass, and in the twelve above it, around the samples i * NOTES_HOP.
    power : float32, shape (ceil(n / FINE),)
        Power of the waveform in steps of `FINE` samples.
    attack : float32, shape (ceil(n / FINEST),)
        The same in steps of `FINEST`, with the treble raised, so that a hit shows above a bass tone.
    outline : float32, shape (2, ceil(n / HOP))
        Lowest and highest sample in steps of `HOP`.
    """

    samples: int
    mel: np.ndarray
    bands: dict[str, np.ndarray]
    notes: np.ndarray
    power: np.ndarray
    attack: np.ndarray
    outline: np.ndarray


def transform(blocks: Iterable[np.ndarray]) -> Spectrum:
    """Read mono blocks at `RATE` to their end.

    Parameters
    ----------
    blocks : iterable of float32 arrays, shape (n,)
    """
    band_weights, note_weights = np.concatenate([mel_filters(MELS), _band_filters()]).T, note_filters()
    short = Sliding(WINDOW, HOP, lambda bins: squares(bins) @ band_weights)
    long = Sliding(NOTES_WINDOW, NOTES_HOP, lambda bins: squares(bins) @ note_weights)
    samples, last = 0, np.float32(0)
    powers, attacks, outlines = [], [], []
    for chunk in in_chunks(blocks):
        samples += len(chunk)
        treble = chunk - np.float32(0.9) * np.concatenate([[last], chunk[:-1]])
        last = chunk[-1]
        powers.append(mean_squares(chunk, FINE))
        attacks.append(mean_squares(treble, FINEST))
        hops = np.pad(chunk, (0, -len(chunk) % HOP), mode="edge").reshape(-1, HOP)
        outlines.append(np.stack([hops.min(axis=1), hops.max(axis=1)]))
        short.feed(chunk)
        long.feed(chunk)
    spectrum = short.finish()
    bands = {name: spectrum[:, MELS + i].copy() for i, name in enumerate(BANDS_HZ)}
    return Spectrum(
        samples,
        spectrum[:, :MELS].copy(),
        bands,
        long.finish(),
        np.concatenate(powers),
        np.concatenate(attacks),
        np.concatenate(outlines, axis=1),
    )


class Sliding:
    """A short-time transform that is fed chunk by chunk; window i is centred on sample i * hop.

    `librosa.stft` of each chunk has the same bins, in 1.5 times the time.

    Parameters
    ----------
    size, hop : int
        Samples.
    measure : function of complex64 (k, size // 2 + 1) to float32 (k, m)
        What is kept of k consecutive windows. Bins are scaled so that their squares add up to the mean square.
    """

    def __init__(self, size: int, hop: int, measure: Callable[[np.ndarray], np.ndarray]):
        window = np.hanning(size + 1)[:-1].astype(np.float32)
        self._window = window / np.sqrt(size * np.sum(window**2) / 2)
        self._hop, self._measure = hop, measure
        self._pending = np.zeros(size // 2, np.float32)  # so that the first window is centred on sample 0
        self._samples, self._found = 0, []

    def feed(self, chunk: np.ndarray) -> None:
        """Take the next samples: float32, shape (n,)."""
        self._samples += len(chunk)
        self._pending = np.concatenate([self._pending, chunk])
        count = max(0, (len(self._pending) - len(self._window)) // self._hop + 1)
        if count:
            view = np.lib.stride_tricks.sliding_window_view(self._pending, len(self._window))[:: self._hop][:count]
            self._found.append(self._measure(rfft(view * self._window)))
            self._pending = self._pending[count * self._hop :]

    def finish(self) -> np.ndarray:
        """What was kept of all hops: float32, shape (n // hop + 1, m).

        Where there is no whole window it is as in the last one, since the end of a file is no sound's end.
        """
        if not self._found:
            whole = np.pad(self._pending, (0, len(self._window)))[: len(self._window)]
            self._found.append(self._measure(rfft(whole * self._window)[None]))
        found = np.concatenate(self._found)
        return np.pad(found, ((0, self._samples // self._hop + 1 - len(found)), (0, 0)), mode="edge")


def squares(bins: NDArray[np.complex64]) -> np.ndarray:
    """Squared magnitudes: float32, of the shape of the bins."""
    return bins.real**2 + bins.imag**2


def mel_filters(bands: int) -> np.ndarray:
    """Triangles on the mel scale from `LOWEST_HZ` to half of `RATE`: float32, shape (bands, WINDOW // 2 + 1)."""
    from librosa.filters import mel  # a second to import, which a song that is in the cache does not need

    return mel(sr=RATE, n_fft=WINDOW, n_mels=bands, fmin=LOWEST_HZ, fmax=RATE / 2)


def _band_filters() -> np.ndarray:
    from librosa import fft_frequencies

    hz = fft_frequencies(sr=RATE, n_fft=WINDOW)
    return np.stack([(hz >= low) & (hz < high) for low, high in BANDS_HZ.values()]).astype(np.float32)


def note_filters(notes: tuple[int, int, int] = _NOTES) -> np.ndarray:
    """Bells around the semitones, folded into pitch classes: float32, shape (NOTES_WINDOW // 2 + 1, 24).

    `librosa.filters.chroma` has wider ones: beside a plucked note's class the next then has 0.4 of its level, not 0.25.
    """
    (lowest, split, end), bins = notes, note_bins()
    filters = np.zeros((NOTES_WINDOW // 2 + 1, 24), np.float32)
    for note in range(lowest, end):
        filters[:, note % 12 + 12 * (note >= split)] += np.exp(-0.5 * ((bins - note) / 0.4) ** 2)
    return filters


def note_bins() -> np.ndarray:
    """The MIDI note of each bin of the notes' window, with a fraction: float64, shape (NOTES_WINDOW // 2 + 1,)."""
    from librosa import fft_frequencies, hz_to_midi

    return hz_to_midi(np.maximum(fft_frequencies(sr=RATE, n_fft=NOTES_WINDOW), 1))


def mean_squares(samples: np.ndarray, step: int) -> np.ndarray:
    """Power of so many samples at a time: float32, shape (ceil(n / step),).

    `librosa.feature.rms` finds its root in 2 (16 samples) to 3 (4 samples) times the time.
    """
    padded = np.pad(samples, (0, -len(samples) % step)).reshape(-1, step)
    return np.einsum("ij,ij->i", padded, padded) / np.float32(step)
