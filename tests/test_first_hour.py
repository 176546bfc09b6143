"""What a newcomer writes in Python and in a notebook: it works as he expects, or one line says what to write."""

import base64
import json
import math
import os
import pickle
import shutil
import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

import audioviz as av
from audioviz.errors import AudiovizError, InputError, ScheduleError
from audioviz.project import Look
from audioviz.schedule.lanes import Lane
from tests.models import fake_model
from tests.songs import made_song

SONG = made_song()
LOW, HIGH, BEATS = SONG.low, SONG.high, SONG.beats
FOR_CURVES = {
    "if": lambda: 0.9 if LOW > 0.5 else 0.3,
    "and": lambda: (LOW > 0.5) and (HIGH > 0.5),
    "or": lambda: LOW or HIGH,
    "not": lambda: not LOW > 0.5,
    "max": lambda: max(LOW, HIGH),
    "min": lambda: min(LOW, HIGH),
    "sorted": lambda: sorted([LOW, HIGH]),
    "a chain": lambda: 0.2 < LOW < 0.5,
    "in a list": lambda: LOW in [HIGH],
    "assert": lambda: all([LOW > 0.5]),
    "filter": lambda: list(filter(None, [LOW])),
}


@pytest.fixture(scope="module")
def plan():
    return av.load_schedule("pulse")(SONG).with_prompts({0: "neon nebula", "4b": "gold mandala"})


@pytest.mark.parametrize("form", FOR_CURVES)
def test_a_curve_is_neither_true_nor_false(form):
    with pytest.raises(ScheduleError, match=r"av.curves.where\(.*&, \|, ~.*np.maximum.*\(x > 0.2\) & \(x < 0.5\)"):
        FOR_CURVES[form]()


def test_what_to_write_in_its_place_is_right():
    low, high = np.asarray(LOW), np.asarray(HIGH)
    assert np.array_equal(np.maximum(LOW, HIGH), np.maximum(low, high))
    assert np.array_equal((LOW > 0.2) & ~(HIGH > 0.5), (low > 0.2) & ~(high > 0.5))
    assert np.array_equal(av.curves.where(LOW > 0.5, 0.9, 0.3), np.where(low > 0.5, 0.9, 0.3))
    assert (LOW > 2).any() == False and (LOW >= 0).all() == True  # noqa: E712
    assert LOW in [LOW, HIGH] and 7 not in LOW and sum([LOW, HIGH])[3] == low[3] + high[3]


@pytest.mark.parametrize("one", [float, int, complex, range, math.sqrt, math.floor, "%f".__mod__])
def test_a_curve_is_not_one_number(one):
    with pytest.raises(ScheduleError, match=r"is not one number: ask it for curve.mean\(\).*np.sqrt"):
        one(LOW)


def test_a_curve_has_what_an_array_has():
    low = np.asarray(LOW)
    for name in ("min", "max", "mean", "std", "var", "sum", "prod", "argmax", "argmin", "any", "all", "tolist"):
        assert getattr(LOW, name)() == getattr(low, name)(), name
        assert name == "tolist" or getattr(np, name)(LOW) == getattr(np, name)(low), name
    assert (LOW.shape, LOW.ndim, LOW.size, LOW.dtype) == (low.shape, 1, len(low), low.dtype)
    for made, wanted in (
        (round(LOW, 1), low.round(1)),
        (round(LOW), low.round()),
        (np.round(LOW, 2), low.round(2)),
        (LOW.cumsum(), low.cumsum()),
        (LOW.astype(int), low.astype(int)),
    ):
        assert isinstance(made, av.Curve) and np.array_equal(made, wanted)
    assert np.array_equal(pickle.loads(pickle.dumps(LOW)), LOW)
    with pytest.raises(ScheduleError, match=r"does not change: make a new one, such as av.curves.where"):
        LOW[3] = 1


def test_functions_of_numpy_give_curves_where_there_is_a_value_for_each_frame():
    low, high = np.asarray(LOW), np.asarray(HIGH)
    for made, wanted in (
        (np.clip(LOW, 0.2, 0.4), low.clip(0.2, 0.4)),
        (np.where(LOW > 0.5, LOW, HIGH), np.where(low > 0.5, low, high)),
        (np.interp(LOW, [0, 1], [1, 2]), np.interp(low, [0, 1], [1, 2])),
        (np.roll(LOW, 3), np.roll(low, 3)),
        (np.convolve(LOW, np.ones(3) / 3, "same"), np.convolve(low, np.ones(3) / 3, "same")),
    ):
        assert isinstance(made, av.Curve) and np.array_equal(made, wanted) and made.decay(0.2).shape == low.shape
    assert np.array_equal(LOW[np.argsort(LOW)], np.sort(low)) and np.stack([LOW, HIGH]).shape == (2, 48)
    assert np.percentile(LOW, 95) == np.percentile(low, 95) and np.isnan(np.where(LOW > 0.5, np.nan, LOW)).any()
    with pytest.raises(ScheduleError, match="curves of different clocks"):
        np.where(LOW > 0.5, LOW, made_song(fps=24).low)


def test_sections_choose_among_events_and_frames():
    sections = SONG.sections
    assert SONG.beats[sections[0]] == SONG.beats[sections["A"]] == SONG.beats[sections["A"].inside]
    assert np.array_equal(sections.inside, np.ones(48))
    with pytest.raises(InputError, match="there are none here to be inside of"):
        _ = sections[9:].inside


FOR_EVENTS = {
    "arithmetic": lambda: BEATS * 0.5,
    "turned round": lambda: 2 - BEATS,
    "with a curve": lambda: LOW * BEATS,
    "with an array": lambda: np.ones(len(BEATS)) + BEATS,
    "both together": lambda: SONG.kicks + SONG.snares,
    "numpy": lambda: np.sqrt(BEATS),
    "an order": lambda: BEATS > 5,
    "a chain": lambda: 0 < BEATS < 5,
    "max": lambda: max(SONG.kicks, SONG.snares),
    "equal to a number": lambda: BEATS == 3,
    "equal to a list": lambda: SONG.kicks == [],
    "unequal to text": lambda: BEATS != "kick",
}


@pytest.mark.parametrize("form", FOR_EVENTS)
def test_events_are_not_computed_with(form):
    with pytest.raises(ScheduleError, match=r"events take no \w+: .*av.curves.at\(song.beats, 1.0\).*seconds"):
        FOR_EVENTS[form]()


def test_events_are_asked_whether_there_are_any_and_which():
    assert BEATS and not BEATS[:0] and (BEATS[:0] or BEATS) is BEATS and 6 in BEATS and 7 not in BEATS
    assert BEATS == BEATS[:] != BEATS[1:] and BEATS != None and len({BEATS, BEATS[:]}) == 1  # noqa: E711
    assert list(np.union1d(SONG.kicks, SONG.snares)) == list(BEATS)
    assert BEATS[np.isin(BEATS, SONG.kicks)] == SONG.kicks
    with pytest.raises(ScheduleError, match=r"events\[events\]: .*np.isin"):
        BEATS[SONG.kicks]
    loud = BEATS[LOW > 0.5]
    assert list(loud) == [frame for frame in BEATS if LOW[frame] > 0.5] and 0 < len(loud) < len(BEATS)
    with pytest.raises(ScheduleError, match="denoise: expected numbers, not Events.*av.curves.at"):
        av.Schedule(denoise=SONG.kicks, clock=SONG.clock)
    with pytest.raises(ScheduleError, match="curve: expected numbers, not Events"):
        av.Curve(SONG.kicks[:1], SONG.clock)


@pytest.mark.parametrize(
    "form",
    [
        lambda: SONG.sections[0] == "A",
        lambda: SONG.sections == "A",
        lambda: SONG.sections[0] > SONG.sections[0],
        lambda: SONG.sections[0] * 2,
        lambda: LOW * SONG.sections[0],
    ],
)
def test_sections_are_compared_by_what_they_have(form):
    with pytest.raises(ScheduleError, match="sections take no .*section.label or section.energy.*section.inside"):
        form()
    assert SONG.sections[0] == SONG.sections[0] and SONG.sections[:1] == SONG.sections and SONG.sections[0] != None  # noqa: E711


def test_what_is_not_as_long_as_the_song_is_named():
    with pytest.raises(ScheduleError, match="add of a curve and array.*one value for each of 48 frames"):
        LOW + np.ones(10)
    with pytest.raises(ScheduleError, match="multiply of a curve and 'a': expected a number"):
        "a" * LOW


def test_everything_shows_itself_in_one_line(plan):
    for one, said in (
        (SONG, "Song(made.wav: 4.0 s, 120.0 bpm, 48 frames at 12 fps, 8 beats, sections A)"),
        (BEATS, "Events(8 from 0.00 to 3.50 s: frames 0, 6, 12, 18 ...)"),
        (BEATS[:0], "Events(none)"),
        (SONG.sections, "Sections(A from 0.00 s)"),
        (SONG.sections[0], f"Section(A: 0.00 to 4.00 s, energy {SONG.rms.mean():.2f})"),
        (plan, "Schedule(48 frames at 12 fps: seed, seed_to, seed_mix, denoise, noise, interp, anchor; 2 prompts)"),
        (av.load_schedule("pulse"), "ScheduleSource(pulse.py: calm=0.28, punch=0.42, seconds=0.18, seed=7)"),
        (fake_model(), "Model(fake: Fake, 64 pixels, cpu, torch.float32)"),
        (LOW, "Curve(48 frames at 12 fps: 4.9e-06 .. 0.999, mean 0.509)"),
    ):
        assert repr(one) == said


def test_completion_shows_curves_and_the_makers_alone():
    assert {*SONG.curves, "hue", "pitch", "chroma", "beats", "plot", "band"} <= {*dir(SONG)}
    assert {"max", "shape", "decay", "plot"} <= {*dir(LOW)} and {"load_song", "render", "curves"} <= {*dir(av)}
    assert {"at", "push", "where"} <= {*dir(av.curves)} and "np" not in dir(av.curves) and "travel" in dir(av.seeds)
    assert all(hasattr(LOW, name) for name in dir(LOW))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda plan: SONG.onst, "a song has no 'onst' .did you mean onset.*low"),
        (lambda plan: SONG.curves["onst"], "no curve 'onst' .did you mean onset.*: the song has rms, "),
        (lambda plan: SONG.stems["drums"], "no stem 'drums': the song has none; give files"),
        (lambda plan: SONG.sections["Z"], "no section 'Z': the song has A"),
        (lambda plan: SONG.sections[0].inidse, "Section has no 'inidse' .did you mean inside"),
        (lambda plan: SONG.curves.low, r"no attribute 'low': a curve of a song is song.curves\['low'\]"),
        (lambda plan: SONG.bass, "a song has no 'bass': it has band"),
        (lambda plan: Look(sampler="DPM++ 2M Karras"), "did you mean dpmpp_2m[?]"),
        (lambda plan: Look(sampler="Euler a"), "did you mean euler_ancestral[?]"),
        (lambda plan: av.load_model(prediction="epslion"), "unknown prediction 'epslion' .did you mean epsilon"),
        (lambda plan: LOW.deccay(1), "a curve has no 'deccay' .did you mean decay"),
        (lambda plan: BEATS.decay(1), r"events have no 'decay'; for a curve, write av.curves.at\(song.beats, 1.0\)"),
        (lambda plan: av.lod_song, "audioviz has no 'lod_song' .did you mean load_song"),
        (lambda plan: av.curves.oscilate(), "av.curves has no 'oscilate' .did you mean oscillate"),
        (lambda plan: av.seeds.ladr, "av.seeds has no 'ladr' .did you mean ladder"),
        (lambda plan: av.Schedule(denoize=1), "a schedule has no 'denoize' .did you mean denoise"),
        (lambda plan: plan["denoize"], "no column 'denoize' .did you mean denoise"),
        (lambda plan: plan.denoize, "a schedule has no 'denoize' .did you mean denoise"),
        (lambda plan: av.load_schedule("plse"), "unknown schedule 'plse' .did you mean pulse"),
        (lambda plan: av.load_schedule("pulse")(SONG, punsh=1), "no setting 'punsh' .did you mean punch"),
        (lambda plan: LOW.ease("smoth"), "unknown easing 'smoth' .did you mean smooth"),
        (lambda plan: av.curves.oscillate("sin", seconds=1), "unknown wave 'sin' .did you mean sine"),
        (lambda plan: av.curves.expression("lo + 1"), "unknown name 'lo' .did you mean low"),
        (lambda plan: av.curves.expression("flor(low)"), "unknown function 'flor' .did you mean floor"),
        (lambda plan: av.Project("a", lanes={"denoize": Lane(expression="1")}), "'denoize' .did you mean denoise"),
        (lambda plan: Look(sampler="eular"), "unknown sampler 'eular' .did you mean euler"),
        (lambda plan: Look(scheduler="karas"), "unknown scheduler 'karas' .did you mean karras"),
        (lambda plan: av.load_model(device="cpuu"), "unknown device 'cpuu' .did you mean cpu"),
        (lambda plan: av.load_model(dtype="float23"), "unknown dtype 'float23' .did you mean float32"),
        (lambda plan: av.Prompt(0, "a", way="slrp"), "unknown way 'slrp' .did you mean slerp"),
    ],
)
def test_a_misspelt_name_is_guessed(wrong, message, plan):
    with av.bound(SONG), pytest.raises((AudiovizError, AttributeError), match=message):
        wrong(plan)


def test_a_script_is_told_pythons_guess_too(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("import math\n\ndef schedule(song):\n    return math.sqr(2)\n")
    with pytest.raises(ScheduleError, match=r"mine.py:4: AttributeError: .*'sqr' .did you mean sqrt"):
        av.load_schedule(file)(SONG)


def test_a_schedule_is_read_by_frame_and_by_column(plan):
    assert plan[6] == {"frame": 6, "seconds": 0.5} | {name: values[6] for name, values in plan.columns.items()}
    assert plan[-1]["frame"] == 47 and [row["frame"] for row in plan[3:9:3]] == [3, 6]
    assert [row["denoise"] for row in plan] == plan["denoise"].tolist() and len(list(plan)) == len(plan) == 48
    json.dumps(plan[0])
    with pytest.raises(IndexError):
        plan[48]


def test_a_schedule_knows_the_song_that_it_was_made_for(plan):
    assert plan.song is SONG and plan.with_prompts({"4b": "a"}).prompts[0].seconds == 2.0
    assert pickle.loads(pickle.dumps(plan)).with_prompts({"4b": "a"}).song.duration == SONG.duration


@pytest.mark.parametrize("name", ["to_json", "to_csv", "to_deforum", "to_parseq", "to_lists"])
@pytest.mark.filterwarnings("ignore::audioviz.errors.AudiovizWarning")  # of what other tools cannot say
def test_files_are_written_from_python_as_by_the_command(name, plan, tmp_path):
    file = tmp_path / ("plan.csv" if name == "to_csv" else "plan.json")
    assert getattr(plan, name)(file) is None and file.read_text() == getattr(plan, name)()
    again = av.load_schedule(file)(SONG)
    assert len(again) == 48 and again.song is SONG
    with pytest.raises(InputError, match=r"nowhere.x: expected the name of a file in a folder that exists"):
        getattr(plan, name)(tmp_path / "nowhere" / "x")
    with pytest.raises(InputError, match="expected the name of a file"):
        getattr(plan, name)(tmp_path)


def test_a_song_is_written_too(tmp_path):
    assert SONG.to_json(tmp_path / "song.json") is None
    assert json.loads((tmp_path / "song.json").read_text())["frames"] == 48 and SONG.to_csv().startswith(
        "frame,seconds,"
    )
    with pytest.raises(InputError, match="expected a path"):
        SONG.to_json(5)


def test_what_is_made_of_a_song_is_never_written_over_it(tmp_path):
    own = tmp_path / "song.wav"
    own.write_bytes(b"sound")
    song = made_song(path=own)
    plan = av.load_schedule("pulse")(song)
    for write in (song.to_csv, song.to_json, song.to_clicks, song.plot, plan.to_csv, plan.to_deforum, plan.plot):
        with pytest.raises(InputError, match=r"song.wav: would overwrite what is read"):
            write(own)
    assert own.read_bytes() == b"sound"


def test_sizes_tempi_and_times_of_prompts_are_taken_as_they_are_typed(tmp_path):
    for size, wanted in ((64, (64, 64)), ("64", (64, 64)), ("64x128", (64, 128)), ([64, 128], (64, 128))):
        assert Look(size=size).size == wanted
    assert av.Project({"path": "a", "grid": "90-130"}).song.grid == av.Grid(tempo="90-130")
    soundfile.write(tmp_path / "a.wav", np.zeros(8000), 8000)
    assert av.load_song(tmp_path / "a.wav", grid="90-130").tempo == av.load_song(tmp_path / "a.wav", grid=99).tempo
    assert av.Project("a", prompts={0: "x", "1:30": "y", "B": "z"}).prompts == ("0s: x", "1:30: y", "B: z")
    for prompts, said in (
        ({"a": "x"}, "prompts: unknown time 'a'"),
        ({0: 5}, "expected text at each time, such as '1"),
    ):
        with pytest.raises(InputError, match=said):
            av.Project("a", prompts=prompts)


def test_plots_are_pictures_in_the_format_of_their_name(plan, tmp_path):
    for one, name, kind in ((plan, "a.jpg", "JPEG"), (LOW, "b", "PNG")):
        drawn = one.plot(tmp_path / name)
        with Image.open(tmp_path / name) as written:
            assert written.format == kind and written.size == drawn.size
    with pytest.raises(InputError, match="a.xyz: expected the name of a picture, such as a.png"):
        LOW.plot(tmp_path / "a.xyz")
    assert not (tmp_path / "a.xyz").exists()


def test_a_notebook_shows_a_song_and_a_schedule_as_plots(plan):
    for one in (SONG, plan):
        data = one._repr_html_().split("base64,")[1].split('"')[0]
        with Image.open(BytesIO(base64.b64decode(data))) as shown:
            assert shown.width > 1000
    assert av.Schedule(denoise=LOW).plot().height < 600  # which has no song, and no waveform


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    folder = tmp_path_factory.mktemp("video")
    soundfile.write(folder / "song.wav", np.random.default_rng(1).normal(0, 0.1, 2 * 22050), 22050)
    song = made_song(seconds=2, path=folder / "song.wav")
    return av.render(song, "pulse", prompts="gold mandala", model=fake_model(), out=folder / "v.mp4", progress=False)


def test_a_video_is_a_path_that_plays_and_tells_of_itself(video, tmp_path):
    assert isinstance(video, Path) and os.fspath(video) == str(video) and video.name == "v.mp4" and video.exists()
    assert video == Path(str(video)) and hash(video) == hash(Path(str(video))) and f"{video}".endswith("v.mp4")
    assert Path(shutil.copy(video, tmp_path)).read_bytes() == video.read_bytes()
    assert pickle.loads(pickle.dumps(video)) == video and repr(video).startswith("Video('")
    assert video.with_suffix(".png").name == "v.png" and (video.parent / "song.wav").is_file()
    told = video.info()
    assert told.video.frames == 24 and told.video.size == (64, 64) and told.reaction.kicks >= 0
    assert "24 frames of 64x64 at 12 fps" in str(told) and "model         fake" in repr(told)
    assert "\n" not in repr(told.video)
    sheet = video.sheet(tmp_path / "sheet.jpg", columns=4, rows=2, width=40)
    with Image.open(tmp_path / "sheet.jpg") as written:
        assert written.format == "JPEG" and written.size == sheet.size
    page = video._repr_html_()
    assert page.startswith('<video src="data:video/mp4;base64,') and " controls" in page
    assert base64.b64decode(page.split("base64,")[1].split('"')[0]) == video.read_bytes()


def test_a_video_that_is_large_is_linked_and_one_that_is_gone_is_its_name(video, tmp_path, monkeypatch):
    monkeypatch.setattr("audioviz.insight.video.EMBEDDED_BYTES", 10)
    assert f'src="{video.as_posix()}"' in video._repr_html_()
    assert av.Video(tmp_path / "gone.mp4")._repr_html_() is None and av.Video(tmp_path)._repr_html_() is None
    (tmp_path / "a&b.gif").write_bytes(b"GIF89a" + bytes(20))
    assert (
        av.Video(tmp_path / "a&b.gif")._repr_html_().startswith("<img src=")
        and "&amp;b" in av.Video(tmp_path / "a&b.gif")._repr_html_()
    )


def test_a_song_by_its_path_and_a_schedule_by_its_name_will_do(tmp_path, monkeypatch):
    loaded = []

    def load(path, fps=12):
        loaded.append((str(path), fps))
        return SONG

    monkeypatch.setattr("audioviz.audio.load.load_song", load)
    plan = av.load_schedule("pulse")("my.mp3")
    with av.bound(Path("my.mp3")):
        assert len(av.curves.constant(1)) == 48
    assert plan.with_prompts({"4b": "a"}, song="my.mp3").prompts[0].seconds == 2.0
    assert loaded == [("my.mp3", 12)] * 3
    made = {}
    monkeypatch.setattr(
        "audioviz.rendering.render.render_project", lambda project, **k: made.update(k, project=project)
    )
    av.render("my.mp3", "pulse", out="a.mp4")
    assert made["project"].schedule.source == "pulse" and made["project"].song.path == Path("my.mp3")
    av.render("my.mp3", av.Schedule(clock=made_song(fps=24).clock), out="a.mp4")
    assert made["project"].fps == 24
    with pytest.raises(InputError, match="fps 24: the Song has 12; load the song with fps=24"):
        av.render(SONG, plan, fps=24, out="a.mp4")


def test_home_is_known(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    LOW.plot("~/low.png")
    assert (tmp_path / "low.png").exists()
    with pytest.raises(InputError, match=f"{tmp_path.name}.none.mp3 "):
        av.load_song("~/none.mp3")


ODD = ("a", None, SONG, LOW, BEATS, SONG.sections, object(), [1, "a"], {}, math.nan, -math.inf, b"x", (), 1 + 2j)
MAKERS = {  # each with arguments that it takes
    **{
        f"curve.{name}": (getattr(LOW, name), arguments)
        for name, arguments in {
            "smooth": {"seconds": 0.1},
            "decay": {"seconds": 0.1},
            "anticipate": {"seconds": 0.1},
            "peak": {"seconds": 0.1},
            "attack_release": {"attack": 0.1, "release": 0.1, "hold": 0.1},
            "delay": {"seconds": 0.1},
            "gate": {"threshold": 0.1, "softness": 0.1},
            "remap": {"low": 0, "high": 1, "source": (0, 1)},
            "clip": {"low": 0, "high": 1},
            "ease": {"name": "smooth"},
            "quantize": {"levels": 3},
            "normalize": {"seconds": 1},
            "__getitem__": {"index": 1},
        }.items()
    },
    **{
        f"curves.{name}": (getattr(av.curves, name), arguments)
        for name, arguments in {
            "constant": {"value": 1, "clock": SONG.clock},
            "at": {"events": BEATS, "value": 1, "otherwise": 0},
            "push": {"events": BEATS, "seconds": 1},
            "count": {"events": BEATS},
            "random_at": {"events": BEATS, "seed": 1, "low": 0, "high": 1},
            "ramp": {"start": 0, "stop": 1, "begin": 0, "end": 1, "ease": "linear", "clock": SONG.clock},
            "keyframes": {"keys": {0: 1, 1: 2}, "ease": "linear"},
            "oscillate": {"shape": "sine", "seconds": 1, "phase": 0, "low": 0, "high": 1},
            "noise": {"seed": 1, "seconds": 1, "low": 0, "high": 1},
            "expression": {"text": "low"},
            "tremor": {"seed": 1, "hz": 1, "amount": 1},
            "beats": {"number": 1},
            "where": {"condition": LOW, "yes": 1, "no": 0},
            "blend": {"a": 0, "b": 1, "weight": LOW},
            "cross": {"a": 0, "b": 1, "at": 1, "seconds": 1, "ease": "smooth"},
        }.items()
    },
    **{
        f"seeds.{name}": (getattr(av.seeds, name), arguments)
        for name, arguments in {
            "fixed": {"seed": 1, "clock": SONG.clock},
            "step": {"base": 1, "by": 1},
            "random": {"base": 1},
            "change_at": {"events": BEATS, "base": 1},
            "random_at": {"events": BEATS, "base": 1},
            "alternate": {"events": BEATS, "seeds": [1]},
            "ladder": {"events": BEATS, "base": 1, "rungs": 3},
            "travel": {"events": BEATS, "base": 1, "ease": "linear"},
            "sine": {"base": 1, "divisor": 3, "by": 1},
            "modulo": {"base": 1, "divisor": 3, "by": 1},
        }.items()
    },
    "Curve": (av.Curve, {"values": 1.0, "clock": SONG.clock}),
    "Schedule": (av.Schedule, {"seed": 1, "denoise": 1, "prompts": "a", "mix": {"a": 1.0}, "clock": SONG.clock}),
    "with_prompts": (av.Schedule(clock=SONG.clock).with_prompts, {"prompts": "a", "negative": "", "song": SONG}),
    "plan[]": (av.Schedule(clock=SONG.clock).__getitem__, {"index": 1}),
    "Prompt": (av.Prompt, {"seconds": 0.0, "text": "a", "negative": "", "ease": "late", "way": "slerp"}),
    "Grid": (
        av.Grid,
        {"tempo": 120, "beats": None, "beat_offset": 0, "first_downbeat": 0, "beats_per_bar": 4, "pins": {1: 1}},
    ),
    "Lane": (Lane, {"keys": {0: 1}, "ease": "linear", "mode": "replace"}),
    "events[]": (BEATS.__getitem__, {"index": 1}),
    "sections[]": (SONG.sections.__getitem__, {"index": 1}),
    "band": (SONG.band, {"low": 1e9, "high": 2e9}),
    "mel": (SONG.mel, {"bands": 0}),
    "bound": (lambda song: av.bound(song).__enter__(), {"song": SONG}),
    "load_song": (av.load_song, {"path": "a", "fps": 12, "grid": av.Grid(), "beats_model": None, "stems": None}),
    "load_midi": (av.load_midi, {"path": "a", "song": SONG, "offset": 0.0}),
    "load_model": (
        av.load_model,
        dict.fromkeys(("source", "device", "dtype", "loras", "embeddings", "vae", "prediction"), "none"),
    ),
    "stems": (
        av.load_song,
        {"path": "a", "stems": {"drums": "a"}, "events": {"taps": [1]}, "start": 0.0, "duration": 1.0, "cache": True},
    ),
    "Video": (lambda path: av.Video(path).info(), {"path": "a"}),
    "sheet": (av.Video("none.mp4").sheet, {"path": "a.png", "columns": 1, "rows": 1, "width": 1}),
    "load_schedule": (av.load_schedule, {"source": "pulse"}),
    "the schedule": (av.load_schedule("pulse"), {"song": SONG}),
    "load_project": (av.load_project, {"path": "a.avz"}),
    "save_project": (av.save_project, {"project": av.Project("a"), "path": "nowhere/a.avz"}),
    "Project": (av.Project, {"song": "a", "fps": 12, "schedule": "pulse", "lanes": {}, "prompts": (), "negative": ""}),
    "Look": (Look, {"model": "embedded", "size": (64, 64), "steps": 1, "cfg": 1.0, "sampler": "euler", "vae": None}),
    "render": (
        av.render,
        {"song": "a", "schedule": "pulse", "out": "a.mp4", "fps": 12, "prompts": "a", "size": (64, 64), "init": None},
    ),
}


@pytest.mark.parametrize("name", MAKERS)
def test_a_wrong_type_is_one_line_wherever_it_stands(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make, arguments = MAKERS[name]
    with av.bound(SONG), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for argument in arguments:
            for odd in ODD:
                try:
                    make(**arguments | {argument: odd})
                except AudiovizError as error:
                    assert "\n" not in str(error) and len(str(error)) < 1000
