"""The one short-time transform: mono sound, block by block, becomes band powers on a fixed grid of hops.

Hop i stands for the samples around i * HOP: its window is centred there. All powers are mean squares.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.fft import rfft

RATE = 22_050  # Hz: every file is analysed at this rate
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
_CHUNK = 2048 * HOP  # samples that are transformed at a time


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
    rows, note_rows = np.concatenate([_mel_filters(), _band_filters()]).T, _note_filters()
    samples, last = 0, np.float32(0)
    pending, notes_pending = _before_the_start(WINDOW), _before_the_start(NOTES_WINDOW)
    spectra, notes, powers, attacks, outlines = [], [], [], [], []
    for chunk in _chunks(blocks):
        samples += len(chunk)
        treble = chunk - np.float32(0.9) * np.concatenate([[last], chunk[:-1]])
        last = chunk[-1]
        powers.append(_mean_square(chunk, FINE))
        attacks.append(_mean_square(treble, FINEST))
        hops = np.pad(chunk, (0, -len(chunk) % HOP), mode="edge").reshape(-1, HOP)
        outlines.append(np.stack([hops.min(axis=1), hops.max(axis=1)]))
        pending, found = _windows(np.concatenate([pending, chunk]), HOP, rows)
        spectra.append(found)
        notes_pending, found = _windows(np.concatenate([notes_pending, chunk]), NOTES_HOP, note_rows)
        notes.append(found)
    spectrum = _to_the_end(spectra, pending, samples, HOP, rows)
    notes = _to_the_end(notes, notes_pending, samples, NOTES_HOP, note_rows)
    bands = {name: spectrum[:, MELS + i].copy() for i, name in enumerate(BANDS_HZ)}
    return Spectrum(samples, spectrum[:, :MELS].copy(), bands, notes, np.concatenate(powers),
                    np.concatenate(attacks), np.concatenate(outlines, axis=1))


def _mel_filters() -> np.ndarray:
    """Triangles on the mel scale from `LOWEST_HZ` to half of `RATE`: float32, shape (MELS, WINDOW // 2 + 1)."""
    from librosa.filters import mel  # a second to import, which a song that is in the cache does not need

    return mel(sr=RATE, n_fft=WINDOW, n_mels=MELS, fmin=LOWEST_HZ, fmax=RATE / 2)


def _band_filters() -> np.ndarray:
    return np.stack([(_bin_hz() >= low) & (_bin_hz() < high) for low, high in BANDS_HZ.values()]).astype(np.float32)


def _bin_hz() -> np.ndarray:
    return np.arange(WINDOW // 2 + 1) * RATE / WINDOW


def _chunks(blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """The same samples in chunks of `_CHUNK`; the last may be shorter."""
    held, count = [], 0
    for block in blocks:
        held.append(block)
        count += len(block)
        if count >= _CHUNK:
            whole = np.concatenate(held)
            ready = count - count % _CHUNK
            yield from np.split(whole[:ready], range(_CHUNK, ready, _CHUNK))
            held, count = [whole[ready:]], count - ready
    if count:
        yield np.concatenate(held)


def _note_filters() -> np.ndarray:
    """Bells around the semitones, folded into pitch classes: float32, shape (NOTES_WINDOW // 2 + 1, 24)."""
    hz = np.maximum(np.arange(NOTES_WINDOW // 2 + 1) * RATE / NOTES_WINDOW, 1)
    pitch = 69 + 12 * np.log2(hz / 440)
    filters = np.zeros((len(hz), 24), np.float32)
    lowest, split, end = _NOTES
    for note in range(lowest, end):
        filters[:, note % 12 + 12 * (note >= split)] += np.exp(-0.5 * ((pitch - note) / 0.4) ** 2)
    return filters


def _before_the_start(size: int) -> np.ndarray:
    return np.zeros(size // 2, np.float32)  # so that the first window is centred on sample 0


def _windows(samples: np.ndarray, hop: int, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Transform the whole windows in these samples; return the samples that later windows need, and the powers."""
    size = 2 * (len(rows) - 1)
    hops = max(0, (len(samples) - size) // hop + 1)
    if hops == 0:
        return samples, np.zeros((0, rows.shape[1]), np.float32)
    window = np.hanning(size + 1)[:-1].astype(np.float32)
    window /= np.sqrt(size * np.sum(window**2) / 2)  # so that the bins of a band add up to its mean square
    view = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop][:hops]
    spectrum = rfft(view * window)
    return samples[hops * hop:], (spectrum.real**2 + spectrum.imag**2) @ rows


def _to_the_end(found: list[np.ndarray], pending: np.ndarray, samples: int, hop: int, rows: np.ndarray) -> np.ndarray:
    """The powers of all hops: where there is no whole window, as the last, since the end of a file is no sound's end."""
    size = 2 * (len(rows) - 1)
    if not any(map(len, found)):
        found = [_windows(np.pad(pending, (0, size))[:size], hop, rows)[1]]
    whole = np.concatenate(found)
    return np.pad(whole, ((0, samples // hop + 1 - len(whole)), (0, 0)), mode="edge")


def _mean_square(samples: np.ndarray, step: int) -> np.ndarray:
    padded = np.pad(samples, (0, -len(samples) % step)).reshape(-1, step)
    return np.einsum("ij,ij->i", padded, padded) / np.float32(step)
