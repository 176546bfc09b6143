"""audioviz.video.mux: the song's own sound, exactly under the picture, in a file that appears only when it is whole."""

import functools
import os
import re
import subprocess
import threading
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import psutil
import pytest
import soundfile
from PIL import Image

from audioviz.clock import Clock
from audioviz.errors import EncodeError, InputError
from audioviz.video.encode import VideoWriter
from audioviz.video.mux import mux
from audioviz.video.probe import probe, read_frames

SIZE = (64, 48)
SECONDS = 3.013
CLICKS = (0.2, 1.317, 2.681)  # seconds
FPS = ["24000/1001", "12", "25", "60", "12.5"]


def ffmpeg(*arguments: str | Path) -> bytes:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-loglevel", "error", "-y", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True).stdout


def click_track(rate: int, channels: int, *, seconds: float = SECONDS) -> np.ndarray:
    """Bursts of 2 ms at CLICKS over faint noise, which no codec can take for silence: shape (n, channels)."""
    samples = np.random.default_rng(0).normal(0, 1e-3, (round(seconds * rate), channels))
    for click in CLICKS:
        first = round(click * rate)
        samples[first : first + rate // 500] += 0.7
    return samples


def write_song(folder: Path, kind: str, *, rate: int = 44100, channels: int = 2, seconds: float = SECONDS) -> Path:
    samples = click_track(rate, channels, seconds=seconds)
    path = folder / f"song.{kind}"
    if kind in ("m4a", "aac"):
        soundfile.write(folder / "source.wav", samples, rate)
        ffmpeg("-i", folder / "source.wav", "-c:a", "aac", "-b:a", "192k", path)
    elif kind == "opus":
        soundfile.write(path, samples, rate, format="OGG", subtype="OPUS")
    else:
        soundfile.write(path, samples, rate)
    return path


@pytest.fixture(scope="module")
def chunks_of(tmp_path_factory):
    """The T frames of a clock, black but for the white ones, as raw chunks."""

    @functools.cache
    def write(clock: Clock, *, chunk: int = 40, white: frozenset[int] = frozenset()) -> list[Path]:
        folder = tmp_path_factory.mktemp("chunks")
        paths = []
        for first in range(0, clock.frames, chunk):
            paths.append(folder / f"{first}.h264")
            with VideoWriter(paths[-1], fps=clock.fps, size=SIZE) as writer:
                for k in range(first, min(first + chunk, clock.frames)):
                    writer.write(np.full((SIZE[1], SIZE[0], 3), 255 * (k in white), np.uint8))
        return paths

    return write


def click_offsets(path: Path, *, clicks: tuple[float, ...] = CLICKS) -> list[float]:
    """How much later than it should each click is heard from the start of the file, decoded by ffmpeg: milliseconds."""
    rate = 96000
    samples = np.frombuffer(
        ffmpeg("-i", path, "-map", "0:a:0", "-ac", "1", "-ar", str(rate), "-f", "f32le", "-"), np.float32
    )
    offsets = []
    for click in clicks:
        first = max(0, round((click - 0.08) * rate))
        loud = np.abs(samples[first : round((click + 0.08) * rate)])
        offsets.append(((first + np.argmax(loud > 0.5 * loud.max())) / rate - click) * 1000)
    return offsets


def packets(path: Path, stream: str) -> list[list[str]]:
    """Fields of each packet: stream, dts, pts, duration, size, checksum."""
    lines = ffmpeg("-i", path, "-map", stream, "-c", "copy", "-f", "framecrc", "-").decode().splitlines()
    return [re.split(r",\s*", line) for line in lines if not line.startswith("#")]


@pytest.mark.parametrize(
    "kind, codec, rate, channels, made",
    [
        ("wav", "aac", 44100, 2, {}),
        ("wav", "aac", 8000, 1, {"rate": 8000, "channels": 1}),
        ("wav", "aac", 96000, 2, {"rate": 192000}),
        ("wav", "aac", 44100, 2, {"rate": 37800}),
        ("wav", "aac", 48000, 6, {"rate": 48000, "channels": 6}),
        ("wav", "aac", 48000, 2, {"rate": 48000, "channels": 10}),
        ("flac", "aac", 96000, 2, {"rate": 96000}),
        ("ogg", "aac", 44100, 2, {}),
        ("opus", "aac", 48000, 2, {"rate": 48000}),
        ("mp3", "mp3", 44100, 2, {}),
        ("mp3", "mp3", 48000, 1, {"rate": 48000, "channels": 1}),
        ("mp3", "aac", 8000, 1, {"rate": 8000, "channels": 1}),
        ("m4a", "aac", 44100, 2, {}),
        ("m4a", "aac", 48000, 1, {"rate": 48000, "channels": 1}),
    ],
)
def test_the_sound_is_the_songs_own_and_on_time(tmp_path, chunks_of, kind, codec, rate, channels, made):
    song = write_song(tmp_path, kind, **made)
    clock = Clock.for_duration(SECONDS, "24000/1001")
    info = mux(chunks_of(clock), song, tmp_path / "out.mp4", clock=clock)
    assert (info.audio_codec, info.rate, info.channels) == (codec, rate, channels)
    assert abs(info.sound_seconds - clock.duration) <= 0.5 / clock.fps
    offsets = click_offsets(tmp_path / "out.mp4")
    assert np.abs(offsets).max() < 3, offsets


@pytest.mark.parametrize("kind", ["mp3", "m4a"])
def test_mp3_and_aac_are_copied_packet_by_packet(tmp_path, chunks_of, kind):
    song = write_song(tmp_path, kind)
    clock = Clock.for_duration(SECONDS, 60)
    mux(chunks_of(clock), song, tmp_path / "out.mp4", clock=clock)
    assert [packet[4:6] for packet in packets(tmp_path / "out.mp4", "0:a:0")] == [
        packet[4:6] for packet in packets(song, "0:a:0")
    ]


def test_raw_aac_keeps_the_time_that_a_decoder_of_it_hears(tmp_path, chunks_of):
    song = write_song(tmp_path, "aac")
    clock = Clock.for_duration(SECONDS, 12)
    assert mux(chunks_of(clock), song, tmp_path / "out.mp4", clock=clock).audio_codec == "aac"
    assert np.allclose(click_offsets(tmp_path / "out.mp4"), click_offsets(song), atol=0.1)


def test_loudness_stays(tmp_path, chunks_of):
    song = write_song(tmp_path, "wav")
    clock = Clock.for_duration(SECONDS, 12)
    mux(chunks_of(clock), song, tmp_path / "out.mp4", clock=clock)
    before, after = (
        np.frombuffer(ffmpeg("-i", path, "-f", "f32le", "-"), np.float32) for path in (song, tmp_path / "out.mp4")
    )
    assert abs(20 * np.log10(np.std(after) / np.std(before))) < 0.2


@pytest.mark.parametrize("fps", FPS)
def test_frames_are_exactly_timed_and_flash_with_the_clicks(tmp_path, chunks_of, fps):
    clock = Clock.for_duration(SECONDS, fps)
    flashes = frozenset(clock.seconds_to_frame(click) for click in CLICKS)
    info = mux(
        chunks_of(clock, chunk=17, white=flashes), write_song(tmp_path, "wav"), tmp_path / "out.mp4", clock=clock
    )
    assert (info.fps, info.frames, info.size) == (clock.fps, clock.frames, SIZE)
    tick = Fraction(
        re.search(
            r"#tb 0: (\S+)",
            ffmpeg("-i", tmp_path / "out.mp4", "-map", "0:v:0", "-c", "copy", "-f", "framecrc", "-").decode(),
        )[1]
    )
    times = [int(packet[2]) * tick for packet in packets(tmp_path / "out.mp4", "0:v:0")]
    assert times == [k / clock.fps for k in range(clock.frames)]
    assert {k for k, frame in enumerate(read_frames(tmp_path / "out.mp4")) if frame.mean() > 128} == flashes
    assert abs(info.picture_seconds - info.sound_seconds) <= 0.5 / clock.fps


@pytest.mark.parametrize("kind", ["wav", "mp3", "m4a"])
def test_a_part_is_cut_to_the_sample_and_encoded(tmp_path, chunks_of, kind):
    clock = Clock.for_duration(1.6, 25)
    info = mux(chunks_of(clock), write_song(tmp_path, kind), tmp_path / "out.mp4", clock=clock, start=1.25)
    assert info.audio_codec == "aac" and abs(info.sound_seconds - 1.6) < 1e-4
    offsets = click_offsets(tmp_path / "out.mp4", clicks=tuple(click - 1.25 for click in CLICKS[1:]))
    assert np.abs(offsets).max() < 3, offsets


def test_a_song_that_ends_early_is_padded(tmp_path, chunks_of):
    clock = Clock.for_duration(SECONDS + 2, 25)
    info = mux(chunks_of(clock), write_song(tmp_path, "mp3"), tmp_path / "out.mp4", clock=clock)
    assert info.audio_codec == "aac" and abs(info.sound_seconds - info.picture_seconds) < 1e-4


def test_a_song_with_a_cover_picture(tmp_path, chunks_of):
    Image.new("RGB", (32, 32), "red").save(tmp_path / "cover.png")
    ffmpeg(
        "-i",
        write_song(tmp_path, "mp3"),
        "-i",
        tmp_path / "cover.png",
        "-map",
        "0",
        "-map",
        "1",
        "-c",
        "copy",
        "-disposition:v",
        "attached_pic",
        tmp_path / "cover.mp3",
    )
    clock = Clock.for_duration(SECONDS, 25)
    info = mux(chunks_of(clock), tmp_path / "cover.mp3", tmp_path / "out.mp4", clock=clock)
    assert (info.audio_codec, info.frames, info.size) == ("mp3", clock.frames, SIZE)


@pytest.mark.parametrize("kind, kept", [("mp3", 0.5), ("wav", 0.5), ("m4a", 0.9)])
def test_a_truncated_song_is_used_as_far_as_it_decodes(tmp_path, chunks_of, kind, kept):
    song = write_song(tmp_path, kind)
    content = song.read_bytes()
    song.write_bytes(content[: round(len(content) * kept)])
    clock = Clock.for_duration(SECONDS, 25)
    if kind == "m4a":  # its index stood at the end
        with pytest.raises(InputError, match="song.m4a cannot be read"):
            mux([], song, tmp_path / "out.mp4", clock=clock)
    else:
        info = mux(chunks_of(clock), song, tmp_path / "out.mp4", clock=clock)
        assert abs(info.sound_seconds - info.picture_seconds) < 1e-4
        assert np.abs(click_offsets(tmp_path / "out.mp4", clicks=CLICKS[:2])).max() < 3


def test_odd_file_names(tmp_path, chunks_of):
    clock = Clock(Fraction(25), 50)
    chunks = chunks_of(clock)
    colon, bar = (":", "|") if os.name == "posix" else ("=", ";")  # Windows keeps these for itself
    song = write_song(tmp_path, "wav").rename(tmp_path / f"-i 100%d{colon} 'é'{bar}#.wav")
    out = tmp_path / f"-y pipe{colon}1 %03d 'ü'.mp4"
    assert mux(chunks, song, out, clock=clock).frames == 50
    assert probe(out).frames == 50


def test_two_runs_give_the_same_bytes(tmp_path, chunks_of):
    clock = Clock.for_duration(SECONDS, 25)
    chunks, song = chunks_of(clock), write_song(tmp_path, "wav")
    for name in ("a.mp4", "b.mp4"):
        mux(chunks, song, tmp_path / name, clock=clock, metadata="{}")
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_it_starts_playing_before_it_is_loaded(tmp_path, chunks_of):
    clock = Clock(Fraction(25), 50)
    mux(chunks_of(clock), write_song(tmp_path, "wav"), tmp_path / "out.mp4", clock=clock)
    content = (tmp_path / "out.mp4").read_bytes()
    assert 0 < content.find(b"moov") < content.find(b"mdat")


@pytest.mark.parametrize("metadata", ['{"a": 1}', "[a]\n;b=c\\#\n\n=d\\e", '{"é": "♫"}' * 30_000, None])
def test_metadata_comes_back(tmp_path, chunks_of, metadata):
    clock = Clock(Fraction(25), 10)
    info = mux(chunks_of(clock), write_song(tmp_path, "wav"), tmp_path / "out.mp4", clock=clock, metadata=metadata)
    assert info.metadata == metadata
    assert probe(tmp_path / "out.mp4") == info


class TestEarlierOutput:
    """Whatever fails, an earlier output stays as it was and nothing is left beside it."""

    clock = Clock(Fraction(25), 50)

    @pytest.fixture
    def out(self, tmp_path):
        (tmp_path / "videos").mkdir()
        path = tmp_path / "videos" / "out.mp4"
        path.write_bytes(b"earlier")
        yield path
        assert path.read_bytes() == b"earlier"
        assert list(path.parent.iterdir()) == [path]

    def test_a_missing_song(self, tmp_path, chunks_of, out, capfd):
        with pytest.raises(InputError, match="gone.wav cannot be read: .*No such file"):
            mux(chunks_of(self.clock), tmp_path / "gone.wav", out, clock=self.clock)
        assert capfd.readouterr() == ("", "")

    @pytest.mark.parametrize("content", [b"", b"no song at all\n" * 40])
    def test_a_song_that_is_none(self, tmp_path, chunks_of, out, content):
        (tmp_path / "text.mp3").write_bytes(content)
        with pytest.raises(InputError, match="text.mp3 cannot be read"):
            mux(chunks_of(self.clock), tmp_path / "text.mp3", out, clock=self.clock)

    def test_missing_frames(self, tmp_path, chunks_of, out):
        chunks = chunks_of(self.clock)
        with pytest.raises(EncodeError, match="40 frames at 25 fps .* expected 50 at 25"):
            mux(chunks[:-1], write_song(tmp_path, "wav"), out, clock=self.clock)

    def test_a_missing_chunk(self, tmp_path, out):
        with pytest.raises(EncodeError, match="none.h264 failed .No such file"):
            mux([tmp_path / "none.h264"], write_song(tmp_path, "wav"), out, clock=self.clock)

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no file waits until it is read")
    def test_a_killed_ffmpeg(self, tmp_path, chunks_of, out):
        chunks = chunks_of(self.clock)
        os.mkfifo(tmp_path / "slow.h264")
        song = write_song(tmp_path, "wav")

        def kill():
            with (tmp_path / "slow.h264").open("wb"):  # opens when mux reads it, long after it started ffmpeg
                for child in psutil.Process().children():
                    if child.name().startswith("ffmpeg"):  # there may be others
                        child.kill()

        killer = threading.Thread(target=kill)
        killer.start()
        with pytest.raises(EncodeError, match="ffmpeg cannot join picture and sound .*ended by signal 9"):
            mux([*chunks, tmp_path / "slow.h264"], song, out, clock=self.clock)
        killer.join()

    def test_a_limit_on_the_size_of_files(self, tmp_path, chunks_of, out):
        resource = pytest.importorskip("resource")
        chunks, song = chunks_of(self.clock), write_song(tmp_path, "wav")
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
        try:
            with pytest.raises(EncodeError, match="ffmpeg cannot join"):
                mux(chunks, song, out, clock=self.clock)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_an_output_folder_that_is_gone(tmp_path, chunks_of):
    clock = Clock(Fraction(25), 50)
    with pytest.raises(EncodeError, match="No such file or directory.*start the same render again"):
        mux(chunks_of(clock), write_song(tmp_path, "wav"), tmp_path / "gone" / "out.mp4", clock=clock)


def test_a_longer_video_has_the_same_bytes_each_time(tmp_path):
    """Picture and sound lie in the file in one order, however quickly either comes."""
    clock, draw = Clock.for_duration(30, 12), np.random.default_rng(2)
    song, frames, made = write_song(tmp_path, "wav", seconds=30), tmp_path / "frames.h264", set()
    with VideoWriter(frames, fps=clock.fps, size=SIZE) as writer:
        for _ in range(clock.frames):
            writer.write(draw.integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8))
    for number in range(3):
        out = tmp_path / f"{number}.mp4"
        mux([frames], song, out, clock=clock)
        made.add(out.read_bytes())
    assert len(made) == 1
