"""Drum kits of samples (Hydrogen's), and drum machines drawn at random: each plays a General MIDI drum as one hit."""

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import soundfile
import soxr
from scipy.signal import butter, sosfilt

RATE = 32_000  # twice what the analysis hears, and more
HYDROGEN = Path("/usr/share/hydrogen/data/drumkits")  # Debian's hydrogen-drumkits
Hit = Callable[
    [int, int], np.ndarray
]  # a drum and a velocity as samples, shape (n,); empty where there is no such drum

_NAMES = {  # of instruments, as kits spell them -> the drum
    r"kick|bass ?drum|bassdrum|dununba1 head|djembe1 bass|cajon thump": 36,
    r"rim|stick": 37,
    r"snare|cajon slap|djembe1 slap": 38,
    r"clap": 39,
    r"(hat|hh|hi-hat|hi hat|side hh).*(pedal|pd)|pedal hh": 44,
    r"(hat|hh|hi-hat|hi hat).*(open|op\b|ring)|open h|ohh": 46,
    r"hat|hh": 42,
    r"tom.*(low|floor)|floor|low tom": 43,
    r"tom.*(mid|2)|middle tom": 47,
    r"tom": 50,
    r"crash|splash|china|cymbal": 49,
    r"ride|bell": 51,
    r"cowbell": 56,
    r"tambourine": 54,
    r"maraca|shaker": 70,
    r"conga|bongo": 63,
}
_ALIKE = {
    35: 36,
    40: 38,
    41: 43,
    45: 47,
    48: 50,
    53: 51,
    59: 51,
    52: 49,
    55: 49,
    57: 49,
    69: 70,
    82: 70,
    62: 63,
    64: 63,
}


@cache
def sampled_kit(folder: Path) -> Hit:
    """A kit of Hydrogen's, of mono samples at `RATE`."""
    drums: dict[int, list[list[tuple[float, np.ndarray]]]] = {}
    for name, layers in _instruments(folder):
        drum = next((drum for pattern, drum in _NAMES.items() if re.search(pattern, name.lower())), None)
        if drum is not None and layers:
            drums.setdefault(drum, []).append(layers)

    def hit(drum: int, velocity: int) -> np.ndarray:
        choices = drums.get(drum) or drums.get(_ALIKE.get(drum, -1))
        if not choices:
            return np.zeros(0, np.float32)
        layers = choices[drum % len(choices)]
        sound = next((sound for top, sound in layers if velocity / 127 <= top), layers[-1][1])
        return sound * np.float32((velocity / 127) ** 1.3)

    return hit


def _instruments(folder: Path) -> list[tuple[str, list[tuple[float, np.ndarray]]]]:
    """Name and layers of each instrument: the highest velocity of a layer in [0, 1], and its samples."""
    text = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", (folder / "drumkit.xml").read_text(errors="replace"))
    found = []
    for instrument in ElementTree.fromstring(text).iter("instrument"):
        name, layers = instrument.findtext("name") or "", []
        if name.startswith("Sample:"):
            continue
        for layer in instrument.iter("layer"):
            file = folder / (layer.findtext("filename") or "")
            if file.is_file():
                layers.append((float(layer.findtext("max") or 1), _mono(file)))
        found.append((name, sorted(layers, key=lambda layer: layer[0])))
    return found


def _mono(file: Path) -> np.ndarray:
    samples, rate = soundfile.read(file, dtype="float32", always_2d=True)
    sound = soxr.resample(samples.mean(axis=1), rate, RATE)[: 2 * RATE]
    loud = np.flatnonzero(np.abs(sound) > 0.05 * np.abs(sound).max(initial=1e-9))
    return sound[max(0, loud[0] - 40) if len(loud) else 0 :]  # the silence before a hit would make it late


def drum_machine(rng: np.random.Generator) -> Hit:
    """A kit of sines and noise with every quality drawn."""
    low, sweep, fall = rng.uniform(38, 70), rng.uniform(40, 350), rng.uniform(0.06, 0.4)
    click, tone, body = rng.uniform(0, 0.4), rng.uniform(150, 320), rng.uniform(0.05, 0.3)
    buzz, snare_low = rng.uniform(0.5, 2), rng.uniform(500, 2500)
    hat_low, short, long = rng.uniform(4000, 9000), rng.uniform(0.01, 0.05), rng.uniform(0.1, 0.5)
    metal = rng.uniform(2000, 9000, 6) if rng.random() < 0.5 else None
    bits = rng.random() < 0.25

    def times(seconds: float) -> np.ndarray:
        return np.arange(round(seconds * RATE)) / RATE

    def noise(t: np.ndarray, low_hz: float, high_hz: float) -> np.ndarray:
        if metal is not None and low_hz == hat_low:
            wave = np.sign(np.sin(2 * np.pi * metal[:, None] * t)).sum(axis=0) / 3
        else:
            wave = rng.standard_normal(len(t))
        return sosfilt(butter(2, (low_hz, high_hz), "bandpass", fs=RATE, output="sos"), wave)

    def sound(drum: int) -> np.ndarray:
        if drum in (35, 36):
            t = times(4 * fall)
            wave = np.sin(2 * np.pi * (low * t + sweep * 0.03 * (1 - np.exp(-t / 0.03)))) * np.exp(-t / fall)
            return wave + click * noise(t, 1000, 9000) * np.exp(-t / 0.003)
        if drum in (38, 40):
            t = times(5 * body)
            tonal = np.sin(2 * np.pi * tone * t) * np.exp(-t / (0.5 * body))
            return 0.5 * tonal + 0.5 * buzz * noise(t, snare_low, 9000) * np.exp(-t / body)
        if drum == 39:
            t = times(0.3)
            bursts = sum(np.where(t >= at, np.exp(-(t - at) / 0.006), 0) for at in (0, 0.011, 0.022))
            return noise(t, 900, 6000) * (bursts + 0.4 * np.exp(-t / 0.09))
        if drum == 37:
            t = times(0.1)
            return noise(t, 1500, 5000) * np.exp(-t / 0.008)
        if drum in (42, 44, 46, 70, 82, 69, 54):
            t = times(4 * (long if drum == 46 else short))
            return 0.6 * noise(t, hat_low, 15000) * np.exp(-t / (long if drum == 46 else short))
        if drum in (49, 51, 52, 53, 55, 57, 59):
            t = times(1.2)
            return 0.5 * noise(t, 3000, 15000) * np.exp(-t / (0.5 if drum in (49, 57) else 0.2))
        t = times(0.4)
        return np.sin(2 * np.pi * (60 + 3 * (drum - 35)) * t * (1 + 0.3 * np.exp(-t / 0.05))) * np.exp(-t / 0.12)

    kept: dict[int, np.ndarray] = {}

    def hit(drum: int, velocity: int) -> np.ndarray:
        if drum not in kept:
            wave = sound(drum).astype(np.float32)
            kept[drum] = np.round(wave * 16) / np.float32(16) if bits else wave
        return kept[drum] * np.float32((velocity / 127) ** 1.3)

    return hit


def mixed_kit(sources: Sequence[Hit], rng: np.random.Generator) -> Hit:
    """A kit whose drums each come from another, at another pitch, length, brightness and level."""
    drawn: dict[int, tuple[Hit, float, float, float, float]] = {}

    @cache
    def sound(drum: int, velocity: int) -> np.ndarray:
        source, pitch, fall, bright, level = drawn[drum]
        wave = source(drum, velocity)
        if not len(wave):
            return wave
        wave = np.interp(np.arange(0, len(wave) - 1, pitch), np.arange(len(wave)), wave)
        wave *= np.exp(-np.arange(len(wave)) / (fall * RATE))
        return (level * (wave - bright * np.append(0, wave[:-1]))).astype(np.float32)

    def hit(drum: int, velocity: int) -> np.ndarray:
        if drum not in drawn:
            able = [source for source in sources if len(source(drum, 127))]
            if not able:
                return np.zeros(0, np.float32)
            draws = np.exp(rng.uniform(-0.3, 0.3)), np.exp(rng.uniform(-3, 1)), rng.uniform(-0.4, 0.4)
            drawn[drum] = able[rng.integers(len(able))], *draws, np.exp(rng.normal(0, 0.3))
        return sound(drum, -(-velocity // 16) * 16 - 1) * np.float32((velocity / 127) ** 0.3)

    return hit
