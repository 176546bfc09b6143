"""Files are told by their content, whatever their name and encoding; what the command writes can be read back."""

import json

import numpy as np
import pytest

import audioviz as av
from audioviz.clock import Clock
from audioviz.curve import Curve
from audioviz.errors import AudiovizError, AudiovizWarning, ScheduleError
from audioviz.rendering.inputs import schedule_of
from audioviz.schedule import (
    csv_to_schedule,
    schedule_to_csv,
    schedule_to_deforum,
    schedule_to_json,
    schedule_to_lists,
    schedule_to_parseq,
)
from audioviz.schedule.part import cut_schedule, placed_schedule
from audioviz.schedule.prompts import between, to_prompts
from tests.songs import made_song

SONG = made_song()
PLAN = av.Schedule(denoise=0.3, prompts=[av.Prompt(0.0, "ä cat", "", "hold")], clock=SONG.clock)
SETTINGS = '{"animation_mode": "2D", "fps": 12, "strength_schedule": "0: (0.7)", "prompts": {"0": "ä cat"}}'


@pytest.mark.parametrize("name", ["plan.txt", "plan.json", "plan.dat", "plan", "plan.csv", "a.b.settings"])
@pytest.mark.parametrize(
    "write",
    [schedule_to_json, schedule_to_csv, schedule_to_deforum, schedule_to_parseq, schedule_to_lists, lambda _: SETTINGS],
)
def test_what_is_written_can_be_read_back_whatever_its_name(tmp_path, monkeypatch, name, write):
    (tmp_path / name).write_text(write(PLAN), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    again = av.load_schedule(name)(SONG)
    assert again.denoise == pytest.approx(0.3) and [p.text for p in again.prompts] == ["ä cat"]
    if "." in name and not name.endswith("settings"):
        assert [p.text for p in to_prompts(str(tmp_path / name), SONG.clock)] == ["ä cat"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_files_of_windows_are_read(tmp_path, encoding):
    (tmp_path / "a.txt").write_bytes(SETTINGS.encode(encoding))
    with pytest.warns(AudiovizWarning) if encoding == "cp1252" else pytest.MonkeyPatch.context():
        assert av.load_schedule(tmp_path / "a.txt")(SONG).prompts[0].text == "ä cat"


def test_tables_of_spreadsheets_have_other_marks_between_cells(tmp_path):
    for mark in ";\t":
        (tmp_path / "a.csv").write_text(schedule_to_csv(PLAN).replace(",", mark))
        assert av.load_schedule(tmp_path / "a.csv")(SONG).denoise == pytest.approx(0.3)


def test_a_table_without_seconds_has_its_prompts_at_their_frames():
    clock = Clock(SONG.clock.fps, 3)
    prompts = csv_to_schedule("frame,denoise,prompt\n0,0.5,a cat\n1,0.4,\n2,0.3,a dog\n", clock).prompts
    assert [(prompt.seconds, prompt.text) for prompt in prompts] == [(0.0, "a cat"), (2 / 12, "a dog")]


def test_a_table_of_another_frame_rate_says_so(tmp_path):
    fast = made_song(fps=24)
    (tmp_path / "a.csv").write_text(schedule_to_csv(av.Schedule(denoise=0.3, clock=fast.clock)))
    with pytest.raises(ScheduleError, match="96 rows: expected 48.* at 12 fps; it was made at 24 fps: give --fps 24"):
        av.load_schedule(tmp_path / "a.csv")(SONG)
    long = made_song(seconds=8)
    (tmp_path / "a.csv").write_text(schedule_to_csv(av.Schedule(denoise=0.3, clock=long.clock)))
    with pytest.raises(ScheduleError, match="it is of 8 s of music, and this has 4 s"):
        av.load_schedule(tmp_path / "a.csv")(SONG)


def test_a_part_is_cut_out_and_put_back():
    ramp = np.linspace(0, 1, 48)
    prompts = [av.Prompt(0.0, "a", ease="hold"), av.Prompt(1.5, "b", ease="hold"), av.Prompt(3.5, "c")]
    whole = av.Schedule(denoise=ramp, seed=np.arange(48), mix={"d": ramp}, prompts=prompts, clock=SONG.clock)
    part = range(12, 36)
    cut = cut_schedule(whole, part)
    assert np.array_equal(cut.denoise, ramp[part]) and np.array_equal(cut.mix["d"], ramp[part])
    assert [(p.seconds, p.text) for p in cut.prompts] == [(0.0, "a"), (0.5, "b")]
    again = placed_schedule(cut, part, SONG.clock)
    assert (
        np.array_equal(again.seed[part], whole.seed[part])
        and again.denoise[[0, 47]].tolist() == ramp[[12, 35]].tolist()
    )
    assert [(p.seconds, p.text) for p in again.prompts] == [(1.0, "a"), (1.5, "b")]


def test_a_part_walks_the_same_way_along_all_prompts():
    whole = av.Schedule(travel=np.linspace(0, 1, 48), prompts=list("abcd"), clock=SONG.clock)
    part = range(18, 30)
    cut = csv_to_schedule(schedule_to_csv(cut_schedule(whole, part)), Clock(SONG.clock.fps, len(part)))
    for plan, here in ((whole, slice(18, 30)), (cut, slice(None)), (placed_schedule(cut, part, SONG.clock), part)):
        before, after, weight = (
            values[here] for values in between(plan.prompts, plan.clock, travel=Curve(plan.travel, plan.clock))
        )
        assert (before.tolist(), after.tolist()) == ([1] * 12, [2] * 12) and [p.text for p in plan.prompts] == [*"abcd"]
        assert weight == pytest.approx(3 * whole.travel[part] - 1)


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        (
            "gone.srt",
            "prompt gone.srt: there is no such file; expected words, or a file: lyrics .*.srt.*.txt, .json, .csv",
        ),
        ("my words.txt", "prompt my words.txt: there is no such file; .*write '0s: my words.txt'"),
        ("notes.md", "there is no such file"),
        (r"C:\song\words.lrc", "there is no such file"),
        ("Some Band - A Song.lrc", "there is no such file"),
    ],
)
def test_what_looks_like_a_file_and_is_none_is_refused(prompt, said):
    with pytest.raises(ScheduleError, match=said):
        to_prompts(prompt, SONG.clock)
    assert to_prompts(f"0s: {prompt}", SONG.clock)[0].text == prompt


@pytest.mark.parametrize("prompt", ['"0": "a cat", "4": "a dog --neg b"', '{"0":"a cat",\n"4" : "a dog --neg b",}'])
def test_prompts_at_frames_may_be_given_as_their_text(prompt):
    found = [(p.seconds, p.text, p.negative) for p in to_prompts(prompt, SONG.clock)]
    assert found == [(0, "a cat", ""), (float(4 / SONG.clock.fps), "a dog", "b")]
    assert to_prompts('0: "a cat" sign', SONG.clock)[0].text == '"a cat" sign'


@pytest.mark.parametrize("prompt", ["a sign that says readme.txt", "vol. 2", "Mr. Fox", "gold.", "f/1.8 photo"])
def test_words_are_words(prompt):
    assert to_prompts(prompt, SONG.clock)[0].text == prompt


def test_a_file_of_another_kind_is_refused_with_the_kinds(tmp_path):
    (tmp_path / "notes.md").write_text("# Ideas\n- gold\n")
    with pytest.raises(ScheduleError, match="notes.md: line 1: '# Ideas' is no keyframe: .*JSON, CSV, or lyrics"):
        to_prompts(str(tmp_path / "notes.md"), SONG.clock)
    for document, said in (
        ([{"frame": 0}], "a list: expected a JSON object; of Parseq the whole manifest"),
        ({"3": {"class_type": "KSampler", "inputs": {}}}, "a workflow of ComfyUI: copy the text of its schedule nodes"),
        ({"nodes": [], "links": []}, "a workflow of ComfyUI"),
    ):
        (tmp_path / "p.json").write_text(json.dumps(document))
        with pytest.raises(AudiovizError, match=said):
            av.load_schedule(tmp_path / "p.json")(SONG)


def test_names_that_are_near_are_guessed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mypulse.py").write_text("")
    for source, said in (("plse", "did you mean pulse?"), ("mypulse", "did you mean mypulse.py?")):
        with pytest.raises(AudiovizError) as caught:
            av.load_schedule(source)
        assert said in str(caught.value)
    for options, said in (
        ({"sampler": "euler_a"}, "did you mean euler_ancestral?"),
        ({"sampler": "DPM++ 2M"}, "did you mean dpmpp_2m?"),
        ({"scheduler": "karas"}, "did you mean karras?"),
    ):
        with pytest.raises(AudiovizError) as caught:
            av.Project("a.wav").changed(**options)
        assert said in str(caught.value)
    for text, said in (("0.5 + sine(t)", "did you mean sin?"), ("pie * t", "did you mean pi?")):
        with pytest.raises(ScheduleError) as caught:
            av.curves.expression(text, clock=SONG.clock)
        assert said in str(caught.value)


def test_prompts_for_a_schedule_that_mixes_its_own_are_said_to_be_lost():
    plan = av.Schedule(prompts=["a"], mix={"b": 0.5, "c": 0.5}, clock=SONG.clock)
    with pytest.warns(AudiovizWarning, match="leaves nothing for those that are given"):
        schedule_of(av.Project("made.wav", schedule=plan, prompts=["gold"]), SONG)
