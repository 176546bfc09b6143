"""audioviz.video.formats and what follows from them: MP4, MOV, WebM and GIF, measured as ffmpeg reads them."""

import functools
import json
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from audioviz.clock import Clock
from audioviz.errors import EncodeError, InputError
from audioviz.insight.sheet import contact_sheet
from audioviz.insight.video import Video
from audioviz.video.encode import VideoWriter, check_format
from audioviz.video.formats import CODECS, CONTAINERS, Codec, check_encoder, describe_format, ending_for, format_of
from audioviz.video.mux import mux
from audioviz.video.probe import probe, read_frames
from tests.test_video_mux import CLICKS, SECONDS, click_offsets, ffmpeg, packets, write_song

SIZE = (64, 48)
NTSC = Clock.for_duration(SECONDS, "24000/1001")
FORMATS = {  # the video's name and the codec asked for: what ffmpeg calls the picture, and the sound
    ("a.mp4", None): ("h264 (High) (avc1", "yuv420p(tv, bt709", ("aac", 44100)),
    ("b.mp4", "h265"): ("hevc (Main) (hvc1", "yuv420p(tv, bt709", ("aac", 44100)),
    ("c.mp4", "av1"): ("av1 (libdav1d) (Main) (av01", "yuv420p(tv, bt709", ("aac", 44100)),
    ("d.mov", None): ("prores (HQ) (apch", "yuv422p10le(tv, bt709", ("pcm_s24le", 44100)),
    ("e.webm", None): ("vp9 (Profile 0)", "yuv420p(tv, bt709", ("opus", 48000)),
    ("f.webm", "av1"): ("av1 (libdav1d) (Main)", "yuv420p(tv, bt709", ("opus", 48000)),
    ("g.gif", None): ("gif", "bgra", (None, None)),
}
EACH = pytest.mark.parametrize(("name", "codec"), FORMATS, ids=lambda value: str(value))


@pytest.fixture(scope="module")
def chunks_of(tmp_path_factory):
    """Chunks of the T frames of a clock: dark, with a bright edge that moves, and white where asked."""

    @functools.cache
    def write(codec: Codec, clock: Clock, *, chunk: int = 31, white: frozenset[int] = frozenset()) -> list[Path]:
        folder = tmp_path_factory.mktemp("chunks")
        paths = []
        for first in range(0, clock.frames, chunk):
            paths.append(folder / f"{first}.{codec.ending}")
            with VideoWriter(paths[-1], fps=clock.fps, size=SIZE, codec=codec) as writer:
                for k in range(first, min(first + chunk, clock.frames)):
                    writer.write(picture(k, white=k in white))
        return paths

    return write


def picture(k: int, *, white: bool = False) -> np.ndarray:
    frame = np.full((SIZE[1], SIZE[0], 3), 255 if white else (20, 30, 60), np.uint8)
    frame[:, : k % 16 * 4] += 0 if white else 60
    return frame


@pytest.fixture(scope="module")
def made(tmp_path_factory, chunks_of):
    """One video of a format, 3 s at 24000/1001 fps with clicks and flashes, in two chunks and a rest."""
    folder = tmp_path_factory.mktemp("made")
    song = write_song(folder, "wav")
    flashes = frozenset(NTSC.seconds_to_frame(click) for click in CLICKS)

    @functools.cache
    def make(name: str, codec: str | None) -> Path:
        chunks = chunks_of(format_of(Path(name), codec)[1], NTSC, white=flashes)
        manifest = json.dumps({"fps": str(NTSC.fps), "prompt": "a=b;c#d\\ \n♫"})
        mux(chunks, song, folder / name, clock=NTSC, metadata=manifest, codec=codec)
        return folder / name

    return make


@EACH
def test_frames_fps_size_and_sound_are_what_was_asked(made, name, codec):
    info = probe(made(name, codec))
    assert (info.frames, info.fps, info.size) == (NTSC.frames, NTSC.fps, SIZE)
    assert (info.audio_codec, info.rate) == FORMATS[name, codec][2]
    assert json.loads(info.metadata)["prompt"] == "a=b;c#d\\ \n♫"
    if name != "g.gif":
        assert abs(info.sound_seconds - NTSC.duration) <= 0.5 / NTSC.fps
        assert np.abs(click_offsets(made(name, codec))).max() < 3


@EACH
def test_the_file_says_what_it_is_and_in_which_colours(made, name, codec):
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", str(made(name, codec))]
    said = subprocess.run(command, capture_output=True, text=True).stderr
    stream, pixels, _ = FORMATS[name, codec]
    assert f"Video: {stream}" in said and pixels in said
    others = ("alpha_mode", "rotate", "creation_time")
    assert not any(other in said for other in others)


@EACH
def test_each_frame_stands_at_its_time_and_flashes_with_its_click(made, name, codec):
    path, ticks = made(name, codec), CONTAINERS[Path(name).suffix].ticks
    header = ffmpeg("-i", path, "-map", "0:v:0", "-c", "copy", "-f", "framecrc", "-").decode()
    tick = Fraction(re.search(r"#tb 0: (\S+)", header)[1])
    times = [int(packet[2]) * tick for packet in packets(path, "0:v:0")]
    exact = [k / NTSC.fps for k in range(NTSC.frames)]
    if ticks:
        assert max(abs(time - k) for time, k in zip(times, exact, strict=True)) <= Fraction(1, 2 * ticks)
    else:
        assert times == exact
    flashes = {k for k, frame in enumerate(read_frames(path)) if frame.mean() > 128}
    assert flashes == {NTSC.seconds_to_frame(click) for click in CLICKS}


@EACH
def test_colours_come_back(made, name, codec):
    for k, frame in zip(range(4), read_frames(made(name, codec)), strict=False):
        assert np.abs(frame.astype(int) - picture(k)).mean() < 3


@pytest.mark.parametrize(("name", "codec"), [("d.mov", None), ("e.webm", None), ("g.gif", None)])
def test_sheets_and_reports_are_made_of_it(made, name, codec, tmp_path):
    assert contact_sheet(made(name, codec), tmp_path / "sheet.png", columns=4, rows=2).width > 4 * 192
    report = Video(made(name, codec)).info()
    assert f"{NTSC.frames} frames of 64x48 at 24000/1001 fps" in str(report)
    assert ("no sound" in str(report)) == (report.reaction is None) == (name == "g.gif")


@pytest.mark.parametrize("codec", ["h265", "av1", "vp9", "prores", "gif"])
def test_an_encoder_makes_the_same_bytes_also_beside_other_work(tmp_path, codec):
    rng = np.random.default_rng(3)
    frames = [rng.integers(0, 256, (96, 128, 3), np.uint8) // 64 * 40 for _ in range(20)]

    def encode(path: Path) -> bytes:
        with VideoWriter(path, fps=Fraction(12), size=(128, 96), codec=CODECS[codec]) as writer:
            for frame in frames:
                writer.write(frame)
        return path.read_bytes()

    quiet = encode(tmp_path / "quiet")
    others = [subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"]) for _ in range(2)]
    try:
        busy = encode(tmp_path / "busy")
    finally:
        for other in others:
            other.kill()
            other.wait()
    assert quiet == busy


@pytest.mark.parametrize(("name", "codec"), [("b.mp4", "h265"), ("d.mov", None), ("e.webm", None), ("g.gif", None)])
def test_two_files_are_equal_to_the_byte(tmp_path, chunks_of, name, codec):
    song, clock = write_song(tmp_path, "wav", seconds=1), Clock(Fraction(25), 25)
    chunks = chunks_of(format_of(Path(name), codec)[1], clock)
    for again in ("one", "two"):
        (tmp_path / again).mkdir()
        mux(chunks, song, tmp_path / again / name, clock=clock, metadata="{}", codec=codec)
    assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize(("name", "start"), [("a.mp4", b"moov"), ("a.mov", b"moov"), ("a.webm", b"\x1c\x53\xbb\x6b")])
def test_it_plays_before_it_is_loaded(made, name, start):
    """The index stands before the pictures: for MP4 and MOV the moov box, for WebM the Cues."""
    name = next(known for known, _ in FORMATS if known[-4:] == name[-4:])
    content = made(name, None).read_bytes()
    pictures = content.find(b"mdat" if start == b"moov" else b"\x1f\x43\xb6\x75")
    assert 0 < content.find(start) < pictures


@pytest.mark.parametrize(("kind", "codec"), [("opus", "opus"), ("ogg", "vorbis")])
def test_webm_holds_opus_and_vorbis_as_they_are(tmp_path, chunks_of, kind, codec):
    song = write_song(tmp_path, kind, rate=48000)
    clock = Clock.for_duration(SECONDS, 24)
    info = mux(chunks_of(CODECS["vp9"], clock), song, tmp_path / "out.webm", clock=clock)
    assert info.audio_codec == codec and np.abs(click_offsets(tmp_path / "out.webm")).max() < 3
    copied, own = ([packet[4:6] for packet in packets(path, "0:a:0")] for path in (tmp_path / "out.webm", song))
    assert copied == own


@pytest.mark.parametrize(("name", "codec"), [("out.webm", "opus"), ("out.mov", "pcm_s24le")])
def test_a_part_of_a_song_is_cut_to_the_sample(tmp_path, chunks_of, name, codec):
    song, clock = write_song(tmp_path, "opus", rate=48000), Clock.for_duration(1.6, 25)
    chunks = chunks_of(format_of(Path(name))[1], clock)
    info = mux(chunks, song, tmp_path / name, clock=clock, start=1.25)
    assert info.audio_codec == codec and abs(info.sound_seconds - 1.6) < 1e-4
    assert np.abs(click_offsets(tmp_path / name, clicks=tuple(click - 1.25 for click in CLICKS[1:]))).max() < 3


@pytest.mark.parametrize(("given", "heard"), [(1, 1), (6, 6)])
def test_opus_has_the_channels_of_the_song_where_it_can(tmp_path, chunks_of, given, heard):
    song, clock = write_song(tmp_path, "wav", rate=48000, channels=given), Clock.for_duration(SECONDS, 12)
    info = mux(chunks_of(CODECS["vp9"], clock), song, tmp_path / "out.webm", clock=clock)
    assert (info.audio_codec, info.rate, info.channels) == ("opus", 48000, heard)


def test_sound_in_a_mov_is_that_of_the_song_to_the_bit(tmp_path, chunks_of):
    song, clock = write_song(tmp_path, "wav", seconds=2), Clock(Fraction(12), 24)
    mux(chunks_of(CODECS["prores"], clock), song, tmp_path / "out.mov", clock=clock)
    before, after = (ffmpeg("-i", path, "-f", "s16le", "-") for path in (song, tmp_path / "out.mov"))
    assert before == after


class TestGif:
    def test_the_delays_follow_the_clock_without_drift(self, made):
        with Image.open(made("g.gif", None)) as gif:
            assert gif.info["loop"] == 0
            delays = []
            for k in range(gif.n_frames):
                gif.seek(k)
                delays.append(gif.info["duration"])
        assert set(delays) == {40, 50}  # milliseconds
        assert sum(delays) == pytest.approx(1000 * NTSC.duration, abs=5)

    def test_each_frame_has_colours_of_its_own(self, tmp_path):
        """256 shades of red, then as many of blue: a palette for both would have half of each."""
        ramp = np.zeros((32, 256, 3), np.uint8)
        frames = [ramp.copy(), ramp.copy()]
        frames[0][..., 0] = frames[1][..., 2] = np.arange(256)
        with VideoWriter(tmp_path / "a", fps=Fraction(2), size=(256, 32), codec=CODECS["gif"]) as writer:
            for frame in frames:
                writer.write(frame)
        mux([tmp_path / "a"], tmp_path / "no song", tmp_path / "a.gif", clock=Clock(Fraction(2), 2))
        for frame, shown in zip(frames, read_frames(tmp_path / "a.gif"), strict=True):
            assert np.abs(frame.astype(int) - shown).max() <= 4

    def test_more_frames_than_it_can_show_are_refused(self):
        check_format(Fraction(50), SIZE, CODECS["gif"])
        with pytest.raises(InputError, match="fps 60: a GIF shows 50 frames a second at most; give 50 or less"):
            check_format(Fraction(60), SIZE, CODECS["gif"])

    @pytest.mark.parametrize(("fps", "said"), [(12, "nearest hundredth"), (25, "without sound"), (20, "without sound")])
    def test_what_it_cannot_do_is_said(self, fps, said):
        line = describe_format(CONTAINERS[".gif"], CODECS["gif"], SIZE, Fraction(fps))
        assert line.startswith("GIF: 64x48 at") and line.endswith(f"{said} of a second" if fps == 12 else said)


class TestFaults:
    clock = Clock(Fraction(25), 50)

    @pytest.mark.parametrize(("name", "codec"), [("a.webm", None), ("a.mov", None), ("a.gif", None), ("b.mp4", "h265")])
    def test_missing_frames(self, tmp_path, chunks_of, name, codec):
        chunks = chunks_of(format_of(Path(name), codec)[1], self.clock)
        with pytest.raises(EncodeError, match="31 frames at .* expected 50 at 25"):
            mux(chunks[:-1], write_song(tmp_path, "wav"), tmp_path / name, clock=self.clock, codec=codec)
        assert {path.name for path in tmp_path.iterdir()} == {"song.wav"}

    @pytest.mark.parametrize("name", ["a.webm", "a.mov"])
    def test_a_chunk_that_ends_in_the_middle_of_a_frame(self, tmp_path, chunks_of, name):
        chunk = chunks_of(format_of(Path(name))[1], self.clock)[0]
        (tmp_path / "cut").write_bytes(chunk.read_bytes()[:-3])
        with pytest.raises(EncodeError, match="cut is damaged: start the same render again with --no-resume"):
            mux([tmp_path / "cut"], write_song(tmp_path, "wav"), tmp_path / name, clock=self.clock)

    @pytest.mark.parametrize("name", ["a.webm", "a.mov", "a.gif"])
    def test_a_limit_on_the_size_of_files(self, tmp_path, chunks_of, name):
        resource = pytest.importorskip("resource")
        song, chunks = write_song(tmp_path, "wav"), chunks_of(format_of(Path(name))[1], self.clock)
        (tmp_path / name).write_bytes(b"earlier")
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (6_000, limits[1]))
        try:
            with pytest.raises(EncodeError, match="ffmpeg cannot join|failed"):
                mux(chunks, song, tmp_path / name, clock=self.clock)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert (tmp_path / name).read_bytes() == b"earlier"
        assert {path.name for path in tmp_path.iterdir()} == {"song.wav", name}

    def test_an_encoder_that_is_not_there(self):
        for codec in CODECS.values():
            check_encoder(codec)
        with pytest.raises(InputError, match="codec vvc: ffmpeg version .* has no libnone; reinstall imageio-ffmpeg"):
            check_encoder(Codec("vvc", ("-c:v", "libnone"), "vvc"))


class TestNames:
    @pytest.mark.parametrize(
        ("name", "codec", "message"),
        [
            ("a.avi", None, "output a.avi: expected a name that ends in .mp4, .mov, .webm, .gif"),
            ("a.mp4", "vp9", "holds h264, h265, av1, but not vp9; expected a name that ends in .webm, or another"),
            ("a.mov", "h264", "holds prores, but not h264; expected a name that ends in .mp4"),
            ("a.gif", "av1", "holds gif, but not av1; expected a name that ends in .mp4 or .webm"),
        ],
    )
    def test_a_container_holds_its_codecs_alone(self, name, codec, message):
        with pytest.raises(InputError, match=message):
            format_of(Path(name), codec)

    def test_the_ending_follows_the_codec_where_no_name_is_given(self):
        codecs = (None, "h265", "av1", "prores", "vp9", "gif")
        assert [ending_for(codec) for codec in codecs] == [".mp4", ".mp4", ".mp4", ".mov", ".webm", ".gif"]


@pytest.mark.parametrize("told", ['"30"', '"1e999999999"', "[25]", '"0"', '"25/0"', "true"])
def test_a_manifest_that_lies_about_its_fps_is_not_believed(told, made, monkeypatch):
    monkeypatch.setattr("audioviz.video.probe._metadata", lambda path: f'{{"fps": {told}}}')
    info = probe(made("e.webm", None))
    assert info.fps == info.frames / Fraction(str(info.picture_seconds)) and abs(info.fps - NTSC.fps) < 0.01
