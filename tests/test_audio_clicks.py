"""The click track: the song itself, and a tick where each beat is."""

import dataclasses
import tracemalloc

import numpy as np
import pytest
import soundfile

from audioviz.audio import Events, load_song
from audioviz.audio.clicks import write_clicks
from audioviz.errors import InputError
from audioviz.video.chunks import sha256_of

RATE = 48000


def written(folder, *, seconds=2.0, beats=(0.1, 0.5, 1.25), downbeats=(0.5,), **part):
    """A stereo song with beats that we choose: what it was, and its click track."""
    sound = np.random.default_rng(0).uniform(-0.9, 0.9, (round(seconds * RATE), 2)).astype(np.float32)
    soundfile.write(folder / "song.wav", sound, RATE, subtype="FLOAT")
    song = load_song(folder / "song.wav", **part)
    song = dataclasses.replace(song, beats=Events.at(beats, song.clock), downbeats=Events.at(downbeats, song.clock))
    write_clicks(song, folder / "clicks.wav")
    return sound, *soundfile.read(folder / "clicks.wav", dtype="float32", always_2d=True)


def test_the_ticks_are_where_the_beats_are_to_the_sample(tmp_path):
    sound, made, rate = written(tmp_path)
    assert rate == RATE and made.shape == sound.shape
    ticks = made - 0.5 * sound
    assert np.abs(ticks[:, 0] - ticks[:, 1]).max() < 1e-4
    loud = np.flatnonzero(np.abs(ticks[:, 0]) > 1e-3)
    starts = loud[np.diff(loud, prepend=-RATE) > RATE // 10]
    assert np.abs(starts - np.array([0.1, 0.5, 1.25]) * RATE).max() <= 1
    crossings = [np.count_nonzero(np.diff(np.sign(ticks[first : first + 480, 0])) != 0) for first in starts]
    assert crossings[0] == crossings[2] and crossings[1] == pytest.approx(2 * crossings[0], abs=2)


def test_a_part_of_the_song_is_that_part(tmp_path):
    sound, made, _ = written(tmp_path, start=0.5, duration=1.0, beats=(0.25,), downbeats=())
    assert len(made) == RATE
    assert made[: RATE // 4] == pytest.approx(0.5 * sound[RATE // 2 : RATE // 2 + RATE // 4], abs=1e-4)


def test_the_length_of_the_song_takes_no_memory(tmp_path):
    written(tmp_path, seconds=1)
    song = load_song(tmp_path / "song.wav")
    soundfile.write(tmp_path / "song.wav", np.zeros((60 * RATE, 2), np.int16), RATE)
    song = dataclasses.replace(song, duration=60.0, sha256=sha256_of(tmp_path / "song.wav"))
    tracemalloc.start()
    write_clicks(song, tmp_path / "long.wav")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert soundfile.info(tmp_path / "long.wav").duration == 60 and peak < 8e6


@pytest.mark.parametrize("name", ["full.wav", "full.flac"])
def test_a_full_disk_is_one_line(tmp_path, name):
    resource = pytest.importorskip("resource")
    written(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with pytest.raises(InputError, match=f"{name}: cannot be written: make room"):
            write_clicks(load_song(tmp_path / "song.wav", cache=False), tmp_path / name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert {path.name for path in tmp_path.iterdir()} == {"song.wav", "clicks.wav"}


def test_a_click_track_is_written_whole_or_not_at_all(tmp_path):
    written(tmp_path)
    song = load_song(tmp_path / "song.wav")
    with pytest.raises(InputError, match="x.mp3: a click track is written as .wav or .flac"):
        write_clicks(song, tmp_path / "x.mp3")
    soundfile.write(tmp_path / "song.wav", np.zeros(RATE), RATE)
    with pytest.raises(InputError, match="song.wav has changed since it was loaded"):
        write_clicks(song, tmp_path / "clicks.wav")
    (tmp_path / "song.wav").unlink()
    before = (tmp_path / "clicks.wav").read_bytes()
    with pytest.raises((InputError, OSError)):
        write_clicks(song, tmp_path / "clicks.wav")
    assert (tmp_path / "clicks.wav").read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"clicks.wav"}
