"""Renders to other sizes and formats: exact, made again from the latents that were kept, and refused in one line."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

import audioviz as av
from audioviz.command.render import folder_of
from audioviz.errors import AudiovizError, InputError
from audioviz.project import Finish
from audioviz.rendering.check import check_project
from audioviz.rendering.estimate import estimate
from audioviz.video.probe import probe
from tests.models import fake_model
from tests.songs import made_song


@pytest.fixture
def song(tmp_path):
    path = tmp_path / "song.wav"
    soundfile.write(path, np.random.default_rng(1).normal(0, 0.1, 22050 * 4), 22050)
    return path


def render(song, out, *, model=None, **options):
    heard = made_song(path=song)
    plan = av.load_schedule("pulse")(heard).with_prompts(["neon nebula"])
    return av.render(heard, plan, out=out, model=model or fake_model(), progress=False, **options)


@pytest.mark.filterwarnings("ignore:a part begins")
@pytest.mark.parametrize(
    ("options", "sampled", "size"),
    [
        ({"upscale": "2x"}, [64, 64], (128, 128)),
        ({"upscale": "160x90"}, [88, 48], (160, 90)),
        ({"upscale": "160x90", "size": 64}, [64, 64], (160, 90)),
        ({"frame": "vertical", "duration": 0.25}, [48, 88], (1080, 1920)),
    ],
)
def test_a_video_has_the_size_asked_for_of_frames_as_near_as_the_model_makes(song, options, sampled, size):
    info = probe(render(song, song.with_suffix(".mp4"), **{"duration": 0.5, **options}))
    manifest = json.loads(info.metadata)
    assert (info.size, manifest["size"], manifest["upscale"]) == (size, sampled, "lanczos")


def test_another_format_or_size_samples_no_frame_again(song):
    render(song, song.with_suffix(".mp4"), keep_work=True)
    for ending, options in ((".webm", {}), (".gif", {"upscale": "1.5x"}), (".mp4", {"codec": "av1"})):
        with pytest.warns(match="finished anew: .*encoder.* changed"):
            out = render(song, song.with_suffix(ending), model=fake_model(nan_from_call=0), keep_work=True, **options)
        assert probe(out).frames == 48
        assert {path.suffix for path in song.with_suffix(".audioviz").iterdir() if path.stem == "000000"} == {
            ".safetensors",
            ".h264" if ending == ".gif" else ".ivf",
        }


def test_a_plain_video_is_as_it_was(song):
    """What --frame and --upscale ask for already is leaves all as it is, to the byte."""
    plain, asked = (
        render(song, song.with_name(f"{name}.mp4"), **options).read_bytes()
        for name, options in (("a", {}), ("b", {"upscale": "64x64", "codec": "h264"}))
    )
    assert plain == asked


@pytest.mark.filterwarnings("ignore:a part begins")
def test_a_smoothed_webm_tells_its_exact_frames_a_second(song):
    info = probe(render(song, song.with_suffix(".webm"), smooth="24000/1001", duration=2.5))
    assert str(info.fps) == json.loads(info.metadata)["fps"] == "24000/1001"


def test_several_songs_need_a_folder():
    with pytest.raises(InputError, match="--out all.webm: several songs need a folder"):
        folder_of("all.webm", [Path("a.wav"), Path("b.wav")])


@pytest.mark.parametrize(
    ("finish", "out", "message"),
    [
        ({"upscale": "2x", "frame": "wide"}, "a.mp4", "upscale 2x: frame wide is 1920x1080 already; leave one"),
        ({"upscale": "800x600", "frame": "square"}, "a.mp4", "frame square is 1080x1080 already; leave one"),
        ({"upscale": "gone.safetensors"}, "a.mp4", "network gone.safetensors: there is no such file; expected"),
        ({"codec": "av1"}, "a.mov", "a.mov: .mov holds prores, but not av1; expected a name that ends in .mp4 or"),
        ({}, "a.ogv", "a.ogv: expected a name that ends in .mp4, .mov, .webm, .gif; render a.mp4, then make"),
    ],
)
def test_what_cannot_be_made_is_refused_before_anything_is(song, monkeypatch, finish, out, message):
    monkeypatch.chdir(song.parent)
    with pytest.raises(AudiovizError, match=message):
        check_project(av.Project(song, finish=Finish(**finish)), out=Path(out))


def test_a_gif_of_sixty_frames_a_second_is_refused(song):
    with pytest.raises(InputError, match="fps 60: a GIF shows 50 frames a second at most"):
        check_project(av.Project(song, fps=60), out=song.with_name("a.gif"))


def test_what_is_too_large_for_encoders_is_refused_by_the_dry_run_as_by_the_render(song):
    heard = made_song(path=song)
    project = av.Project(song, finish=Finish(upscale="16x")).changed(size=2048)
    with pytest.raises(InputError, match="size 32768x32768 cannot be encoded: a side of a video has 16384 pixels"):
        estimate(project, heard, out=song.with_name("a.mp4"))
    with pytest.raises(InputError, match="size 32768x32768 cannot be encoded"):
        render(song, song.with_name("a.mp4"), upscale="16x", size=2048)


def test_a_pickled_network_is_refused(song, tmp_path):
    (tmp_path / "net.pth").write_bytes(b"x")
    with pytest.raises(
        av.errors.ModelError if hasattr(av, "errors") else Exception, match=r"net.pth: pickled, so that"
    ):
        check_project(av.Project(song, finish=Finish(upscale=str(tmp_path / "net.pth"))))


def test_a_project_file_keeps_the_finish_and_finds_its_network_again(song, tmp_path):
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "net.safetensors").write_bytes(b"x")
    finish = Finish(upscale=f"{tmp_path}/nets/net.safetensors:2x", codec="h265")
    av.save_project(av.Project(song, finish=finish), tmp_path / "a.avz")
    assert '"nets/net.safetensors:2x"' in (tmp_path / "a.avz").read_text()
    assert av.load_project(tmp_path / "a.avz").finish == finish
    with pytest.raises(InputError, match="codec: unknown codec 'h256' .did you mean h265"):
        Finish(codec="h256")
    with pytest.raises(InputError, match="upscale: '2', expected 2x, a size"):
        Finish(upscale="2")
