"""audioviz.video.probe: what a file holds, and its frames again."""

import subprocess
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from audioviz.errors import InputError
from audioviz.video.encode import VideoWriter
from audioviz.video.probe import probe, probe_sound, read_frames


def ffmpeg(*arguments: str | Path) -> None:
    subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-loglevel", "error", "-y", *map(str, arguments)], check=True
    )


@pytest.fixture
def film(tmp_path) -> Path:
    """30 frames; frame k is grey of brightness 8 k."""
    with VideoWriter(tmp_path / "film.h264", fps=Fraction(25), size=(64, 48)) as writer:
        for k in range(30):
            writer.write(np.full((48, 64, 3), 8 * k, np.uint8))
    return tmp_path / "film.h264"


def test_a_video_without_sound(film, tmp_path):
    ffmpeg("-i", film, "-c", "copy", tmp_path / "film.mp4")
    info = probe(tmp_path / "film.mp4")
    assert (info.fps, info.frames, info.size, info.picture_seconds) == (25, 30, (64, 48), 1.2)
    assert (info.sound_seconds, info.metadata) == (0, None)
    assert (info.audio_codec, info.rate, info.channels) == (None, None, None)


@pytest.mark.parametrize("name, codec", [("film.mp4", "libx264"), ("film.avi", "mpeg4")])  # the latter tells no times
def test_frames_that_are_shown_out_of_coding_order(tmp_path, name, codec):
    ffmpeg(
        "-f",
        "lavfi",
        "-i",
        "testsrc=size=64x48:rate=30000/1001",
        "-frames:v",
        "40",
        "-c:v",
        codec,
        "-bf",
        "3",
        tmp_path / name,
    )
    info = probe(tmp_path / name)
    assert (info.fps, info.frames) == (Fraction(30000, 1001), 40)


def test_frames_come_in_order_and_each_once(film):
    assert [round(frame.mean() / 8) for frame in read_frames(film)] == list(range(30))


def test_frames_can_be_scaled(film):
    frames = list(read_frames(film, size=(20, 10)))
    assert len(frames) == 30 and {(frame.shape, frame.dtype) for frame in frames} == {((10, 20, 3), np.dtype("uint8"))}


def test_a_reader_may_stop_early(film):
    frames = read_frames(film)
    next(frames)
    frames.close()


@pytest.mark.parametrize("layout, channels", [("mono", 1), ("stereo", 2), ("5.1(side)", 6), ("quad", 4), ("7.1", 8)])
def test_channels_are_counted(tmp_path, layout, channels):
    ffmpeg("-f", "lavfi", "-i", f"anullsrc=channel_layout={layout}:sample_rate=22050", "-t", "0.5", tmp_path / "a.wav")
    sound = probe_sound(tmp_path / "a.wav")
    assert (sound.codec, sound.rate, sound.channels, sound.seconds) == ("pcm_s16le", 22050, channels, Fraction(1, 2))


@pytest.mark.parametrize(
    "name, words",
    [
        ("gone.mp4", "No such file"),
        ("text.mp4", "Invalid data"),
        ("empty.mp4", "Invalid data"),
        (".", "Is a directory"),
        ("a.wav", "holds no video"),
    ],
)
def test_what_is_no_video_is_named(tmp_path, capfd, name, words):
    (tmp_path / "text.mp4").write_text("no video\n" * 99)
    (tmp_path / "empty.mp4").touch()
    if name == "a.wav":
        ffmpeg("-f", "lavfi", "-i", "anullsrc", "-t", "0.1", tmp_path / name)
    for read in (probe, lambda path: next(read_frames(path))):
        with pytest.raises(InputError, match=words) as failure:
            read(tmp_path / name)
        assert str(tmp_path / name) in str(failure.value) and "\n" not in str(failure.value)
    assert capfd.readouterr() == ("", "")


def test_the_cover_of_a_song_is_no_video(tmp_path):
    cover = ("-f", "lavfi", "-i", "color=size=16x16", "-frames:v", "1", "-c:v", "mjpeg")
    ffmpeg("-f", "lavfi", "-i", "anullsrc", *cover, "-map", "0", "-map", "1", "-t", "0.1", tmp_path / "a.mp3")
    with pytest.raises(InputError, match="holds no video"):
        probe(tmp_path / "a.mp3")


def test_a_video_without_sound_is_no_song(film):
    with pytest.raises(InputError, match="holds no sound: give a song"):
        probe_sound(film)


def test_a_playlist_reaches_nothing_over_the_network(tmp_path):
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(InputError):
        probe(tmp_path / "list.m3u8")
