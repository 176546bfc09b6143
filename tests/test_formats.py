import json
import warnings

import numpy as np
import pytest

import audioviz as av
from audioviz.clock import Clock
from audioviz.errors import AudiovizWarning, ScheduleError
from audioviz.schedule import (
    Prompt,
    deforum_to_schedule,
    lines_to_schedule,
    lists_to_schedule,
    parseq_to_schedule,
    schedule_to_csv,
    schedule_to_deforum,
    schedule_to_json,
    schedule_to_lines,
    schedule_to_lists,
    schedule_to_parseq,
)
from audioviz.schedule.formats.frames import FileFrames
from audioviz.schedule.formats.keyframes import keyframes_to_values, values_to_keyframes
from tests.songs import made_song

CLOCK = Clock.for_duration(4, 15)
FRAMES = np.arange(60.0)
LOST_PROMPTS = "all but the last of several prompts in a frame, easing from prompt to prompt"
SETTINGS = {
    "W": 640,
    "H": 320,
    "fps": 15,
    "max_frames": 60,
    "animation_mode": "2D",
    "sampler": "euler",
    "seed": 5,
    "seed_behavior": "iter",
    "strength_schedule": "0: (0.65), 30: (0.5)",
    "noise_schedule": "0: (0.065)",
    "cfg_scale_schedule": "0: (7)",
    "zoom": "0: (1.02)",
    "angle": "0: (2*sin(t))",
    "translation_x": "0: (4)",
    "translation_y": "0: (-4)",
    "positive_prompts": "sharp",
    "negative_prompts": "blurry",
    "prompts": {"0": "a cat --neg a dog", "30": "a bird", "max_f": "a fish"},
}


def shared(clock: Clock = CLOCK, **more) -> av.Schedule:
    """What Deforum, Parseq and we can all say."""
    rng = np.random.default_rng(1)
    columns = {
        "seed": av.seeds.random(3, clock=clock),
        "denoise": rng.random(clock.frames),
        "noise": rng.random(clock.frames),
        "prompts": [Prompt(0.0, 'a "cat"', "a dog", "hold"), Prompt(2.0, "a bird", "", "hold")],
    }
    return av.Schedule(**columns | more, clock=clock)


def camera(clock: Clock = CLOCK) -> dict:
    rng = np.random.default_rng(2)
    return {
        "zoom": 1 + rng.random(clock.frames),
        "angle": rng.normal(size=clock.frames),
        "shift_x": 0.25,
        "shift_y": rng.normal(size=clock.frames),
        "cfg": 1 + rng.random(clock.frames),
        "seed_to": 2**64 - 1,
        "seed_mix": rng.random(clock.frames),
    }


def quietly(read, *arguments) -> av.Schedule:
    """The result, where nothing may be said."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return read(*arguments)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0:(0.65)", np.full(60, 0.65)),
        ("0: (0), 30: (3), 45:(3)", np.interp(FRAMES, [0, 30], [0, 3])),
        ('"0": 1, "20": (-1)', np.interp(FRAMES, [0, 20], [1, -1])),
        ("10: (0.5+0.1*sin(2*3.14*t/15))", 0.5 + 0.1 * np.sin(2 * 3.14 * FRAMES / 15)),
        ("0: (1), 10: (t/10), 20: (5)", np.where(FRAMES < 10, 1, np.where(FRAMES < 20, FRAMES / 10, 5))),
        ("0: (0), max_f/2: (max(t, 1)), 40:(2),", np.where(FRAMES < 29, FRAMES, np.where(FRAMES < 40, FRAMES, 2))),
        ("0: ((1)+(t))", 1 + FRAMES),
    ],
)
def test_keyframe_strings_mean_what_deforum_means(text, value):
    assert keyframes_to_values(text, FRAMES, FileFrames.on(CLOCK, CLOCK.fps), where="x") == pytest.approx(value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "0: ",
        "0: (1",
        "0: 1)",
        "x: (1)",
        "0: (__import__('os'))",
        "0: (open(1))",
        "-5: (1)",
        "900: (1)",
        "0: (unknown)",
        "0: (1/0)",
        "0:(1), 30",
        ":(1)",
        "0: (nan)",
    ],
)
def test_a_broken_keyframe_string_is_one_line_with_its_name(text):
    with pytest.raises(ScheduleError, match="^strength_schedule") as caught:
        keyframes_to_values(text, FRAMES, FileFrames.on(CLOCK, CLOCK.fps), where="strength_schedule")
    assert "\n" not in str(caught.value)


def test_values_are_written_with_the_keys_they_need():
    assert values_to_keyframes(np.array([1.0, 1, 1, 2, 3, 3])) == "0: (1.0), 2: (1.0), 3: (2.0), 4: (3.0), 5: (3.0)"
    assert values_to_keyframes(np.full(9, 0.5)) == "0: (0.5)"


def test_deforum_settings_become_columns():
    plan = quietly(deforum_to_schedule, json.dumps(SETTINGS), CLOCK)
    assert plan.denoise[[0, 15, 30, 59]] == pytest.approx([0.35, 0.425, 0.5, 0.5])
    assert plan.seed[:3].tolist() == [5, 6, 7] and plan.cfg[0] == 7 and plan.noise[0] == pytest.approx(0.065)
    assert plan.zoom[0] == pytest.approx(1.02**15) and plan.angle == pytest.approx(-30 * np.sin(FRAMES))
    assert plan.shift_x[0] == pytest.approx(4 * 15 / 640) and plan.shift_y[0] == pytest.approx(-4 * 15 / 320)
    assert [(p.seconds, p.text, p.negative, p.ease) for p in plan.prompts] == [
        (0.0, "sharp a cat", "a dog blurry", "hold"),
        (2.0, "sharp a bird", "blurry", "hold"),
        (59 / 15, "sharp a fish", "blurry", "hold"),
    ]


@pytest.mark.parametrize("fps", [6, 15, 24, 60])
def test_a_camera_goes_the_same_way_at_any_fps(fps):
    jerk = {"translation_x": "0: (0), 31: (0), 32: (20), 33: (0)", "zoom": "0: (1), 31: (1), 32: (1.5), 33: (1)"}
    clock = Clock.for_duration(4, fps)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if fps < 15 else "error")
        plan = deforum_to_schedule(json.dumps(SETTINGS | jerk), clock)
    assert np.sum(plan.shift_x) / fps == pytest.approx(20 / 640)
    assert np.prod(plan.zoom ** (1 / fps)) == pytest.approx(1.5)


def test_what_is_finer_than_our_frames_is_said_to_be_missed():
    with pytest.warns(AudiovizWarning, match="15 frames a second and the video 10: .* may be missed"):
        deforum_to_schedule(json.dumps(SETTINGS), Clock.for_duration(4, 10))


@pytest.mark.parametrize(
    ("write", "read"), [(schedule_to_deforum, deforum_to_schedule), (schedule_to_parseq, parseq_to_schedule)]
)
def test_a_file_fits_the_same_song_at_a_lower_fps(write, read):
    fast, slow = Clock.for_duration(25.583, 24), Clock.for_duration(25.583, 6)
    schedule = shared(
        fast, denoise=np.linspace(0, 1, fast.frames), seed=[2**60 + k // 100 * 7 for k in range(fast.frames)]
    )
    with pytest.warns(AudiovizWarning, match="may be missed"):
        again = read(write(schedule), slow)
    assert again.denoise == pytest.approx(schedule.denoise[::4][: slow.frames], abs=1e-9)
    assert set(again.seed.tolist()) <= set(schedule.seed.tolist())


def test_a_camera_of_another_mode_is_left_out_and_that_is_said():
    with pytest.warns(AudiovizWarning) as said:
        plan = deforum_to_schedule(
            json.dumps(SETTINGS | {"animation_mode": "Interpolation", "diffusion_cadence": 2}), CLOCK
        )
    assert [str(warning.message).partition("other side: ")[2] for warning in said] == [
        "zoom, angle, translation_x, translation_y",
        "diffusion_cadence",
    ]
    assert plan.zoom is None and plan.angle is None and plan.shift_x is None
    assert (
        quietly(deforum_to_schedule, json.dumps(SETTINGS | {"border": "wrap", "diffusion_cadence": 1}), CLOCK).wrap[0]
        == 1
    )


def test_keyframes_keep_their_time_at_another_fps():
    slow, fast = (
        quietly(
            deforum_to_schedule, json.dumps(SETTINGS | {"prompts": {"0": "a", "30": "b"}}), Clock.for_duration(4, fps)
        )
        for fps in (15, 60)
    )
    assert fast.denoise[::4] == pytest.approx(slow.denoise)
    assert fast.angle[1:5].mean() == pytest.approx(slow.angle[1])
    assert fast.zoom[0] == pytest.approx(slow.zoom[0]) and fast.prompts == slow.prompts
    assert fast.seed[:8].tolist() == [5] * 4 + [6] * 4


@pytest.mark.parametrize(
    ("behavior", "seeds"),
    [
        ({"seed_behavior": "fixed"}, [5, 5, 5, 5, 5]),
        ({"seed_behavior": "alternate"}, [5, 6, 5, 6, 5]),
        ({"seed_behavior": "ladder"}, [5, 7, 6, 8, 7]),
        ({"seed_behavior": "iter"}, [5, 6, 7, 8, 9]),
        ({"seed_iter_N": 3}, [5, 6, 6, 6, 7]),
        ({"seed": 5.0}, [5, 6, 7, 8, 9]),
        ({"seed_behavior": "random"}, av.seeds.random(5, clock=CLOCK)[:5].tolist()),
    ],
)
def test_deforums_own_seed_behaviors(behavior, seeds):
    plan = quietly(deforum_to_schedule, json.dumps(SETTINGS | behavior), CLOCK)
    assert plan.seed[:5].tolist() == seeds


def test_a_deforum_prompts_file_is_read_alone():
    plan = deforum_to_schedule('{"0": "a cat", "30": "a dog --neg grey"}', CLOCK)
    assert [(p.seconds, p.text, p.negative) for p in plan.prompts] == [(0.0, "a cat", ""), (2.0, "a dog", "grey")]


def test_what_deforum_says_and_we_cannot_is_said():
    with pytest.warns(AudiovizWarning, match="deforum: left out.*: steps_schedule, perspective_flip_phi$"):
        flipped = {"enable_perspective_flip": True, "perspective_flip_phi": "0: (3)"}
        deforum_to_schedule(json.dumps(SETTINGS | {"steps_schedule": "0: (25)"} | flipped), CLOCK)


@pytest.mark.parametrize("fps", [12, "30000/1001"])
@pytest.mark.parametrize(
    ("write", "read"), [(schedule_to_deforum, deforum_to_schedule), (schedule_to_parseq, parseq_to_schedule)]
)
def test_a_round_trip_loses_nothing_that_both_can_say(write, read, fps):
    clock = Clock.for_duration(4, fps)
    schedule = shared(clock, **camera(clock))
    again = quietly(read, quietly(write, schedule), clock)
    assert again.columns.keys() == schedule.columns.keys()
    for name, values in schedule.columns.items():
        if name in ("seed", "seed_to"):
            assert np.array_equal(again.columns[name], values), name
        else:
            assert again.columns[name] == pytest.approx(values, rel=1e-9, abs=1e-12), name
    assert [(p.text, p.negative, p.ease) for p in again.prompts] == [
        (p.text, p.negative, p.ease) for p in schedule.prompts
    ]
    assert [p.seconds for p in again.prompts] == pytest.approx(
        [p.seconds for p in schedule.prompts], abs=0.5 / float(clock.fps)
    )


def test_the_lists_round_trip():
    schedule = shared(interp=np.linspace(0.5, 1, 60), slerp=1.0, unsample=1.0, cfg=4.0)
    again = quietly(lists_to_schedule, quietly(schedule_to_lists, schedule), CLOCK)
    assert again.columns.keys() == schedule.columns.keys() and again.prompts == schedule.prompts
    for name, values in schedule.columns.items():
        assert again.columns[name] == pytest.approx(values), name
    assert np.array_equal(again.seed, schedule.seed)


@pytest.mark.parametrize(
    ("write", "lost"),
    [
        (
            schedule_to_deforum,
            f"interp, anchor, control, mix, {LOST_PROMPTS}",
        ),
        (
            schedule_to_parseq,
            f"interp, anchor, control, {LOST_PROMPTS}",
        ),
        (
            schedule_to_lists,
            f"anchor, control, mix, {LOST_PROMPTS}, seed_to, zoom, angle, shift_x, shift_y, a changing cfg",
        ),
        (schedule_to_lines, "all columns"),
    ],
)
def test_what_they_cannot_say_is_said_once(write, lost):
    schedule = shared(**camera(), interp=0.5, anchor=0.1, control=0.5, mix={"fire": 0.2})
    schedule = schedule.with_prompts([Prompt(0.0, "a"), Prompt(0.01, "c"), Prompt(1.0, "b")])
    with pytest.warns(AudiovizWarning) as said:
        write(schedule)
    assert [
        str(warning.message).partition(": left out, as it has no equal on the other side: ")[2] for warning in said
    ] == [lost]


def test_a_parseq_manifest_becomes_columns_at_any_fps():
    rows = [
        {
            "frame": k,
            "strength": 0.7,
            "scale": 5,
            "noise": 0.1,
            "seed": 10 + k / 10,
            "zoom": 1.1 ** (k + 1),
            "zoom_delta": 1.1,
            "angle_delta": 3.0,
            "deforum_prompt": "a --neg b" if k < 20 else "c",
            "delta_pc": 3,
        }
        for k in range(40)
    ]
    plan = quietly(
        parseq_to_schedule,
        json.dumps({"options": {"output_fps": 10, "bpm": 120}, "rendered_frames": rows}),
        Clock.for_duration(4, 20),
    )
    assert (
        plan.denoise == pytest.approx(0.3) and plan.zoom == pytest.approx(1.1**10) and plan.angle == pytest.approx(-30)
    )
    assert plan.seed[[0, 19, 20]].tolist() == [10, 10, 11] and plan.seed_mix[[0, 2, 3, 18]] == pytest.approx(
        [0, 0.1, 0.1, 0.9]
    )
    assert [(p.seconds, p.text, p.negative) for p in plan.prompts] == [(0.0, "a", "b"), (2.0, "c", "")]


def test_a_manifest_shorter_than_the_song_holds_its_last_frame_and_that_is_said():
    rows = [{"frame": k, "strength": k / 10} for k in range(5)]
    with pytest.warns(AudiovizWarning, match="ends at its frame 4, which holds to the end of the song"):
        plan = parseq_to_schedule(json.dumps({"options": {"output_fps": 15}, "rendered_frames": rows}), CLOCK)
    assert plan.denoise[[0, 4, 59]] == pytest.approx([1, 0.6, 0.6])


def test_a_manifest_longer_than_the_song_is_said_to_be_cut():
    rows = [{"frame": k, "strength": 0.5} for k in range(90)]
    with pytest.warns(
        AudiovizWarning, match="the song ends at frame 60 of the file, and its frames to 89 are left out"
    ):
        parseq_to_schedule(json.dumps({"options": {"output_fps": 15}, "rendered_frames": rows}), CLOCK)


def test_the_lists_of_a_whole_node_are_read_and_what_belongs_to_the_render_is_said():
    with pytest.warns(AudiovizWarning, match="left out.*: steps, Cosine Interp$"):
        plan = lists_to_schedule(
            '{"denoise_sequence": [0.4, 0.5], "denoise_start": 0.9, "steps": 20, '
            '"latent_interpolation_mode": "Cosine Interp"}',
            CLOCK,
        )
    assert plan.denoise[:4].tolist() == [0.9, 0.5, 0.4, 0.5]


def test_prompt_lines_are_read_and_written():
    text = '"0": "a \\"red\\" cat --neg grey",\n\n25: "a dog"\n'
    plan = lines_to_schedule(text, CLOCK)
    assert [(p.seconds, p.text, p.negative) for p in plan.prompts] == [
        (0.0, 'a "red" cat', "grey"),
        (25 / 15, "a dog", ""),
    ]
    with pytest.warns(AudiovizWarning, match="all columns"):
        assert lines_to_schedule(schedule_to_lines(plan), CLOCK).prompts == plan.prompts


def test_the_strength_of_twice_injected_noise_is_kept():
    plan = lists_to_schedule('{"noise_strength_sequence": [0.1], "seed_sequence": [1]}', CLOCK)
    assert plan.noise[0] == pytest.approx(0.1 * 2**0.5) and plan.unsample[0] == 1 and plan.interp[0] == 1


def test_files_are_known_by_their_content(tmp_path):
    song = made_song()
    schedule = av.Schedule(denoise=0.3, prompts=[Prompt(0.0, "a", "", "hold")], clock=song.clock)
    for name, text in (
        ("own.json", schedule_to_json(schedule)),
        ("own.csv", schedule_to_csv(schedule)),
        ("deforum.json", schedule_to_deforum(schedule)),
        ("parseq.json", schedule_to_parseq(schedule)),
        ("lists.json", schedule_to_lists(schedule)),
    ):
        (tmp_path / name).write_text(text)
        again = av.load_schedule(tmp_path / name)(song)
        assert again.denoise == pytest.approx(0.3) and again.prompts == schedule.prompts, name
    for name, text in (("prompts.json", '{"0": "a"}'), ("prompts.txt", '"0": "a"')):
        (tmp_path / name).write_text(text)
        assert av.load_schedule(tmp_path / name)(song).prompts == schedule.prompts, name


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "a.json",
            '{"strength_schedule": "0: (0.5", "fps": 12}',
            "a.json: strength_schedule: brackets that do not match",
        ),
        (
            "a.json",
            '{"strength_schedule": "9999: (0.5)"}',
            "a.json: strength_schedule: none of its keys lies within the song, which ends at frame 60",
        ),
        ("a.json", '{"prompts": {"x": "y"}, "animation_mode": "2D"}', "a.json: prompts, key 'x': 'x' is no frame"),
        ("a.json", '{"animation_mode": "2D", "seed_behavior": "odd"}', "a.json: seed_behavior is 'odd'"),
        ("a.json", '{"animation_mode": "2D", "zoom": []}', "a.json: zoom: expected a keyframe string"),
        ("a.json", '{"animation_mode": "2D", "fps": "fast"}', "a.json: fps fast is not a frame rate"),
        ("a.json", '{"0": "a", "1": 3}', "a.json: prompts, key '1': expected text"),
        ("a.json", '{"keyframes": []}', "a.json: no rendered_frames"),
        (
            "a.json",
            '{"rendered_frames": [{"frame": 0, "strength": 0.5}, {"frame": 1, "strength": null}]}',
            r"a.json: rendered_frames\[1\]: strength is None, expected a number",
        ),
        (
            "a.json",
            '{"rendered_frames": [{"frame": 1}, {"frame": 1}]}',
            r"a.json: rendered_frames\[1\]: frame numbers do not rise",
        ),
        (
            "a.json",
            '{"rendered_frames": [{"frame": 0, "deforum_prompt": 3}]}',
            r"a.json: rendered_frames\[0\]: deforum_prompt is 3",
        ),
        ("a.json", '{"rendered_frames": [1]', "a.json: not JSON: .*line 1"),
        ("a.json", '{"animation_mode": "2D", "W": 0}', "a.json: W is 0: expected a whole number above 0"),
        ("a.json", '{"animation_mode": "2D", "seed_iter_N": "x"}', "a.json: seed_iter_N is 'x'"),
        ("a.json", '{"rendered_frames": [{"frame": 0}], "options": []}', "a.json: fps None is not a frame rate"),
        ("a.json", '{"rendered_frames": [{"frame": Infinity}]}', r"a.json: rendered_frames\[0\]: frame is inf"),
        ("a.json", '{"rendered_frames": [{"frame": NaN}]}', r"a.json: rendered_frames\[0\]: frame is nan"),
        (
            "a.json",
            '{"denoise_sequence": [], "denoise_start": 1}',
            "a.json: denoise_sequence: expected a list of numbers",
        ),
        ("a.json", '{"denoise_sequence": ["x"]}', "a.json: denoise: expected numbers"),
        ("a.json", '{"denoise_sequence": [0.5], "seeds": 1}', "a.json: unknown key 'seeds'"),
        (
            "a.json",
            '{"denoise_sequence": [0.5], "unsample_latents": 1}',
            "a.json: unsample_latents is 1: expected true or false",
        ),
        ("a.json", '{"denoise_sequence": [0.5], "prompts": {"a": "b"}}', "a.json: prompts, key 'a': 'a' is no frame"),
        ("a.json", '{"0": "a", "sixty": "b"}', "a.json: prompts, key 'sixty': 'sixty' is no frame"),
        ("a.json", '{"noise_strength_sequence": [1' + "0" * 400 + "]}", "a.json: a number is too large"),
        ("a.txt", '"1' + "0" * 400 + '": "a"', "a.txt: line 1: '10000.* is no frame"),
        ("a.json", '{"fps": 12, "frames": 48, "noise": [1' + "0" * 400 + "]}", "a.json: noise: expected numbers"),
        (
            "a.json",
            '{"fps": 12, "frames": 48, "prompts": [{"seconds": 1' + "0" * 400 + ', "prompt": "a"}]}',
            "a.json: a number is too large",
        ),
        ("a.json", '{"fps": 12, "frames": 48, "denoise": null}', "a.json: denoise: expected numbers, not None"),
        ("a.txt", '"0": "a"\nhello\n', "a.txt: line 2: 'hello' is no keyframe"),
        ("a.txt", '"0": "a\nb",\n\n"4": "c"\nhello', "a.txt: line 5: 'hello' is no keyframe"),
        ("a.json", '{"animation_mode": "2D", "seed_behavior": []}', r"a.json: seed_behavior is '\[\]'"),
    ],
)
def test_a_broken_file_is_one_line_with_its_place(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with warnings.catch_warnings(), pytest.raises(av.AudiovizError, match=message) as caught:
        warnings.simplefilter("ignore", AudiovizWarning)
        av.load_schedule(tmp_path / name)(made_song())
    assert "\n" not in str(caught.value)
