"""Deforum's and Parseq's camera in three dimensions, and what they do to the frame before, in and out."""

import json
import math
import warnings

import numpy as np
import pytest
import torch

import audioviz as av
from audioviz.clock import Clock
from audioviz.effects import apply
from audioviz.errors import AudiovizWarning
from audioviz.schedule.formats.deforum import deforum_to_columns, schedule_to_deforum
from audioviz.schedule.formats.parseq import parseq_to_columns, schedule_to_parseq
from tests.test_camera3d import projected

CLOCK = Clock.for_duration(4, 15)
SPACE = {"animation_mode": "3D", "fps": 15, "W": 512, "H": 512, "use_depth_warping": False, "fov_schedule": "0: (70)"}


def quietly(read, *given):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return av.Schedule(**read(*given), clock=CLOCK)


def deforum(**settings):
    return quietly(deforum_to_columns, json.dumps(SPACE | {"prompts": {"0": "a"}} | settings), CLOCK)


def parseq(rows):
    document = {"options": {"output_fps": 15}, "rendered_frames": [{"frame": k} | row for k, row in enumerate(rows)]}
    return quietly(parseq_to_columns, json.dumps(document), CLOCK)


def deforums_way(place, *, tx=0.0, ty=0.0, tz=0.0, rx=0.0, ry=0.0, rz=0.0, fov=70.0, z=1.0):
    """How far Deforum moves a place of the picture, in halves of it: what its transform_image_3d computes."""
    turns = []
    for axis, degrees in enumerate((rx, ry, rz)):
        cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        turn = np.eye(3)
        first, second = [k for k in range(3) if k != axis]
        turn[[first, first, second, second], [first, second, first, second]] = cos, -sin, sin, cos
        turns.append(turn.T if axis == 1 else turn)  # right-handed about each axis
    world = np.array([*place, z])
    seen = world @ (turns[0] @ turns[1] @ turns[2]) + np.array([-tx, ty, -tz]) / 200
    return (seen[:2] / seen[2] - world[:2] / z) / math.tan(math.radians(fov) / 2)


MOVES = [
    ({"tx": 4.0, "ty": -2.0}, {"translation_x": "0: (4)", "translation_y": "0: (-2)"}),
    ({"tz": 3.0}, {"translation_z": "0: (3)"}),
    ({"rx": 1.2}, {"rotation_3d_x": "0: (1.2)"}),
    ({"ry": -0.9}, {"rotation_3d_y": "0: (-0.9)"}),
    ({"rz": 2.0}, {"rotation_3d_z": "0: (2)"}),
    (
        {"rx": 0.4, "ry": 0.6, "tz": -2.0, "tx": 1.0},
        {
            "rotation_3d_x": "0: (0.4)",
            "rotation_3d_y": "0: (0.6)",
            "translation_z": "0: (-2)",
            "translation_x": "0:(1)",
        },
    ),
]


@pytest.mark.parametrize("size", [(512, 512), (640, 384), (384, 640)], ids=str)
@pytest.mark.parametrize("fov", [40, 70, 100])
@pytest.mark.parametrize("theirs, keys", MOVES, ids=[str(theirs) for theirs, _ in MOVES])
def test_a_frame_of_deforum_moves_the_picture_as_there(theirs, keys, fov, size):
    """The middle, and what is near it, land within a tenth of a pixel of where Deforum puts them in a frame."""
    plan = deforum(**keys, fov_schedule=f"0: ({fov})", W=size[0], H=size[1])
    names = ("tilt", "pan", "angle", "shift_x", "shift_y", "dolly")
    move = {name: plan[name][1] / 15 for name in names if name in plan.columns} | {"fov": plan.fov[1]}
    centre, half = (np.array(size) - 1) / 2, np.array(size) / 2
    for place in ((0.0, 0.0), (0.05, 0.0), (0.0, 0.05)):
        wanted = (np.array(place) + deforums_way(place, **theirs, fov=fov)) * half
        found = np.array(projected(*(centre + np.array(place) * half), **move, size=size)) - centre
        tolerance = 0.8 if "rz" in theirs and size[0] != size[1] else 0.1  # there it turns halves, not pixels
        assert np.abs(found - wanted).max() < tolerance


def test_depth_warping_puts_deforums_picture_farther():
    flat, deep = (deforum(translation_x="0: (6)", translation_z="0: (2)", use_depth_warping=on) for on in (False, True))
    assert deep.shift_x[1] == pytest.approx(flat.shift_x[1] / 1.5, rel=0.01)
    assert deep.dolly[1] == pytest.approx(flat.dolly[1] / 1.5**2, rel=0.02)


def test_the_mode_says_which_keys_count():
    keys = {"zoom": "0: (1.1)", "angle": "0: (3)", "rotation_3d_x": "0: (1)", "translation_z": "0: (5)"}
    keys |= {"near_schedule": "0: (100)", "far_schedule": "0: (9000)"}
    flat, deep = (deforum(**keys, animation_mode=mode) for mode in ("2D", "3D"))
    assert flat.tilt is None and flat.dolly is None and flat.zoom[1] == pytest.approx(1.1**15)
    assert deep.zoom is None and deep.angle is None and deep.tilt[1] == pytest.approx(15) and deep.fov[0] == 70
    with pytest.warns(AudiovizWarning, match="left out.*: aspect_ratio_schedule$"):
        deforum_to_columns(json.dumps(SPACE | {"aspect_ratio_schedule": "0: (1.5)", "prompts": {"0": "a"}}), CLOCK)


def test_a_notebook_tells_its_field_of_view_in_a_number():
    plan = deforum(translation_z="0: (5)", fov_schedule="0: (40)")
    settings = {name: value for name, value in SPACE.items() if name != "fov_schedule"}
    notebook = json.dumps(settings | {"fov": 40, "translation_z": "0: (5)", "prompts": {"0": "a"}})
    again = quietly(deforum_to_columns, notebook, CLOCK)
    assert np.array_equal(plan.dolly, again.dolly) and np.array_equal(plan.fov, again.fov)


@pytest.mark.parametrize("fps", [6, 15, 24, 60])
def test_a_camera_in_space_goes_the_same_way_at_any_fps(fps):
    jerk = {"translation_z": "0: (0), 31: (0), 32: (20), 33: (0)", "rotation_3d_y": "0: (0), 31: (0), 32: (9), 33: (0)"}
    clock = Clock.for_duration(4, fps)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if fps < 15 else "error")
        plan = av.Schedule(**deforum_to_columns(json.dumps(SPACE | jerk | {"prompts": {"0": "a"}}), clock), clock=clock)
    reference = deforum(**jerk)
    for name in ("pan", "shift_x", "dolly"):
        assert plan[name].sum() / fps == pytest.approx(reference[name].sum() / 15)
    assert plan.pan.sum() / fps == pytest.approx(9)


def schedule(**more):
    rng = np.random.default_rng(3)
    columns = {name: rng.normal(0, 10, CLOCK.frames) for name in ("tilt", "pan", "angle")}
    columns |= {name: rng.normal(0, 0.2, CLOCK.frames) for name in ("shift_x", "shift_y", "dolly")}
    columns |= {"fov": rng.uniform(30, 100, CLOCK.frames), "brightness": rng.uniform(-0.2, 0.2, CLOCK.frames)}
    return av.Schedule(**columns | {"sharpen": 0.4, "in_loop": 1, "prompts": ["a"], "clock": CLOCK} | more)


@pytest.mark.parametrize(
    ("write", "read"), [(schedule_to_deforum, deforum_to_columns), (schedule_to_parseq, parseq_to_columns)]
)
def test_a_round_trip_keeps_the_camera_and_what_works_in_the_loop(write, read):
    plan = schedule()
    again = quietly(read, write(plan), CLOCK)
    for name, values in plan.columns.items():
        moved = name in ("tilt", "pan", "angle", "shift_x", "shift_y", "dolly")
        assert again[name][moved:] == pytest.approx(values[moved:], abs=1e-9), name
    zoomed = quietly(read, write(schedule(zoom=1.3)), CLOCK)
    assert zoomed.zoom is None and zoomed.dolly[1:] == pytest.approx(plan.dolly[1:] + math.log(1.3))


@pytest.mark.parametrize("write", [schedule_to_deforum, schedule_to_parseq])
def test_effects_on_finished_pictures_are_left_out_and_that_is_said(write):
    with pytest.warns(AudiovizWarning, match="left out.*: sharpen, brightness$"):
        write(schedule(in_loop=0))
    with pytest.warns(AudiovizWarning, match="left out.*: flow, flash$"):
        write(schedule(flash=0.5, flow=0.5, glow=0.0))


def test_lists_have_no_camera_and_no_effects():
    with pytest.warns(AudiovizWarning, match="sharpen, brightness, angle, shift_x, shift_y, tilt, pan, dolly$"):
        schedule().to_lists()


def test_contrast_and_antiblur_work_in_the_loop():
    plan = deforum(contrast_schedule="0: (0.95), 30: (1.1)", amount_schedule="0: (0.2)")
    assert plan.brightness[[0, 30]] == pytest.approx([-0.05, 0.1]) and plan.sharpen == pytest.approx(0.2)
    assert (plan.in_loop == 1).all()
    rest = deforum(contrast_schedule="0: (1.0)", amount_schedule="0: (0)")
    assert rest.in_loop is None and rest.brightness is None and rest.sharpen is None
    again = parseq([{"contrast": 0.95, "antiblur_amount": 0.2, "antiblur_kernel": 5}] * 60)
    assert again.brightness == pytest.approx(-0.05) and again.sharpen == pytest.approx(0.2)


def test_deforums_contrast_multiplies_the_picture_as_brightness_does():
    picture = torch.rand(1, 3, 8, 8)
    values = {"brightness": float(deforum(contrast_schedule="0: (0.92)").brightness[0])}
    assert apply(picture, values, seed=0, frame=0, before=None).allclose(picture * 0.92, atol=1e-5)


def test_a_manifest_is_in_space_where_something_moves_there():
    rows = [{"rotation_3d_y_delta": 0.5, "translation_z_delta": 1.0, "fov": 60, "zoom_delta": 1.0}] * 60
    plan = parseq(rows)
    assert plan.pan[1] == pytest.approx(7.5) and plan.fov[0] == 60 and plan.dolly[1] > 0 and plan.zoom is None
    flat = parseq([{"rotation_3d_y_delta": 0, "zoom_delta": 1.01, "near": 200 + k, "far": 9000} for k in range(60)])
    assert flat.pan is None and flat.zoom[1] == pytest.approx(1.01**15)
    older = parseq([{"rotation_3d_x": 0.5 * k} for k in range(60)])
    assert older.tilt[1:] == pytest.approx(7.5)
    document = {"options": {"output_fps": 15}, "rendered_frames": [row | {"frame": k} for k, row in enumerate(rows)]}
    document["rendered_frames"] = [row | {"angle_delta": 2} for row in document["rendered_frames"]]
    with pytest.warns(AudiovizWarning, match="beside motion in 3D: left out.*: angle$"):
        parseq_to_columns(json.dumps(document), CLOCK)


def test_a_manifest_within_settings_has_their_mode_and_their_picture():
    rows = [{"frame": k, "translation_x_delta": 4.0, "rotation_3d_y_delta": 0.0} for k in range(60)]
    manifest = json.dumps({"options": {"output_fps": 15}, "rendered_frames": rows})
    flat, deep = (deforum(parseq_manifest=manifest, animation_mode=mode, W=640) for mode in ("2D", "3D"))
    assert flat.shift_x[1] == pytest.approx(4 * 15 / 640)
    assert deep.shift_x[1] == pytest.approx(deforum(translation_x="0: (4)", W=640).shift_x[1])
