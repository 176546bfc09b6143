"""A small synthesiser: each instrument is a function that returns one note, and a song is notes mixed at their times.

It makes the example song (`make_song.py`) and the songs with known beats that the tests listen to.
"""

import numpy as np
from scipy.signal import butter, fftconvolve, sosfilt

RATE = 44_100


def note_to_hz(note: float) -> float:
    """Frequency of a MIDI note: 69 is 440 Hz."""
    return 440.0 * 2 ** ((note - 69) / 12)


def kick() -> np.ndarray:
    """A falling sine with a click in front: shape (n,)."""
    t = _times(0.4)
    phase = 2 * np.pi * (47 * t + 150 * 0.03 * (1 - np.exp(-t / 0.03)))
    return np.sin(phase) * np.exp(-t / 0.13) * _fade(len(t)) + 0.3 * np.sin(2 * np.pi * 1800 * t) * np.exp(-t / 0.002)


def clap(rng: np.random.Generator) -> np.ndarray:
    """Three quick bursts of noise and a tail: shape (n,)."""
    t = _times(0.3)
    starts_and_falls = ((0, 0.006), (0.011, 0.006), (0.022, 0.09))
    bursts = sum(np.where(t >= at, np.exp(-(t - at) / fall), 0) for at, fall in starts_and_falls)
    return _band(rng.standard_normal(len(t)) * bursts, 900, 6000) * _fade(len(t))


def hat(rng: np.random.Generator, *, seconds: float = 0.03) -> np.ndarray:
    """High noise that dies away in about `seconds`: shape (n,)."""
    t = _times(6 * seconds)
    return _band(rng.standard_normal(len(t)) * np.exp(-t / seconds), 6500, 16000)


def bass(note: float, seconds: float) -> np.ndarray:
    """A round saw: shape (n,)."""
    t = _times(seconds)
    wave = sum(np.sin(2 * np.pi * note_to_hz(note) * h * t) * np.exp(-0.3 * h) for h in range(1, 13))
    return wave * np.exp(-t / (0.8 * seconds)) * _fade(len(t), attack=0.004)


def pluck(note: float, seconds: float) -> np.ndarray:
    """A bright string whose overtones die first: shape (n,)."""
    t = _times(seconds)
    wave = sum(np.sin(2 * np.pi * note_to_hz(note) * h * t) * np.exp(-t * h / 0.35) / h for h in range(1, 11))
    return wave * _fade(len(t), attack=0.003)


def pad(notes: list[float], seconds: float, *, brightness: float = 0.35, attack: float = 0.25) -> np.ndarray:
    """A chord of detuned saws, different on each side: shape (n, 2)."""
    t = _times(seconds)
    sides = np.zeros((len(t), 2))
    phase = np.arange(2048) / 2048
    for note in notes:
        cycle = np.zeros(len(phase))
        for h in range(1, int(9000 / note_to_hz(note))):
            cycle += np.sin(2 * np.pi * phase * h + h * note) / h * np.exp(-(1 - brightness) * 0.35 * h)
        for side, detune in ((0, -0.06), (0, 0.05), (1, -0.04), (1, 0.07)):
            sides[:, side] += np.interp(note_to_hz(note + detune) * t % 1, phase, cycle, period=1)
    return sides / len(notes) * _fade(len(t), attack=min(attack, seconds / 3), release=min(0.3, seconds / 3))[:, None]


def riser(rng: np.random.Generator, seconds: float) -> np.ndarray:
    """Noise that swells: shape (n,)."""
    t = _times(seconds)
    return _band(rng.standard_normal(len(t)), 800, 12000) * (t / seconds) ** 2.5 * _fade(len(t))


def place(track: np.ndarray, sound: np.ndarray, seconds: float, *, gain: float = 1.0, pan: float = 0.0) -> None:
    """Mix a sound into a track of shape (samples, 2) at a time; what reaches past the end is cut.

    Parameters
    ----------
    pan : float in [-1, 1]
        From left to right.
    """
    first = round(seconds * RATE)
    sides = sound if sound.ndim == 2 else np.outer(sound, [np.sqrt((1 - pan) / 2), np.sqrt((1 + pan) / 2)])
    room = track[first : first + len(sides)]
    room += gain * sides[: len(room)]


def reverb(track: np.ndarray, rng: np.random.Generator, *, seconds: float = 1.6) -> np.ndarray:
    """The sound of a hall alone, without the track itself: shape of the track."""
    t = _times(seconds)
    hall = rng.standard_normal((len(t), 2)) * np.exp(-5 * t / seconds)[:, None]
    hall = np.stack([_band(side, 200, 7000) for side in hall.T], axis=1)
    return fftconvolve(track, hall / np.sqrt((hall**2).sum(axis=0)), axes=0)[: len(track)]


def echo(track: np.ndarray, seconds: float, *, repeats: int = 3, gain: float = 0.45) -> np.ndarray:
    """Echoes alone, which swap sides: shape of the track."""
    step, wet = round(seconds * RATE), np.zeros_like(track)
    for n in range(1, repeats + 1):
        wet[n * step :] += gain**n * (track[: -n * step, ::-1] if n % 2 else track[: -n * step])
    return wet


def ducking(samples: int, kicks: np.ndarray, *, depth: float = 0.7, seconds: float = 0.12) -> np.ndarray:
    """A gain that dips at each kick, as a compressor keyed by it would: shape (samples, 1)."""
    gain = np.ones(samples)
    dip = 1 - depth * np.exp(-_times(5 * seconds) / seconds)
    for at in np.round(kicks * RATE).astype(int):
        room = gain[at : at + len(dip)]
        np.minimum(room, dip[: len(room)], out=room)
    return gain[:, None]


def master(track: np.ndarray, *, peak: float = 0.89) -> np.ndarray:
    """Gently saturated and scaled so that the highest sample is at `peak`: float32."""
    loud = np.tanh(track / np.percentile(np.abs(track), 99.9))
    return (loud * peak / np.abs(loud).max()).astype(np.float32)


def _times(seconds: float) -> np.ndarray:
    return np.arange(round(seconds * RATE)) / RATE


def _fade(samples: int, *, attack: float = 0.0, release: float = 0.01) -> np.ndarray:
    rise = np.clip(np.arange(samples) / max(1, attack * RATE), 0, 1) if attack else np.ones(samples)
    return rise * np.clip(np.arange(samples, 0, -1) / (release * RATE), 0, 1)


def _band(noise: np.ndarray, low: float, high: float) -> np.ndarray:
    return sosfilt(butter(2, (low, high), "bandpass", fs=RATE, output="sos"), noise)
