"""What cannot become a video is said before anything heavy is imported, and by the dry run as by the render."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image
from safetensors.numpy import save_file

from audioviz.command.dry_run import describe_render
from audioviz.errors import AudiovizError, InputError, ModelError
from audioviz.models.defaults import Defaults
from audioviz.models.sources import size_step
from audioviz.project import GuideFiles, Look, Project
from audioviz.rendering.check import check_project

MISTAKES = {
    "no video": (["-o", "out.avi"], "output out.avi: expected a name that ends in .mp4"),
    "a broken picture": (["--init", "mask.png"], "init mask.png: cannot be read as an image"),
    "a LoRA for the embedded model": (["--lora", "good.safetensors"], "embedded: takes no good.safetensors"),
    "no folder": (["-o", "nowhere/out.mp4"], "output folder nowhere does not exist"),
    "the song itself": (["-o", "song.mp4", "--init", "song.mp4"], "song.mp4: would overwrite what is read"),
    "a size between": (["--size", "255x255"], "size 255x255: this model makes multiples of 16"),
    "a size too small": (["--size", "32x32"], "size 32x32: this model makes multiples of 16 from 64"),
    "the song twice": (["song.wav"], "more than one song would become song.mp4"),
    "no LoRA": (["--lora", "none.safetensors"], "--lora none.safetensors: there is no such file"),
    "no LoRA file": (["--lora", "note.txt"], "LoRA note.txt: no whole .safetensors file"),
    "a pickled embedding": (["--embedding", "word.pt"], "embedding word.pt: pickled"),
    "no autoencoder": (["--vae", "none"], "vae none: there is no such file or folder"),
    "no picture": (["--init", "none.png"], "init none.png: there is no such file"),
    "a mask alone": (["--mask", "picture.png"], "mask: expected an init too"),
    "a mask that moves": (["--init", "picture.png", "--mask", "moves.gif"], "mask moves.gif: expected an image"),
    "no ControlNet": (["--controlnet", "none"], "ControlNet none: there is no such file or folder"),
    "control without a ControlNet": (["--control", "picture.png"], "the model has no ControlNet that follows it"),
    "style without an IP-Adapter": (["--style", "picture.png"], "the model has no IP-Adapter that follows it"),
    "an IP-Adapter without a style": (["--ip-adapter", "a/b/c.safetensors"], "give one (--style FILE)"),
    "no model": (["--model", "none"], "model none: there is no such file or folder"),
    "no schedule": (["--schedule", "plse"], "unknown schedule 'plse'"),
    "no script": (["--schedule", "mine.py"], "mine.py: no such file"),
    "no sampler": (["--sampler", "eular"], "unknown sampler 'eular' (did you mean euler?)"),
    "one step too few": (["--steps", "1", "--sampler", "uni_pc"], "sampler uni_pc: calls no model in 1 step"),
    "no lyrics": (["--prompt", "words.lrc"], "prompt words.lrc: there is no such file"),
    "no stem": (["--stem", "drums=none.wav"], "none.wav cannot be read"),
    "fps that no video has": (["--fps", "7000001/300000"], "fps 7000001/300000 cannot be written exactly"),
    "no beats model": (["--beats-model", "none.ckpt"], "beats model none.ckpt: there is no such file"),
    "a picture that is cut": (["--init", "cut.jpg"], "init cut.jpg: cannot be read as an image (image file is trunc"),
    "a song for a picture": (
        ["--init", "song.wav"],
        "init song.wav: cannot be read as a video (Stream map '' matches no",
    ),
    "a page for a picture": (["--init", "page.jpg"], "(Error submitting packet to decoder: Invalid data found"),
    "an animation that is cut": (["--init", "cut.webp"], "init cut.webp: cannot be read as an image"),
    "a prediction of the embedded model": (["--prediction", "v"], "embedded: takes no prediction v"),
    "no embedding": (["--embedding", "none.pt"], "embedding none.pt: there is no such file"),
    "tempo": (["--tempo", "900"], "song.grid: tempo 900: expected beats a minute"),
}
HEAVY = {"torch", "diffusers", "transformers", "librosa", "scipy", "soxr", "matplotlib", "tqdm"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("check")
    soundfile.write(folder / "song.wav", np.random.default_rng(2).normal(0, 0.1, 22050), 22050)
    for name in ("song.mp4", "film.mp4", "note.txt", "mask.png", "word.pt"):
        (folder / name).write_bytes(b"x" * 40)
    picture = Image.new("RGB", (64, 64))
    picture.save(folder / "picture.png")
    picture.save(folder / "moves.gif", save_all=True, append_images=[Image.new("RGB", (64, 64), "white")])
    (folder / "page.jpg").write_text("<html>")
    grain = Image.fromarray(np.random.default_rng(3).integers(0, 255, (64, 64, 3), np.uint8))
    for name in ("cut.jpg", "cut.webp"):
        grain.save(folder / name, **({} if name == "cut.jpg" else {"save_all": True, "append_images": [picture]}))
        (folder / name).write_bytes((folder / name).read_bytes()[:-900])
    save_file({"a": np.zeros(1)}, folder / "good.safetensors")
    return folder


ASKED = """
import json, sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from audioviz.command import main
main.leave = sys.exit
for line in sys.stdin:
    sys.argv = ["audioviz", *json.loads(line)]
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        try:
            main.main()
        except SystemExit as end:
            status = end.code
    print(json.dumps([status, out.getvalue(), err.getvalue(), sorted(HEAVY & set(sys.modules))]), flush=True)
"""


@pytest.fixture(scope="module")
def render(folder):
    """Runs the command in a process that has nothing heavy: its status, what it says, the heavy that it has then."""
    code = [sys.executable, "-c", f"HEAVY = {HEAVY!r}{ASKED}"]
    with subprocess.Popen(code, cwd=folder, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:

        def ask(*arguments: str) -> list:
            print(json.dumps(["render", "song.wav", *arguments]), file=process.stdin, flush=True)
            return json.loads(process.stdout.readline())

        yield ask
        process.stdin.close()


@pytest.mark.parametrize(("arguments", "said"), MISTAKES.values(), ids=MISTAKES.keys())
def test_the_render_and_its_dry_run_refuse_alike_before_anything_heavy(render, folder, arguments, said):
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    for dry in ([], ["--dry-run"]):
        status, out, err, imported = render(*arguments, *dry)
        assert status == 2 and out == "" and err.count("\n") == 1 and said in err
        assert imported == []
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_what_can_be_is_let_pass(folder):
    check_project(Project(folder / "song.wav", look=Look(size=(256, 144), sampler="ddim")), out=folder / "new.mp4")


def test_the_embedded_model_is_known_by_its_files():
    assert size_step("embedded") == 16 and size_step("a/b") is None
    assert Defaults(256, 4, 3.0, "euler", "normal").denoise == 0.5


def test_a_loaded_model_is_not_asked_for_its_files(folder):
    project = Project(folder / "song.wav", look=Look("embedded + style.safetensors"))
    check_project(project, model_is_loaded=True)
    with pytest.raises(AudiovizError, match="there is no such file"):
        check_project(project)


def test_a_dry_run_looks_for_the_loras_that_prompts_name(folder):
    project = Project(folder / "song.wav", prompts="<lora:none:0.8> gold", look=Look(lora_dir=str(folder)))
    with pytest.raises(InputError, match="there is no LoRA none in .*; expected none.safetensors there"):
        describe_render(project, out=Path("video.mp4"))
    with pytest.raises(ModelError, match="embedded: takes no .*good.safetensors"):
        describe_render(replace(project, prompts=("<lora:good:0.8> gold",)), out=Path("video.mp4"))


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("a.mkv", "render a.mp4, then make the other of it: ffmpeg -i a.mp4 -c copy a.mkv"),
        ("my a.avi", "ffmpeg -i 'my a.mp4' 'my a.avi'"),
        ("videos", "such as videos.mp4, or videos/ for a folder"),
    ],
)
def test_how_to_get_a_video_of_another_kind(folder, out, said, monkeypatch):
    monkeypatch.chdir(folder)
    with pytest.raises(InputError, match=said):
        check_project(Project("song.wav"), out=Path(out))


@pytest.mark.parametrize(
    ("project", "said"),
    [
        ({"prompts": [""]}, "prompt '': expected words"),
        ({"guides": GuideFiles(init=Path("film.mp4"))}, "init film.mp4: cannot be read as a video"),
    ],
)
def test_what_else_a_project_cannot_be(folder, project, said, monkeypatch):
    monkeypatch.chdir(folder)
    with pytest.raises(InputError, match=said):
        check_project(Project("song.wav", **project))
