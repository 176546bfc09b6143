"""A Song made of numbers alone, for tests that are not about hearing."""

import hashlib
from pathlib import Path

import numpy as np

from audioviz.audio.sections import Sections
from audioviz.audio.song import Events, Song
from audioviz.clock import Clock
from audioviz.curve import Curve

CURVES = ("rms", "onset", "low", "mid", "high", "percussive", "harmonic", "brightness", "hue")


def made_song(*, seconds: float = 4.0, fps="12", beats_every: float = 0.5, path: Path = Path("made.wav")) -> Song:
    """A song with beats at a steady distance, kicks on every other beat, and curves that rise and fall."""
    clock = Clock.for_duration(seconds, fps)
    times = np.arange(0, seconds - 1e-9, beats_every)
    curves = {name: Curve(0.5 + 0.5 * np.sin(clock.times * (i + 1)), clock) for i, name in enumerate(CURVES)}
    sections = Sections.at(np.zeros(1), np.zeros(1, int), duration=seconds, rms=curves["rms"])
    sha256 = hashlib.sha256(path.read_bytes() if path.exists() else b"").hexdigest()
    return Song(
        path=path,
        sha256=sha256,
        rate=44100,
        channels=2,
        start=0.0,
        duration=float(seconds),
        clock=clock,
        tempo=60 / beats_every,
        tempo_confidence=1.0,
        other_tempi=(),
        beats_per_bar=4,
        beats=Events.at(times, clock),
        downbeats=Events.at(times[::4], clock),
        onsets=Events.at(times, clock),
        kicks=Events.at(times[::2], clock),
        snares=Events.at(times[1::2], clock),
        hats=Events.at(times, clock),
        sections=sections,
        curves=curves,
        waveform=np.zeros((2, 100), np.float32),
        notes=(),
    )
