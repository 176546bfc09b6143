"""Films by real workers on this machine, through the commands: the bytes of one process, and what programs are told."""

import csv
import json
import os
import shutil
from pathlib import Path

import pytest

from audioviz.command import output
from audioviz.command.main import cli
from audioviz.errors import InputError
from audioviz.farm import drafts
from audioviz.farm.on import On, read_on
from audioviz.farm.plan_file import read_plan
from audioviz.video.probe import probe
from tests.models import fake_model

SONG = Path(__file__).parent.parent / "examples" / "song.ogg"
PLAN = """
out: videos
shared: {size: 64, steps: 1, duration: 2, threads: 1}
films:
  - song: song.ogg
    shots: bar:1
    prompts: [gold mandala]
  - song: song.ogg
    smooth: 2x
    shots: bar:1
    lanes: {trails: {expression: "0.5"}, zoom: {expression: "1.2"}}
    fps: 8
    out: trails.mov
"""
pytestmark = pytest.mark.filterwarnings("ignore::audioviz.errors.AudiovizWarning")


@pytest.fixture(scope="module")
def album(tmp_path_factory):
    """A folder with a song and a plan, whose films were made by two workers and by this process."""
    folder = tmp_path_factory.mktemp("album")
    shutil.copy(SONG, folder)
    (folder / "plan.yaml").write_text(PLAN, encoding="utf-8")
    run("batch", folder / "plan.yaml", "--on", "local:2", "--quiet")
    (folder / "videos").rename(folder / "by workers")
    run("batch", folder / "plan.yaml", "--quiet")
    return folder


def run(*words):
    cli.main([*map(str, words)], standalone_mode=False)


@pytest.mark.parametrize("name", ["song.mp4", "trails.mov"])
def test_workers_make_the_bytes_of_one_process_with_as_many_threads(album, name):
    """Runs that share chunks; pictures between frames, and echoes that go from chunk to chunk."""
    one, many = (album / folder / name for folder in ("videos", "by workers"))
    assert one.read_bytes() == many.read_bytes()
    assert json.loads(probe(one).metadata)["threads"] == 1


def test_the_same_command_makes_nothing_again(album, monkeypatch, capsys):
    """With the store that is there, and a model that cannot be called."""
    again = album / "again"
    again.mkdir()
    for name in ("song.ogg", "plan.yaml"):
        shutil.copy(album / name, again)
    monkeypatch.setattr(output, "_for_programs", False)
    store = album / "by workers" / "audioviz-store"
    before = {path: path.stat().st_mtime_ns for path in store.glob("*/*.*")}
    run("batch", again / "plan.yaml", "--on", "local:1", "--store", store, "--json-progress")
    assert before == {path: path.stat().st_mtime_ns for path in store.glob("*/*.*")}
    for name in ("song.mp4", "trails.mov"):
        assert (again / "videos" / name).read_bytes() == (album / "videos" / name).read_bytes()
    said = capsys.readouterr()
    events = [json.loads(line) for line in said.err.splitlines()]
    assert [event["path"] for event in events if event["event"] == "film"] == said.out.split()
    last = [event for event in events if event["event"] == "progress"][-1]
    assert (last["films"], last["settled"], last["frames"], last["total"]) == (2, 2, 40, 40)
    assert last["workers"].keys() == {"local 1"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="its workers are forked")
def test_drafts_by_workers(album, monkeypatch):
    from tests.farm_workers import forked_worker

    monkeypatch.setattr("audioviz.farm.local.start_process", forked_worker)
    monkeypatch.setattr(drafts, "load_model_of", lambda *_: fake_model())
    monkeypatch.chdir(album)
    run("sweep", "song.ogg", "--vary", "punch=0.1,0.9", "--duration", "1", "--size", 64, "--steps", 1, "--quiet")
    words = ("--duration", "1", "--size", 64, "--steps", 1, "--quiet", "--on", "local:1", "-o", "drafts")
    run("sweep", "song.ogg", "--vary", "punch=0.1,0.9", *words)
    here, there = (
        list(csv.reader(Path(name, "sweep.csv").read_text().splitlines())) for name in ("song-sweep", "drafts")
    )
    assert [row[:2] for row in there] == [row[:2] for row in here] and Path("drafts", "sheet.png").is_file()
    figures = [[float(figure) for row in rows[1:] for figure in row[2:]] for rows in (here, there)]
    assert figures[1] == pytest.approx(figures[0], abs=0.05), "their chunks are shorter"


def test_what_does_not_go_together_is_refused(tmp_path):
    shutil.copy(SONG, tmp_path)
    song = tmp_path / "song.ogg"
    for words, message in [
        (["--on", "locl:2"], "--on locl:2: expected here, local:N with N workers from 1 to 256, ray, or ray://"),
        (["--on", "local:0"], "--on local:0: expected"),
        (["--store", "x"], "--store x: it is for workers"),
        (["--on", "local:2", "--batch", "4"], "--batch 4: workers sample"),
        (["--on", "local:2", "--no-resume"], "--no-resume: it goes with --on here"),
    ]:
        with pytest.raises(InputError, match=message.replace("(", r"\(")):
            run("render", song, *words)
    assert [path.name for path in tmp_path.iterdir()] == ["song.ogg"]


def test_who_makes_it():
    assert read_on("here") is None and read_on("local:4") == On(local=4)
    assert read_on("ray") == On(address="") and read_on("ray://10.0.0.1:10001") == On(address="ray://10.0.0.1:10001")


# ---- plan files


def plan(tmp_path, text, *, trust=False):
    shutil.copy(SONG, tmp_path)
    path = tmp_path / "plan.yaml"
    path.write_text(text, encoding="utf-8")
    return read_plan(path, trust=trust)


@pytest.mark.parametrize("film", ["out: b.mkv", "out: b.webm, codec: h265", "out: b.gif, fps: 60"])
def test_a_film_that_is_none_is_told_before_the_others_are_made(tmp_path, film):
    plan(tmp_path, f"out: videos\nfilms: [{{song: song.ogg}}, {{song: song.ogg, {film}}}]")
    with pytest.raises(InputError, match=r"b\.mkv: expected a name|holds vp9, av1, but not h265|fps 60: a GIF shows"):
        run("batch", tmp_path / "plan.yaml", "--quiet")
    assert not (tmp_path / "videos").exists()


def test_films_have_what_they_share_and_what_is_their_own(tmp_path):
    text = (
        "shared: {fps: 24, settings: {punch: 0.2}}\n"
        "films:\n  - {song: song.ogg}\n  - {song: song.ogg, settings: {punch: 0.5}, out: b.mov, fps: 12}\n"
    )
    a, b = plan(tmp_path, text)
    assert (a.project.fps, b.project.fps) == (24, 12)
    assert (a.project.schedule.settings, b.project.schedule.settings) == ({"punch": 0.2}, {"punch": 0.5})
    assert (a.out, b.out) == (tmp_path / "song.mp4", tmp_path / "b.mov")
    assert a.project.song.path == tmp_path / "song.ogg"


def test_projects_and_files_are_told_from_the_folder_of_the_plan(tmp_path):
    from audioviz.project import Project, save_project

    shutil.copy(SONG, tmp_path)
    save_project(Project(tmp_path / "song.ogg").changed(fps=20), tmp_path / "three.avz")
    (tmp_path / "mine.py").write_text("import audioviz as av\n", encoding="utf-8")
    (film,) = plan(tmp_path, "films: [{project: three.avz, schedule: mine.py, frame: vertical}]")
    assert film.project.fps == 20 and film.project.finish.frame == "vertical"
    assert Path(film.project.schedule.source) == tmp_path / "mine.py" and not film.project.schedule.trusted
    assert film.project.song.path.resolve() == (tmp_path / "song.ogg").resolve()
    (film,) = plan(tmp_path, "films: [{project: three.avz, schedule: mine.py}]", trust=True)
    assert film.project.schedule.trusted


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("films: [", "no YAML"),
        ("- a", "expected 'films:'"),
        ("films: []", "films: expected a list"),
        ("flims: [{song: a}]", r"unknown key 'flims' \(did you mean films\?\)"),
        ("films: [a]", "film 1: 'a': expected options"),
        ("films: [{fps: 24}]", "film 1: expected a song, or a project"),
        ("films: [{song: song.ogg}, {song: song.ogg, stps: 2}]", r"film 2: .*'stps' \(did you mean steps\?\)"),
        ("films: [{song: song.ogg, steps: many}]", "film 1: look.steps"),
        ("films: [{song: song.ogg, settings: punch=1}]", "film 1: settings 'punch=1': expected names"),
        ("shared: {settings: }\nfilms: [{song: a, settings: {punch: 1}}]", "film 1: settings None: expected names"),
        ("films: [{song: 3}]", "film 1: .*expected the name of a file"),
        ("shared: [a]\nfilms: [{song: a}]", "shared: expected options"),
        ("out: 3\nfilms: [{song: a}]", "out 3: expected the name of a folder"),
        ("films: [{project: none.avz}]", "none.avz: cannot be read"),
        ("films: !!python/object/apply:os.system [ls]", "no YAML"),
    ],
)
def test_a_plan_that_is_none_is_told_in_one_line_with_its_place(tmp_path, text, message):
    with pytest.raises(InputError, match=message) as told:
        plan(tmp_path, text)
    assert str(told.value).startswith(str(tmp_path / "plan.yaml")) and "\n" not in str(told.value)
