"""Each fault of a long night ends in one clear line, the right exit status, and work that goes on.

Nothing earlier is harmed.
"""

import json
import re
import shutil

import numpy as np
import pytest
import soundfile
import torch

import audioviz as av
from audioviz.errors import ModelError
from audioviz.rendering.log import MAX_BYTES, render_log
from audioviz.video.probe import probe
from tests.songs import made_song

RENDER = ("render", "song.wav", "--quiet", "--prompt", "neon nebula", "--size", "64", "--seed", "3")


@pytest.fixture(scope="module")
def whole(renders, tmp_path_factory):
    """A folder with a song and its video."""
    folder = tmp_path_factory.mktemp("whole")
    t = np.arange(8000 * 4) / 8000
    kick = np.sin(2 * np.pi * 60 * (t % 0.5)) * np.exp(-(t % 0.5) * 12)
    soundfile.write(folder / "song.wav", 0.7 * kick, 8000)
    done = renders(*RENDER, cwd=folder)
    assert (done["status"], done["out"], done["err"]) == (0, "song.mp4\n", "")
    return folder


@pytest.fixture
def folder(whole, tmp_path):
    """A folder with the song and an earlier video."""
    shutil.copy(whole / "song.wav", tmp_path)
    (tmp_path / "song.mp4").write_bytes(b"an earlier video")
    return tmp_path


FAULTS = {
    "nan": (70, 2, "the model gave values that are not numbers; try another sampler"),
    "memory": (30, 2, "out of memory at 64x64, while a picture was decoded or encoded: close other"),
    "cuda memory": (30, 2, "out of memory at 64x64, while a picture was decoded or encoded: close other"),
    "cpu memory": (30, 2, "out of memory at 64x64, while a picture was decoded or encoded: close other"),
    "full disk": (30, 2, "ree space"),
    "no rights": (30, 2, "cannot be written (Permission denied): free space or "),
    "no ffmpeg": (30, 2, "ended by signal 9. Free space or memory, then start the same render again"),
    "no ffmpeg while muxing": (0, 2, "ffmpeg cannot join picture and sound"),
    "no song": (30, 2, "song.wav"),
    "another song": (30, 2, "song.wav was changed while its video was being made: start the same render again"),
    "defect": (
        30,
        1,
        "an error of audioviz's own (ZeroDivisionError: a fault of ours): the traceback is in song.audioviz/",
    ),
}


@pytest.mark.parametrize(
    ("fault", "at", "status", "said"), [(name, *rest) for name, rest in FAULTS.items()], ids=FAULTS
)
def test_a_fault_is_one_line_and_loses_nothing(renders, whole, folder, fault, at, status, said):
    ended = renders(*RENDER, cwd=folder, fault=fault, at=at)
    assert ended["status"] == status and ended["out"] == ""
    assert ended["err"].startswith("audioviz: ") and ended["err"].count("\n") == 1 and said in ended["err"]
    assert (folder / "song.mp4").read_bytes() == b"an earlier video" and not list(folder.glob(".*"))
    work = folder / "song.audioviz"
    assert "Traceback" in (work / "render.log").read_text()
    assert len(list(work.glob("*.h264"))) >= 1, "the finished chunks stay"
    work.chmod(0o755)
    shutil.copy(whole / "song.wav", folder)
    again = renders(*RENDER, cwd=folder)
    assert (again["status"], again["err"]) == (0, ""), again["err"]
    assert (folder / "song.mp4").read_bytes() == (whole / "song.mp4").read_bytes()
    assert not work.exists()


def test_memory_that_lacks_for_the_model_is_said(monkeypatch, folder):
    def lack(*source, **options):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr("audioviz.models.load.load_model", lack)
    song = made_song(path=folder / "song.wav")
    with pytest.raises(ModelError, match="out of memory while the model was loaded: lower --size"):
        av.render(song, av.Schedule(clock=song.clock), out=folder / "song.mp4")


def test_memory_that_lacks_for_a_whole_picture_may_suffice_for_tiles(renders, whole, folder):
    ended = renders(*RENDER, cwd=folder, fault="memory for tiles alone", at=5)  # no chunk is finished
    assert ended["status"] == 0
    assert (
        ended["err"] == "audioviz: out of memory while a picture was decoded whole: the video is begun again in tiles\n"
    )
    videos = [probe(place / "song.mp4") for place in (folder, whole)]
    assert [json.loads(video.metadata)["tiled"] for video in videos] == [True, False]
    assert all(video.frames == 48 for video in videos)


def test_a_video_in_tiles_that_is_interrupted_goes_on_in_tiles(renders, folder):
    renders(*RENDER, "--keep-work", cwd=folder, fault="memory for tiles alone", at=0)
    finished = (folder / "song.mp4").read_bytes()
    manifest = folder / "song.audioviz" / "manifest.json"
    content = json.loads(manifest.read_text())
    assert content["identity"]["tiled"] is True
    content["chunks"] = content["chunks"][:2]
    manifest.write_text(json.dumps(content))
    ended = renders(*RENDER, cwd=folder)
    assert (ended["status"], ended["err"]) == (0, "")
    assert (folder / "song.mp4").read_bytes() == finished
    assert renders(*RENDER, "--no-resume", cwd=folder)["status"] == 0
    assert json.loads(probe(folder / "song.mp4").metadata)["tiled"] is False


def test_the_log_tells_each_chunk_and_stays_short(renders, folder):
    log = folder / "song.audioviz" / "render.log"
    renders(*RENDER, cwd=folder, fault="nan", at=70)
    renders(*RENDER, "--keep-work", cwd=folder)
    story = log.read_text()
    assert story.count("song.mp4 from song.wav, frames 0 to 48 of it: {") == 2 and '"torch": "' in story
    said = r"^[-0-9]+ [0-9:,]+ frames 24 to 36 of 48, [\d.]+ frames a second, \d+ MB resident$"
    assert re.search(said, story, re.MULTILINE)
    assert "NotFinite: frame" in story and story.endswith("finished\n")
    log.write_text("x" * (MAX_BYTES + 1))
    renders(*RENDER, "--keep-work", cwd=folder)
    assert log.stat().st_size < 2000


def test_a_log_that_cannot_be_written_or_leads_elsewhere_harms_nothing(renders, whole, folder):
    precious = folder / "precious"
    precious.write_text("mine")
    (folder / "song.audioviz").mkdir()
    (folder / "song.audioviz" / "render.log").symlink_to(precious)
    assert renders(*RENDER, cwd=folder)["status"] == 0
    assert precious.read_text() == "mine"
    with render_log(folder / "nowhere" / "render.log") as log:
        log.info("nobody hears this")
