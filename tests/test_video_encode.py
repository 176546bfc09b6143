"""audioviz.video.encode: streaming, colours, equal bytes, and what happens when the encoder dies."""

import io
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import psutil
import pytest

from audioviz.errors import EncodeError, InputError
from audioviz.video.encode import VideoWriter
from audioviz.video.probe import probe, read_frames


def noise(count: int, *, size: tuple[int, int] = (64, 48), seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8) for _ in range(count)]


def encode(path: Path, frames: list[np.ndarray], *, fps: Fraction = Fraction(24)) -> bytes:
    with VideoWriter(path, fps=fps, size=(frames[0].shape[1], frames[0].shape[0])) as writer:
        for frame in frames:
            writer.write(frame)
    return path.read_bytes()


KILLED = "ended by signal 9" if os.name == "posix" else "exit status"


def children() -> list[psutil.Process]:
    """The ffmpegs that are our children, zombies included."""
    found = []
    for child in psutil.Process().children():
        try:
            if child.name().startswith("ffmpeg"):
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found


def kill_ffmpeg() -> None:
    [child] = children()
    child.kill()


@pytest.fixture(autouse=True)
def no_child_left():
    before = set(children())
    yield
    assert set(children()) <= before


def test_bytes_are_equal_on_two_runs_even_beside_other_work(tmp_path):
    frames = noise(45)
    quiet = encode(tmp_path / "a.h264", frames)
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    try:
        busy = encode(tmp_path / "b.h264", frames)
    finally:
        for other in others:
            other.kill()
            other.wait()
    assert quiet == busy


def test_the_caller_may_reuse_the_memory_of_a_frame(tmp_path):
    frames = noise(40)
    with VideoWriter(tmp_path / "a.h264", fps=Fraction(24), size=(64, 48)) as writer:
        shared = np.empty_like(frames[0])
        for frame in frames:
            shared[:] = frame
            writer.write(shared)
    assert (tmp_path / "a.h264").read_bytes() == encode(tmp_path / "b.h264", frames)


def test_a_frame_need_not_be_contiguous(tmp_path):
    frames = noise(5)
    mirrored = [frame[:, ::-1] for frame in frames]
    assert encode(tmp_path / "a.h264", mirrored) == encode(
        tmp_path / "b.h264", [np.ascontiguousarray(frame) for frame in mirrored]
    )


def test_colours_come_back(tmp_path):
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (200, 120, 40), (17, 99, 180)]
    encode(tmp_path / "a.h264", [np.full((48, 64, 3), colour, np.uint8) for colour in colours])
    for colour, frame in zip(colours, read_frames(tmp_path / "a.h264"), strict=True):
        assert np.abs(frame.astype(int) - colour).max() <= 4, colour


def test_the_stream_says_that_it_is_bt709_limited_yuv420p(tmp_path):
    import imageio_ffmpeg

    encode(tmp_path / "a.h264", noise(3))
    said = subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(tmp_path / "a.h264")], capture_output=True, text=True
    ).stderr
    assert "yuv420p(tv, bt709" in said


def test_an_earlier_file_is_replaced_and_a_link_is_not_followed(tmp_path):
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "a.h264").symlink_to(tmp_path / "precious")
    encode(tmp_path / "a.h264", noise(3))
    assert (tmp_path / "precious").read_text() == "mine"
    assert probe(tmp_path / "a.h264").frames == 3


@pytest.mark.parametrize("size", [(63, 48), (64, 47), (0, 48)])
def test_an_odd_size_is_refused(tmp_path, size):
    with pytest.raises(InputError, match=f"size {size[0]}x{size[1]} cannot be encoded: .* even"):
        VideoWriter(tmp_path / "a.h264", fps=Fraction(24), size=size)
    assert not list(tmp_path.iterdir())


def test_an_fps_that_has_no_exact_ticks_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be written exactly: give a simpler fraction"):
        VideoWriter(tmp_path / "a.h264", fps=Fraction("23.97602397"), size=(64, 48))


@pytest.mark.parametrize(
    "frame", [np.zeros((48, 64), np.uint8), np.zeros((48, 62, 3), np.uint8), np.zeros((48, 64, 3), np.float32)]
)
def test_a_wrong_frame_is_named(tmp_path, frame):
    with VideoWriter(tmp_path / "a.h264", fps=Fraction(24), size=(64, 48)) as writer:
        writer.write(noise(1)[0])
        with pytest.raises(InputError, match=r"frame 1 is .* expected uint8 of shape \(48, 64, 3\)"):
            writer.write(frame)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device stands for a full disk")
def test_a_full_disk_is_one_clear_error(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr("audioviz.video.encode.create", lambda path: io.FileIO("/dev/full", "w"))
    with pytest.raises(EncodeError, match="ffmpeg stopped while it wrote .*No space left on device") as failure:
        encode(tmp_path / "a.h264", noise(400, size=(128, 128)))
    assert "\n" not in str(failure.value)
    assert capfd.readouterr() == ("", "")


def test_a_killed_encoder_is_noticed_while_frames_are_written(tmp_path):
    frame = noise(1, size=(256, 256))[0]
    writer = VideoWriter(tmp_path / "a.h264", fps=Fraction(24), size=(256, 256))
    with pytest.raises(EncodeError, match=KILLED), writer:
        for k in range(1000):
            writer.write(frame)
            if k == 20:
                kill_ffmpeg()


def test_an_encoder_killed_after_the_last_frame_is_noticed_too(tmp_path):
    writer = VideoWriter(tmp_path / "a.h264", fps=Fraction(24), size=(64, 48))
    writer.write(noise(1)[0])
    kill_ffmpeg()
    with pytest.raises(EncodeError, match=KILLED):
        writer.close()


def test_an_exception_ends_the_encoder(tmp_path):
    with pytest.raises(ZeroDivisionError), VideoWriter(tmp_path / "a.h264", fps=Fraction(24), size=(64, 48)) as writer:
        writer.write(noise(1)[0])
        raise ZeroDivisionError


@pytest.mark.skipif(not hasattr(os, "getpgid"), reason="the system does not tell the group of a process")
def test_ctrl_c_in_the_terminal_does_not_reach_ffmpeg(tmp_path):
    with VideoWriter(tmp_path / "a.h264", fps=Fraction(24), size=(64, 48)):
        assert all(os.getpgid(child.pid) != os.getpgid(0) for child in children())


def test_no_ffmpeg_is_one_clear_error(tmp_path, monkeypatch):
    monkeypatch.setattr("imageio_ffmpeg.get_ffmpeg_exe", lambda: str(tmp_path / "nothing"))
    with pytest.raises(EncodeError, match="ffmpeg cannot be started .*: reinstall imageio-ffmpeg"):
        VideoWriter(tmp_path / "a.h264", fps=Fraction(24), size=(64, 48))
