"""`audioviz sweep`: combinations, their drafts with a fake model, the table, the figures, the best one's project."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image
from tqdm import tqdm

import audioviz as av
from audioviz.audio.part import liveliest
from audioviz.command.main import cli
from audioviz.errors import AudiovizError, ModelError
from audioviz.farm import drafts
from audioviz.farm.combinations import Parameter, Value, combinations, count_of
from audioviz.farm.drafts import Draft, Drawn
from audioviz.farm.reports import write_reports
from audioviz.insight.table import LABEL, Tile, table_sheet
from audioviz.project import Project, load_project
from audioviz.schedule.lanes import Lane
from audioviz.video.probe import probe
from tests.models import fake_model
from tests.songs import made_song

PUNCHES = "punch=0.1,0.6"
TEXTS = "prompt=gold mandala|rose, at"


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    """Six seconds; there are kicks in the last three alone."""
    path = tmp_path_factory.mktemp("songs") / "song.wav"
    t = np.arange(22050 * 6) / 22050
    kick = np.sin(2 * np.pi * 55 * (t % 0.5)) * np.exp(-(t % 0.5) * 12) * (t >= 3)
    soundfile.write(path, 0.8 * kick + 0.01 * np.sin(2 * np.pi * 220 * t), 22050)
    return path


pytestmark = pytest.mark.filterwarnings("ignore::audioviz.errors.AudiovizWarning")


@pytest.fixture
def model(monkeypatch, tmp_path):
    """The fake model in the place of any, and the folder of the test as the working directory."""
    model = fake_model()
    monkeypatch.setattr(drafts, "load_model_of", lambda *_: model)
    monkeypatch.chdir(tmp_path)
    return model


def sweep(song, *words, varied=(PUNCHES, TEXTS)):
    typed = [word for one in varied for word in ("--vary", one)]
    cli.main(["sweep", str(song), *typed, "--duration", "1", "--quiet", *words], standalone_mode=False)


def rows_of(folder="song-sweep"):
    with Path(folder, "sweep.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def parameters(*counts):
    return [
        Parameter(f"p{i}", [Value(str(k), lanes={"zoom": Lane(expression=f"1 + {k}")}) for k in range(count)])
        for i, count in enumerate(counts)
    ]


def test_all_combinations_the_last_changing_first(song):
    found = combinations(Project(song), parameters(2, 3))
    assert [tuple(one.values.values()) for one in found] == [(a, b) for a in "01" for b in "012"]
    assert found[1].project.lanes["zoom"].expression == "1 + 1"


def test_a_sample_is_always_the_same_and_within_a_larger_one(song):
    many = parameters(*[10] * 30)  # more than fit a list, or 64 bits
    small, again, large = (
        [tuple(one.values.values()) for one in combinations(Project(song), many, sample=count)] for count in (3, 3, 6)
    )
    assert count_of(many) == 10**30 and len(set(small)) == 3
    assert small == again and set(small) < set(large)


def test_another_schedule_comes_before_its_settings(song):
    varied = [
        Parameter("punch", [Value("0.5", {"settings": {"punch": 0.5}})]),
        Parameter("schedule", [Value("fury", {"schedule": "fury"})]),
    ]
    (found,) = combinations(Project(song, schedule="pulse"), varied)
    assert found.project.schedule.source == "fury" and found.project.schedule.settings == {"punch": 0.5}


def test_the_liveliest_part_has_the_hits():
    song = made_song(seconds=8, beats_every=0.5)
    strength = np.zeros(96)
    strength[50:60] = 1.0
    song.curves["onset"] = av.Curve(strength, song.clock)
    part = liveliest(song, range(96), frames=12)
    assert len(part) == 12 and strength[part.start : part.stop].sum() >= 8 and part.start in song.downbeats.frames
    assert liveliest(song, range(10, 20), frames=12) == range(10, 20)


def test_it_makes_drafts_a_table_figures_and_the_project_of_the_best(song, model, capsys):
    sweep(song)
    rows, shown = rows_of(), capsys.readouterr()
    assert [(row["punch"], row["prompt"]) for row in rows] == [
        (punch, text) for punch in ("0.1", "0.6") for text in ("gold mandala", "rose, at")
    ]
    assert shown.out.split() == [str(Path("song-sweep", name)) for name in ("sheet.png", "sweep.csv", "best.avz")]
    best = max(rows, key=lambda row: float(row["correlation"]))
    assert f"{float(best['correlation']):.2f}: punch {best['punch']}, prompt {best['prompt']}" in shown.err
    chosen = load_project("song-sweep/best.avz")
    assert chosen.schedule.settings == {"punch": best["punch"]} and chosen.prompts == (best["prompt"],)
    assert chosen.song.duration is None  # the whole song
    for row in rows:
        video = Path("song-sweep", row["video"])
        assert probe(video).frames == 12
        assert load_project(video.with_suffix(".avz")).prompts == (row["prompt"],)
    cli.main(["render", "song-sweep/best.avz", "--dry-run"], standalone_mode=False)


def test_drafts_begin_where_the_song_is_liveliest_or_where_it_is_said(song, model):
    sweep(song, varied=["punch=0.1"])
    assert int(rows_of()[0]["kicks"]) > 0 and Path("song-sweep/best.avz").exists()
    sweep(song, "--start", "1", varied=["punch=0.1"])
    assert rows_of()[0] | {"video": ""} == {
        "video": "", "punch": "0.1", "kicks": "0", "correlation": "", "hits": "", "loud_to_quiet": "1"
    }  # fmt: skip
    assert not Path("song-sweep/best.avz").exists()  # of the first, whose kicks are not in these


def test_what_is_made_is_not_made_again(song, model):
    sweep(song, varied=["punch=0.1,0.6"])
    calls, before = len(model.denoiser.calls), rows_of()
    sweep(song, varied=["punch=0.1,0.6"])
    assert len(model.denoiser.calls) == calls > 0 and rows_of() == before
    sweep(song, varied=["punch=0.1,0.3,0.6"])
    assert len(model.denoiser.calls) == calls * 3 // 2


def test_renders_share_a_bar_whose_pace_is_that_of_what_they_make(song, model):
    hear, wanted = drafts.listener(), combinations(Project(song), parameters(1))
    (draft,) = drafts.drafts_of(wanted, Path(), hear=hear, duration=1.0)
    with tqdm(total=24, file=io.StringIO(), disable=False) as bar:
        for begun, done in ((0, 12), (12, 24)):  # all of the second time is there
            drafts.make_draft(draft, song=hear(draft.project), load=lambda *_: model, progress=bar)
            assert (bar.initial, bar.n) == (begun, done)


def test_the_model_is_loaded_and_the_song_heard_once(song, model, monkeypatch):
    loaded, heard, song_of = [], [], drafts.song_of
    monkeypatch.setattr(drafts, "load_model_of", lambda *asked: loaded.append(asked) or model)
    monkeypatch.setattr(drafts, "song_of", lambda project: heard.append(project) or song_of(project))
    sweep(song, "--sample", "2", varied=["steps=1,2", "size=64,128"])
    assert len(loaded) == len(heard) == 1 and len(rows_of()) == 2


def test_columns_take_numbers_and_formulas(song, model):
    sweep(song, "--sample", "3", varied=["zoom=1|1 + clip(low, 0, 1)", "denoise=0.3,0.6", "flash_colour=gold,#ff0000"])
    assert len(rows_of()) == 3
    first = load_project(Path("song-sweep", rows_of()[0]["video"]).with_suffix(".avz"))
    assert first.lanes["zoom"].expression == "1" and first.lanes["flash_colour"].keys == {"0s": "gold"}


def test_a_draft_that_fails_does_not_stop_the_others_but_the_first_does(song, model, monkeypatch, capsys):
    render_project = drafts.render_project

    def broken(project, **options):
        if project.schedule.settings["punch"] == "0.3":
            raise ModelError("out of memory")
        return render_project(project, **options)

    monkeypatch.setattr(drafts, "render_project", broken)
    with pytest.raises(SystemExit) as end:
        sweep(song, varied=["punch=0.1,0.3,0.6"])
    rows = rows_of()
    assert end.value.code == 2 and f"{rows[1]['video']} failed: out of memory" in capsys.readouterr().err
    assert [bool(row["loud_to_quiet"]) for row in rows] == [True, False, True]
    with pytest.raises(ModelError, match="^out of memory$"):
        sweep(song, varied=["punch=0.3,0.1"])


def test_where_all_drafts_fail_there_are_figures_of_none(song, tmp_path):
    (tmp_path / "sheet.png").touch()  # of an earlier sweep
    wanted = combinations(Project(song), parameters(2))
    failed = [Draft(one, one.project, tmp_path / f"{i}.mp4") for i, one in enumerate(wanted)]
    drawn = [Drawn(draft, None, ModelError("out of memory")) for draft in failed]
    assert write_reports(drawn, parameters(2), tmp_path) == [tmp_path / "sweep.csv"]
    assert [row["correlation"] for row in rows_of(tmp_path)] == ["", ""] and not (tmp_path / "sheet.png").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--vary", "pnch=1"], r"pnch: nothing has this name \(did you mean punch\?\): the schedule has calm, punch, "),
        (["--vary", "punch"], "--vary punch: expected NAME=VALUES, such as "),
        (["--vary", "punch=,"], "--vary punch: expected NAME=VALUES, such as "),
        (["--vary", "punch=0.5,loud"], "setting punch=loud: expected a number"),
        (["--vary", "steps=2,many"], "--vary steps=many: 'many' is not a valid integer"),
        (["--vary", "size=64,blue"], "look.size: 'blue', expected width and height"),
        (["--vary", "zoom=1+foo|1"], "lane zoom: expression '1\\+foo': unknown name 'foo'"),
        (["--vary", "punch=1,1"], "--vary punch: 1 is there twice"),
        (["--vary", "punch=1", "--vary", "punch=2"], "--vary: punch is there twice; give all values at once"),
        (["--vary", "schedule=pulse,drift", "--vary", "punch=1"], "drift.py has no setting 'punch'"),
        (["--vary", f"seed={','.join(map(str, range(101)))}"], "--vary: 101 combinations; --sample 100 makes so many"),
        (["--vary", "punch=1", "--start", "4bars"], "song.start: unknown time '4bars'"),
        (["--vary", "punch=1", "--start", "7"], "start 7 s is past the end of .*song.wav"),
        (["--vary", "punch=1", "-o", "no/there"], "--out no.there: the folder cannot be made"),
    ],
)
def test_what_is_wrong_is_one_line_before_anything_is_made(song, model, words, message):
    with pytest.raises(AudiovizError, match=message):
        cli.main(["sweep", str(song), *words], standalone_mode=False)
    assert list(Path().iterdir()) == []


def test_the_project_that_is_swept_is_not_overwritten(song, model):
    Path("all").mkdir()
    av.save_project(Project(song), "all/best.avz")
    with pytest.raises(AudiovizError, match=r"all.best\.avz: would overwrite what is read"):
        sweep("all/best.avz", "-o", "all", varied=["punch=0.1"])


def test_the_table_has_a_strip_in_the_row_and_column_of_its_values(song, model):
    sweep(song, varied=["punch=0.1"])
    video = Path("song-sweep", rows_of()[0]["video"])
    tiles = [Tile(labels, video, "x") for labels in (("a 1", "b 2"), ("a 2", "b 1"))]
    sheet = np.asarray(table_sheet(tiles, columns=["b 1", "b 2", "b 3"], width=40).convert("L")).astype(float)
    wide, high = sheet.shape[1] - LABEL, sheet.shape[0]
    assert wide < 3 * 3 * 40  # two columns: b 3 has no tile
    middle = LABEL + wide // 2
    busy = [[half[:, LABEL:middle].std() > 20, half[:, middle:].std() > 20] for half in np.split(sheet[high % 2 :], 2)]
    assert busy == [[False, True], [True, False]]


def test_a_table_of_one_parameter_has_a_row_for_each_value(song, model):
    sweep(song, varied=[PUNCHES])
    with Image.open("song-sweep/sheet.png") as sheet:
        assert 2 * 144 < sheet.height < 3 * 144 and sheet.width == LABEL + 3 * 144 + 6
