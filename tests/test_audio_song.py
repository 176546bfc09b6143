"""Song and Events as schedules use them, the curves' intervals, the transform, and the cache."""

import hashlib
import shutil
import subprocess
import sys

import librosa
import numpy as np
import pytest
import soundfile

from audioviz.audio import Events, load_song
from audioviz.audio.hearing.spectrum import FINE, HOP, MELS, WINDOW, transform
from audioviz.audio.reading import cache
from audioviz.audio.reading.blocks import RATE
from audioviz.audio.reading.cache import cache_folder, recall, remember
from audioviz.clock import Clock


@pytest.fixture
def path(tmp_path):
    t = np.arange(2 * 44100) / 44100
    soundfile.write(tmp_path / "song.wav", np.sin(2 * np.pi * 110 * t) * np.exp(-8 * (t % 0.5)), 44100)
    return tmp_path / "song.wav"


def test_events_are_a_sequence_of_frames():
    events = Events.at([0.1, 0.52, 1.0, 1.49], Clock.for_duration(2, 10))
    assert list(events) == [1, 5, 10, 15] and len(events) == 4 and events[1] == 5 and events[-1] == 15
    assert isinstance(events[0], int) and all(isinstance(frame, int) for frame in events)
    assert list(events[::2]) == [1, 10] and events[2:].seconds.tolist() == [1.0, 1.49]
    assert list(events[np.array([True, False, False, True])]) == [1, 15]
    assert np.asarray(events).tolist() == [1, 5, 10, 15] and (np.asarray(events, float) / 2).dtype == float
    assert list(Events.at([], events.clock)) == []


def test_a_song_has_its_curves_as_attributes_and_names_what_it_has(path):
    song = load_song(path, fps=24)
    names = ("rms", "onset", "kick", "snare", "hat", "low", "mid", "high", "percussive", "harmonic", "brightness")
    assert tuple(song.curves) == names
    assert song.low is song.curves["low"] and song.clock.frames == len(song.rms) == 48
    with pytest.raises(AttributeError, match="a song has no 'bass': it has .*beats.* onset, .*rms"):
        song.bass
    with pytest.raises(AttributeError):
        song.clock = None


@pytest.mark.parametrize("fps", ["24", "30000/1001", "8", "240"])
def test_rms_is_the_level_of_exactly_its_frame(tmp_path, fps):
    clock = Clock.for_duration(10, fps)
    level = np.random.default_rng(0).uniform(0.2, 1, clock.frames)
    samples = np.zeros(10 * RATE)
    for value, first, last in zip(level, clock.sample_bounds(RATE)[:-1], clock.sample_bounds(RATE)[1:]):
        samples[first:last] = value * (-1.0) ** np.arange(max(0, min(last, len(samples)) - first))
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
    rms = load_song(tmp_path / "a.wav", fps=fps).rms.values
    assert np.corrcoef(rms, level)[0, 1] > 0.98


def test_the_transform_agrees_with_librosa():
    samples = np.random.default_rng(0).standard_normal(3 * RATE).astype(np.float32)
    power = np.abs(librosa.stft(samples, n_fft=WINDOW, hop_length=HOP, pad_mode="constant")) ** 2
    expected = (librosa.filters.mel(sr=RATE, n_fft=WINDOW, n_mels=MELS, fmin=30, fmax=RATE / 2) @ power).T
    ours = transform(np.array_split(samples, 7)).mel
    assert ours.shape == expected.shape
    inside = slice(0, -WINDOW // HOP)
    scale = expected[inside].mean() / ours[inside].mean()  # librosa's window is not scaled
    assert np.allclose(scale * ours[inside], expected[inside], rtol=1e-3, atol=1e-3 * expected.mean())


@pytest.mark.parametrize("size", [1, 100, 4096, 10**6])
def test_blocks_of_any_size_give_the_same_spectrum(size):
    samples = np.random.default_rng(1).standard_normal(30_000).astype(np.float32)
    whole = transform([samples])
    parts = transform(samples[first : first + size] for first in range(0, len(samples), size))
    assert np.array_equal(whole.power, parts.power) and len(whole.power) == -(-len(samples) // FINE)
    assert np.allclose(whole.mel, parts.mel, rtol=1e-4)


def test_the_bands_add_up_to_the_sound():
    samples = np.random.default_rng(2).standard_normal(5 * RATE).astype(np.float32)
    spectrum = transform([samples])
    assert sum(band.mean() for band in spectrum.bands.values()) == pytest.approx(spectrum.power.mean(), rel=0.02)


def same(a, b):
    return (
        a.tempo == b.tempo
        and np.array_equal(a.beats.seconds, b.beats.seconds)
        and a.notes == b.notes
        and all(np.array_equal(a.curves[name].values, b.curves[name].values) for name in a.curves)
        and np.array_equal(a.waveform, b.waveform)
    )


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("AUDIOVIZ_CACHE", str(tmp_path / "kept"))
    return cache_folder()


def test_the_cache_is_found_by_content_and_part(path, folder):
    first = load_song(path, fps=24)
    assert len(list(folder.iterdir())) == 1
    shutil.copy(path, path.with_name("other.wav"))
    other = load_song(path.with_name("other.wav"), fps=24)
    assert len(list(folder.iterdir())) == 1 and same(first, other) and other.path.name == "other.wav"
    assert load_song(path, fps=30).clock.frames == 60 and len(list(folder.iterdir())) == 1
    assert load_song(path, start=0.5).duration == 1.5 and len(list(folder.iterdir())) == 2
    soundfile.write(path, np.zeros(44100), 44100)
    assert load_song(path).duration == 1.0


@pytest.mark.parametrize("damage", [b"", b"PK", b"not an archive" * 100])
def test_a_damaged_cache_is_made_again(path, folder, damage):
    first = load_song(path)
    (kept,) = folder.iterdir()
    whole = kept.read_bytes()
    for data in (damage, whole[: len(whole) // 2], whole[:1000] + bytes(1000) + whole[2000:]):
        kept.write_bytes(data)
        assert same(load_song(path), first)
    assert recall(kept.stem) is not None


def test_the_cache_runs_no_pickles(folder):
    folder.mkdir(parents=True)
    np.savez(folder / "key.npz", facts=np.array({"a": 1}, dtype=object))
    data = (folder / "key.npz").read_bytes()
    (folder / "key.npz").write_bytes(data + hashlib.sha256(data).digest())
    assert recall("key") is None


def test_without_a_cache_nothing_is_written(path, folder):
    load_song(path, cache=False)
    assert not folder.exists()
    folder.parent.write_text("a file where the folder should be")
    assert load_song(path).duration == 2.0


def test_a_cache_that_may_only_be_read_is_read(folder, monkeypatch):
    def refuse(*_):
        raise PermissionError

    remember("key", {"n": 1}, {"values": np.zeros(5)})
    monkeypatch.setattr("os.utime", refuse)
    assert recall("key")[0] == {"n": 1}


def test_what_other_weights_heard_is_not_taken(tmp_path, monkeypatch):
    """Weights may change where no line of code does."""
    keys = []
    (tmp_path / "hearing").mkdir()
    monkeypatch.setattr(cache, "__file__", str(tmp_path / "reading" / "cache.py"))
    for weights in (b"trained", b"trained further"):
        (tmp_path / "hearing" / "beats.safetensors").write_bytes(weights)
        cache._code.cache_clear()
        keys.append(cache.cache_key("song", 0.0, None))
    cache._code.cache_clear()
    assert keys[0] != keys[1]


def test_the_oldest_are_dropped(folder, monkeypatch):
    monkeypatch.setattr("audioviz.audio.reading.cache._LIMIT", 10_000)
    for n in range(5):
        remember(f"key{n}", {"n": n}, {"values": np.zeros(500)})
    kept = sorted(entry.stem for entry in folder.iterdir())
    assert kept == ["key3", "key4"] and recall("key4")[0] == {"n": 4}


@pytest.mark.parametrize(
    ("known", "unneeded"),
    [
        (True, {"torch", "librosa", "numba", "scipy.signal", "matplotlib"}),
        (False, {"torch", "librosa.util.utils", "sklearn", "matplotlib"}),  # librosa's compiled functions
    ],
)
def test_hearing_a_song_needs_neither_torch_nor_what_librosa_compiles(path, known, unneeded):
    if known:
        load_song(path)
    code = (
        f"import sys; from audioviz.audio import load_song; load_song(sys.argv[1], cache={known}); "
        f"print(sorted({unneeded!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
