"""Deforum: settings JSON and prompts JSON.

Keys are frames of the file's own fps, so they keep their time at another. Its last frame, `max_f`, is that of the song.
"""

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from audioviz.clock import Clock, fps_to_json, to_fps
from audioviz.errors import ScheduleError
from audioviz.schedule.columns import NEUTRAL
from audioviz.schedule.formats.camera import (
    FLAT,
    PLANE,
    SIDE,
    SPACE,
    WITH_DEPTH,
    columns_to_flat,
    columns_to_space,
    flat_to_columns,
    moves_in_space,
    space_to_columns,
)
from audioviz.schedule.formats.frames import (
    FileFrames,
    columns_to_loop,
    loop_to_columns,
    lost_columns,
    prompt_to_text,
    read_object,
    said_in_loop,
    say_lost,
)
from audioviz.schedule.formats.keyframes import (
    keyframes_to_seeds,
    keyframes_to_values,
    values_to_keyframes,
)
from audioviz.schedule.formats.parseq import parseq_to_columns
from audioviz.schedule.formats.weighted import prompts_to_columns

if TYPE_CHECKING:
    from audioviz.schedule.schedule import Schedule

_PLAIN = {"noise_schedule": "noise", "cfg_scale_schedule": "cfg", "subseed_strength_schedule": "seed_mix"}
_LOOP = {"contrast": "contrast_schedule", "amount": "amount_schedule"}
_READ = {"strength_schedule", "seed_schedule", "subseed_schedule", *_PLAIN, *_LOOP.values(), "fov_schedule"}
_READ |= {"near_schedule", "far_schedule"}  # which change nothing there either
_STILL = {"diffusion_cadence": 1, "use_init": False, "hybrid_composite": "None"}  # what else would change the picture
_FLIPS = ("perspective_flip_theta", "perspective_flip_phi", "perspective_flip_gamma")
_ANTIBLUR = {"kernel_schedule": 5.0, "sigma_schedule": 1.0, "threshold_schedule": 0.0}
_SWITCHES = {  # a schedule -> the setting that turns it on, and its value when off; those of others are enable_...
    "mask_schedule": ("use_mask", False),
    "noise_mask_schedule": ("use_noise_mask", False),
    "cadence_flow_factor_schedule": ("optical_flow_cadence", "None"),
    "redo_flow_factor_schedule": ("optical_flow_redo_generation", "None"),
    "hybrid_flow_factor_schedule": ("hybrid_motion", "None"),
    **dict.fromkeys(
        ("image_strength_schedule", "image_keyframe_strength_schedule", "tweening_frames_schedule"),
        ("use_looper", False),
    ),
    "aspect_ratio_schedule": ("animation_mode", "2D"),
    **dict.fromkeys(_FLIPS, ("enable_perspective_flip", False)),
}
_NEUTRAL = {  # values that change nothing
    "noise_multiplier_schedule": 1.0,
    "aspect_ratio_schedule": 1.0,
    **dict.fromkeys(_FLIPS, 0.0),
}
_PARTS = ("hybrid_comp_", "pix2pix_", *_ANTIBLUR)  # of what is told by another name


def deforum_to_columns(text: str, clock: Clock) -> dict[str, Any]:
    """Read a settings JSON, or a prompts JSON alone, for a song with this clock.

    Raises
    ------
    ScheduleError
        If it is neither, or a keyframe string is broken; the message names the setting.
    """
    settings = read_object(text)
    if is_prompts(settings):
        return prompts_to_columns(settings, clock, FileFrames.on(clock, clock.fps))
    file_frames = FileFrames.on(clock, to_fps(settings.get("fps", 15)), seed=_first_seed(settings))

    def series(name: str, frames: np.ndarray = file_frames.at) -> np.ndarray:
        return keyframes_to_values(_text(settings, name), frames, file_frames, where=name)

    columns: dict[str, Any] = {column: series(name) for name, column in _PLAIN.items() if name in settings}
    if "strength_schedule" in settings:
        columns["denoise"] = 1 - series("strength_schedule")
    columns["seed"] = _seeds(settings, file_frames)
    if settings.get("enable_subseed_scheduling", "seed_mix" in columns) and "subseed_schedule" in settings:
        columns["seed_to"] = keyframes_to_seeds(
            _text(settings, "subseed_schedule"), file_frames, where="subseed_schedule", base=file_frames.seed + 1
        )
    if ("seed_to" in columns) != ("seed_mix" in columns):
        columns = {name: values for name, values in columns.items() if name not in ("seed_to", "seed_mix")}
    columns |= _camera(settings, file_frames)
    contrast, amount = (
        series(name) if name in settings else np.full(len(file_frames.at), rest)
        for name, rest in (("contrast_schedule", 1.0), ("amount_schedule", 0.0))
    )
    columns |= loop_to_columns(contrast, amount)
    lost = [name for name in settings if _is_lost(name, settings)]
    if "sharpen" in columns:
        lost += [name for name, usual in _ANTIBLUR.items() if name in settings and (series(name) != usual).any()]
    say_lost("deforum", lost)
    positive, negative = (
        str(settings.get(f"animation_prompts_{kind}", settings.get(f"{kind}_prompts", "")))
        for kind in ("positive", "negative")
    )
    prompts = settings.get("animation_prompts", settings.get("prompts", {}))  # an older name, as Deforum reads them
    columns |= prompts_to_columns(prompts, clock, file_frames, before=positive, after=negative)
    if str(settings.get("parseq_manifest") or "").lstrip().startswith("{"):  # it goes before the settings there too
        manifest = parseq_to_columns(
            settings["parseq_manifest"],
            clock,
            size=_size(settings),
            distance=_distance(settings),
            in_space={"2D": False, "3D": True}.get(_mode(settings)),
        )
        columns |= manifest if manifest["prompts"] else {name: manifest[name] for name in manifest if name != "prompts"}
    return columns


def is_prompts(document: dict) -> bool:
    """Whether an object is prompts alone: text at frames, or at formulas of the last one."""
    return any(key.strip().isdecimal() or re.search(r"\bmax_f\b", key) for key in document)


def schedule_to_deforum(schedule: "Schedule") -> str:
    """The schedule as a settings JSON; what Deforum cannot say is left out, and that is said."""
    columns, clock = schedule.columns, schedule.clock
    series = {name: columns[column] for name, column in _PLAIN.items() if column in columns}
    series |= {"strength_schedule": 1 - schedule.denoise, "seed_schedule": schedule.seed}
    series |= {_LOOP[name]: values for name, values in columns_to_loop(schedule).items()}
    in_space = moves_in_space(schedule)
    if in_space:
        series |= columns_to_space(schedule, distance=PLANE)
        series |= {"fov_schedule": columns["fov"]} if "fov" in columns else {}
    else:
        series |= columns_to_flat(schedule)
    if "seed_to" in columns:
        series["subseed_schedule"] = columns["seed_to"]
    document = {
        "animation_mode": "3D" if in_space else "2D",
        "fps": fps_to_json(clock.fps),
        "max_frames": clock.frames,
        "W": SIDE,
        "H": SIDE,
        "seed_behavior": "schedule",
        "enable_subseed_scheduling": "seed_to" in columns,
    }
    if in_space:
        document |= {"use_depth_warping": False, "padding_mode": "reflection"}
    elif "wrap" in columns and (columns["wrap"] == columns["wrap"][0]).all():
        document["border"] = "wrap" if columns["wrap"][0] >= 0.5 else "reflect"
    document |= {name: values_to_keyframes(values) for name, values in series.items()}
    document["prompts"] = {str(frame): prompt_to_text(prompt) for frame, prompt in schedule.prompt_rows()}
    said = [*said_in_loop(schedule), *(["wrap"] if "border" in document else [])]
    say_lost("deforum", lost_columns(schedule, said=said))
    return json.dumps(document, indent=2, ensure_ascii=False)


def _camera(settings: dict, file_frames: FileFrames) -> dict[str, Any]:
    """The columns of what moves in the animation mode of a file; in others than 2D and 3D nothing that we could do."""
    mode = _mode(settings)
    if mode not in ("2D", "3D"):
        moving = [name for name in dict.fromkeys((*FLAT, *SPACE)) if name in settings]
        say_lost(f"deforum, animation_mode {mode}", moving)
        return {}

    def series(name: str) -> np.ndarray:
        return keyframes_to_values(_text(settings, name), file_frames.whole, file_frames, where=name)

    moves = {name: series(name) for name in (FLAT if mode == "2D" else SPACE) if name in settings}
    if mode == "2D":
        wrap = {"wrap": 1.0} if settings.get("border") == "wrap" else {}
        return flat_to_columns(moves, file_frames, _size(settings)) | wrap
    name = next((name for name in ("fov_schedule", "fov") if name in settings), None)  # the latter in notebooks
    fov = np.clip(series(name), 1, 170) if name else np.full(len(file_frames.whole), NEUTRAL["fov"])
    columns = space_to_columns(moves, file_frames, _size(settings), fov=fov, distance=_distance(settings))
    return columns | ({"fov": np.interp(file_frames.at, file_frames.whole, fov)} if name else {})


def _mode(settings: dict) -> str:
    return str(settings.get("animation_mode", "2D"))


def _size(settings: dict) -> tuple[int, int]:
    return _whole(settings, "W", SIDE), _whole(settings, "H", SIDE)


def _distance(settings: dict) -> float:
    return WITH_DEPTH if settings.get("use_depth_warping", True) else PLANE


def _seeds(settings: dict, file_frames: FileFrames) -> list[int]:
    """The seed of each frame: scheduled, or following the file's seed behavior."""
    behavior, seed = str(settings.get("seed_behavior", "iter")), file_frames.seed
    if behavior == "schedule" and "seed_schedule" in settings:
        return keyframes_to_seeds(
            _text(settings, "seed_schedule"), file_frames, where="seed_schedule", base=file_frames.seed
        )
    if behavior not in (known := ("random", *SEED_BEHAVIORS)):
        raise ScheduleError(
            f"seed_behavior is {behavior!r}: expected schedule with a seed_schedule, {', '.join(known)}"
        )
    if behavior == "random":
        return file_frames.drawn(seed).tolist()
    held = file_frames.held.astype(np.int64)
    passed = -(-held // _whole(settings, "seed_iter_N", 1)) if behavior == "iter" else held
    return [(seed + change) % 2**64 for change in SEED_BEHAVIORS[behavior](passed).tolist()]


def _first_seed(settings: dict) -> int:
    seed = settings.get("seed", 0)
    try:
        if float(seed) >= 0 and float(seed) % 1 == 0:
            return int(seed)
    except (TypeError, ValueError):
        pass
    say_lost("deforum", [f"seed {seed} draws one by chance: 0 is taken"])
    return 0


def _is_lost(name: str, settings: dict) -> bool:
    """Whether a setting changes Deforum's picture and is not read."""
    if name == "parseq_manifest":
        return str(settings[name]).startswith("http")
    if name in _STILL:
        return settings[name] != _STILL[name]
    if name in _READ or name.startswith(_PARTS) or not (name in _FLIPS or name.endswith("_schedule")):
        return False
    switch, off = _SWITCHES.get(name, (f"enable_{name.removesuffix('_schedule')}_scheduling", False))
    neutral = re.fullmatch(r"\s*0\s*:\s*\(?\s*([\d.]+)\s*\)?\s*", str(settings[name]))
    return settings.get(switch) != off and not (neutral and float(neutral[1]) == _NEUTRAL.get(name))


def _whole(settings: dict, name: str, default: int) -> int:
    value = settings.get(name, default)
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not value >= 1 or value % 1:
        raise ScheduleError(f"{name} is {value!r:.40}: expected a whole number above 0")
    return int(value)


def _text(settings: dict, name: str) -> str:
    value = settings[name]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"0: ({value})"
    if not isinstance(value, str):
        raise ScheduleError(f"{name}: expected a keyframe string, not {value!r:.40}")
    return value


SEED_BEHAVIORS = {  # what is added to the seed after so many steps
    "iter": lambda k: k,
    "fixed": lambda k: 0 * k,
    "alternate": lambda k: k % 2,
    "ladder": lambda k: k // 2 + 2 * (k % 2),
}
