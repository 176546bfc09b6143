"""What files of Deforum, Parseq and FizzNodes mean by their special values, as those tools read them."""

import json
import warnings

import numpy as np
import pytest

import audioviz as av
from audioviz.clock import Clock
from audioviz.errors import AudiovizWarning, ScheduleError
from audioviz.schedule import deforum_to_schedule, lines_to_schedule, parseq_to_schedule, schedule_to_parseq
from tests.songs import made_song

CLOCK = Clock.for_duration(4, 15)
DEFAULT_SEEDS = '0:(s), 1:(-1), "max_f-2":(-1), "max_f-1":(s)'
UNUSED = {  # as Deforum saves them, switched off
    "contrast_schedule": "0: (1.0)",
    "enable_steps_scheduling": False,
    "steps_schedule": "0: (25)",
    "fov_schedule": "0: (70)",
    "translation_z": "0: (1.75)",
    "rotation_3d_x": "0: (0)",
    "use_mask": False,
    "mask_schedule": '0: ("{video_mask}")',
    "enable_checkpoint_scheduling": False,
    "checkpoint_schedule": '0: ("model1.ckpt"), 100: ("model2.safetensors")',
    "optical_flow_cadence": "None",
    "cadence_flow_factor_schedule": "0: (1)",
    "hybrid_composite": "None",
    "hybrid_comp_alpha_schedule": "0:(0.5)",
    "use_looper": False,
    "tweening_frames_schedule": "0:(20)",
    "parseq_manifest": "",
}


def deforum(**settings):
    return deforum_to_schedule(json.dumps({"animation_mode": "2D", "fps": 15, "seed": 77} | settings), CLOCK)


def parseq(rows, fps=15, clock=CLOCK):
    rows = [{"frame": k} | row for k, row in enumerate(rows)]
    return parseq_to_schedule(json.dumps({"options": {"output_fps": fps}, "rendered_frames": rows}), clock)


def texts(plan):
    return [(CLOCK.seconds_to_frame(p.seconds), p.text, p.negative) for p in plan.prompts]


def test_the_default_seed_schedule_of_deforum_draws_between_the_first_seed_and_the_first_seed():
    plan = deforum(seed_behavior="schedule", seed_schedule=DEFAULT_SEEDS)
    drawn = av.seeds.random(77, clock=CLOCK)
    assert plan.seed[[0, 58, 59]].tolist() == [77, 77, 77]
    assert np.array_equal(plan.seed[1:58], drawn[1:58]) and len(set(plan.seed[1:58].tolist())) == 57


@pytest.mark.parametrize(
    ("schedule", "seeds"),
    [
        ("0:(s)", {0: 77, 40: 77}),
        ("0:(s+t)", {0: 77, 40: 117}),
        ("0:(s), 30:(5)", {29: 77, 30: 5, 59: 5}),
        ("0:(18446744073709551615), 30:(18446744073709551614)", {0: 2**64 - 1, 30: 2**64 - 2}),
    ],
)
def test_formulas_know_the_first_seed(schedule, seeds):
    plan = deforum(seed_behavior="schedule", seed_schedule=schedule)
    assert {frame: int(plan.seed[frame]) for frame in seeds} == seeds


def test_seeds_on_the_way_to_minus_one_are_said():
    with pytest.warns(AudiovizWarning, match=r"its seeds run from 123 to -1 .*write 11: \(123\) too"):
        plan = deforum(seed_behavior="schedule", seed_schedule="0: (123), 12: (-1)")
    assert plan.seed[:3].tolist() == [123, 112, 102]  # as Deforum's
    assert np.array_equal(plan.seed[12:], av.seeds.random(77, clock=CLOCK)[12:])


def test_a_subseed_of_minus_one_is_drawn_too():
    plan = deforum(enable_subseed_scheduling=True, subseed_schedule="0: (-1)", subseed_strength_schedule="0: (0.3)")
    assert len(set(plan.seed_to.tolist())) == 60 and not np.array_equal(plan.seed_to, plan.seed)


def test_a_value_knows_the_first_seed_and_a_seed_may_be_text():
    plan = deforum(seed="77", strength_schedule="0: (0.5+s/1000)")
    assert plan.denoise == pytest.approx(0.423) and plan.seed[:2].tolist() == [77, 78]


@pytest.mark.parametrize("name", ["prompts", "animation_prompts"])
def test_prompts_have_an_older_name_and_may_be_text(name):
    entries = {"0": "a cat", "30": "a dog"}
    for value in (entries, json.dumps(entries)):
        assert texts(deforum(**{name: value})) == [(0, "a cat", ""), (30, "a dog", "")]


def test_keys_outside_of_the_song_are_left_out_and_that_is_said_once():
    with pytest.warns(AudiovizWarning) as said:
        plan = deforum(strength_schedule="-1: (0.1), 0: (0.65), 300: (0.4)", prompts={"0": "a", "300": "b", "-5": "c"})
    assert plan.denoise == pytest.approx(0.35) and texts(plan) == [(0, "a", "")]
    assert [str(warning.message) for warning in said] == [
        "strength_schedule: key -1 and 3 more: outside of the song, which ends at frame 60, and left out"
    ]
    with pytest.warns(AudiovizWarning, match="line 1: key 300: outside of the song"):
        assert texts(lines_to_schedule('"0": "a", "300": "b"', CLOCK)) == [(0, "a", "")]


def test_what_is_switched_off_is_not_said_to_be_left_out():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        deforum(**UNUSED)
    with pytest.warns(AudiovizWarning, match="left out.*: steps_schedule$"):
        deforum(**UNUSED | {"enable_steps_scheduling": True})
    with pytest.warns(AudiovizWarning, match="left out.*: kernel_schedule$"):
        deforum(**UNUSED | {"amount_schedule": "0: (0.2)", "kernel_schedule": "0: (9)", "sigma_schedule": "0: (1.0)"})


def test_a_manifest_inside_of_the_settings_goes_before_them():
    manifest = {"options": {"output_fps": 15}, "rendered_frames": [{"frame": k, "strength": 0.2} for k in range(60)]}
    plan = deforum(strength_schedule="0: (0.65)", noise_schedule="0: (0.1)", parseq_manifest=json.dumps(manifest))
    assert plan.denoise == pytest.approx(0.8) and plan.noise == pytest.approx(0.1)


def test_formulas_in_a_prompt_are_weights_in_each_frame():
    plan = deforum(prompts={"0": "best, (a cat:`1+t/max_f`) --neg grey", "30": "a dog"})
    found = texts(plan)
    assert found[0] == (0, "best, (a cat:1.00)", "grey") and found[-1] == (30, "a dog", "")
    assert found[-2][1] == "best, (a cat:1.49)" and len(found) == 31
    with pytest.raises(ScheduleError, match="prompt .*unknown name 'pw_a'"):
        lines_to_schedule('"0": "(cat:`pw_a`)"', CLOCK)


@pytest.mark.parametrize("form", ["a cat :{:.4f} AND a dog :{:.4f}", "a cat: {:.5f} AND a dog: {:.5f}"])
def test_prompts_that_parseq_joins_become_columns_of_mix(form):
    shares = np.linspace(0, 1, 60)
    plan = parseq([{"deforum_prompt": form.format(1 - w, w) + " --neg grey :1"} for w in shares])
    assert plan.mix.keys() == {"a cat", "a dog"}
    assert plan.mix["a dog"] == pytest.approx(shares, abs=1e-3)
    assert plan.mix["a cat"] + plan.mix["a dog"] == pytest.approx(1)
    assert texts(plan) == [(0, "a cat", "grey")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = parseq_to_schedule(schedule_to_parseq(plan), CLOCK)
    assert again.mix["a dog"] == pytest.approx(plan.mix["a dog"], abs=1e-5) and texts(again) == texts(plan)


def test_deforum_mixes_by_formulas_too_and_what_is_steered_away_from_follows_its_weight():
    plan = deforum(prompts={"0": "a :`1-t/60` AND b :`t/60` --neg mud :`1*(t<30)` AND fog :1"})
    assert plan.mix["b"] == pytest.approx(np.arange(60) / 60)
    assert [(frame, away) for frame, _, away in texts(plan)] == [(0, "mud, fog"), (30, "fog")]


def test_weights_are_shares_and_that_is_said():
    with pytest.warns(AudiovizWarning, match="add up to 2 at frame 0: they are read as shares of 1"):
        plan = parseq([{"deforum_prompt": "a :1.5 AND b :0.5 AND c :-1"}] * 60)
    assert [plan.mix[text][0] for text in "abc"] == pytest.approx([0.75, 0.25, 0])


def test_words_with_a_colon_are_no_weight_where_nothing_is_joined():
    assert texts(parseq([{"deforum_prompt": "photo 16:9"}] * 60)) == [(0, "photo 16:9", "")]


def test_a_parseq_seed_of_minus_one_draws_one_in_each_frame():
    plan = parseq([{"seed": -1, "subseed": -1, "subseed_strength": 0}] * 60)
    assert np.array_equal(plan.seed, av.seeds.random(0, clock=CLOCK))
    assert parseq([{"seed": 7 if k < 30 else -1} for k in range(60)]).seed[29] == 7


def test_manifests_without_deltas_are_read_by_their_differences():
    plan = parseq([{"angle": 3.0 * k, "translation_x": 512 / 15 * k, "zoom": 1 + 0.1 * k} for k in range(60)])
    assert plan.angle[1:] == pytest.approx(-45) and plan.shift_x[1:] == pytest.approx(1)
    assert plan.zoom[1:] == pytest.approx(1.1**15)


@pytest.mark.parametrize(
    "text",
    [
        '"0": "a cat", "30": "a dog"',
        '"0" :"a cat",\n"max_f/2+0.5" :"a dog",\n',
        '{"0": "a cat", "30": "a dog",}',
        '{\n0: "a cat",\n30: "a dog"\n}',
        '0: "a cat"\n\n30: "a dog"',
    ],
)
def test_fizznodes_prompts_in_all_their_forms(text, tmp_path):
    (tmp_path / "p.txt").write_text(text)
    song = made_song(seconds=4, fps=15)
    assert texts(av.load_schedule(tmp_path / "p.txt")(song)) == [(0, "a cat", ""), (30, "a dog", "")]


def test_fizznodes_values_have_three_ways_in(tmp_path):
    values, wanted = "0:(0.95),\n30:(0.35),\n", np.interp(np.arange(60), [0, 30], [0.95, 0.35])
    song = made_song(seconds=4, fps=15)
    for name, text in (
        ("denoise.txt", values),
        ("mine.txt", "denoise: " + values),
        ("two.txt", "noise = 0:(0.1)\ndenoise = 0:(0.95), 30:(0.35)"),
    ):
        (tmp_path / name).write_text(text)
        assert av.load_schedule(tmp_path / name)(song).denoise == pytest.approx(wanted), name
    assert av.curves.keyframes(values, clock=song.clock).values == pytest.approx(wanted)
    project = av.Project("song.wav", lanes={"denoise": {"keys": values}})
    assert av.Project.from_json(project.to_json()) == project
    (tmp_path / "mine.txt").write_text(values)
    with pytest.raises(ScheduleError, match="values without their column: .*denoise: 0:.* or call the file by it"):
        av.load_schedule(tmp_path / "mine.txt")(song)


def test_what_hands_leave_out_or_put_in_is_let_pass(tmp_path):
    song = made_song(seconds=4, fps=15)
    for text in ("0:(0.0)\n30:(1.0)\n", "0: (0.0) 30: (1.0)", '0:(t/30*(1))  "max_f/2+0.5":(1.0)'):
        (tmp_path / "denoise.txt").write_text(text)
        assert av.load_schedule(tmp_path / "denoise.txt")(song).denoise[15:31:15] == pytest.approx([0.5, 1.0]), text
    for text in ('{"prompts": {"0": "a \\(b\\) \\u00e9"}}', '"0": "a \\(b\\) \\u00e9"'):
        (tmp_path / "p.txt").write_text(text)
        assert texts(av.load_schedule(tmp_path / "p.txt")(song)) == [(0, "a \\(b\\) é", "")]
    assert not deforum_to_schedule('{"strength_schedule": "0:(0.5)", "prompts": null}', CLOCK).prompts


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{'0': 'a cat'}", "not JSON: .*; keys and texts stand between straight double quotes"),
        ('{"prompts": "a cat"}', "prompts: not JSON"),
        ('{"prompts": ["a cat"]}', 'prompts: expected an object of frame and text, such as {"0"'),
        ('{"prompts": {"0": "(a:`pw_a`)"}}', "unknown name 'pw_a'.*; pw_a to pw_d are wired to FizzNodes"),
    ],
)
def test_mistakes_of_hands_tell_what_to_write(text, said):
    with pytest.raises(ScheduleError, match=said):
        deforum_to_schedule(text, CLOCK)


def test_curly_quotes_are_named():
    with pytest.raises(ScheduleError, match="line 1: .* between straight double quotes"):
        lines_to_schedule("“0”: “a cat”", CLOCK)
