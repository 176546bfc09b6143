"""Beats and bars of songs with a known grid, whatever plays and however the tempo moves."""

import numpy as np
import pytest
import soxr
import synth
from grid_songs import draw, hear, level
from mir_eval.beat import f_measure, trim_beats

from audioviz.audio.hearing.analysis import analyse, with_grid
from audioviz.audio.hearing.grid import Grid
from audioviz.audio.reading.blocks import RATE

STEADY = [  # each draws its own bass, chords, melody, pick-up, jitter, noise and hall
    {"drums": "rock", "hats": "eighths", "beats_per_bar": 4},
    {"drums": "house", "hats": "offbeats", "beats_per_bar": 4},
    {"drums": "waltz", "hats": "quarters", "beats_per_bar": 3},
    {"drums": "three rock", "beats_per_bar": 3},
    {"drums": "none"},
    {"drums": "hip hop", "hats": "sixteenths", "beats_per_bar": 4},
    {"drums": "sparse", "hats": "eighths", "beats_per_bar": 4, "bpm": 150.0},
]
SYNCOPATED = [{"drums": name, "hats": "syncopated", "beats_per_bar": 4} for name in ("busy rock", "rock", "house")]
RAMPS = [
    {"drums": "rock", "beats_per_bar": 4, "tempi": "ramp"},
    {"drums": "house", "beats_per_bar": 4, "tempi": "ramp"},
    {"drums": "waltz", "beats_per_bar": 3, "tempi": "ramp"},
]


@pytest.mark.parametrize(
    ("kinds", "least", "bars"),
    [(STEADY, 0.95, 0.8), (SYNCOPATED, 0.95, 0.8), (RAMPS, 0.95, 0.6)],
    ids=["steady", "syncopated", "ramps"],
)
def test_beats_and_downbeats(kinds, least, bars):
    beats, downbeats, levels, metres = [], [], [], []
    for seed, kind in enumerate(kinds, 7003):
        song = draw(seed, seconds=20, **kind)
        heard, f_beats, f_downbeats = hear(song)
        beats.append(f_beats)
        downbeats.append(f_downbeats)
        levels.append(level(song, heard.beats))
        metres.append(heard.beats_per_bar == song.beats_per_bar)
        assert set(heard.downbeats) <= set(heard.beats)
    assert np.mean(beats) >= least and np.mean(downbeats) >= bars and all(metres)
    assert levels == ["right"] * len(kinds)


@pytest.mark.parametrize(
    ("drums", "metre", "hats"), [("breakbeat", 4, "eighths"), ("busy rock", 4, "eighths"), ("waltz", 3, "quarters")]
)
def test_drums_alone(drums, metre, hats):
    for bpm in (95.0, 130.0):
        song = draw(7020, seconds=14, drums=drums, hats=hats, beats_per_bar=metre, bpm=bpm, alone=True)
        heard, beats, _ = hear(song)
        assert beats > 0.9 and level(song, heard.beats) == "right"


def test_a_step_of_the_tempo_is_followed():
    song = draw(7011, seconds=30, drums="rock", beats_per_bar=4, bpm=110.0, tempi="steps")
    heard, beats, _ = hear(song)
    assert beats > 0.9
    middle = np.linspace(0, song.beats[-1], 7)[[1, 3, 5]]  # of each third
    for at in middle:
        true, found = (60 / np.median(np.diff(times[np.abs(times - at) < 4])) for times in (song.beats, heard.beats))
        assert found == pytest.approx(true, rel=0.01)


def test_a_few_sounds_have_no_grid_that_breaks():
    for count in (0, 1, 2, 3, 5):
        samples = np.zeros(3 * 22050, np.float32)
        samples[1000 + 11025 * np.arange(count)] = 1
        heard = analyse([samples + 1e-6])
        assert len(heard.downbeats) <= len(heard.beats) and np.isfinite(heard.tempo)


def test_silence_around_a_song_moves_no_beat():
    song = draw(7004, seconds=20, drums="rock", beats_per_bar=4)
    samples = soxr.resample(song.samples, synth.RATE, RATE)
    alone, within = analyse([samples]).beats, analyse([np.pad(samples, (10 * RATE, 40 * RATE))]).beats
    assert len(within) >= len(alone) - 1
    assert np.abs(within[:, None] - 10 - alone).min(axis=1).max() < 0.03


@pytest.mark.parametrize("bpm", [116, 123])
def test_bounds_may_lie_close_together(bpm):
    song = draw(7003, seconds=20, drums="rock", beats_per_bar=4, bpm=float(bpm))
    heard = analyse([soxr.resample(song.samples, synth.RATE, RATE)])
    found = with_grid(heard, Grid(tempo=(bpm - 0.5, bpm + 0.5)))
    assert f_measure(trim_beats(song.beats), trim_beats(found.beats)) > 0.95
