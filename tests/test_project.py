"""Project: one record of a video, its file, and what is said of a value that cannot be."""

import json
import random
from dataclasses import fields
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import audioviz as av
from audioviz.audio.hearing.grid import Grid
from audioviz.errors import AudiovizError, InputError, ScheduleError
from audioviz.project import GuideFiles, Look, Project, ScheduleChoice, SongFile, load_project, save_project
from audioviz.project.files import files_named
from audioviz.project.look import OF_TWO_STEPS
from audioviz.project.look import SAMPLERS as NAMED_SAMPLERS
from audioviz.project.look import SCHEDULERS as NAMED_SCHEDULERS
from audioviz.rendering.inputs import schedule_of
from audioviz.sampling import SAMPLERS, SCHEDULERS, plan_frame, sample_frame
from audioviz.schedule.columns import COLUMNS, NEUTRAL
from audioviz.schedule.lanes import Lane, with_lanes
from audioviz.schedule.prompt import Prompt
from tests.models import digests_of, fake_model
from tests.songs import made_song

ZOOM = Lane(keys={"0s": 1.0, "4bar": 1.2, "8bar": 1}, ease={"4bar": "hold"})
FULL = Project(
    song=SongFile(
        Path("songs/a b.ogg"),
        stems={"drums": Path("songs/d.wav")},
        grid=Grid(tempo=(90, 130), pins={"12.34s": 12.4, 20: 20.1}),
        start=1.5,
        duration=3.0,
    ),
    fps=Fraction(30000, 1001),
    schedule=ScheduleChoice("cuts", settings={"every": 2, "punch": "0.5", "soft": True, "name": "x"}),
    lanes={"denoise": Lane(expression="0.3 + 0.2 * low", mode="add"), "zoom": ZOOM},
    shots="bar:8",
    prompts=("neon nebula", "8s: gold --neg grey", Prompt(9.0, "käse\n[ 1, 2 ]", ease="hold")),
    negative="grey",
    look=Look(loras=("a.safetensors:0.8",), size=(512, 288), steps=4, cfg=2.5, sampler="euler", dtype="float32"),
    guides=GuideFiles(init=Path("pictures/init.png"), mask=Path("pictures/mask.png")),
)


def test_json_is_exact_both_ways():
    for project in (FULL, Project("song.mp3")):
        assert Project.from_json(project.to_json()) == project
        assert Project.from_json(project.to_json()).to_json() == project.to_json()


def test_random_projects_come_back():
    draw = random.Random(5)
    for _ in range(50):
        project = Project(
            SongFile(Path(draw.choice("abc")), start=draw.random(), duration=draw.choice([None, 0.1, 1e-9])),
            fps=Fraction(draw.randint(1, 240000), 1001),
            look=Look(cfg=draw.uniform(0, 100), steps=draw.randint(1, 10000), compile=draw.random() > 0.5),
            lanes={name: Lane(keys={f"{draw.random()}s": draw.gauss(0, 9)}) for name in draw.sample(COLUMNS, 2)},
            schedule=ScheduleChoice(settings={"a": draw.choice([1, 1.5, True, "1", 2**64 - 1])}),
        )
        back = Project.from_json(project.to_json())
        assert back == project and type(back.schedule.settings["a"]) is type(project.schedule.settings["a"])


def test_a_file_says_only_what_is_not_usual_and_keeps_numbers_on_a_line():
    assert json.loads(Project("song.mp3").to_json()) == {"version": 1, "song": {"path": "song.mp3"}}
    assert '\n    "size": [512, 288],\n' in FULL.to_json()


def test_short_forms_are_read():
    short = Project.from_json('{"song": "song.mp3", "schedule": "cuts", "prompts": "neon"}')
    assert short == Project("song.mp3", schedule="cuts", prompts=["neon"])
    assert Project("a", prompts={8: "gold", "B": "x"}).prompts == ("8s: gold", "B: x")


def test_paths_are_told_from_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("here", "songs", "models/dream"):
        Path(folder).mkdir(parents=True)
    for file in ("songs/a.ogg", "mine.py", "words.lrc", "style.safetensors"):
        Path(file).touch()
    look = Look("models/dream", loras=("style.safetensors:0.5", "gone.safetensors"), vae="madebyollin/taesd")
    project = Project("songs/a.ogg", schedule="mine.py", prompts=["words.lrc"], look=look)
    save_project(project, "here/song.avz")
    kept = json.loads(Path("here/song.avz").read_text())
    assert kept["song"]["path"] == "../songs/a.ogg" and kept["schedule"]["source"] == "../mine.py"
    assert kept["prompts"] == ["../words.lrc"] and kept["look"]["model"] == "../models/dream"
    assert kept["look"]["loras"] == ["../style.safetensors:0.5", "gone.safetensors"]
    assert kept["look"]["vae"] == "madebyollin/taesd"
    found = load_project("here/song.avz")
    assert found.song.path.samefile("songs/a.ogg") and Path(found.look.model).samefile("models/dream")
    save_project(Project("songs/a.ogg"), "song.avz")
    assert load_project("song.avz") == Project("songs/a.ogg")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"song": "a", "look": {"steps": 0}}', "look.steps: 0, expected 1 to 10000"),
        ('{"song": "a", "look": {"steps": "4"}}', "look.steps: '4', expected a valid integer"),
        ('{"song": "a", "look": {"steps": true}}', "look.steps: True, expected a valid integer"),
        ('{"song": "a", "look": {"cfg": NaN}}', "look.cfg: nan, expected a finite number"),
        ('{"song": "a", "look": {"size": [8, 64]}}', "look.size.0: 8, expected 16 to 8192"),
        ('{"song": "a", "look": {"stesp": 4}}', "look.stesp: unknown key (did you mean steps?)"),
        ('{"song": "a", "look": {"sampler": "eulr"}}', "look.sampler: unknown sampler 'eulr' (did you mean euler?)"),
        ('{"song": "a", "lok": {}}', "lok: unknown key (did you mean look?)"),
        ('{"song": {"path": "a", "start": -1}}', "song.start: -1, expected 0 or more"),
        ('{"song": {"path": "a", "duration": 0}}', "song.duration: 0, expected more than 0"),
        ('{"song": {"path": "a", "grid": {"tempi": 3}}}', "song.grid.tempi: unknown key (did you mean tempo?)"),
        ('{"song": {"path": "a", "grid": {"tempo": 3}}}', "song.grid: tempo 3.0: expected beats a minute"),
        ('{"song": "a", "fps": 0}', "fps: fps 0 is not a frame rate"),
        (
            '{"song": "a", "lanes": {"denoyse": {"expression": "1"}}}',
            "unknown column 'denoyse' (did you mean denoise?)",
        ),
        ('{"song": "a", "lanes": {"denoise": {}}}', "lanes.denoise: expected either keys"),
        (
            '{"song": "a", "lanes": {"zoom": {"keys": {"0s": 1}, "ease": {"1s": "hold"}}}}',
            "lanes.zoom: ease of '1s': no such key, expected one of the keys 0s",
        ),
        (
            '{"song": "a", "lanes": {"zoom": {"expression": "1", "mode": "x"}}}',
            "lanes.zoom: mode is 'x', expected one of",
        ),
        ('{"song": "a", "prompts": [{"seconds": -1, "text": "b"}]}', "prompts.0: prompt 'b' at -1.0 seconds"),
        ('{"song": "a", "version": 2}', "version: 2, expected 1"),
        ('{"look": {}}', "song: missing"),
        ("[]", "project: [], expected an object"),
        ('{"song"', "not JSON: EOF"),
        ("[" * 100000, "not JSON: recursion limit"),
    ],
)
def test_what_cannot_be_is_said_with_its_place(text, message, tmp_path):
    file = tmp_path / "song.avz"
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        load_project(file)
    assert message in str(caught.value) and str(caught.value).startswith(str(file)) and "\n" not in str(caught.value)


def test_damaged_files_give_one_line(tmp_path):
    draw, file, text = random.Random(3), tmp_path / "x.avz", bytearray(FULL.to_json().encode())
    for _ in range(300):
        broken = bytearray(text)
        for _ in range(draw.randint(1, 4)):
            broken[draw.randrange(len(broken))] = draw.randrange(256)
        file.write_bytes(broken)
        try:
            load_project(file)
        except AudiovizError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Look(steps=0),
        lambda: Project("a", fps="fast"),
        lambda: Project("a").changed(cfg=-1),
        lambda: Project("a").changed(stesp=4),
        lambda: Project("a").changed(settings="punch=0.5"),
        lambda: Project("a").changed(settings=None),
        lambda: Project("a").changed(schedule=5, settings={"punch": 0.5}),
        lambda: Project("a", guide=None),
        lambda: load_project("song.json"),
        lambda: load_project("gone.avz"),
    ],
)
def test_in_python_it_is_an_input_error_too(make):
    with pytest.raises(InputError):
        make()


def test_changed_goes_by_the_names_of_renders_keywords():
    project = FULL.changed(steps=9, tempo="90-120", settings={"every": 3}, init=None, start=0.0)
    assert (project.look.steps, project.song.grid.tempo, project.song.start) == (9, "90-120", 0.0)
    assert project.schedule.settings == FULL.schedule.settings | {"every": 3} and project.guides.init is None
    assert project.changed(schedule="pulse").schedule == ScheduleChoice("pulse")
    assert FULL.changed() == FULL


def calls_in_one_step(sampler: str) -> int:
    model = fake_model()
    plan = plan_frame(model.guidance("fire"), seed=1, frame=0, steps=1, cfg=1.0, denoise=1.0)
    sample_frame(model.denoiser, plan, model.empty_latent((64, 64)), sampler=sampler)
    return len(model.denoiser.calls)


def test_names_are_those_of_sampling():
    assert set(OF_TWO_STEPS) == {name for name in SAMPLERS if not calls_in_one_step(name)}
    assert set(NAMED_SAMPLERS) == set(SAMPLERS) and set(NAMED_SCHEDULERS) == set(SCHEDULERS)


def test_a_schedule_made_in_python_is_kept_as_its_numbers():
    song = made_song()
    plan = av.Schedule(
        seed=[2**64 - 1, 3],
        denoise=0.1 + 0.2 * song.low,
        zoom=1.1,
        prompts=[Prompt(1.0, "a", way="lerp")],
        mix={"b": song.high},
    )
    project = Project(song.path, schedule=plan)
    for kept in (project, Project.from_json(project.to_json())):
        assert digests_of(schedule_of(kept, song)) == digests_of(plan)


def test_settings_of_a_schedule_that_is_numbers_are_refused():
    song = made_song()
    project = Project(song.path, schedule=av.Schedule(clock=song.clock)).changed(settings={"punch": 1.0})
    with pytest.raises(InputError, match="kept as its numbers and has no setting 'punch'"):
        schedule_of(project, song)


def test_a_script_that_a_file_names_runs_only_when_it_is_trusted(tmp_path):
    (tmp_path / "mine.py").write_text("import audioviz as av\ndef schedule(song): return av.Schedule(denoise=0.25)\n")
    song = made_song()
    save_project(Project(song.path, schedule=str(tmp_path / "mine.py")), tmp_path / "song.avz")
    with pytest.raises(InputError, match=r"names the script .*mine.py, and a script is code: .*--trust, .*--schedule"):
        schedule_of(load_project(tmp_path / "song.avz"), song)
    for project in (
        load_project(tmp_path / "song.avz", trust=True),
        load_project(tmp_path / "song.avz").changed(schedule=str(tmp_path / "mine.py")),
        Project(song.path, schedule=str(tmp_path / "mine.py")),
    ):
        assert (schedule_of(project, song).denoise == 0.25).all()
    save_project(Project(song.path, schedule="pulse"), tmp_path / "ready.avz")
    assert len(schedule_of(load_project(tmp_path / "ready.avz"), song)) == len(song.clock.times)


def test_trust_is_not_kept_in_files():
    assert "trust" not in FULL.to_json() and not Project.from_json(FULL.to_json()).schedule.trusted
    with pytest.raises(InputError, match="unknown"):
        Project.from_json('{"song": "a", "schedule": {"source": "x.py", "trust": true}}')
    forged = Project.from_json('{"song": "a", "schedule": {"source": "x.py", "trusted": true}}')
    assert not forged.schedule.trusted


@pytest.mark.parametrize(
    ("lane", "expected"),
    [
        (Lane(expression="0.25"), lambda song, plan: np.full(48, 0.25)),
        (Lane(keys={"0s": 0.0, "4s": 1.0}), lambda song, plan: song.clock.times / 4),
        (Lane(expression="0.5", mode="multiply"), lambda song, plan: plan.denoise / 2),
        (Lane(expression="0.1 * low", mode="add"), lambda song, plan: plan.denoise + 0.1 * song.low.values),
        (Lane(keys={"1b": 0.0, "3b": 0.5}, ease="hold"), lambda song, plan: 0.5 * (song.clock.times >= 1.5)),
        (
            Lane(keys={"0s": 0.0, "1s": 0.5, "2s": 1.0}, ease={"0s": "hold"}),
            lambda song, plan: np.where(song.clock.times < 1, 0, np.minimum(song.clock.times / 2, 1)),
        ),
    ],
)
def test_lanes_replace_multiply_and_add(lane, expected):
    song = made_song()
    plan = av.Schedule(denoise=0.2 + 0.3 * song.high, clock=song.clock)
    bent = with_lanes(plan, {"denoise": lane}, song=song)
    assert np.allclose(bent.denoise, expected(song, plan), atol=1e-12) and np.array_equal(bent.noise, plan.noise)
    assert digests_of(replace_prompts(bent)) != digests_of(replace_prompts(plan))


def replace_prompts(plan):
    return plan.with_prompts(["a"])


def test_lanes_bend_what_a_schedule_leaves_out_from_rest():
    song = made_song()
    plan = av.Schedule(clock=song.clock)
    for column, rest in NEUTRAL.items():
        if column in ("seed_mix",):
            continue
        bent = with_lanes(plan, {column: Lane(expression="0.5", mode="multiply")}, song=song)
        assert (getattr(bent, column) == 0.5 * rest).all()


def test_lanes_of_seeds():
    song = made_song()
    plan = av.Schedule(seed=2**64 - 1, clock=song.clock)
    replaced = with_lanes(plan, {"seed": Lane(expression="b * 2 + 7.5")}, song=song)
    assert np.array_equal(replaced.seed, np.floor(4 * song.clock.times + 7.5 + 1e-9).astype(np.uint64))
    assert (with_lanes(plan, {"seed": Lane(expression="2", mode="add")}, song=song).seed == 1).all()


@pytest.mark.parametrize(
    ("lanes", "message"),
    [
        ({"cfg": Lane(expression="2", mode="multiply")}, "lane cfg: the schedule has none to multiply"),
        ({"denoise": Lane(expression="nothing")}, "lane denoise: expression 'nothing': unknown name"),
        ({"denoise": Lane(keys={"9x": 1.0})}, "lane denoise: unknown keyframe '9x'"),
        ({"denoise": Lane(keys={"99s": 1.0})}, "lane denoise: keyframes at"),
        ({"seed": Lane(expression="2", mode="multiply")}, "lane seed: a seed is not multiplied"),
        ({"seed": Lane(expression="-1")}, "lane seed: expected seeds from 0"),
        ({"seed": Lane(expression="1e17")}, "lane seed: expected seeds from 0"),
    ],
)
def test_lanes_that_cannot_be_are_said(lanes, message):
    song = made_song()
    with pytest.raises(ScheduleError, match=message):
        with_lanes(av.Schedule(clock=song.clock), lanes, song=song)


def test_every_field_has_a_home_in_changed():
    for part in (SongFile, Look, GuideFiles):
        for option in fields(part):
            FULL.changed(**{option.name: getattr(part("a") if part is SongFile else part(), option.name)})


def test_prompt_files_of_any_name_and_loras_are_told_from_where_the_project_lies(tmp_path, monkeypatch):
    (tmp_path / "gold").mkdir()
    (tmp_path / "words.dat").write_text('"0": "a"')
    monkeypatch.chdir(tmp_path)
    project = av.Project("song.wav", prompts=["words.dat", "gold"], look=Look(lora_dir="loras", vae=300 * "x"))
    av.save_project(project, tmp_path / "a.avz")
    monkeypatch.chdir("/")
    found = av.load_project(tmp_path / "a.avz")
    assert found.prompts == ((tmp_path / "words.dat").as_posix(), "gold")
    assert (found.look.lora_dir, found.look.vae) == ((tmp_path / "loras").as_posix(), 300 * "x")


def test_the_files_that_a_project_names_are_told_and_names_are_not(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    vae, lora = tmp_path / "vae.safetensors", tmp_path / "lora.safetensors"
    for file in (vae, lora):
        file.touch()
    look = Look(model="org/name", vae=vae.name, loras=(f"{lora}:0.5", "/x/y:z"), lora_dir="loras")
    project = av.Project("song.wav", schedule="mine.py", look=look, prompts=["neon", "words.lrc"])
    named = {path.as_posix() for path in files_named(project)}
    assert named == {"song.wav", "mine.py", vae.name, lora.as_posix(), "/x/y:z", "loras", "words.lrc"}
