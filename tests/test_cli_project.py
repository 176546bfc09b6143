"""The command and project files: written by --save, rendered in the place of a song, overridden by what is typed."""

import json
import re
import shutil

import numpy as np
import pytest
import soundfile

OPTIONS = (
    *("--schedule", "cuts", "--set", "bars=2", "--prompt", "0s: neon nebula", "--prompt", "2s: gold --neg grey"),
    *(
        "--fps",
        "8",
        "--size",
        "64",
        "--steps",
        "2",
        "--cfg",
        "2.5",
        "--sampler",
        "euler",
        "--start",
        "1",
        "--duration",
        "2",
    ),
    *("--tempo", "100-140", "--beat-offset", "20", "--stem", "drums=drums.wav", "--negative", "mud"),
)


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sound")
    t = np.arange(22050 * 4) / 22050
    kick = np.sin(2 * np.pi * 55 * (t % 0.5)) * np.exp(-(t % 0.5) * 12)
    soundfile.write(folder / "song.wav", 0.7 * kick + np.random.default_rng(1).normal(0, 0.02, len(t)), 22050)
    soundfile.write(folder / "drums.wav", 0.7 * kick, 22050)
    return folder


@pytest.fixture
def folder(sound, tmp_path):
    for file in sound.glob("*.wav"):
        shutil.copy(file, tmp_path)
    return tmp_path


def test_a_project_renders_to_the_same_bytes_as_its_options(renders, folder):
    done = renders("render", "song.wav", *OPTIONS, "--save", "song.avz", "-o", "a.mp4", "--quiet", cwd=folder)
    assert done["status"] == 0, done["err"]
    kept = json.loads((folder / "song.avz").read_text())
    assert kept["schedule"] == {"source": "cuts", "settings": {"bars": "2"}} and kept["look"]["size"] == [64, 64]
    assert renders("render", "song.avz", "-o", "b.mp4", "--quiet", cwd=folder)["status"] == 0
    assert (folder / "a.mp4").read_bytes() == (folder / "b.mp4").read_bytes()
    (folder / "elsewhere").mkdir()
    assert renders("render", "../song.avz", "-o", "c.mp4", "--quiet", cwd=folder / "elsewhere")["status"] == 0
    assert (folder / "a.mp4").read_bytes() == (folder / "elsewhere" / "c.mp4").read_bytes()


def test_what_is_typed_overrides_the_file(renders, folder):
    assert renders("schedule", "song.wav", "--schedule", "cuts", "--set", "bars=2", "--fps", "8", "--save", "a.avz",
                   cwd=folder)["status"] == 0  # fmt: skip
    done = renders(
        "schedule", "a.avz", "--fps", "6", "--set", "bars=3", "--save", "b.avz", "--json", "b.json", cwd=folder
    )
    assert done["status"] == 0, done["err"]
    kept = json.loads((folder / "b.avz").read_text())
    assert kept == {
        "version": 1,
        "song": {"path": "song.wav"},
        "fps": 6,
        "schedule": {"source": "cuts", "settings": {"bars": "3"}},
    }
    assert json.loads((folder / "b.json").read_text())["fps"] == 6
    renders("schedule", "a.avz", "--schedule", "pulse", "--save", "c.avz", cwd=folder)
    assert "schedule" not in json.loads((folder / "c.avz").read_text())  # pulse is what is usual


def test_a_lane_in_the_file_bends_the_schedule_and_the_video(renders, folder):
    plain = ("render", "plain.avz", "--quiet", "--size", "64", "--duration", "1")
    assert renders("schedule", "song.wav", "--save", "plain.avz", cwd=folder)["status"] == 0
    project = json.loads((folder / "plain.avz").read_text())
    (folder / "bent.avz").write_text(
        json.dumps(project | {"lanes": {"denoise": {"expression": "0.1 * b", "mode": "add"}}})
    )
    for name in ("plain", "bent"):
        assert renders("schedule", f"{name}.avz", "--json", f"{name}.json", cwd=folder)["status"] == 0
        assert renders("render", f"{name}.avz", *plain[2:], cwd=folder)["status"] == 0
    before, after = (json.loads((folder / f"{name}.json").read_text())["denoise"] for name in ("plain", "bent"))
    assert before[0] == after[0] and all(b > a for a, b in zip(before[10:20], after[10:20], strict=True))
    assert (folder / "plain.mp4").read_bytes() != (folder / "bent.mp4").read_bytes()


def test_a_script_that_a_project_names_is_run_when_the_user_says_so(renders, folder):
    (folder / "mine.py").write_text("import audioviz as av\ndef schedule(song): return av.Schedule(denoise=0.25)\n")
    assert renders("schedule", "song.wav", "--schedule", "mine.py", "--save", "song.avz", cwd=folder)["status"] == 0
    for command in ("schedule", "render"):
        done = renders(command, "song.avz", cwd=folder)
        assert done["status"] == 2 and done["out"] == ""
        assert "names the script mine.py, and a script is code" in done["err"] and done["err"].count("\n") == 1
    for option in (["--trust"], ["--schedule", "mine.py"]):
        assert renders("schedule", "song.avz", *option, cwd=folder)["status"] == 0


def test_analyze_hears_a_project_with_its_grid(renders, folder):
    assert renders("schedule", "song.wav", "--beats", "half", "--save", "half.avz", cwd=folder)["status"] == 0
    whole, half = (renders("analyze", song, cwd=folder)["out"] for song in ("song.wav", "half.avz"))
    assert 119 < tempo(whole) < 121.5 and 59 < tempo(half) < 61


def test_pins_are_kept_in_the_project(renders, folder):
    pins = ("--pin", "1.5=1.54", "--pin", "0.5=0.52s")
    assert renders("schedule", "song.wav", *pins, "--save", "pins.avz", cwd=folder)["status"] == 0
    kept = json.loads((folder / "pins.avz").read_text())
    assert kept["song"]["grid"] == {"pins": {"0.5s": 0.52, "1.5s": 1.54}}
    assert renders("analyze", "pins.avz", "--json", "a.json", cwd=folder)["status"] == 0
    assert {0.52, 1.54} <= set(json.loads((folder / "a.json").read_text())["beats"]["seconds"])


def tempo(told: str) -> float:
    return float(re.search(r"([\d.]+) bpm", told)[1])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("render", "song.wav", "other.wav", "--save", "x.avz"), "a project has one song, and there are 2"),
        (("schedule", "song.wav", "--save", "x.json"), "project x.json: expected a name that ends in .avz"),
        (("schedule", "song.wav", "--save", "no/x.avz"), "no/x.avz: cannot be written"),
        (
            ("schedule", "song.wav", "--pin", "0.5"),
            "song.grid: pin 0.5=: expected where a beat is and where it is to be",
        ),
        (("render", "bad.avz"), "bad.avz: look.steps: 0, expected 1 to 10000"),
        (("render", "gone.avz"), "gone.avz: cannot be read"),
        (("render", "empty.avz"), "nothing.wav cannot be read"),
    ],
)
def test_mistakes_are_one_line(renders, folder, arguments, said):
    shutil.copy(folder / "song.wav", folder / "other.wav")
    (folder / "bad.avz").write_text('{"song": "song.wav", "look": {"steps": 0}}')
    (folder / "empty.avz").write_text('{"song": "nothing.wav"}')
    done = renders(*arguments, cwd=folder)
    assert done["status"] == 2 and said in done["err"] and done["err"].count("\n") == 1
    assert not list(folder.glob("x.*")) and not list(folder.glob("*.mp4"))
