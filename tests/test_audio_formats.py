"""Every kind of file, at every rate, becomes the same Song."""

import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from imageio_ffmpeg import get_ffmpeg_exe

from audioviz.audio import load_song
from audioviz.audio.reading.carried import sound_for_ffmpeg
from audioviz.audio.reading.decode import open_stream
from audioviz.clock import Clock
from audioviz.video.encode import VideoWriter
from audioviz.video.mux import mux

SECONDS, CLICKS = 4.0, np.array([0.5, 1.21, 1.83, 2.52, 3.3])


def clicks(rate: int, channels: int) -> np.ndarray:
    """Decaying noise at known times over a faint tone: shape (n, channels)."""
    rng = np.random.default_rng(1)
    t = np.arange(round(SECONDS * rate)) / rate
    sound = 0.02 * np.sin(2 * np.pi * 330 * t)
    for at in CLICKS:
        first = round(at * rate)
        burst = np.exp(-t[: rate // 20] / 0.01) * rng.uniform(-1, 1, rate // 20)
        sound[first : first + len(burst)] += 0.7 * burst
    return np.repeat(sound[:, None], channels, axis=1)


def write(path: Path, rate: int, channels: int, **kind) -> None:
    with soundfile.SoundFile(path, "w", rate, channels, **kind) as file:
        sound = clicks(rate, channels)
        for first in range(0, len(sound), 4096):
            file.write(sound[first : first + 4096])


def ffmpeg(*arguments) -> None:
    subprocess.run([get_ffmpeg_exe(), "-v", "error", *arguments], check=True)


def heard_clicks(song) -> None:
    assert song.duration == pytest.approx(SECONDS, abs=0.05)
    assert song.clock.frames == round(song.duration * 24)
    away = np.abs(song.onsets.seconds[:, None] - CLICKS).min(axis=0)
    assert away.max() < 0.005 and len(song.onsets) <= len(CLICKS) + 1  # the tone may start too
    for curve in song.curves.values():
        assert np.isfinite(curve.values).all() and curve.values.min() >= 0 and curve.values.max() <= 1


@pytest.mark.parametrize(
    "suffix, kind",
    [
        (".wav", {}),
        (".wav", {"subtype": "FLOAT"}),
        (".wav", {"subtype": "PCM_24"}),
        (".wav", {"subtype": "PCM_U8"}),
        (".flac", {}),
        (".ogg", {}),
        (".mp3", {}),
        (".aiff", {}),
    ],
)
def test_formats_of_libsndfile(tmp_path, suffix, kind):
    path = tmp_path / f"clicks{suffix}"
    write(path, 44100, 2, **kind)
    song = load_song(path, fps=24)
    assert (song.rate, song.channels, song.notes) == (44100, 2, ())
    heard_clicks(song)


def test_opus(tmp_path):
    write(tmp_path / "clicks.opus", 48000, 2, format="OGG", subtype="OPUS")
    heard_clicks(load_song(tmp_path / "clicks.opus", fps=24))


def test_opus_of_another_encoder_is_heard_to_its_end(tmp_path):
    music = np.random.default_rng(3).normal(0, 0.1, (44100 * 20, 2)).cumsum(axis=0) / 50
    soundfile.write(tmp_path / "music.wav", np.tanh(music), 44100)
    ffmpeg("-i", tmp_path / "music.wav", "-b:a", "160k", tmp_path / "music.opus")
    song = load_song(tmp_path / "music.opus")
    assert song.duration == pytest.approx(20, abs=0.05) and song.notes == ()


@pytest.mark.parametrize("name", ["clicks.m4a", "clicks.mka", "no suffix"])
def test_formats_of_ffmpeg(tmp_path, name):
    write(tmp_path / "clicks.wav", 44100, 2)
    kind = ["-f", "ipod", "-c:a", "aac"] if "." not in name else []
    ffmpeg("-i", tmp_path / "clicks.wav", *kind, tmp_path / name)
    song = load_song(tmp_path / name, fps=24)
    assert (song.rate, song.channels, song.notes) == (44100, 2, ())
    heard_clicks(song)


def test_the_sound_of_a_video(tmp_path):
    write(tmp_path / "clicks.wav", 44100, 1)
    ffmpeg("-f", "lavfi", "-i", "color=s=64x64:d=5", "-i", tmp_path / "clicks.wav", tmp_path / "clicks.mp4")
    song = load_song(tmp_path / "clicks.mp4", fps=24)
    assert song.notes == ()
    heard_clicks(song)


@pytest.mark.parametrize("rate, channels", [(8000, 1), (11025, 1), (22050, 2), (48000, 8), (96000, 2), (192000, 8)])
def test_rates_and_channels(tmp_path, rate, channels):
    write(tmp_path / "clicks.wav", rate, channels)
    song = load_song(tmp_path / "clicks.wav", fps=24)
    assert (song.rate, song.channels) == (rate, channels)
    heard_clicks(song)
    if rate == 8000:
        assert not song.high.values.any()  # nothing is invented above what the file can hold


def test_an_mp3_in_blocks_is_what_it_is_as_a_whole(tmp_path):
    from audioviz.audio.reading.decode import open_stream

    write(tmp_path / "clicks.mp3", 44100, 2)
    blocks = np.concatenate(list(open_stream(tmp_path / "clicks.mp3").blocks))
    whole, _ = soundfile.read(tmp_path / "clicks.mp3", dtype="float32")
    assert np.abs(blocks - whole).max() < 1e-3


def test_a_part_of_a_song(tmp_path):
    write(tmp_path / "clicks.flac", 44100, 2)
    part = load_song(tmp_path / "clicks.flac", fps=24, start=1.0, duration=2.0)
    assert (part.start, part.duration, part.clock.frames) == (1.0, 2.0, 48)
    assert part.onsets.seconds[-3:] + 1 == pytest.approx(CLICKS[1:4], abs=0.003)
    assert load_song(tmp_path / "clicks.flac", start=3.0, duration=99).duration == pytest.approx(1.0)


@pytest.mark.parametrize(("layout", "channels"), [("3.0", 3), ("5.0", 5), ("5.1", 6), ("6.1", 7), ("7.1", 8)])
def test_channels_of_vorbis_come_in_the_order_of_wav(tmp_path, layout, channels):
    tones = np.stack([0.08 * 1.4**i * np.sin(np.arange(44100) / 120) for i in range(channels)], axis=1)
    soundfile.write(tmp_path / "a.wav", tones, 44100)
    ffmpeg("-channel_layout", layout, "-i", tmp_path / "a.wav", "-c:a", "libvorbis", tmp_path / "a.ogg")
    heard = np.concatenate(list(open_stream(tmp_path / "a.ogg").blocks))[11025:33075]
    assert heard.std(axis=0) == pytest.approx(tones[11025:33075].std(axis=0), rel=0.25)  # the bass is coded roughly


@pytest.mark.parametrize(
    ("name", "kind", "subtype"),
    [("a.wav", "WAV", "NMS_ADPCM_32"), ("a.paf", "PAF", "PCM_24"), ("a.mat", "MAT5", "FLOAT")],
)
def test_a_video_carries_what_was_heard_where_ffmpeg_reads_another_thing(tmp_path, name, kind, subtype):
    t = np.arange(2 * 44100) / 44100
    song, out = tmp_path / name, tmp_path / "out.mp4"
    soundfile.write(song, 0.5 * np.sin(2 * np.pi * 440 * t) * (t % 0.5 < 0.1), 44100, format=kind, subtype=subtype)
    heard = np.concatenate(list(open_stream(song).blocks))[:, 0]
    with VideoWriter(tmp_path / "a.h264", fps=Fraction(12), size=(16, 16)) as writer:
        for _ in range(24):
            writer.write(np.zeros((16, 16, 3), np.uint8))
    with sound_for_ffmpeg(song) as sound:
        assert sound != song
        assert mux([tmp_path / "a.h264"], sound, out, clock=Clock(Fraction(12), 24)).sound_seconds == 2
    carried = np.concatenate(list(open_stream(out).blocks))[:88200, 0]
    assert np.corrcoef(heard[:88200], carried)[0, 1] > 0.99


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3", "a.aiff"])
def test_a_video_carries_the_songs_own_file_where_both_readers_agree(tmp_path, name):
    soundfile.write(tmp_path / name, np.random.default_rng(1).normal(0, 0.1, (22050, 2)), 22050)
    with sound_for_ffmpeg(tmp_path / name) as sound:
        assert sound == tmp_path / name


def test_mp3_in_a_wav_is_not_cut_short(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(1).normal(0, 0.1, 66150), 22050)
    ffmpeg("-i", tmp_path / "a.wav", "-c:a", "libmp3lame", tmp_path / "b.wav")
    stream = open_stream(tmp_path / "b.wav")
    assert sum(map(len, stream.blocks)) >= 66150 and stream.notes == []
