"""audioviz.video.work: chunks that survive a crash, and nothing stale among them."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from safetensors.numpy import save

from audioviz.clock import Clock
from audioviz.errors import EncodeError, InputError
from audioviz.video.chunks import Latents, PicturePlan
from audioviz.video.mux import mux
from audioviz.video.work import Work

CLOCK = Clock(Fraction(24000, 1001), 50)
CHUNK = 12
SIZE = (64, 48)
IDENTITY = {"model": "embedded", "steps": 8}
DIGESTS = [f"seed {k}" for k in range(CLOCK.frames)]
EFFECTS = ["still"] * CLOCK.frames
PICTURES = PicturePlan(SIZE, CLOCK.fps, {"upscale": None}, EFFECTS)
posix = pytest.mark.skipif(os.name != "posix", reason="the system has other rights, signals and names")


def open_work(folder: Path, **options) -> Work:
    usual = {"clock": CLOCK, "identity": IDENTITY, "digests": DIGESTS, "pictures": PICTURES, "chunk": CHUNK}
    return Work.open(folder / "out.mp4", **usual | options)


def next_latent(latent: np.ndarray | None, digest: str) -> np.ndarray:
    """A feedback loop in small: each latent depends on all before it."""
    previous = np.zeros((1, 4, 6, 8), np.float32) if latent is None else latent
    noise = np.random.default_rng(list(digest.encode())).normal(size=previous.shape)
    return (0.7 * previous + 0.3 * noise).astype(np.float32)


def picture(latent: np.ndarray, echo: np.ndarray, effect: str) -> np.ndarray:
    """What is made of a latent and of the picture before."""
    pixels = np.clip(latent[:3].astype(float).transpose(1, 2, 0) * 99 + 128 + len(effect), 0, 255)
    return 0.8 * np.kron(pixels, np.ones((8, 8, 1))) + 0.2 * echo


def render(
    work: Work,
    *,
    digests: list[str] = DIGESTS,
    effects: list[str] = EFFECTS,
    stop: int = CLOCK.frames,
    sampled: list[int] | None = None,
    echoes: float = 0.0,
) -> None:
    """Make the pictures that are missing before `stop`, and note the frames that are sampled."""
    last = work.latent
    for span in work.missing():
        _, state = work.before()
        kept, latents, echo = work.kept(), [], state.get("echo", np.zeros((48, 64, 3)))
        for k in span:
            if k == stop:
                return
            if kept is None:
                last = next_latent(last, digests[k])
                sampled is not None and sampled.append(k)
            latents.append(last.astype(np.float16)[0] if kept is None else kept.shown[k - span.start])
            echo = picture(latents[-1], echoes * echo, effects[k])
            work.write(echo.astype(np.uint8))
        made = Latents(np.stack(latents), last) if kept is None else None
        work.finish_chunk(made, {"echo": echo} if echoes else None)


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
    digests = [*DIGESTS, *(f"seed {k}" for k in range(50, 60))]
    with open_work(ready, clock=longer, digests=digests, pictures=replace(PICTURES, digests=["still"] * 60)) as work:
        assert work.done == 48  # the last chunk held 2 frames and must hold 12 now
    finished(ready)
    with open_work(ready, chunk=10) as work:
        assert work.done == 0


def test_another_frame_rate_starts_anew(ready):
    with open_work(ready, clock=Clock(Fraction(24), 50)) as work:
        assert work.done == 0
        assert work.note == "frames from 0 on are made anew: frame rate changed"


@pytest.mark.parametrize(
    "pictures, changed",
    [
        (replace(PICTURES, size=(48, 64)), "size"),
        (replace(PICTURES, fps=2 * CLOCK.fps), "fps"),
        (replace(PICTURES, identity={"upscale": 2}), "upscale"),
    ],
)
def test_another_finish_keeps_the_latents(ready, pictures, changed):
    with open_work(ready, pictures=pictures) as work:
        assert (work.done, work.finished) == (CLOCK.frames, 0)
        assert work.note == f"pictures from frame 0 on are finished anew: {changed} changed"


def test_another_encoder_keeps_the_latents(ready, monkeypatch):
    monkeypatch.setattr("audioviz.video.chunks.encoder_name", lambda codec: "ffmpeg version 1")
    with open_work(ready) as work:
        assert (work.done, work.finished) == (CLOCK.frames, 0)


@pytest.mark.parametrize("changed, remade", [(0, [0]), (13, [1]), (49, [4])])
def test_a_changed_effect_makes_the_pictures_of_its_chunk_again(ready, tmp_path_factory, changed, remade):
    effects = [*EFFECTS[:changed], "flash", *EFFECTS[changed + 1 :]]
    pictures, sampled = replace(PICTURES, digests=effects), []
    with open_work(ready, pictures=pictures) as work:
        assert (
            work.note
            == f"pictures from frame {remade[0] * CHUNK} on are finished anew: the schedule or the words changed"
        )
        assert work.finished == CLOCK.frames - len(range(remade[0] * CHUNK, min(remade[0] * CHUNK + CHUNK, 50)))
        render(work, effects=effects, sampled=sampled)
        edited = [path.read_bytes() for path in work.chunks()]
    with open_work(tmp_path_factory.mktemp("fresh"), pictures=pictures) as work:
        render(work, effects=effects)
        assert edited == [path.read_bytes() for path in work.chunks()]
    assert not sampled


@pytest.mark.parametrize("stop", [5, 13, 36, 49])
def test_pictures_that_depend_on_those_before_go_on_as_if_never_stopped(tmp_path, stop):
    echoing = replace(PICTURES, carries=True)
    for name in ("whole", "stopped"):
        (tmp_path / name).mkdir()
    with open_work(tmp_path / "stopped", pictures=echoing) as work:
        render(work, stop=stop, echoes=1.0)
    videos = []
    for name in ("whole", "stopped"):
        with open_work(tmp_path / name, pictures=echoing) as work:
            render(work, echoes=1.0)
            videos.append([path.read_bytes() for path in work.chunks()])
    assert videos[0] == videos[1]
    effects = [*EFFECTS[:20], "flash", *EFFECTS[21:]]
    with open_work(tmp_path / "whole", pictures=replace(echoing, digests=effects)) as work:
        assert (work.done, work.finished) == (CLOCK.frames, CHUNK)


def test_without_resume_nothing_is_kept(ready):
    with open_work(ready, resume=False) as work:
        assert work.done == 0


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("kind, done", [("h264", 50), ("safetensors", 24)])
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
def test_what_is_damaged_is_made_again(ready, uninterrupted, kind, done, damage):
    damage(ready / "out.audioviz" / f"000002.{kind}")
    with open_work(ready) as work:
        assert work.done == done
        anew = "frames from 24 on are made anew" if done == 24 else "pictures from frame 24 on are finished anew"
        assert work.note == f"{anew}: the earlier work is damaged there"
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
        edit(lambda c: c.update(format="audioviz work 1")),
        edit(lambda c: c.update(identity=[])),
        edit(lambda c: c.update(chunks={})),
        edit(lambda c: c["chunks"][0].update(frames=True)),
        edit(lambda c: c["chunks"][0].update(frames="12")),
        edit(lambda c: c["chunks"][0].update(frames=-1)),
        edit(lambda c: c["chunks"][0].update(digest="../../x")),
        edit(lambda c: c["chunks"][0].update(path="/etc/passwd")),
        edit(lambda c: c["chunks"][3].pop("pictures")),
        edit(lambda c: c["chunks"][3].update(state="no digest")),
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
    [
        b"",
        b"\xff" * 8,
        b"{}",
        save({"other": np.zeros(3, np.float32)}),
        save({"shown": np.zeros(3, np.float16), "last": np.zeros(3, np.float64)}),
    ],
)
def test_a_latent_of_someone_else_is_not_used(ready, content):
    import hashlib

    folder = ready / "out.audioviz"
    (folder / "000001.safetensors").write_bytes(content)
    edit(lambda c: c["chunks"][1].update(latents=hashlib.sha256(content).hexdigest()))(folder / "manifest.json")
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
        Work.open(tmp_path / out, clock=CLOCK, identity=IDENTITY, digests=DIGESTS, pictures=PICTURES, chunk=CHUNK)
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
        next(spans := work.missing())
        for _ in range(CHUNK):
            work.write(np.zeros((SIZE[1], SIZE[0], 3), np.uint8))
        (tmp_path / "out.audioviz").rename(tmp_path / "taken away")
        work.finish_chunk(Latents(np.zeros((CHUNK, 4, 6, 8), np.float16), np.zeros((1, 4, 6, 8), np.float32)))
        next(spans)
        work.before()
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
