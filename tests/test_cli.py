"""The command as users meet it: a process of its own, its two streams, its exit status."""

import io
import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile

import audioviz as av
from audioviz.audio.load import load_song
from audioviz.audio.reading.cache import cache_folder
from audioviz.command import main
from audioviz.insight.report import describe_manifest
from audioviz.project import Look, Project
from audioviz.rendering.costs import recall_cost, remember_cost
from audioviz.rendering.estimate import estimate
from audioviz.rendering.settings import RenderSettings
from tests.models import fake_model

COMMAND = [sys.executable, "-c", "from audioviz.command.main import main; main()"]


def audioviz(*arguments, cwd: Path, check: int | None = None) -> subprocess.CompletedProcess:
    done = subprocess.run([*COMMAND, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=120)
    assert check is None or done.returncode == check, done.stderr
    return done


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a two-second song of four kicks."""
    folder = tmp_path_factory.mktemp("songs")
    t = np.arange(44100 * 2) / 44100
    kick = np.sin(2 * np.pi * 55 * (t % 0.5)) * np.exp(-(t % 0.5) * 12)
    soundfile.write(folder / "song.wav", np.c_[kick, kick] * 0.8, 44100)
    return folder


def test_help_names_the_commands(tmp_path):
    shown = audioviz("--help", cwd=tmp_path, check=0).stdout
    for name in ("render", "sweep", "analyze", "schedule", "run", "ls", "cp", "info"):
        assert f"  {name} " in shown


def test_alone_it_shows_its_help(tmp_path):
    shown = audioviz(cwd=tmp_path, check=0).stdout
    assert "\n  render " in shown and shown.count("\n") > 10


def test_pipelines_report_under_their_own_name(tmp_path):
    assert "audioviz ls" in audioviz("run", "--help", cwd=tmp_path, check=0).stdout
    help_of_one = audioviz("run", "redraw", "--help", cwd=tmp_path, check=0).stdout
    assert help_of_one.startswith("Usage: audioviz run redraw [OPTIONS] SONG INIT")
    assert "Try 'audioviz run redraw --help'" in audioviz("run", "redraw", cwd=tmp_path, check=2).stderr


def test_a_pipeline_imports_the_file_beside_it_and_its_errors_are_one_line(tmp_path):
    (tmp_path / "beside_it.py").write_text("WORD = 'found'\n")
    (tmp_path / "mine.py").write_text("import sys, beside_it\nprint(beside_it.WORD, sys.argv[1:])\n1 / 0\n")
    done = audioviz("run", "mine.py", "--word", "x", "--help", cwd=tmp_path, check=2)
    assert done.stdout == "found ['--word', 'x', '--help']\n"
    assert done.stderr == "audioviz: mine.py:3: ZeroDivisionError: division by zero\n"


def test_a_tilde_in_quotes_is_the_home_folder(folder, tmp_path):
    done = subprocess.run(
        [*COMMAND, "render", "~/song.wav", "-o", "~/no/out.mp4", "--dry-run"],
        env=os.environ | {"HOME": str(folder), "USERPROFILE": str(folder)},
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 2 and f"output folder {folder / 'no'} does not exist" in done.stderr


def test_ls_and_cp(tmp_path):
    listed = audioviz("ls", cwd=tmp_path, check=0).stdout
    assert "pulse" in listed and "music_video" in listed
    assert audioviz("cp", "pulse", "mine.py", cwd=tmp_path, check=0).stdout == "mine.py\n"
    assert audioviz("cp", "pulse", "mine.py", cwd=tmp_path, check=2).stderr.count("\n") == 1


def test_analyze_writes_what_other_programs_read(folder, tmp_path, command):
    status, shown, err = command(
        "analyze",
        folder / "song.wav",
        "--fps",
        "24",
        "--json",
        "a.json",
        "--csv",
        "a.csv",
        "--plot",
        "a.png",
        "--clicks",
        "a.flac",
        "--first-downbeat",
        "1b",
        "--beats-per-bar",
        "2",
        cwd=tmp_path,
    )
    assert status == 0 and "2 beats a bar\n48 frames at 24 fps" in shown and err == ""
    found = json.loads((tmp_path / "a.json").read_text())
    assert found["frames"] == 48 and found["fps"] == 24 and found["duration"] == 2.0
    assert len(found["curves"]["rms"]) == 48 and found["onsets"]["seconds"] == pytest.approx([0, 0.5, 1, 1.5], abs=0.03)
    assert found["beats_per_bar"] == 2 and found["downbeats"]["frames"] == found["beats"]["frames"][1::2]
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 49
    assert soundfile.info(tmp_path / "a.flac").frames == 44100 * 2
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_analyze_shows_a_part_as_it_is_in_the_whole(folder, tmp_path, command):
    grid = ("--first-downbeat", "1b", "--beats-per-bar", "2", "--fps", "24")
    for name, part in (("whole", ()), ("part", ("--start", "0.5", "--duration", "1", "--clicks", "part.wav"))):
        assert command("analyze", folder / "song.wav", "--json", f"{name}.json", *grid, *part, cwd=tmp_path)[0] == 0
    whole, part = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("whole", "part"))
    assert (
        part["curves"]["low"] == whole["curves"]["low"][12:36] and soundfile.info(tmp_path / "part.wav").duration == 1
    )
    assert part["downbeats"]["frames"] == [k - 12 for k in whole["downbeats"]["frames"] if 12 <= k < 36]


def test_a_schedule_saved_as_json_or_csv_is_read_back_the_same(folder, tmp_path, command):
    song = folder / "song.wav"
    saved = command(
        "schedule",
        song,
        "--schedule",
        "pulse",
        "--set",
        "punch=0.3",
        "--prompt",
        "a",
        "--prompt",
        "b",
        "--json",
        "one.json",
        "--csv",
        "one.csv",
        "--plot",
        "one.png",
        cwd=tmp_path,
    )
    assert saved[0] == 0
    for source in ("one.json", "one.csv"):
        again = command("schedule", song, "--schedule", source, "--json", f"again-{source}.json", cwd=tmp_path)
        assert again[0] == 0
        assert (tmp_path / f"again-{source}.json").read_bytes() == (tmp_path / "one.json").read_bytes()
    assert (tmp_path / "one.png").read_bytes().startswith(b"\x89PNG")


def test_the_schedule_of_a_part_is_that_of_the_whole_and_is_read_back(folder, tmp_path, command):
    part = ("--start", "1b", "--duration", "0:01", "--prompt", "a")
    saved = {"whole": (), "part": part, "again": (*part[:4], "--schedule", "part"), "lines": ("--schedule", "part.csv")}
    for name, options in saved.items():
        files = ("--json", name, "--csv", f"{name}.csv") if name == "part" else ("--json", name)
        options = (*part[:4], *options) if name == "lines" else options
        status, _, err = command("schedule", folder / "song.wav", *options, *files, cwd=tmp_path)
        assert (status, err) == (0, "")
    whole, found, again, lines = (json.loads((tmp_path / name).read_text()) for name in saved)
    second_beat = round(12 * load_song(folder / "song.wav").beats.seconds[1])
    assert found["denoise"] == whole["denoise"][second_beat : second_beat + 12] and found["frames"] == 12
    assert found == again == lines


def test_a_dry_run_shows_the_plan_and_what_it_takes_and_writes_nothing(folder, tmp_path, command):
    arguments = ("render", folder / "song.wav", "--dry-run", "--prompt", "neon nebula", "--size", "64", "--steps", "5")
    status, shown, err = command(*arguments, "--start", "0.5", cwd=tmp_path)
    assert status == 0 and err == ""
    assert "24 frames at 12 fps" in shown and "neon nebula" in shown and "denoise" in shown
    assert "embedded: 64x64, 5 steps of " in shown and "frames to make: 6 to 23, 18 of 24\n" in shown
    assert "time: unknown until a render" in shown and "disk: less than 0.2 MB for the work folder" in shown
    assert (
        "as much for the video, beside 0.0 MB of sound; up to 0.2 MB more"
        in command(*arguments, "--start", "0.5", "--keep-work", cwd=tmp_path)[1]
    )
    remember_cost("embedded", RenderSettings((64, 64), 5, 3.0, "euler", "karras"), "cpu", seconds=200, size=5e8)
    shown = command(*arguments, "--device", "cpu", cwd=tmp_path)[1]
    assert "time: about 1 h 20 min, as 200 s a frame were measured" in shown and "disk: about 12.0 GB for" in shown
    assert "of sound" not in command(*arguments, "-o", "out.gif", cwd=tmp_path)[1]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", ["mp4", "mov", "webm"])
def test_the_dry_run_tells_what_the_sound_takes(tmp_path, ending):
    soundfile.write(tmp_path / "song.wav", np.random.default_rng(1).normal(0, 0.2, (44100 * 6, 2)), 44100)
    song = load_song(tmp_path / "song.wav", fps=2)
    out = tmp_path / f"out.{ending}"
    told = estimate(Project(song.path, fps=2, look=Look(size=64)), song, out=out).sound_bytes
    av.render(song, "drift", model=fake_model(), out=out, progress=False)
    assert out.stat().st_size == pytest.approx(told, rel=0.25)


def test_what_a_render_cost_is_remembered_and_damage_is_forgotten(renders, folder, own_cache):
    shutil.copy(folder / "song.wav", folder / "measured.wav")
    assert renders("render", "measured.wav", "--quiet", "--steps", "3", cwd=folder)["status"] == 0
    look = RenderSettings((64, 64), 3, 2.0, "euler", "normal")
    cost = recall_cost("fake", look, "cpu")
    assert 0 < cost.seconds < 5 and 0 < cost.size < 64 * 64 * 1.5
    for text in ("", "[]", "{", "[" * 99999, '{"fake 64x64 3 euler guided cpu": {"seconds": "x", "size": 1}}'):
        (cache_folder().parent / "costs.json").write_text(text)
        assert recall_cost("fake", look, "cpu") is None


@pytest.fixture
def several(folder, tmp_path):
    """A folder with two songs, and one between them that is none."""
    for name in ("a.wav", "c.wav"):
        shutil.copy(folder / "song.wav", tmp_path / name)
    (tmp_path / "b.flac").write_bytes(b"no music at all")
    return tmp_path


def test_several_songs_are_rendered_and_one_that_fails_stops_none(renders, several):
    done = renders("render", "a.wav", "b.flac", "c.wav", "-o", "out/", "--quiet", cwd=several)
    assert (done["status"], done["out"]) == (2, "out/a.mp4\nout/c.mp4\n")
    failed, end = done["err"].splitlines()
    assert (
        failed.startswith("audioviz: b.flac failed: b.flac ")
        and end == "audioviz: 2 of 3 songs rendered; failed: b.flac"
    )
    assert sorted(path.name for path in (several / "out").iterdir()) == ["a.mp4", "c.mp4"]
    assert renders("render", "a.wav", "c.wav", "-o", "out", "--quiet", cwd=several)["status"] == 0
    assert renders("render", "a.wav", "-o", "out", "--quiet", cwd=several)["out"] == "out/a.mp4\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a.wav", "sub/a.wav"], "a.wav: more than one song would become a.mp4"),
        (["a.wav", "c.wav", "-o", "x.mp4"], "need a folder"),
        (["a.wav", "c.wav", "-o", "no/where"], "cannot be made (No such file or directory)"),
    ],
)
def test_several_songs_need_a_folder_and_names_of_their_own(renders, several, arguments, said):
    done = renders("render", *arguments, cwd=several)
    assert done["status"] == 2 and said in done["err"] and done["err"].count("\n") == 1


def test_info_tells_what_a_video_was_made_of_and_whether_it_fits(renders, folder):
    assert (
        renders("render", "song.wav", "-o", "told.mp4", "--quiet", "--prompt", "neon nebula", cwd=folder)["status"] == 0
    )
    shown = renders("info", "told.mp4", cwd=folder)["out"]
    for line in (
        "picture longer than sound by           0.0 ms, within half a frame",
        "24 against 24.0",
        "model         fake",
        "size          64x64",
        "sampler       euler",
        "torch 2",
        "prompt        0.0 s  neon nebula",
        "kicks with a peak within one frame",
    ):
        assert line in shown


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "{",
        "[]",
        "[" * 99999,
        '{"schedule": [], "versions": 3, "size": {"a": "\\u001b[2J"}}',
        '{"schedule": {"prompts": [1, {"prompt": "\\u0007"}]}}',
        '{"model": "' + "x" * 9999 + '"}',
    ],
)
def test_a_strangers_manifest_cannot_steer_the_terminal(text):
    lines = describe_manifest(text)
    assert all(line.isprintable() and len(line) < 250 for line in lines)


MISTAKES = {
    "missing file": (["render", "gone.mp3"], "gone.mp3"),
    "a folder": (["render", "."], "folder"),
    "an empty file": (["render", "empty.mp3"], "empty"),
    "text renamed": (["render", "text.mp3"], "text.mp3"),
    "unknown schedule": (["render", "song.wav", "--schedule", "puls"], "use boombap, breathe, cuts, dream"),
    "unknown sampler": (["render", "song.wav", "--sampler", "eular"], "euler"),
    "unknown scheduler": (["render", "song.wav", "--scheduler", "karas"], "karras"),
    "prompt keyframe past the end": (["render", "song.wav", "--prompt", "9s: x"], "past the end"),
    "a prompt at no time": (["render", "song.wav", "--prompt", "1:75: x"], "time '1:75': expected seconds"),
    "a prompt file that is none": (["render", "song.wav", "--prompt", "gone.srt"], "prompt gone.srt: there is no such"),
    "a start at no time": (["render", "song.wav", "--start", "1:3x"], "unknown time '1:3x': write seconds as 90, 90s"),
    "a start in no section": (["analyze", "song.wav", "--start", "Z"], "unknown keyframe 'Z'"),
    "--set of a wrong type": (["render", "song.wav", "--set", "punch=loud"], "expected a number"),
    "--set without a value": (["render", "song.wav", "--set", "punch"], "expected name=value"),
    "a size no model makes": (["render", "song.wav", "--size", "100x100"], "multiples of"),
    "a size that is none": (["render", "song.wav", "--size", "wide"], "expected width and height"),
    "no tempo": (["render", "song.wav", "--tempo", "fast"], "tempo fast: expected beats a minute"),
    "no beat there": (["schedule", "song.wav", "--first-downbeat", "99s"], "first downbeat 99s"),
    "clicks as MP3": (["analyze", "song.wav", "--clicks", "x.mp3"], ".wav or .flac"),
    "fps 0": (["render", "song.wav", "--fps", "0"], "fps 0 is not a frame rate"),
    "start past the end": (["render", "song.wav", "--start", "99"], "99"),
    "no such folder": (["render", "song.wav", "-o", "nowhere/x.mp4"], "does not exist"),
    "an error in line 12": (["render", "song.wav", "--schedule", "broken.py"], "broken.py:12: ZeroDivisionError"),
    "a broken schedule file": (["render", "song.wav", "--schedule", "broken.json"], "broken.json: not JSON"),
    "an unknown model": (["render", "song.wav", "--model", "empty_folder"], "model_index.json"),
    "an unknown device": (["render", "song.wav", "--device", "tpu"], "unknown device 'tpu'"),
    "an unknown option": (["render", "song.wav", "--sparkle"], "sparkle"),
    "an unknown pipeline": (["run", "nothing"], "unknown pipeline 'nothing': use"),
    "steps of none": (["render", "song.wav", "--steps", "0"], "steps"),
    "a video that is none": (["info", "text.mp3"], "text.mp3"),
    "a name too long": (["render", "song.wav", "--lora-dir", 300 * "x"], 300 * "x"),
    "a plot in no folder": (["analyze", "song.wav", "--plot", "nowhere/x.png"], "nowhere/x.png"),
}


@pytest.fixture(scope="module")
def mistakes(folder):
    (folder / "empty.mp3").write_bytes(b"")
    (folder / "text.mp3").write_text("these are words, not music\n" * 50)
    (folder / "broken.py").write_text("x = 1\n" * 11 + "y = 1 / 0\n")
    (folder / "broken.json").write_text("{")
    (folder / "empty_folder").mkdir()
    (folder / "song.mp4").write_bytes(b"an earlier video")
    return folder


@pytest.fixture
def command(monkeypatch, capfd):
    """Run the command in this process, which has its imports behind it: status, standard output, standard error."""

    def run(*arguments, cwd: Path) -> tuple[int, str, str]:
        monkeypatch.chdir(cwd)
        monkeypatch.setattr(sys, "argv", ["audioviz", *map(str, arguments)])
        monkeypatch.setattr(main, "leave", sys.exit)
        with warnings.catch_warnings(), pytest.raises(SystemExit) as ended:
            main.main()
        return ended.value.code or 0, *capfd.readouterr()

    return run


@pytest.mark.parametrize(("arguments", "said"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_one_line_exit_status_2_and_harms_nothing(mistakes, command, arguments, said):
    before = {p.name: p.stat().st_mtime_ns for p in mistakes.iterdir()}
    status, out, err = command(*arguments, cwd=mistakes)
    assert status == 2 and out == ""
    assert err.startswith("audioviz: ") and err.count("\n") == 1 and said in err
    assert {p.name: p.stat().st_mtime_ns for p in mistakes.iterdir()} == before


def test_names_that_an_output_has_no_letters_for_are_printed_all_the_same(tmp_path, command, monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, "cp1252", write_through=True))
    assert command("cp", "pulse", "歌.py", cwd=tmp_path)[0] == 0
    assert written.getvalue().rstrip() == b"\\u6b4c.py" and (tmp_path / "歌.py").is_file()


@pytest.mark.parametrize(
    "arguments",
    [
        ("analyze", "--json", "song.wav"),
        ("analyze", "--csv", "same/song.wav"),
        ("analyze", "--plot", "song.wav"),
        ("analyze", "--stem", "voice=voice.wav", "--clicks", "voice.wav"),
        ("schedule", "--json", "song.wav"),
        ("schedule", "--csv", "song.wav"),
        ("schedule", "--plot", "song.wav"),
        ("schedule", "--deforum", "song.wav"),
        ("schedule", "--parseq", "song.wav"),
        ("schedule", "--lists", "song.wav"),
        ("render", "-o", "song.mp4"),
        ("schedule", "--schedule", "p.txt", "--csv", "p.txt"),
        ("schedule", "--prompt", "p.txt", "--json", "p.txt"),
        ("render", "--init", "init.mp4", "-o", "init.mp4"),
    ],
)
def test_no_output_overwrites_what_is_read(folder, tmp_path, command, arguments):
    for name in ("song.wav", "voice.wav"):
        shutil.copy(folder / "song.wav", tmp_path / name)
    (tmp_path / "song.mp4").symlink_to("song.wav")
    (tmp_path / "init.mp4").touch()
    (tmp_path / "p.txt").write_text('"0": "a"')
    (tmp_path / "same").symlink_to(".")
    before = {p.name: p.stat().st_mtime_ns for p in tmp_path.iterdir()}
    name, *options = arguments
    status, _, err = command(name, "song.mp4" if name == "render" else "song.wav", *options, cwd=tmp_path)
    assert status == 2 and f"{options[-1]}: would overwrite what is read" in err and err.count("\n") == 1
    assert {p.name: p.stat().st_mtime_ns for p in tmp_path.iterdir()} == before


def test_an_output_folder_that_cannot_be_written_is_said(folder, tmp_path, command):
    if not hasattr(os, "geteuid"):
        pytest.skip("rights are others here")
    if os.geteuid() == 0:
        target = Path("/proc/out.mp4")  # root may write everywhere else
    else:
        tmp_path.chmod(0o500)
        target = tmp_path / "out.mp4"
    status, _, err = command("render", folder / "song.wav", "-o", target, cwd=folder)
    assert status == 2 and err.count("\n") == 1 and "cannot be written" in err
