"""Onsets, kicks and beats are where they are in the music, on every clock."""

import make_song
import mir_eval
import numpy as np
import pytest
import soundfile
import soxr
import synth

from audioviz.audio import load_song
from audioviz.audio.hearing.analysis import analyse
from audioviz.audio.reading.blocks import RATE

ALL_FPS = ["8", "12", "24000/1001", "24", "25", "30000/1001", "30", "60"]


@pytest.fixture(scope="module")
def clicks(tmp_path_factory):
    """Six minutes of clicks at irregular times: the file, and the times in seconds."""
    rate, rng = 44100, np.random.default_rng(3)
    times = np.cumsum(rng.uniform(0.15, 0.9, 800))
    times = np.round(times[times < 359.5] * rate) / rate
    sound, t = 0.001 * rng.standard_normal(360 * rate), np.arange(rate // 30) / rate
    for at in times:
        first = round(at * rate)
        sound[first : first + len(t)] += rng.uniform(0.2, 0.9) * np.exp(-t / 0.006) * rng.uniform(-1, 1, len(t))
    path = tmp_path_factory.mktemp("clicks") / "clicks.wav"
    soundfile.write(path, sound, rate)
    return path, times


@pytest.mark.parametrize("fps", ALL_FPS)
def test_clicks_through_six_minutes(clicks, fps):
    path, times = clicks
    song = load_song(path, fps=fps)
    assert len(song.onsets) <= 1.02 * len(times)
    bound = max(0.5 / float(song.clock.fps), 0.025)
    for found in (song.onsets.seconds, song.clock.frame_to_seconds(song.onsets.frames)):
        nearest = np.abs(found[:, None] - times).argmin(axis=0)
        away = found[nearest] - times
        assert np.mean(np.abs(away) <= bound) >= 0.98
        assert np.abs(away).max() <= bound + 0.002  # what lies on the edge of two frames may fall on either
    away = song.onsets.seconds[np.abs(song.onsets.seconds[:, None] - times).argmin(axis=0)] - times
    assert abs(away.mean()) < 0.0005
    assert abs(np.polyfit(times, away, 1)[0] * 600) < 0.0005


def test_the_onset_curve_marks_the_clicks(clicks):
    path, times = clicks
    song = load_song(path, fps=30)
    frames = np.floor(times * 30).astype(int)
    near = np.lib.stride_tricks.sliding_window_view(np.pad(song.onset.values, 1), 3).max(axis=1)[frames]
    assert np.mean(near > 0.3) > 0.9
    assert np.median(song.onset.values) < 0.05


def steady_song(bpm, *, kicks=(0, 1, 2, 3), snare=False, hats=2, seconds=15.0):
    """Kick, hats, bass and chords at a steady tempo: mono samples at the rate of the analysis, and the beats."""
    rng, beat = np.random.default_rng(0), 60 / bpm
    track, beats = np.zeros((round(seconds * synth.RATE), 2)), np.arange(0.31, seconds, beat)
    chords = [
        synth.pluck(note, 4 * beat) + synth.pluck(note + 4, 4 * beat) + synth.pluck(note + 7, 4 * beat)
        for note in (57, 53, 48, 55)
    ]
    basses = [synth.bass(note, 0.9 * beat) for note in (33, 29, 36, 31)]
    for i, at in enumerate(beats):
        if i % 4 in kicks:
            synth.place(track, synth.kick(), at, gain=0.9)
        if snare and i % 2:
            synth.place(track, synth.clap(rng), at, gain=0.5)
        for hat in range(hats):
            synth.place(track, synth.hat(rng), at + hat * beat / hats, gain=0.15)
        synth.place(track, basses[i // 4 % 4], at, gain=0.35)
        if i % 4 == 0:
            synth.place(track, chords[i // 4 % 4], at, gain=0.25)
    return soxr.resample(synth.master(track).mean(axis=1), synth.RATE, RATE), beats


def test_beats_of_steady_songs():
    scores, tempi = [], []
    patterns = [{}, {"kicks": (0, 2), "snare": True}, {"hats": 4}]
    for n, bpm in enumerate((70, 84.3, 97, 112.5, 120, 133, 150, 165, 180)):
        samples, beats = steady_song(bpm, **patterns[n % 3])
        heard = analyse([samples])
        scores.append(mir_eval.beat.f_measure(beats, heard.beats, f_measure_threshold=0.07))
        tempi.append(heard.tempo / bpm)
    assert np.mean(scores) >= 0.95
    assert np.mean(np.abs(np.array(tempi) - 1) < 0.002) >= 8 / 9


def test_kicks_are_told_from_bass_and_snare():
    samples, beats = steady_song(104, kicks=(0, 2), snare=True)
    kicks, _ = analyse([samples]).drums["kick"]
    assert mir_eval.onset.f_measure(beats[[i % 2 == 0 for i in range(len(beats))]], kicks, window=0.02)[0] > 0.97


@pytest.fixture(scope="module")
def example():
    return load_song(make_song.__file__.replace("make_song.py", "song.ogg"), fps=24), make_song.truth()


def test_the_example_song(example):
    song, truth = example
    assert (song.rate, song.channels, song.notes) == (44100, 2, ())
    assert song.duration == pytest.approx(truth.duration, abs=0.01)
    assert song.tempo == pytest.approx(truth.bpm, abs=0.1)
    assert mir_eval.beat.f_measure(truth.beats, song.beats.seconds) > 0.95
    assert mir_eval.onset.f_measure(truth.kicks, song.kicks.seconds, window=0.01)[0] > 0.98
    assert np.abs(np.asarray(song.waveform)).max() < 0.99


def test_the_example_song_is_calm_in_the_break_and_loud_in_the_drop(example):
    song, truth = example
    part = {name: (song.clock.times >= start) & (song.clock.times < end) for name, start, end in truth.sections}
    for name in ("rms", "onset", "low", "percussive", "harmonic"):
        curve = song.curves[name].values
        assert curve[part["break"]].mean() < 0.45 * curve[part["drop"]].mean(), name
    _, start, end = truth.sections[2]
    assert not np.any((song.kicks.seconds > start) & (song.kicks.seconds < end - 0.1))


def test_the_example_song_can_be_made_again(example):
    song, _ = example
    made = make_song.make()
    written, rate = soundfile.read(song.path)
    assert made.shape == written.shape and rate == synth.RATE
    assert np.corrcoef(made.mean(axis=1), written.mean(axis=1))[0, 1] > 0.98


def test_a_second_of_silence_moves_everything_by_a_second(tmp_path):
    samples, _ = steady_song(118, seconds=12)
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
    soundfile.write(tmp_path / "b.wav", np.r_[np.zeros(RATE), samples], RATE, subtype="FLOAT")
    first, moved = (load_song(tmp_path / name, fps=24) for name in ("a.wav", "b.wav"))
    assert moved.onsets.seconds - 1 == pytest.approx(first.onsets.seconds, abs=0.002)
    assert moved.beats.seconds[: len(first.beats)] - 1 == pytest.approx(first.beats.seconds, abs=0.01)
    assert moved.tempo == pytest.approx(first.tempo, abs=0.05)
    for name, curve in first.curves.items():
        assert np.abs(moved.curves[name].values[24:] - curve.values).mean() < 0.05, name


@pytest.mark.parametrize("gain", [0.01, 0.3, 1000.0])
def test_loudness_changes_nothing(tmp_path, gain):
    samples, _ = steady_song(118, seconds=8)
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
    soundfile.write(tmp_path / "b.wav", gain * samples, RATE, subtype="FLOAT")
    first, other = (load_song(tmp_path / name, fps=24) for name in ("a.wav", "b.wav"))
    assert other.onsets.seconds == pytest.approx(first.onsets.seconds, abs=1e-3)
    assert other.beats.seconds == pytest.approx(first.beats.seconds, abs=1e-3)
    for name, curve in first.curves.items():
        assert other.curves[name].values == pytest.approx(curve.values, abs=1e-3), name
