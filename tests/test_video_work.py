"""audioviz.video.work: chunks that survive a crash, and nothing stale among them."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from safetensors.numpy import save

from audioviz.clock import Clock
from audioviz.errors import EncodeError, InputError
from audioviz.video.mux import mux
from audioviz.video.work import Work

CLOCK = Clock(Fraction(24000, 1001), 50)
CHUNK = 12
SIZE = (64, 48)
IDENTITY = {"model": "embedded", "steps": 8}
DIGESTS = [f"seed {k}" for k in range(CLOCK.frames)]
posix = pytest.mark.skipif(os.name != "posix", reason="the system has other rights, signals and names")


def open_work(folder: Path, *, identity: dict = IDENTITY, digests: list[str] = DIGESTS, **options) -> Work:
    return Work.open(
        folder / "out.mp4", clock=CLOCK, size=SIZE, identity=identity, digests=digests, chunk=CHUNK, **options
    )


def next_latent(latent: np.ndarray | None, digest: str) -> np.ndarray:
    """A feedback loop in small: each latent depends on all before it."""
    previous = np.zeros((1, 4, 6, 8), np.float32) if latent is None else latent
    noise = np.random.default_rng(list(digest.encode())).normal(size=previous.shape)
    return (0.7 * previous + 0.3 * noise).astype(np.float32)


def render(work: Work, *, digests: list[str] = DIGESTS, stop: int = CLOCK.frames) -> None:
    """Make the frames that are missing before `stop`."""
    latent = work.latent
    for k in range(work.done, stop):
        latent = next_latent(latent, digests[k])
        pixels = np.clip(latent[0, :3].transpose(1, 2, 0) * 99 + 128, 0, 255).astype(np.uint8)
        work.write(np.kron(pixels, np.ones((8, 8, 1), np.uint8)))
        if work.chunk_full:
            work.finish_chunk(latent)


def finished(folder: Path, **options) -> bytes:
    """The bytes of all frames after a whole render."""
    with open_work(folder, **options) as work:
        render(work, digests=options.get("digests", DIGESTS))
        return b"".join(path.read_bytes() for path in work.chunks())


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A folder with the work of a whole render."""
    folder = tmp_path_factory.mktemp("whole")
    finished(folder)
    return folder


@pytest.fixture
def ready(whole, tmp_path) -> Path:
    """A copy of it."""
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture(scope="module")
def uninterrupted(whole) -> bytes:
    return b"".join(path.read_bytes() for path in sorted((whole / "out.audioviz").glob("*.h264")))


@pytest.mark.parametrize("stop, done", [(0, 0), (5, 0), (12, 12), (13, 12), (36, 36), (49, 48), (50, 50)])
def test_an_interrupted_render_continues_to_the_same_bytes(tmp_path, uninterrupted, stop, done):
    with open_work(tmp_path) as work:
        render(work, stop=stop)
    with open_work(tmp_path) as work:
        assert (work.done, work.note) == (done, "")
        assert (work.latent is None) == (done == 0)
    assert finished(tmp_path) == uninterrupted


def test_an_exception_loses_only_the_open_chunk(tmp_path, uninterrupted):
    with pytest.raises(KeyboardInterrupt), open_work(tmp_path) as work:
        render(work, stop=30)
        raise KeyboardInterrupt
    with open_work(tmp_path) as work:
        assert work.done == 24
    assert finished(tmp_path) == uninterrupted


def test_the_latent_comes_back_exactly(tmp_path):
    with open_work(tmp_path) as work:
        render(work, stop=24)
    latent = None
    for digest in DIGESTS[:24]:
        latent = next_latent(latent, digest)
    with open_work(tmp_path) as work:
        assert work.latent.dtype == np.float32 and np.array_equal(work.latent, latent)


@pytest.mark.parametrize("changed, done", [(0, 0), (11, 0), (12, 12), (30, 24), (49, 48)])
def test_a_changed_frame_is_made_again_with_all_after_it(tmp_path, changed, done):
    (tmp_path / "edited").mkdir()
    (tmp_path / "fresh").mkdir()
    digests = [*DIGESTS[:changed], "other", *DIGESTS[changed + 1 :]]
    finished(tmp_path / "edited")
    with open_work(tmp_path / "edited", digests=digests) as work:
        assert work.done == done
        assert work.note == f"frames from {done} on are made anew: the schedule changed"
    assert finished(tmp_path / "edited", digests=digests) == finished(tmp_path / "fresh", digests=digests)


def test_a_change_and_back_never_brings_stale_chunks_back(ready, uninterrupted):
    with open_work(ready, digests=["other", *DIGESTS[1:]]):
        pass
    with open_work(ready) as work:
        assert work.done == 0
    assert finished(ready) == uninterrupted


def test_another_identity_starts_anew_and_says_what_changed(ready):
    with open_work(ready, identity={"model": "other", "steps": 8, "sampler": "euler"}) as work:
        assert (work.done, work.latent) == (0, None)
        assert work.note == "frames from 0 on are made anew: model, sampler changed"


def test_another_length_of_chunk_or_song(ready):
    longer = Clock(CLOCK.fps, 60)
    with Work.open(
        ready / "out.mp4",
        clock=longer,
        size=SIZE,
        identity=IDENTITY,
        digests=[*DIGESTS, *(f"seed {k}" for k in range(50, 60))],
        chunk=CHUNK,
    ) as work:
        assert work.done == 48  # the last chunk held 2 frames and must hold 12 now
    finished(ready)
    with Work.open(ready / "out.mp4", clock=CLOCK, size=SIZE, identity=IDENTITY, digests=DIGESTS, chunk=10) as work:
        assert work.done == 0


@pytest.mark.parametrize("clock, size", [(Clock(Fraction(24), 50), SIZE), (CLOCK, (48, 64))])
def test_another_fps_or_size_starts_anew(ready, clock, size):
    with Work.open(ready / "out.mp4", clock=clock, size=size, identity=IDENTITY, digests=DIGESTS, chunk=CHUNK) as work:
        assert work.done == 0


def test_another_encoder_starts_anew(ready, monkeypatch):
    monkeypatch.setattr("audioviz.video.chunks.encoder_name", lambda: "ffmpeg version 1")
    with open_work(ready) as work:
        assert work.done == 0


def test_without_resume_nothing_is_kept(ready):
    with open_work(ready, resume=False) as work:
        assert work.done == 0


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("kind", ["h264", "safetensors"])
@pytest.mark.parametrize(
    "damage",
    [
        flip_a_byte,
        Path.unlink,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: (path.rename(path.parent / "moved"), path.symlink_to("moved")),
        pytest.param(lambda path: (path.unlink(), os.mkfifo(path)), marks=posix),
        lambda path: (path.unlink(), path.mkdir(), (path / "file").touch()),
    ],
    ids=["flipped", "gone", "empty", "cut", "link", "pipe", "folder"],
)
def test_a_damaged_file_starts_from_the_last_good_chunk(ready, uninterrupted, kind, damage):
    damage(ready / "out.audioviz" / f"000002.{kind}")
    with open_work(ready) as work:
        assert work.done == 24
        assert work.note == "frames from 24 on are made anew: the earlier work is damaged there"
    assert finished(ready) == uninterrupted


def edit(change):
    def damage(path: Path) -> None:
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))

    return damage


@pytest.mark.parametrize(
    "damage",
    [
        Path.unlink,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-9]),
        lambda path: path.write_bytes(b"\xff\xfe\x00"),
        lambda path: path.write_text("[" * 100_000),
        lambda path: path.write_text("[]"),
        lambda path: path.write_text("null"),
        lambda path: path.write_text("NaN"),
        lambda path: (path.unlink(), path.mkdir()),
        lambda path: (path.unlink(), path.symlink_to("/dev/zero")),
        pytest.param(lambda path: (path.unlink(), os.mkfifo(path)), marks=posix),
        edit(lambda c: c.pop("format")),
        edit(lambda c: c.update(format="audioviz work 0")),
        edit(lambda c: c.update(identity=[])),
        edit(lambda c: c.update(chunks={})),
        edit(lambda c: c["chunks"][0].update(frames=True)),
        edit(lambda c: c["chunks"][0].update(frames="12")),
        edit(lambda c: c["chunks"][0].update(frames=-1)),
        edit(lambda c: c["chunks"][0].update(digest="../../x")),
        edit(lambda c: c["chunks"][0].update(path="/etc/passwd")),
        edit(lambda c: c["chunks"][3].pop("video")),
        edit(lambda c: c["chunks"].insert(0, None)),
        edit(lambda c: c["chunks"].reverse()),
    ],
)
def test_an_odd_manifest_starts_anew(ready, uninterrupted, damage):
    damage(ready / "out.audioviz" / "manifest.json")
    with open_work(ready) as work:
        assert (work.done, work.latent) == (0, None)


def test_chunks_beyond_the_last_are_dropped(ready, uninterrupted):
    edit(lambda c: c["chunks"].extend(c["chunks"] * 3))(ready / "out.audioviz" / "manifest.json")
    assert finished(ready) == uninterrupted


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff" * 8, b"{}", save({"other": np.zeros(3, np.float32)}), save({"latent": np.zeros(3, np.float64)})],
)
def test_a_latent_of_someone_else_is_not_used(ready, content):
    import hashlib

    folder = ready / "out.audioviz"
    (folder / "000001.safetensors").write_bytes(content)
    edit(lambda c: c["chunks"][1].update(latent=hashlib.sha256(content).hexdigest()))(folder / "manifest.json")
    with open_work(ready) as work:
        assert work.done == 12


def test_nothing_is_written_through_a_link(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    folder = tmp_path / "out.audioviz"
    folder.mkdir()
    for name in ("manifest.json", "000000.h264", "000000.safetensors"):
        (folder / name).symlink_to(victim)
        (folder / f".{name}.part").symlink_to(victim)
    finished(tmp_path)
    assert victim.read_text() == "precious"


def test_a_work_folder_that_is_a_link_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out.audioviz").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="out.audioviz cannot be written"):
        open_work(tmp_path)
    assert not list((tmp_path / "elsewhere").iterdir())


def test_discard_leaves_nothing_but_what_others_put_there(tmp_path):
    with open_work(tmp_path) as work:
        render(work)
        work.chunks()
        work.discard()
    assert not list(tmp_path.iterdir())
    with open_work(tmp_path) as work:
        (work.folder / "notes.txt").write_text("mine")
        render(work, stop=20)
        work.discard()
    assert [path.name for path in (tmp_path / "out.audioviz").iterdir()] == ["notes.txt"]


def test_a_second_render_to_the_same_output_is_refused(tmp_path):
    with open_work(tmp_path) as work:
        render(work, stop=20)
        with pytest.raises(InputError, match="another render to .*out.mp4 is running: wait for it"):
            open_work(tmp_path)
        assert "InputError: another render" in render_elsewhere(tmp_path, seconds=9).stderr
    open_work(tmp_path).close()


@pytest.mark.parametrize(
    "out, words",
    [
        ("gone/out.mp4", "output folder .*gone does not exist: create it"),
        ("file/out.mp4", "output folder .*file does not exist"),
        (".", "output .* is a folder: give the name of a file"),
        pytest.param("x" * 250 + ".mp4", "cannot be written .File name too long", marks=posix),
    ],
)
def test_an_impossible_output_is_named(tmp_path, out, words):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=words):
        Work.open(tmp_path / out, clock=CLOCK, size=SIZE, identity=IDENTITY, digests=DIGESTS, chunk=CHUNK)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.fixture
def nobody():
    """A folder of someone else's, and no right to write there: also where the tests run as root."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o555)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        try:
            yield folder
        finally:
            if root:
                os.seteuid(0)
            folder.chmod(0o755)


@posix
def test_a_folder_without_the_right_to_write(nobody):
    with pytest.raises(InputError, match="cannot be written .Permission denied.: .*choose another output"):
        open_work(nobody)


@posix
def test_a_fault_while_a_chunk_is_put_away_shows_at_the_next_call(tmp_path):
    said = "out.audioviz cannot be written .*then start the same render again"
    with pytest.raises(EncodeError, match=said), open_work(tmp_path) as work:
        render(work, stop=CHUNK - 1)
        (tmp_path / "out.audioviz").rename(tmp_path / "taken away")
        latent = np.zeros(3, np.float32)
        work.write(np.zeros((SIZE[1], SIZE[0], 3), np.uint8))
        work.finish_chunk(latent)
    (tmp_path / "taken away").rename(tmp_path / "out.audioviz")
    with open_work(tmp_path) as work:
        assert work.done == 0


OTHER_PROCESS = f"""
import os, signal, sys, threading
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
import test_video_work as t
folder, number, seconds = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
with t.open_work(folder) as work:
    threading.Timer(seconds, os.killpg, (0, number)).start()
    t.render(work)
    work.chunks()
    os._exit(0)
"""


def render_elsewhere(folder: Path, number: int = 9, *, seconds: float) -> subprocess.CompletedProcess:
    """Render in another process, whose group gets a signal after some seconds, as from a terminal."""
    return subprocess.run(
        [sys.executable, "-c", OTHER_PROCESS, str(folder), str(int(number)), str(seconds)],
        capture_output=True,
        text=True,
        start_new_session=True,
    )


@posix
def test_killed_at_any_moment_it_continues_to_the_same_file(tmp_path):
    soundfile.write(tmp_path / "song.wav", np.zeros((96000, 2)), 48000)
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    progress = []
    for seconds in (0.05, 0.13, 0.21, 0.29, 0.37):
        ended = render_elsewhere(tmp_path / "killed", seconds=seconds)
        assert ended.returncode in (0, -signal.SIGKILL), ended.stderr
        manifest = json.loads((tmp_path / "killed" / "out.audioviz" / "manifest.json").read_text())
        progress.append(len(manifest["chunks"]))
    assert progress == sorted(progress)
    for name in ("whole", "killed"):
        with open_work(tmp_path / name) as work:
            render(work)
            mux(work.chunks(), tmp_path / "song.wav", tmp_path / name / "out.mp4", clock=CLOCK)
            work.discard()
        assert [path.name for path in (tmp_path / name).iterdir()] == ["out.mp4"]
    assert (tmp_path / "whole" / "out.mp4").read_bytes() == (tmp_path / "killed" / "out.mp4").read_bytes()


@posix
def test_ctrl_c_keeps_the_finished_chunks(tmp_path, uninterrupted):
    ended = render_elsewhere(tmp_path, signal.SIGINT, seconds=0.25)
    assert ended.returncode == 0 or ended.stderr.endswith("KeyboardInterrupt\n")
    assert "Error" not in ended.stderr
    chunks = len(json.loads((tmp_path / "out.audioviz" / "manifest.json").read_text())["chunks"])
    with open_work(tmp_path) as work:
        assert (work.done, work.note) == (min(CHUNK * chunks, CLOCK.frames), "")
    assert finished(tmp_path) == uninterrupted
