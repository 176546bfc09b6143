"""Deforum: settings JSON, prompts JSON and keyframe strings such as `0:(0.65), 30:(0.5+0.1*sin(2*3.14*t/15))`.

Keys and `t` are frames of the file's own fps, so they keep their time in a song of another. Numbers are joined by straight
lines; a formula holds from its key to the next.
"""

import json
import re
from fractions import Fraction

import numpy as np

from audioviz.clock import Clock, to_fps
from audioviz.errors import ScheduleError
from audioviz.schedule.expression import evaluate
from audioviz.schedule.files import fps_to_json
from audioviz.schedule.formats.frames import (SIDE, camera_to_columns, columns_to_camera, lost_columns, prompt_to_text,
                                              read_object, say_lost, their_frames, whole)
from audioviz.schedule.prompts import Prompt, text_to_prompt
from audioviz.schedule.schedule import Schedule

_CAMERA = ("zoom", "angle", "translation_x", "translation_y")
_PLAIN = {"noise_schedule": "noise", "cfg_scale_schedule": "cfg", "subseed_strength_schedule": "seed_mix"}
_READ = {"strength_schedule", "seed_schedule", "subseed_schedule", *_PLAIN}
_SPACE = ("translation_z", "rotation_3d_x", "rotation_3d_y", "rotation_3d_z", "perspective_flip_theta",
          "perspective_flip_phi", "perspective_flip_gamma")
_KEY = re.compile(r"\s*\"?(?P<frame>[^:\"]+?)\"?\s*:\s*(?P<value>.+?)\s*", re.DOTALL)


def deforum_to_schedule(text: str, clock: Clock) -> Schedule:
    """Read a settings JSON, or a prompts JSON alone, for a song with this clock.

    Raises
    ------
    ScheduleError
        If it is neither, a keyframe string is broken, or a key lies past the end; the message names the setting.
    """
    settings = read_object(text)
    if "prompts" not in settings and settings and all(_is_frame(key) for key in settings):
        return Schedule(prompts=_prompts(settings, clock, clock.fps), clock=clock)
    fps = to_fps(settings.get("fps", 15))
    frames = their_frames(clock, fps)

    def series(name: str) -> np.ndarray:
        return keyframes_to_values(_text(settings, name), frames, where=name)

    columns = {column: series(name) for name, column in _PLAIN.items() if name in settings}
    if "strength_schedule" in settings:
        columns["denoise"] = 1 - series("strength_schedule")
    columns["seed"] = _seeds(settings, frames)
    if settings.get("enable_subseed_scheduling", "seed_mix" in columns) and "subseed_schedule" in settings:
        columns["seed_to"] = _seed_series(settings, "subseed_schedule", frames)
    if ("seed_to" in columns) != ("seed_mix" in columns):
        columns = {name: values for name, values in columns.items() if name not in ("seed_to", "seed_mix")}
    size = tuple(_whole(settings, side, SIDE) for side in ("W", "H"))
    columns |= camera_to_columns({name: series(name) for name in _CAMERA if name in settings}, fps, size)
    say_lost("deforum", [name for name in settings if name in _SPACE or name.endswith("_schedule") and name not in _READ])
    prompts = _prompts(settings.get("prompts", {}), clock, fps, positive=str(settings.get("positive_prompts", "")),
                       negative=str(settings.get("negative_prompts", "")))
    return Schedule(**columns, prompts=prompts, clock=clock)


def schedule_to_deforum(schedule: Schedule) -> str:
    """The schedule as a settings JSON; what Deforum cannot say is left out, and that is said."""
    columns, clock = schedule.columns, schedule.clock
    series = {name: columns[column] for name, column in _PLAIN.items() if column in columns}
    series |= {"strength_schedule": 1 - schedule.denoise, "seed_schedule": schedule.seed} | columns_to_camera(schedule)
    if "seed_to" in columns:
        series["subseed_schedule"] = columns["seed_to"]
    document = {"animation_mode": "2D", "fps": fps_to_json(clock.fps), "max_frames": clock.frames, "W": SIDE, "H": SIDE,
                "seed_behavior": "schedule", "enable_subseed_scheduling": "seed_to" in columns}
    document |= {name: values_to_keyframes(values) for name, values in series.items()}
    document["prompts"] = {str(frame): prompt_to_text(prompt) for frame, prompt in schedule.prompt_rows()}
    say_lost("deforum", lost_columns(schedule))
    return json.dumps(document, indent=2, ensure_ascii=False)


def keyframes_to_values(text: str, frames: np.ndarray, *, where: str) -> np.ndarray:
    """The value of a keyframe string at these frames of its file, with fractions.

    Parameters
    ----------
    text : str
        `FRAME: (VALUE)`, separated by commas; a value is a number or a formula of `t`, the frame, and `max_f`, the last.
    frames : float, shape (T,)
    where : str
        Begins the message of an error.

    Returns
    -------
    float, shape (T,)
    """
    keys, names = _keys(text, frames, where), {"max_f": np.float64(np.floor(frames[-1]))}
    starts = list(keys)
    current = np.maximum(np.searchsorted(starts, frames, side="right") - 1, 0)
    values, ends = np.full(len(frames), np.nan), []
    for i, start in enumerate(starts):
        number = _as_number(keys[start].strip("() "))
        if number is None:
            inside = np.flatnonzero(current == i)
            at = np.append(frames[inside], start)  # a line from a number before it ends where the formula begins
            try:
                found = np.broadcast_to(evaluate(keys[start], names | {"t": at}), at.shape)
            except ScheduleError as error:
                raise ScheduleError(f"{where}, key {start:g}: {error}") from error
            values[inside], number = found[:-1], found[-1]
        ends.append((start, number))
    return np.where(np.isnan(values), np.interp(frames, *zip(*ends)), values)


def values_to_keyframes(values: np.ndarray) -> str:
    """The keyframe string that gives these values: a key a frame, without those inside a run of equal values."""
    same = np.r_[False, values[1:-1] == values[:-2], False][:len(values)] & np.r_[values[:-1] == values[1:], False]
    if (values == values[0]).all():
        return f"0: ({values[0].item()!r})"
    return ", ".join(f"{k}: ({value!r})" for k, value in enumerate(values.tolist()) if not same[k])


def _keys(text: str, frames: np.ndarray, where: str) -> dict[float, str]:
    """Frame -> value, as written, of each key in order."""
    keys = {}
    for part in _split(text, where):
        match = _KEY.fullmatch(part)
        if not match:
            raise ScheduleError(f"{where}: {part.strip()!r} is no keyframe: expected FRAME: (VALUE), such as 0: (0.65)")
        keys[_key_frame(match["frame"], np.floor(frames[-1]), where)] = match["value"]
    _check_end(max(keys), frames, where)
    return dict(sorted(keys.items()))


def _seed_series(settings: dict, name: str, frames: np.ndarray) -> list[int]:
    """As keyframes_to_values; but a whole number is kept to its last digit where it holds, which floats do not."""
    text = _text(settings, name)
    keys = _keys(text, frames, name)
    starts, written = list(keys), [value.strip("() ") for value in keys.values()]
    seeds = whole(keyframes_to_values(text, frames, where=name))
    for k, frame in enumerate(frames.tolist()):
        i = max(int(np.searchsorted(starts, frame, side="right")) - 1, 0)
        held = frame <= starts[i] or i + 1 == len(starts) or written[i + 1] == written[i]
        if held and written[i].isdecimal():
            seeds[k] = int(written[i]) % 2**64
    return seeds


def _seeds(settings: dict, frames: np.ndarray) -> list[int]:
    """The seed of each frame: scheduled, or following the file's seed behavior."""
    behavior, seed = settings.get("seed_behavior", "iter"), settings.get("seed", 0)
    if behavior == "schedule" and "seed_schedule" in settings:
        return _seed_series(settings, "seed_schedule", frames)
    if behavior not in SEED_BEHAVIORS:
        raise ScheduleError(f"seed_behavior is {behavior!r}: expected schedule with a seed_schedule, {', '.join(SEED_BEHAVIORS)}")
    if not isinstance(seed, int) or seed < 0:
        say_lost("deforum", [f"seed {seed} draws one by chance: 0 is taken"])
        seed = 0
    every = _whole(settings, "seed_iter_N", 1) if behavior == "iter" else 1
    passed = (frames + 1e-9).astype(np.int64) // every
    return [(seed + change) % 2**64 for change in SEED_BEHAVIORS[behavior](passed).tolist()]


def _prompts(entries, clock: Clock, fps: Fraction, *, positive: str = "", negative: str = "") -> list[Prompt]:
    """Prompts at their frames; Deforum jumps from one to the next."""
    if not isinstance(entries, dict):
        raise ScheduleError("prompts: expected an object of frame and prompt")
    last = np.array([float(fps / clock.fps) * (clock.frames - 1)])
    prompts = []
    for key, text in entries.items():
        where = f"prompts, key {key!r}"
        frame = _key_frame(key, np.floor(last[0]), where)
        _check_end(frame, last, where)
        if not isinstance(text, str):
            raise ScheduleError(f"{where}: expected text, not {text!r:.40}")
        prompt = text_to_prompt(float(int(frame) / fps), text)
        words, unwanted = (" ".join(filter(None, pair)) for pair in ((prompt.text, positive), (prompt.negative, negative)))
        prompts.append(Prompt(prompt.seconds, words, unwanted, ease="hold"))
    return prompts


def _split(text: str, where: str) -> list[str]:
    """The parts between the commas outside all brackets."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if depth < 0:
            break
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    if depth:
        raise ScheduleError(f"{where}: brackets that do not match in {text:.60}")
    return [part for part in parts if part.strip()] or [text]


def _key_frame(key: str, last: float, where: str) -> float:
    """The frame of a key: a number, or a formula of `max_f`."""
    frame = _as_number(key)
    if frame is None:
        try:
            frame = float(evaluate(key, {"max_f": np.float64(last)}))
        except (ScheduleError, TypeError) as error:
            raise ScheduleError(f"{where}: {key.strip()!r} is no frame: expected a whole number") from error
    if frame < 0:
        raise ScheduleError(f"{where}: frame {frame:g}: expected at least 0")
    return np.floor(frame)


def _check_end(frame: float, frames: np.ndarray, where: str) -> None:
    if frame > np.ceil(frames[-1]):
        raise ScheduleError(f"{where}: key at frame {frame:g} lies past the end of the song, frame {frames[-1]:g}")


def _as_number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if np.isfinite(number) else None


def _is_frame(key: str) -> bool:
    return key.strip().isdecimal()


def _whole(settings: dict, name: str, default: int) -> int:
    value = settings.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ScheduleError(f"{name} is {value!r:.40}: expected a whole number above 0")
    return value


def _text(settings: dict, name: str) -> str:
    value = settings[name]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"0: ({value})"
    if not isinstance(value, str):
        raise ScheduleError(f"{name}: expected a keyframe string, not {value!r:.40}")
    return value


SEED_BEHAVIORS = {
    "iter": lambda k: k,
    "fixed": lambda k: 0 * k,
    "alternate": lambda k: k % 2,
    "ladder": lambda k: k // 2 + 2 * (k % 2),
}
