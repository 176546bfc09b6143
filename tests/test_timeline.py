"""A flash and its click in the source stay together, from whatever containers song, pictures and stems come."""

import shutil
from fractions import Fraction
from functools import cache

import numpy as np
import pytest

import audioviz as av
from audioviz import timeline
from audioviz.audio.reading.decode import open_stream
from audioviz.clock import Clock
from audioviz.errors import AudiovizWarning
from audioviz.rendering.pictures import load_pictures
from audioviz.timeline import song_begin, sound_before, timeline_of
from audioviz.video.probe import read_frames
from tests.containers import AT, container, ffmpeg, heard_at

FPS = 25
STARTS = {  # of pictures and sound, seconds; pictures lie on frames of 25 a second
    "together.mp4": (0, 0),
    "picture-late.mp4": (0.52, 0),
    "sound-late.mov": (0, 0.52),
    "picture-late.mkv": (0.52, 0),
    "both-late.webm": (0.32, 0.72),
    "sound-late.ts": (0, 0.52),
    "silent.mp4": (0, None),
    "silent-late.mkv": (0.52, None),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    root = tmp_path_factory.mktemp("containers")
    return {
        name: container(root / name, picture=picture, sound=sound, rate=FPS)
        for name, (picture, sound) in STARTS.items()
    }


def clicks_in(song, start=0.0):
    stream = open_stream(song)
    samples = np.concatenate(list(stream.blocks))[:, 0]
    return [at - start for at in heard_at(samples, stream.rate) if at >= start], len(samples) / stream.rate - start


def flashes(pictures, frames):
    lit = np.array([pictures.at(k).mean() > 128 for k in range(frames)])
    return [k / FPS for k in np.flatnonzero(lit[1:] & ~lit[:-1]) + 1]


def check_together(song, picture, *, start=0.0):
    heard, length = clicks_in(song, start)
    clock = Clock(Fraction(FPS), int(length * FPS))
    seen = flashes(load_pictures(picture, size=(16, 16), clock=clock, song=song, start=start), clock.frames)
    assert len(seen) == len(heard) >= 2
    np.testing.assert_allclose(seen, heard, atol=0.5 / FPS + 0.002)


@pytest.mark.parametrize("name", [name for name, (_, sound) in STARTS.items() if sound is not None])
def test_a_song_with_its_own_pictures(files, name):
    check_together(files[name], files[name])


@pytest.mark.parametrize(("song", "picture"), [("sound-late.mov", "silent-late.mkv"), ("both-late.webm", "silent.mp4")])
def test_a_song_with_the_pictures_of_another_file(files, song, picture):
    check_together(files[song], files[picture])


def test_any_song_with_any_file(files, monkeypatch):
    """What a player shows at a moment of one file belongs to the same moment of each other."""
    for name in ("timeline_of", "_sound_seconds"):
        monkeypatch.setattr(timeline, name, cache(getattr(timeline, name)))
    for song in (name for name in STARTS if "silent" not in name):
        first_sample = AT[0] - clicks_in(files[song])[0][0]
        for name in STARTS:
            found = song_begin(files[name], files[song]) - timeline_of(files[name]).origin
            within = 0.022 if ".ts" in song + name else 0.002  # it does not tell the coder's priming
            assert float(found) == pytest.approx(first_sample, abs=within), (song, name)


@pytest.mark.parametrize(("name", "start"), [("picture-late.mp4", 0.37), ("both-late.webm", 0.1)])
def test_a_part_of_the_song(files, name, start):
    check_together(files[name], files[name], start=start)


@pytest.mark.parametrize("ending", ["wav", "mp3", "opus", "m4a"])
def test_a_song_that_was_taken_out_of_the_video(files, tmp_path, ending):
    source, song = files["sound-late.mov"], tmp_path / f"song.{ending}"
    ffmpeg("-i", source, "-vn", *(("-c", "copy") if ending == "m4a" else ()), song)
    check_together(song, source)


@pytest.mark.parametrize(
    "options",
    {
        "cut at a keyframe.mp4": ("-ss", "0.6", "-c", "copy"),
        "cut at a keyframe.mkv": ("-ss", "0.6", "-c", "copy"),
        "negative.mkv": ("-c", "copy", "-output_ts_offset", "-0.3", "-avoid_negative_ts", "disabled"),
        "no edit list.mp4": ("-c", "copy", "-use_editlist", "0"),
        "reordered.mp4": ("-c:v", "libx264", "-bf", "3", "-c:a", "aac"),
        "variable.mp4": ("-vf", "select='not(mod(n,7))+gt(scene,0.1)'", "-fps_mode", "vfr", "-c:a", "copy"),
    }.items(),
    ids=lambda options: options[0],
)
def test_odd_clocks(files, tmp_path, options):
    name, arguments = options
    seek = 2 if arguments[0] == "-ss" else 0  # before the input
    ffmpeg(*arguments[:seek], "-i", files["together.mp4"], *arguments[seek:], tmp_path / name)
    check_together(tmp_path / name, tmp_path / name)


def test_stems_are_placed_like_pictures(files, tmp_path):
    song, late = files["together.mp4"], files["sound-late.mov"]
    assert float(sound_before(late, song)) == pytest.approx(-0.52, abs=0.022)
    assert float(sound_before(song, late)) == pytest.approx(0.52, abs=0.022)
    shutil.copy(late, tmp_path / "copy.mov")
    assert sound_before(tmp_path / "copy.mov", late) == 0
    heard = av.load_song(song, fps=FPS, stems={"late": late}, cache=False)
    np.testing.assert_allclose(heard.stems["late"].onsets.seconds, AT, atol=0.03)


def test_files_without_times_begin_with_their_first_sample(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"RIFF\0\0\0\0WAVE")
    (tmp_path / "text").write_bytes(b"no sound")
    assert timeline_of(tmp_path / "a.wav").sound == 0
    assert timeline_of(tmp_path / "text").sound is None


def test_the_embedded_model_shows_each_flash_with_its_click(files, tmp_path):
    song = files["both-late.webm"]
    heard = av.load_song(song, fps=12)
    plan = av.Schedule(denoise=0.0, prompts=["gold"], clock=heard.clock)
    out = tmp_path / "out.mp4"
    with pytest.warns(AudiovizWarning, match="a part begins without the frames before it"):
        av.render(heard, plan, out=out, init=song, size=(64, 64), steps=1, start=0.1, progress=False)
    stream = open_stream(out)
    clicks = heard_at(np.concatenate(list(stream.blocks))[:, 0], stream.rate)
    lit = np.array([frame.mean() > 100 for frame in read_frames(out)])
    seen = (np.flatnonzero(lit[1:] & ~lit[:-1]) + 1) / 12
    assert len(seen) == len(clicks) == 3
    np.testing.assert_allclose(seen, clicks, atol=0.5 / 12 + 0.002)
