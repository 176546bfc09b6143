"""Odd and broken files: a valid Song, or one line that says what to do."""

import struct
import subprocess

import numpy as np
import pytest
import soundfile
from imageio_ffmpeg import get_ffmpeg_exe

from audioviz.audio import load_song
from audioviz.audio.hearing.beats import SURE
from audioviz.audio.reading.blocks import mono
from audioviz.audio.reading.decode import BLOCK
from audioviz.errors import InputError


def write(path, samples, rate=44100, **kind):
    soundfile.write(path, samples, rate, **kind)
    return path


def ffmpeg(*arguments):
    subprocess.run([get_ffmpeg_exe(), "-v", "error", *arguments], check=True)


def valid(song):
    assert len(song.curves) == 11 and np.isfinite(song.tempo) and np.isfinite(song.waveform).all()
    for curve in song.curves.values():
        assert len(curve) == song.clock.frames
        assert np.isfinite(curve.values).all() and curve.values.min() >= 0 and curve.values.max() <= 1
    for events in (song.beats, song.onsets, song.kicks, song.snares, song.hats):
        assert np.all(np.diff(events.seconds) >= 0) and np.all(events.seconds <= song.duration)
        assert np.all((events.frames >= 0) & (events.frames < song.clock.frames))
    return song


@pytest.mark.parametrize("seconds", [1 / 44100, 0.1, 3.0])
@pytest.mark.parametrize("fps", [8, 60, 240])
def test_silence_is_zeros(tmp_path, seconds, fps):
    song = valid(load_song(write(tmp_path / "a.wav", np.zeros((round(seconds * 44100), 2))), fps=fps))
    assert not any(curve.values.any() for curve in song.curves.values())
    assert (song.tempo, len(song.beats), len(song.onsets)) == (0.0, 0, 0)


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 192000])
@pytest.mark.parametrize("samples", [1, 2, 50])
def test_a_few_samples(tmp_path, rate, samples):
    song = valid(load_song(write(tmp_path / "a.wav", np.full(samples, 0.5), rate), fps=24))
    assert song.clock.frames == 1


@pytest.mark.parametrize(
    "samples",
    [
        np.full(88200, 0.5),
        np.full(88200, -1.0),
        np.r_[np.zeros(44100), np.ones(44100)],
        np.tile([1.0, -1.0], 44100),
        np.random.default_rng(0).uniform(-1, 1, 4410),
        np.sin(np.arange(88200) / 10),
        1e-4 * np.sin(np.arange(88200) / 10),
    ],
    ids=["constant", "constant below zero", "step", "highest tone", "a tenth of a second", "tone", "faint tone"],
)
def test_odd_sounds(tmp_path, samples):
    valid(load_song(write(tmp_path / "a.wav", samples, subtype="FLOAT"), fps=24))


def test_a_steady_tone_is_steady(tmp_path):
    song = load_song(write(tmp_path / "a.wav", 0.3 * np.sin(np.arange(5 * 44100) / 10)), fps=24)
    for name in ("rms", "mid", "harmonic"):
        assert song.curves[name].values[12:-12].min() > 0.9, name
    assert song.percussive.values[6:-6].max() < 0.3 and not song.high.values[1:].any()
    assert song.tempo == 0 and len(song.beats) == 0 and list(song.onsets) == [0]


@pytest.mark.parametrize(
    "side", [-1, np.where(np.arange(220_500) < 6 * BLOCK, -1, 1)], ids=["all of it", "the beginning"]
)
def test_channels_that_cancel_each_other_are_heard_without_a_click(tmp_path, side):
    tone = 0.3 * np.sin(np.arange(220_500) / 10)
    song = load_song(write(tmp_path / "a.wav", np.c_[tone, side * tone], subtype="FLOAT"), fps=24)
    assert song.rms.values.min() > 0.6 and not song.silence.values.any() and list(song.onsets) == [0]


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_channels_that_do_not_are_mixed_as_their_mean(channels):
    sound = np.random.default_rng(0).standard_normal((40_000, channels)).astype(np.float32)
    mixed = np.concatenate(list(mono(np.split(sound, [16_384, 32_768]))))
    assert mixed == pytest.approx(sound.mean(axis=1), abs=1e-6)


@pytest.mark.parametrize("offset", [0.001, 0.1, -0.3])
def test_an_offset_is_no_sound(tmp_path, offset):
    tone = 0.3 * np.sin(np.arange(44100) / 10)
    plain, moved = (
        load_song(write(tmp_path / f"{level}.wav", np.r_[tone, np.zeros(88200), tone] + level), fps=24)
        for level in (0, offset)
    )
    for name in ("rms", "onset", "low"):
        assert moved.curves[name].values == pytest.approx(plain.curves[name].values, abs=0.002), name
    assert np.array_equal(moved.silence, plain.silence) and moved.silence.values[28:70].all()
    assert moved.voiced.values[28:70].max() < 0.1
    assert moved.onsets.seconds == pytest.approx(plain.onsets.seconds, abs=0.001)
    alone = load_song(write(tmp_path / "alone.wav", np.full(44100, offset)), fps=24)
    assert not any(curve.values.any() for curve in alone.curves.values()) and len(alone.onsets) == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 3e38])
def test_samples_that_are_no_sound_are_silenced_and_said(tmp_path, bad):
    samples = 0.3 * np.sin(np.arange(88200) / 10)
    samples[40000:40100] = bad
    song = valid(load_song(write(tmp_path / "a.wav", samples, subtype="FLOAT"), fps=24))
    assert song.notes == (
        f"{tmp_path}/a.wav: 100 of its 88200 samples are not numbers, or too large for sound: taken as silence",
    )


def refused(path, match, **options):
    with pytest.raises(InputError, match=match) as caught:
        load_song(path, **options)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_what_is_no_sound_file(tmp_path):
    refused(tmp_path / "none.wav", "cannot be read .No such file or directory.: give the path of a sound file")
    refused(tmp_path, "is a folder: give one sound file")
    (tmp_path / "empty.mp3").touch()
    refused(tmp_path / "empty.mp3", "is empty: give a sound file")
    for name in ("text.mp3", "text.wav", "text.ogg", "text"):
        (tmp_path / name).write_text("This is no song.\n" * 500)
        refused(tmp_path / name, "is not sound that can be decoded: give a whole WAV")
    ffmpeg("-f", "lavfi", "-i", "color=s=64x64:d=1", tmp_path / "mute.mp4")
    refused(tmp_path / "mute.mp4", "is not sound that can be decoded")


def test_a_playlist_reads_no_other_file(tmp_path):
    write(tmp_path / "a.wav", np.zeros(4410))
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.wav\n")
    refused(tmp_path / "list.m3u8", "is not sound that can be decoded")


def wav_bytes(*, channels=1, rate=44100, bits=16, data=b"\1\2" * 44100, promised=None, tag=1):
    step = channels * bits // 8
    return (
        b"RIFF"
        + struct.pack("<I", 36 + len(data))
        + b"WAVEfmt "
        + struct.pack("<IHHIIHH", 16, tag, channels, rate, rate * step & 0xFFFFFFFF, step, bits)
        + b"data"
        + struct.pack("<I", len(data) if promised is None else promised)
        + data
    )


@pytest.mark.parametrize(
    "lie, message",
    [
        ({"rate": 0}, "not sound that can be decoded"),
        ({"rate": 1}, "its header says 1 samples a second in 1 channels"),
        ({"rate": 2_000_000}, "its header says 2000000 samples"),
        ({"channels": 0}, "not sound that can be decoded"),
        ({"bits": 0}, "not sound that can be decoded"),
        ({"tag": 0x9999}, "not sound that can be decoded"),
        ({"data": b""}, "holds no sound"),
        ({"data": b"", "promised": 88200}, "holds no sound"),
    ],
)
def test_a_wav_whose_header_lies(tmp_path, lie, message):
    (tmp_path / "a.wav").write_bytes(wav_bytes(**lie))
    refused(tmp_path / "a.wav", message)


def test_a_wav_that_promises_more_than_it_has(tmp_path):
    (tmp_path / "a.wav").write_bytes(wav_bytes(promised=882000))
    song = valid(load_song(tmp_path / "a.wav"))
    assert song.duration == 1.0
    assert song.notes == (
        f"{tmp_path}/a.wav: cut short: its header promises 10.00 s, used as far as it decodes, 1.00 s",
    )
    (tmp_path / "b.wav").write_bytes(wav_bytes(promised=0xFFFFFFFF))  # what a recorder writes that does not know yet
    assert load_song(tmp_path / "b.wav").notes == ()


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a"])
def test_a_truncated_file_is_used_and_that_is_said(tmp_path, suffix):
    sound = 0.3 * np.random.default_rng(0).standard_normal(10 * 48000).clip(-3, 3)
    write(tmp_path / "whole.wav", sound, 48000)
    whole = tmp_path / f"whole{suffix}"
    if suffix != ".wav":
        ffmpeg("-i", tmp_path / "whole.wav", "-movflags", "+faststart", whole)
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    song = valid(load_song(cut))
    assert 3.5 < song.duration < 6
    assert len(song.notes) == 1 and song.notes[0].startswith(f"{cut}: cut short: ")
    assert "used as far as it decodes" in song.notes[0]
    assert load_song(whole).notes == ()


def test_parts_outside_the_song(tmp_path):
    path = write(tmp_path / "a.wav", np.sin(np.arange(44100) / 10))
    refused(path, "start 2 s is past the end of .*, which is 1.00 s long: give an earlier start", start=2)
    refused(path, "start 1 s is past the end", start=1.0)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"start": -1}, "start -1 s: expected 0 or more"),
        ({"start": float("nan")}, "start nan s: expected 0 or more"),
        ({"duration": 0}, "duration 0 s: expected more than 0"),
        ({"fps": 0}, "fps 0 is not a frame rate"),
    ],
)
def test_options_that_cannot_be(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        load_song(write(tmp_path / "a.wav", np.zeros(100)), **options)


@pytest.mark.parametrize("wander", [0.0, 3.0])
def test_noise_has_no_sure_tempo(tmp_path, wander):
    rng = np.random.default_rng(5)
    loud = np.exp(wander * np.interp(np.arange(30 * 8000), np.arange(0, 30 * 8000, 1500), rng.random(160)))
    song = load_song(write(tmp_path / "a.wav", 0.02 * loud * rng.standard_normal(30 * 8000), 8000), fps=24)
    assert song.tempo_confidence < SURE and len(song.kicks) == len(song.kicks.strength)
