"""The lists of the original nodes: JSON with the parameters of KSampler Scheduled Sequence.

Lists have an entry a frame, in the song's own fps; shorter ones are repeated, as there.
"""

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from audioviz.clock import Clock
from audioviz.errors import ScheduleError, nearest
from audioviz.schedule.formats.frames import FileFrames, lost_columns, prompt_to_text, read_object, say_lost
from audioviz.schedule.formats.weighted import prompts_to_columns

if TYPE_CHECKING:
    from audioviz.schedule.schedule import Schedule

TWICE = math.sqrt(2)  # the original injects independent noise of this strength twice a frame, and we once
_LISTS = ("seed_sequence", "denoise_sequence", "latent_interp_strength_sequence", "noise_strength_sequence")
_SWITCHES = {"use_latent_interpolation": False, "unsample_latents": True, "inject_noise": True}
_OF_THE_RENDER = ("steps", "sampler_name", "scheduler")
_MODES = {"Blend": 0.0, "Slerp": 1.0}  # of the node's three; the mix of Cosine Interp has no column
_KNOWN = {*_LISTS, *_SWITCHES, *_OF_THE_RENDER, "latent_interpolation_mode", "cfg", "denoise_start", "prompts"}


def lists_to_columns(text: str, clock: Clock) -> dict[str, Any]:
    """Read a JSON object of the node's lists and switches, and `prompts` as an object of frame and text.

    Raises
    ------
    ScheduleError
        If a parameter is unknown, or of the wrong kind.
    """
    lists = read_object(text)
    if unknown := set(lists) - _KNOWN:
        raise ScheduleError(
            f"unknown key {min(unknown)!r}{nearest(min(unknown), _KNOWN)}: expected {', '.join(sorted(_KNOWN))}"
        )
    for name, default in _SWITCHES.items():
        if not isinstance(lists.setdefault(name, default), bool):
            raise ScheduleError(f"{name} is {lists[name]!r:.40}: expected true or false")
    columns = {
        column: lists[name]
        for name, column in (("seed_sequence", "seed"), ("denoise_sequence", "denoise"), ("cfg", "cfg"))
        if name in lists
    }
    if "denoise_start" in lists:
        later = _numbers(lists.get("denoise_sequence", [0.5]), "denoise_sequence")
        columns["denoise"] = [lists["denoise_start"], *np.resize(later, clock.frames)[1:].tolist()]
    mode = str(lists.get("latent_interpolation_mode", "Blend"))
    say_lost("lists", [name for name in _OF_THE_RENDER if name in lists] + ([] if mode in _MODES else [mode]))
    if lists["use_latent_interpolation"]:
        columns["interp"] = lists.get("latent_interp_strength_sequence", 0.5)
        columns |= {"slerp": 1.0} if _MODES.get(mode) else {}
    if lists["inject_noise"]:
        columns["noise"] = _scaled(lists.get("noise_strength_sequence", [0.1]))
    if lists["unsample_latents"]:
        columns["unsample"] = 1.0
    return columns | prompts_to_columns(lists.get("prompts", {}), clock, FileFrames.on(clock, clock.fps))


def schedule_to_lists(schedule: "Schedule") -> str:
    """The schedule as the node's parameters; what it cannot say is left out, and that is said."""
    columns = schedule.columns
    unsample, cfg = columns.get("unsample"), columns.get("cfg")
    document = {
        "seed_sequence": schedule.seed.tolist(),
        "denoise_sequence": schedule.denoise.tolist(),
        "use_latent_interpolation": bool((schedule.interp < 1).any()),
        "latent_interp_strength_sequence": schedule.interp.tolist(),
        "latent_interpolation_mode": "Slerp" if _always(columns.get("slerp")) else "Blend",
        "unsample_latents": _always(unsample),
        "inject_noise": bool((schedule.noise > 0).any()),
        "noise_strength_sequence": (schedule.noise / TWICE).tolist(),
    }
    if cfg is not None and (cfg == cfg[0]).all():
        document["cfg"] = cfg[0].item()
    document["prompts"] = {str(frame): prompt_to_text(prompt) for frame, prompt in schedule.prompt_rows()}
    lost = lost_columns(schedule, said=("interp", "slerp", "unsample"))
    camera = ("zoom", "angle", "shift_x", "shift_y", "tilt", "pan", "dolly")
    lost += [name for name in ("seed_to", *camera) if name in columns]
    lost += [
        f"a changing {name}"
        for name in ("cfg", "slerp", "unsample")
        if name in columns and (columns[name] != columns[name][0]).any()
    ]
    say_lost("lists", lost)
    return json.dumps(document, ensure_ascii=False)


def _always(column: np.ndarray | None) -> bool:
    return column is not None and bool((column >= 0.5).all())


def _scaled(values) -> list[float]:
    return [value * TWICE for value in _numbers(values, "noise_strength_sequence")]


def _numbers(values, name: str) -> list[float]:
    if not isinstance(values, list) or not values or not all(isinstance(value, (int, float)) for value in values):
        raise ScheduleError(f"{name}: expected a list of numbers, not {values!r:.40}")
    return values
