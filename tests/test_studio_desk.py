"""What the studio computes of a project: its song, its plan, its sound, its catalog, and the keys of its frames."""

import asyncio
import json
import re
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audioviz.audio.load import load_song
from audioviz.errors import InputError
from audioviz.project import Project
from audioviz.rendering.frame_table import frame_table
from audioviz.rendering.process import Note
from audioviz.rendering.runs import runs_of
from audioviz.rendering.settings import RenderSettings
from audioviz.schedule.columns import COLUMNS
from audioviz.schedule.lanes import Lane
from audioviz.studio import planning, render_queue, thinking
from audioviz.studio.arrays import Curves
from audioviz.studio.catalog import catalog_event, options_of
from audioviz.studio.chain import Chain
from audioviz.studio.columns import ABOUT, GROUPS
from audioviz.studio.desk import Desk
from audioviz.studio.filming import News
from audioviz.studio.outbox import Outbox, key_of, sent
from audioviz.studio.pictures import Pictures, address
from audioviz.studio.session import Session
from audioviz.studio.sound import decoded, peaks_of, sound_of
from tests.loops import finished

RATE = 8000
SETTINGS = RenderSettings((64, 64), 2, 3.0, "euler", "normal")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUDIOVIZ_CACHE", str(folder / "cache"))
        time = np.arange(6 * RATE) / RATE
        clicks = np.exp(-40 * (time % 0.5)) * np.sin(2 * np.pi * 90 * time)
        soundfile.write(folder / "song.wav", np.stack([clicks, 0.5 * clicks], 1) * 0.8, RATE, subtype="PCM_16")
        yield Project(folder / "song.wav", fps=12)


def opened(event: bytes | Curves | None) -> tuple[dict, dict[str, np.ndarray]]:
    """The header of an event, and the arrays that it brings, by name; of curves, all names of each."""
    assert event
    if isinstance(event, Curves):
        header, arrays = opened(event.packed())
        return header, {name: arrays[digest] for name, digest in header["curves"].items() if digest in arrays}
    length = int.from_bytes(event[:4], "little")
    header = json.loads(event[4 : 4 + length])
    kinds = {"f4": "<f4", "i1": "i1", "i4": "<i4"}
    arrays = {
        part["name"]: np.frombuffer(event, kinds[part["kind"]], part["count"], part["at"]) for part in header["arrays"]
    }
    return header, arrays


def test_the_song_has_events_curves_and_three_levels_of_peaks(project):
    event, _ = thinking.song_event(project)
    header, arrays = opened(event)
    assert header["frames"] == 72 and header["rate"] == RATE and header["channels"] == 2
    assert len(header["events"]["beats"]["seconds"]) == len(header["events"]["beats"]["strength"])
    assert [level["samples_per_point"] for level in header["peak_levels"]] == [256, 2048, 16384]
    samples, _ = soundfile.read(project.song.path, dtype="int16")
    for level in header["peak_levels"]:
        points, step = arrays[level["name"]].reshape(-1, 2), level["samples_per_point"]
        assert len(points) == -(-len(samples) // step)
        for k in (0, len(points) - 1):
            here = samples[k * step : (k + 1) * step] * (127 / 32768)
            assert points[k].tolist() == [round(here.min()), round(here.max())]
    assert arrays["curve:rms"].shape == (72,)


def test_the_sound_is_the_very_samples_of_the_file_from_anywhere(project):
    song = load_song(project.song.path, fps=12)
    decoded(song)
    sound = sound_of(song)
    samples, _ = soundfile.read(project.song.path, dtype="int16")
    assert sound.samples(0, len(samples) + 99) == samples.astype("<i2").tobytes()
    assert sound.samples(1234, 10) == samples[1234:1244].astype("<i2").tobytes()
    assert sound.samples(len(samples), 10) == b""


def test_peaks_are_kept_and_need_no_sound_then(project, monkeypatch):
    song = load_song(project.song.path, fps=12)
    first = peaks_of(song)
    monkeypatch.setattr("audioviz.studio.sound.open_stream", None)
    assert all(np.array_equal(one, two) for one, two in zip(first, peaks_of(song), strict=True))


def test_the_plan_has_the_curves_with_lanes_and_without(project):
    lane = Lane(keys={"0s": 0.2, "8b": 0.8}, mode="replace")
    answer = thinking.plan_event(project.changed(lanes={"denoise": lane}, prompts=["2s: gold", "0s: neon", "4s: a"]))
    header, arrays = opened(answer.event)
    assert answer.problems == {}
    assert arrays["final:denoise"][0] == np.float32(0.2)
    assert not np.array_equal(arrays["final:denoise"], arrays["script:denoise"])
    assert [key[0] for key in header["lanes"]["denoise"]] == ["0s", "8b"]
    assert header["lanes"]["denoise"][1][1] > 3
    assert [(prompt["text"], prompt["source"]) for prompt in header["prompts"]] == [("neon", 1), ("gold", 0), ("a", 2)]
    assert header["source"] == "pulse" and header["cuts"][0] == 0 and header["options"][0]["name"] == "calm"


def test_prompts_of_the_script_have_no_source_and_those_without_times_keep_their_order(project):
    header, _ = opened(thinking.plan_event(project.changed(prompts=["one", "two"])).event)
    assert [prompt["source"] for prompt in header["prompts"]] == [0, 1]
    header, _ = opened(thinking.plan_event(project.changed(schedule="cuts")).event)
    assert {prompt["source"] for prompt in header["prompts"]} == {None}


def test_one_wrong_lane_is_said_and_the_rest_computed(project):
    wrong = project.changed(lanes={"glow": Lane(expression="lowe"), "denoise": Lane(expression="0.25")})
    answer = thinking.plan_event(wrong)
    assert list(answer.problems) == ["lane:glow"] and "did you mean low" in answer.problems["lane:glow"]
    _, arrays = opened(answer.event)
    assert (arrays["final:denoise"] == 0.25).all() and "final:glow" not in arrays


def test_a_lane_without_which_the_others_are_right_is_said_and_left_out(project):
    lanes = {"seed_to": Lane(expression="5"), "denoise": Lane(expression="0.25")}
    answer = thinking.plan_event(project.changed(schedule="boombap", lanes=lanes))
    assert list(answer.problems) == ["lane:seed_to"] and (opened(answer.event)[1]["final:denoise"] == 0.25).all()


def test_the_lane_that_changed_is_computed_alone(project, monkeypatch):
    lanes = {"glow": Lane(expression="low"), "denoise": Lane(expression="0.25")}
    thinking.plan_event(project.changed(lanes=lanes))
    computed = []
    lane_values = planning.lane_values
    monkeypatch.setattr(planning, "lane_values", lambda *a, **k: computed.append(a[1]) or lane_values(*a, **k))
    answer = thinking.plan_event(project.changed(lanes=lanes | {"denoise": Lane(expression="0.5")}))
    assert computed == ["denoise"] and (opened(answer.event)[1]["final:denoise"] == 0.5).all()


def test_curves_that_are_there_are_not_sent_again(project):
    """From the worker to the server, and from it to each page: one that joins, or missed a plan, lacks none."""
    texts = ("0.11", "0.22", "0.11 + 0.11", "0.33")
    plans = [project.changed(lanes={"denoise": Lane(expression=text)}) for text in texts]
    served, reader, sleeper = None, Outbox(), Outbox()
    has: dict[str, np.ndarray] = {}
    for k, plan in enumerate(plans):
        answer = thinking.plan_event(plan, served.known if served else ()).event
        assert answer and len(answer.arrays) == (len(answer.known) if k == 0 else k != 2)
        served = answer.whole(served)
        for outbox in (reader, sleeper):
            outbox.put(key_of(served), sent(served))
        header, arrays = opened(finished(reader.take()))
        has = {digest: arrays.get(digest, has.get(digest)) for digest in header["curves"].values()}
        assert len(arrays) == len(answer.arrays)
        assert has[header["curves"]["final:denoise"]][0] == np.float32([0.11, 0.22, 0.22, 0.33][k])
    header, arrays = opened(finished(sleeper.take()))
    assert set(arrays) == set(header["curves"].values()) == served.known


def test_wrong_prompts_are_said_and_the_rest_computed(project):
    answer = thinking.plan_event(project.changed(prompts=["900s: gold"]))
    assert list(answer.problems) == ["prompts"] and answer.event


def test_a_wrong_script_is_said_with_its_line_and_computed_again_when_it_is_written(project, tmp_path):
    script = tmp_path / "own.py"
    script.write_text("import audioviz as av\n\ndef schedule(song):\n    return av.Schedule(denoise=foo)\n")
    own = project.changed(schedule=str(script))
    answer = thinking.plan_event(own)
    assert answer.event is None and re.search(r"own\.py:4: NameError", answer.problems["schedule"])
    script.write_text("import audioviz as av\n\ndef schedule(song, *, by: float = 2.5):\n    return av.Schedule()\n")
    answer = thinking.plan_event(own)
    assert answer.problems == {} and opened(answer.event)[0]["options"][0]["high"] == 10


def test_the_script_is_not_run_again_for_a_lane(project, monkeypatch):
    thinking.plan_event(project)
    monkeypatch.setattr(planning, "own_schedule", None)
    assert thinking.plan_event(project.changed(lanes={"zoom": Lane(expression="1.2")})).problems == {}


def test_expressions_are_checked_for_their_column(project):
    assert thinking.expression_fault(project, "denoise", "0.2 + 0.3 * low") is None
    assert "unknown name 'x'" in str(thinking.expression_fault(project, "denoise", "x"))
    assert "expected seeds" in str(thinking.expression_fault(project, "seed", "-1"))


def test_the_catalog_tells_every_column_as_the_docs_do():
    catalog = catalog_event()
    columns = {column["name"]: column for column in catalog["columns"]}
    assert list(columns) == list(COLUMNS) and sorted(chain.from_iterable(GROUPS.values())) == sorted(COLUMNS)
    docs = (Path(__file__).parents[1] / "docs" / "columns.md").read_text(encoding="utf-8")
    rows = {row[1]: row[2] for row in re.finditer(r"^\| `(\w+)` (?:\|[^|]*){3}\| ([^|]*) \|", docs, re.MULTILINE)}
    for name, about in ABOUT.items():
        told = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", rows[name]).replace("`", "")
        assert about.split(";")[0] == told.split(";")[0]
    assert columns["denoise"]["low"] == 0 and columns["denoise"]["high"] == 1 and columns["zoom"]["neutral"] == 1
    json.dumps(catalog, allow_nan=False)


def test_options_tell_their_kind_range_and_meaning(tmp_path):
    script = tmp_path / "own.py"
    script.write_text(
        "from typing import Literal\nimport audioviz as av\n\n"
        'def schedule(song, *, way: Literal["up", "down"] = "up", every: int = 4, on: bool = False,\n'
        "             fade: float = 0.5,  # how softly\n"
        "             words: list[str] = ['a'], far: float = -2.0, text: str = 'x', seed: int = 3) -> av.Schedule:\n"
        '    """way: where it goes; every, far: beats."""\n'
        "    return av.Schedule()\n"
    )
    options = {option["name"]: option for option in options_of(thinking.planning.load_schedule(script))}
    assert options["way"]["kind"] == "choice" and options["way"]["choices"] == ["up", "down"]
    assert (options["every"]["kind"], options["every"]["low"], options["every"]["high"]) == ("int", 1, 16)
    assert options["on"]["kind"] == "bool" and options["on"]["default"] is False
    assert (options["fade"]["low"], options["fade"]["high"], options["fade"]["about"]) == (0, 1, "how softly")
    assert options["words"]["kind"] == "list" and options["words"]["default"] == ["a"]
    assert options["far"]["low"] == -8 and options["far"]["about"] == options["every"]["about"] == "beats"
    assert options["seed"]["high"] == 999 and options["text"]["kind"] == "str"


def test_scripts_that_windows_wrote_or_that_define_nothing_themselves_have_options(tmp_path):
    marked, made = tmp_path / "marked.py", tmp_path / "made.py"
    marked.write_text("\ufeffdef schedule(song, *, fade: float = 0.5):  # softly\n    pass\n", encoding="utf-8")
    made.write_text("schedule = lambda song, *, fade=0.5: None\n")
    for script in (marked, made):
        assert [option["name"] for option in options_of(thinking.planning.load_schedule(script))] == ["fade"]


def test_a_render_that_a_defect_ends_can_be_resumed_and_there_are_not_too_many(project, monkeypatch):
    class Broken:
        def __init__(self, *_: object, **__: object) -> None: ...

        async def run(self, *_: object) -> None:
            raise ZeroDivisionError

    told: dict[str, dict] = {}
    monkeypatch.setattr(render_queue, "Worker", Broken)
    monkeypatch.setattr(render_queue, "MOST_JOBS", 2)

    async def ask() -> None:
        pictures = Pictures(say=told.__setitem__, drop=told.__delitem__)
        queue = render_queue.RenderQueue(Session(project), pictures, say=told.__setitem__, warn=lambda _: None)
        for _ in range(2):
            await queue.actions["render"]({"start": 1.0, "duration": 1.0})
        with pytest.raises(InputError, match="2 renders already: forget some first"):
            await queue.actions["render"]({})
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(queue.work(), 5)
        await asyncio.sleep(2 * render_queue.NEWS_SECONDS)
        assert [job["status"] for job in told["jobs"]["jobs"]] == ["failed", "waiting"]
        await queue.actions["resume"]({"job": 1})
        await queue.actions["forget"]({"job": 2})
        await asyncio.sleep(2 * render_queue.NEWS_SECONDS)
        assert [job["status"] for job in told["jobs"]["jobs"]] == ["waiting"]

    finished(ask())


def test_what_each_bar_is_warned_of_is_said_once(project):
    said: list[dict] = []
    desk = Desk(Session(project), said.append)
    for text in ("a part begins anew", "a part begins anew", "clipped", "a part begins anew"):
        desk._queue._take(Note(text))
        desk._easel._take(Note(text))
    desk.close()
    assert [event["text"] for event in said] == ["a part begins anew", "clipped"]


def test_frames_of_renders_are_shown_of_the_song_that_is_open_alone(project):
    told: dict[str, dict] = {}
    pictures = Pictures(say=told.__setitem__, drop=told.__delitem__)
    session = Session(project)
    queue = render_queue.RenderQueue(session, pictures, say=told.__setitem__, warn=lambda _: None)

    async def ask() -> None:
        await queue.actions["render"]({"start": 1.0, "duration": 1.0})
        queue._take(News(1, 1, 12, frame=12, key="one", webp=b"one"))
        assert "picture 1 12" in told
        other = project.song.path.with_name("other.wav")
        session.change([{"place": ["song", "path"], "value": str(other)}], "another song")
        queue._take(News(1, 2, 12, frame=13, key="two", webp=b"two"))
        assert not [name for name in told if name.startswith("picture")]
        await asyncio.sleep(2 * render_queue.NEWS_SECONDS)
        assert told["jobs"]["jobs"][0]["picture"] == address("two") and pictures._kept["two"] == b"two"

    finished(ask())


def test_keys_of_frames_differ_from_the_frame_that_an_edit_changes_to_the_next_cut(project):
    song = thinking.hear(project)

    def keys(lanes):
        schedule = planning.planned(project.changed(schedule="cuts", lanes=lanes), song).final
        table = frame_table(schedule, SETTINGS)
        links = Chain(table, runs_of(table), "model")
        return [links.key(i) for i in range(len(table))], [run.start for run in links.runs]

    before, cuts = keys({})
    after, cuts_after = keys({"noise": Lane(expression="where(f == 30, 0.3, 0)", mode="add")})
    end = next((cut for cut in cuts if cut > 30), len(before))
    assert cuts == cuts_after
    assert [i for i, (one, two) in enumerate(zip(before, after, strict=True)) if one != two] == list(range(30, end))


def test_pictures_that_do_not_fit_are_said_to_be_gone():
    said, dropped = [], []
    pictures = Pictures(say=lambda name, event: said.append(event), drop=dropped.append, most=250)
    for frame in range(3):
        pictures.show("preview", frame, {"estimate": False}, key=f"k{frame}", webp=bytes(100))
    assert [event["frame"] for event in said if event.get("gone")] == [0] and dropped == ["picture preview 0"]
    pictures.show(7, 2, {}, key="k2", webp=bytes(100))
    pictures.forget_all(7)
    assert said[-1] == {"on": "picture", "of": 7, "frame": 2, "gone": True}
