"""Renders that are killed, interrupted, edited or cut lose nothing: the whole command, in processes of its own."""

import random
import shutil
import signal

import numpy as np
import pytest
import soundfile

RENDER = (
    "render",
    "song.wav",
    "--quiet",
    "--prompt",
    "neon nebula",
    "--prompt",
    "a gold mandala of light",
    "--size",
    "64",
)
KILLS = 5


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    """Four seconds of kicks and noise."""
    path = tmp_path_factory.mktemp("song") / "song.wav"
    t = np.arange(8000 * 4) / 8000
    kick = np.sin(2 * np.pi * 55 * (t % 0.5)) * np.exp(-(t % 0.5) * 12)
    soundfile.write(path, 0.7 * kick + np.random.default_rng(1).normal(0, 0.02, len(t)), 8000)
    return path


@pytest.fixture
def folder(song, tmp_path):
    shutil.copy(song, tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def whole(renders, song):
    """The bytes of a render without interruption, and the seconds that it took."""
    done = [renders(*RENDER, cwd=song.parent) for _ in range(2)][1]  # the first one hears the song
    assert done["status"] == 0, done["err"]
    return (song.parent / "song.mp4").read_bytes(), done["seconds"]


def finish(renders, folder) -> bytes:
    done = renders(*RENDER, cwd=folder)
    assert (done["status"], done["err"]) == (0, "")
    assert not (folder / "song.audioviz").exists() and not list(folder.glob(".*"))
    return (folder / "song.mp4").read_bytes()


def test_killed_at_random_moments_the_same_command_finishes_the_same_file(renders, whole, folder):
    content, seconds = whole
    moments = random.Random(6)
    for _ in range(KILLS):
        ended = renders(*RENDER, cwd=folder, after=moments.uniform(0.1, 1) * seconds)
        assert ended["status"] in (0, -signal.SIGKILL) and ended["err"] == ""
        if moments.random() < 0.4:  # else the next one is killed while it resumes
            assert finish(renders, folder) == content


@pytest.mark.parametrize(
    ("fault", "at"),
    [
        ("die before a file is put", 1),
        ("die after a file is put", 0),
        ("die in a manifest", 0),
        ("die in a manifest", 5),
        ("die before muxing", 0),
        ("die while muxing", 2),
        ("die when muxed", 0),
        ("die before the video is there", 0),
        ("die when the video is there", 0),
        ("die while cleaning", 0),
        ("die while cleaning", 2),
        ("die while cleaning", 9),
    ],
)
def test_killed_at_the_worst_moments_too(renders, whole, folder, fault, at):
    (folder / "song.mp4").write_bytes(b"an earlier video")
    assert renders(*RENDER, cwd=folder, fault=fault, at=at)["status"] == -signal.SIGKILL
    assert (folder / "song.mp4").read_bytes() in (b"an earlier video", whole[0])
    assert finish(renders, folder) == whole[0]


@pytest.mark.parametrize(("fault", "at"), [("pause", 0), ("pause", 30), ("stalled encoder", 0)])
def test_ctrl_c_ends_within_two_seconds_and_says_how_to_go_on(renders, whole, folder, fault, at):
    after = None if fault == "pause" else whole[1] + 0.5
    ended = renders(*RENDER, cwd=folder, fault=fault, at=at, after=after, number=signal.SIGINT)
    assert ended["status"] == 130 and ended["to_end"] < 2
    assert ended["err"].strip() == "audioviz: interrupted; the same command goes on with a render where it was"
    assert "interrupted" in (folder / "song.audioviz" / "render.log").read_text()
    assert finish(renders, folder) == whole[0]


def test_ctrl_c_loses_no_finished_chunk(renders, folder):
    renders(*RENDER, cwd=folder, fault="pause", at=30, number=signal.SIGINT)
    assert len(list((folder / "song.audioviz").glob("*.h264"))) == 2  # of twelve frames each


EDITS = {
    "prompt": (("--prompt", "3s: other words"), "frames from "),
    "script": (("--schedule", "mine.py"), "frames from 24 on are made anew: the schedule changed"),
    "option of the schedule": (("--set", "late=0.7"), "frames from 24 on are made anew: the schedule changed"),
    "steps": (("--steps", "3"), "frames from 0 on are made anew: steps changed"),
    "fps": (("--fps", "6"), "frames from 0 on are made anew: frame rate changed"),
    "part": (("--start", "1"), "frames from 0 on are made anew: the schedule changed"),
}
SCRIPT = """import audioviz as av

def schedule(song, *, late: float = 0.9):
    return av.Schedule(denoise=av.curves.keyframes({0: 0.5, 2: 0.5, 4: late}), noise=0.1)
"""


BEFORE = ("render", "song.wav", "--quiet", "--size", "64", "--prompt", "0s: neon nebula", "--schedule", "mine.py")


@pytest.fixture(scope="module")
def kept(renders, song, tmp_path_factory):
    """A folder with a video, its schedule and its work."""
    folder = tmp_path_factory.mktemp("kept")
    shutil.copy(song, folder)
    (folder / "mine.py").write_text(SCRIPT)
    assert renders(*BEFORE, "--keep-work", cwd=folder)["status"] == 0
    return folder


@pytest.mark.parametrize(("edit", "said"), EDITS.values(), ids=EDITS)
def test_an_edited_render_equals_a_fresh_one_and_says_what_is_made_anew(renders, kept, tmp_path, edit, said):
    folder = shutil.copytree(kept, tmp_path, dirs_exist_ok=True)
    if edit[0] == "--schedule":
        (folder / "mine.py").write_text(SCRIPT.replace("0.9", "0.2"))
    edited, fresh = (renders(*BEFORE, *edit, "-o", name, cwd=folder) for name in ("song.mp4", "fresh.mp4"))
    assert edited["status"] == fresh["status"] == 0, edited["err"]
    assert said in edited["err"] and "made anew" not in fresh["err"]
    assert (folder / "song.mp4").read_bytes() == (folder / "fresh.mp4").read_bytes()


def test_kept_work_makes_the_same_video_again_without_a_frame(renders, whole, folder):
    assert renders(*RENDER, "--keep-work", cwd=folder)["status"] == 0
    assert renders(*RENDER, "--keep-work", cwd=folder, fault="nan")["status"] == 0
    assert finish(renders, folder) == whole[0]


@pytest.mark.parametrize("name", ["song.webm", "song.mov"])
def test_killed_and_resumed_other_formats_have_the_same_bytes_too(renders, folder, name):
    ask = (*RENDER, "--upscale", "96x96", "-o", name)
    assert renders(*ask, cwd=folder)["status"] == 0
    whole = (folder / name).read_bytes()
    (folder / name).unlink()
    for fault, at in (("die after a file is put", 1), ("die before muxing", 0)):
        assert renders(*ask, cwd=folder, fault=fault, at=at)["status"] == -signal.SIGKILL
        assert not (folder / name).exists()
    assert renders(*ask, cwd=folder)["status"] == 0
    assert (folder / name).read_bytes() == whole
    assert sorted(path.name for path in folder.iterdir()) == sorted((name, "song.wav", "stderr", "stdout"))
