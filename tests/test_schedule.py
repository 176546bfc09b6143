import json
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

import audioviz as av
from audioviz.clock import Clock
from audioviz.errors import AudiovizWarning, ScheduleError
from audioviz.schedule import Prompt, csv_to_schedule, json_to_schedule, schedule_to_csv, schedule_to_json
from audioviz.schedule.prompts import between, to_prompts
from tests.songs import made_song

CLOCK = Clock.for_duration(10, "30000/1001")


def rich_schedule(clock: Clock = CLOCK) -> av.Schedule:
    rng = np.random.default_rng(5)
    return av.Schedule(
        seed=av.seeds.random(1, clock=clock),
        seed_to=2**64 - 1,
        seed_mix=1 / 3,
        denoise=rng.random(clock.frames),
        noise=0.1 + 0.2,
        interp=rng.random(clock.frames),
        cfg=rng.random(clock.frames) * 9,
        zoom=1.01,
        travel=0.5,
        prompts=[
            Prompt(0.0, 'neon "nebula", dark', "grey"),
            Prompt(1 / 3, "gold\nmandala", ease="hold"),
            Prompt(1.0, "wave", ease="in_out_sine", way="lerp"),
        ],
        mix={'fire, "red"': rng.random(clock.frames)},
        clock=clock,
    )


@pytest.mark.parametrize("fps", [12, "12.5", "24000/1001", 60])
@pytest.mark.parametrize(("write", "read"), [(schedule_to_json, json_to_schedule), (schedule_to_csv, csv_to_schedule)])
def test_files_round_trip_exactly(write, read, fps):
    schedule = rich_schedule(Clock.for_duration(7, fps))
    again = read(write(schedule), schedule.clock)
    assert again.columns.keys() == schedule.columns.keys()
    for name, values in schedule.columns.items():
        assert np.array_equal(values, again.columns[name]) and values.dtype == again.columns[name].dtype, name
    assert again.prompts == schedule.prompts and np.array_equal(again.mix['fire, "red"'], schedule.mix['fire, "red"'])
    assert write(again) == write(schedule)


def test_json_has_the_keys_that_other_programs_rely_on():
    document = json.loads(schedule_to_json(rich_schedule()))
    assert document["fps"] == "30000/1001" and document["frames"] == 300 and document["seed"][0] > 2**53
    assert document["prompts"][1] == {
        "frame": 10,
        "seconds": 1 / 3,
        "prompt": "gold\nmandala",
        "negative": "",
        "ease": "hold",
    }
    assert json.loads(schedule_to_json(rich_schedule(Clock(Fraction(25, 2), 30))))["fps"] == 12.5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"denoise": "high"}, "denoise: expected numbers"),
        ({"denoise": [0.5] * 7 + ["x"]}, r"denoise: expected numbers, not .* \(frame 7 is 'x'\)"),
        ({"seed": [1, 2, -3]}, r"seed: expected whole numbers in 0 .. 2\^64 - 1 \(frame 2 is -3\)"),
        ({"denoise": [None] * 300}, "denoise: expected numbers|not finite"),
        ({"denoise": [[0.5]]}, "denoise has shape"),
        ({"denoise": []}, "denoise has shape"),
        ({"denoise": [0.1] * 301}, "denoise has shape"),
        ({"seed": [-1]}, "seed: expected whole numbers"),
        ({"seed": [1.5]}, "without a fraction"),
        ({"frames": 10**12}, "made for 1000000000000 frames"),
        ({"frames": "x"}, "made for x frames"),
        ({"fps": 0}, "fps 0 is not a frame rate"),
        ({"unknown": 1}, "unknown key 'unknown'"),
        ({"prompts": {}}, "prompts: expected a list"),
        ({"prompts": [{"frame": 0}]}, "prompt keyframe 1: expected an object with a prompt"),
        ({"prompts": [{"frame": "0", "prompt": "x"}]}, "prompt keyframe 1: frame is '0'"),
        ({"prompts": [{"frame": 0, "prompt": "x", "weight": 2}]}, "unknown key 'weight'"),
        ({"prompts": [{"frame": 0, "prompt": "x", "way": "round"}]}, "unknown way 'round': use one of slerp, lerp"),
        ({"mix": [1]}, "mix: expected prompts"),
        ({"prompts": [{"prompt": "x"}]}, "neither frame nor seconds"),
        ({"prompts": [{"frame": 900, "prompt": "x"}]}, "past the end of the song at 10.01 s"),
        ({"prompts": [{"frame": 0, "prompt": "x", "ease": "bouncy"}]}, "unknown easing 'bouncy'"),
    ],
)
def test_wrong_json_says_what_is_wrong(change, message):
    document = json.loads(schedule_to_json(rich_schedule())) | change
    with (
        pytest.raises(ScheduleError, match=message)
        if "fps" not in change
        else pytest.raises(av.AudiovizError, match=message)
    ):
        json_to_schedule(json.dumps(document), CLOCK)


@pytest.mark.parametrize("text", ["", "[", "[]", "null", "{}", '{"fps": 12}', "[" * 100_000, '{"denoise": NaN}'])
def test_a_file_that_is_no_schedule_is_refused(text):
    with pytest.raises(av.AudiovizError, match="not JSON|expected a JSON object|not a frame rate|made for"):
        json_to_schedule(text, CLOCK)


def test_wrong_csv_names_the_frame():
    text = schedule_to_csv(rich_schedule())
    lines = text.splitlines()
    with pytest.raises(ScheduleError, match="unknown column 'denoize'"):
        csv_to_schedule(text.replace("denoise", "denoize", 1), CLOCK)
    with pytest.raises(ScheduleError, match="299 rows: expected 300"):
        csv_to_schedule("\n".join(lines[:-1]), CLOCK)
    with pytest.raises(ScheduleError, match="frame 8: seed is 'x'"):
        csv_to_schedule(text.replace(lines[9], lines[9].replace(lines[9].split(",")[2], "x", 1), 1), CLOCK)
    for wrong in ([*lines[:9], lines[10], lines[9], *lines[11:]], [*lines[:9], lines[9] + ",1", *lines[10:]]):
        with pytest.raises(ScheduleError, match="row 9: expected frame 8 and"):
            csv_to_schedule("\n".join(wrong), CLOCK)


def test_csv_keeps_an_empty_prompt_and_says_where_a_frame_has_several():
    plan = av.Schedule(prompts=[Prompt(0.5, "a"), Prompt(0.51, "b"), Prompt(1.0, ""), Prompt(2.0, "c")], clock=CLOCK)
    with pytest.warns(AudiovizWarning, match="csv: of several prompts in a frame only the last is kept"):
        again = csv_to_schedule(schedule_to_csv(plan), CLOCK)
    assert again.prompts == plan.prompts[1:]


def test_scalars_are_broadcast_and_short_lists_repeated_and_that_is_said():
    with pytest.warns(AudiovizWarning, match="noise: 2 values repeated over 300 frames"):
        schedule = av.Schedule(denoise=0.4, noise=[0.1, 0.2], clock=CLOCK)
    assert schedule.denoise.tolist() == [0.4] * 300 and schedule.noise[:4].tolist() == [0.1, 0.2, 0.1, 0.2]


def test_what_lies_outside_a_range_is_clipped_and_that_is_said():
    with pytest.warns(AudiovizWarning, match=r"denoise: 150 frames clipped to 0 .. 1, the first is frame 150 with 1.5"):
        schedule = av.Schedule(denoise=np.repeat([0.5, 1.5], 150), clock=CLOCK)
    assert schedule.denoise.max() == 1


def test_a_curve_of_another_clock_is_refused():
    with pytest.raises(ScheduleError, match="denoise: a curve of 24 frames at 12 fps, where the song has 300"):
        av.Schedule(denoise=av.Curve(0.5, Clock.for_duration(2, 12)), clock=CLOCK)
    with pytest.raises(ScheduleError, match="seed: a curve of 300 frames at 24 fps, where the song has 300"):
        av.Schedule(seed=av.Curve(5, Clock(Fraction(24), 300)), clock=CLOCK)


@pytest.mark.parametrize("name", ["seed", "denoise", "noise", "interp"])
def test_no_column_that_all_have_may_be_none(name):
    with pytest.raises(ScheduleError, match=f"{name}: expected numbers, not None"):
        av.Schedule(**{name: None}, clock=CLOCK)


def test_texts_are_spread_over_the_song_and_hold_before_they_travel():
    prompts = to_prompts(["a", "b"], CLOCK, negative="grey")
    assert [(p.seconds, p.text, p.negative) for p in prompts] == [(0.0, "a", "grey"), (5.005, "b", "grey")]
    left, _, weight = between(prompts, CLOCK)
    assert weight[80] == 0 and 0 < weight[140] < 1 and left[149] == 0 and left[150] == 1 and weight[150:].max() == 0


def test_times_of_prompts_in_seconds_frames_and_mappings():
    assert [p.seconds for p in to_prompts(["2s: a", "0f: b"], CLOCK)] == [0.0, 2.0]
    assert [p.text for p in to_prompts({0: "b", "60f": "a"}, CLOCK)] == ["b", "a"]
    assert to_prompts("portrait: a cat", CLOCK)[0].text == "portrait: a cat"


def test_prompts_stand_at_beats_and_bars_of_the_song():
    song = made_song(seconds=8)
    plan = av.Schedule(clock=song.clock).with_prompts({0: "a", "3b": "b", "2bar": "c"}, song=song)
    assert [p.seconds for p in plan.prompts] == [0.0, 1.5, 4.0]
    assert plan.with_prompts(["3b: a"]).prompts[0].seconds == 1.5  # it knows its song now
    with pytest.raises(ScheduleError, match="no beat grid"):
        av.Schedule(clock=song.clock).with_prompts(["3b: a"])


def test_prompts_stand_at_sections_where_the_song_has_them():
    song = made_song(seconds=8)
    object.__setattr__(
        song,
        "sections",
        [SimpleNamespace(label=label, start=start) for label, start in (("A", 0.0), ("drop", 3.0), ("A", 5.0))],
    )
    plan = av.Schedule(clock=song.clock).with_prompts(["A: calm", "drop: fire"], song=song)
    assert [(p.seconds, p.text) for p in plan.prompts] == [(0.0, "calm"), (3.0, "fire"), (5.0, "calm")]
    with pytest.raises(ScheduleError, match="or a section: A, drop"):
        plan.with_prompts({"chorus": "x"}, song=song)


@pytest.mark.parametrize(
    ("name", "text"), [("p.txt", '"0": "a --neg b"\n"60": "c"'), ("p.json", '{"0": "a --neg b", "60": "c"}')]
)
def test_prompts_may_come_from_a_file(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    prompts = to_prompts(str(tmp_path / name), CLOCK)
    assert [(p.text, p.negative, CLOCK.seconds_to_frame(p.seconds)) for p in prompts] == [("a", "b", 0), ("c", "", 60)]
    assert (
        [p.text for p in to_prompts(["a map of x.json"], CLOCK)]
        == ["a map of x.json"]
        == [p.text for p in to_prompts(["0s: a map of x.json"], CLOCK)]
    )
    with pytest.raises(
        ScheduleError, match="prompt .*none.txt: there is no such file; expected words, or a file: lyrics .*write '0s: "
    ):
        to_prompts([str(tmp_path / "none.txt")], CLOCK)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (["Z: gold"], "has no section Z; write '0s: Z: gold'"),
        (["-1s: gold"], "expected a time of at least 0"),
        ({"chorus": "x"}, "unknown keyframe 'chorus'"),
        (["12: a"], "12 lies past the end of the song at 10.01 s: .*write '0s: 12: a'"),
        (["1:75: a"], "expected seconds, and minutes after hours, below 60"),
        (["99s: a"], "lies past the end of the song at 10.01 s"),
        (["1s: a", "b"], "prompt 'b' has no time"),
        ([3], "prompt 3: expected text"),
        ({0: 3}, "expected text"),
        ({-1: "x"}, "expected a time of at least 0"),
        ({float("nan"): "x"}, "expected a time of at least 0"),
    ],
)
def test_wrong_prompts_are_refused(value, message):
    with pytest.raises(ScheduleError, match=message):
        to_prompts(value, CLOCK)


def test_a_text_may_say_what_to_steer_away_from():
    prompts = to_prompts({0: "a cat --neg a dog", 1: "a bird"}, CLOCK, negative="grey")
    assert [(p.text, p.negative) for p in prompts] == [("a cat", "a dog"), ("a bird", "grey")]


def test_a_negative_is_for_prompts_that_have_none_of_their_own():
    plan = av.Schedule(prompts=[Prompt(0, "a"), Prompt(1, "b", "dog")], clock=CLOCK)
    assert [p.negative for p in plan.with_prompts(plan.prompts, negative="grey").prompts] == ["grey", "dog"]


def test_an_easing_that_overshoots_stays_between_its_prompts():
    _, _, weight = between([Prompt(0, "a", ease="in_out_elastic"), Prompt(9, "b")], CLOCK)
    assert weight.min() == 0 and weight.max() == 1


@pytest.mark.parametrize(
    ("mix", "message"),
    [
        (["fire"], "mix: expected prompts with a curve each"),
        ({1: 0.5}, "mix: expected prompts"),
        ({"fire": "high"}, "mix 'fire': expected numbers"),
        ({"fire --neg ice": 0.5}, "--neg has no place here"),
        ({"fire": [0.5] * 400}, "mix 'fire' has shape"),
    ],
)
def test_a_wrong_mix_is_refused(mix, message):
    with pytest.raises(ScheduleError, match=message):
        av.Schedule(mix=mix, clock=CLOCK)


def test_travel_walks_the_prompts_in_its_own_pace():
    prompts = to_prompts(["a", "b", "c"], CLOCK)
    left, right, weight = between(prompts, CLOCK, travel=av.Curve(np.linspace(0, 1, 300), CLOCK))
    assert (left[0], right[0], weight[0]) == (0, 1, 0) and (left[-1], right[-1], weight[-1]) == (1, 2, 1)
    position = left + weight
    assert np.diff(position) == pytest.approx(2 / 299)
