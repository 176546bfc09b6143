"""Parseq manifests: `rendered_frames`, one entry a frame of the file's own `output_fps`."""

import json
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from audioviz.clock import Clock, fps_to_json, to_fps
from audioviz.errors import AudiovizWarning, ScheduleError
from audioviz.schedule.columns import NEUTRAL
from audioviz.schedule.formats.camera import (
    FLAT,
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
    whole,
)
from audioviz.schedule.formats.weighted import texts_to_prompts
from audioviz.schedule.prompt import Prompt

if TYPE_CHECKING:
    from audioviz.schedule.schedule import Schedule

_CAMERA = {name: np.cumprod if name == "zoom" else np.cumsum for name in (*FLAT, *SPACE)}  # a way out of its deltas
_LOOP = {"contrast": "contrast", "amount": "antiblur_amount"}
_PLAIN = {"scale": "cfg", "noise": "noise", "subseed_strength": "seed_mix"}
_READ = {"frame", "strength", "seed", "subseed", "deforum_prompt", *_PLAIN, *_CAMERA, *(f"{m}_delta" for m in _CAMERA)}
_READ |= {*_LOOP.values(), "fov"}
_IGNORED = ("near", "far")  # which change nothing there either


def parseq_to_columns(
    text: str,
    clock: Clock,
    *,
    size: tuple[int, int] = (SIDE, SIDE),
    distance: float = WITH_DEPTH,
    in_space: bool | None = None,
) -> dict[str, Any]:
    """Read a manifest, for a song with this clock.

    A seed with a fraction is on its way to the next one, as in Parseq.

    Parameters
    ----------
    size, distance : of Deforum's picture, see camera.py, which a manifest does not say
    in_space : bool, optional
        Whether Deforum is in its 3D mode; if not given, where something moves in a way that only that has.

    Raises
    ------
    ScheduleError
        If a part is missing or of the wrong kind; the message names the frame.
    """
    manifest = read_object(text)
    rendered = manifest.get("rendered_frames")
    if not isinstance(rendered, list) or not rendered or not all(isinstance(row, dict) for row in rendered):
        raise ScheduleError("no rendered_frames: render in Parseq, and export again")
    options = manifest.get("options", {})
    fps = to_fps(str(options.get("output_fps", 20) if isinstance(options, dict) else None))
    numbers = np.array([_number(row, "frame", i) for i, row in enumerate(rendered)], float)
    if (np.diff(numbers) <= 0).any():
        raise ScheduleError(f"rendered_frames[{int(np.argmax(np.diff(numbers) <= 0)) + 1}]: frame numbers do not rise")
    file_frames = FileFrames.on(clock, fps)
    if file_frames.at[-1] >= numbers[-1] + 1:
        warnings.warn(
            f"parseq: the file ends at its frame {numbers[-1]:g}, which holds to the end of the song",
            AudiovizWarning,
            stacklevel=2,
        )
    elif numbers[-1] > file_frames.end:
        warnings.warn(
            f"parseq: the song ends at frame {file_frames.count} of the file, and its frames to {numbers[-1]:g} "
            "are left out",
            AudiovizWarning,
            stacklevel=2,
        )
    there = {name for name in rendered[0] if name in _READ}

    def series(name: str, frames: np.ndarray = file_frames.at) -> np.ndarray:
        return np.interp(frames, numbers, np.array([_number(row, name, i) for i, row in enumerate(rendered)], float))

    columns = {column: series(name) for name, column in _PLAIN.items() if name in there}
    if "strength" in there:
        columns["denoise"] = 1 - series("strength")
    columns |= _seeds(rendered, numbers, file_frames, there)
    if "seed_to" not in columns:
        columns.pop("seed_mix", None)
    moves = {name: series(f"{name}_delta", file_frames.whole) for name in _CAMERA if f"{name}_delta" in there}
    for name in [name for name in _CAMERA if name in there and name not in moves]:  # of older versions
        way = series(name, file_frames.whole)
        moves[name] = np.diff(way, prepend=way[0]) + (name == "zoom")
    fov = series("fov", file_frames.whole) if "fov" in there else None
    columns |= _camera(moves, fov, file_frames, size, distance, in_space)
    contrast, amount = (
        series(name) if name in there else np.full(clock.frames, rest)
        for name, rest in (("contrast", 1.0), ("antiblur_amount", 0.0))
    )
    columns |= loop_to_columns(contrast, amount)
    say_lost(
        "parseq",
        sorted(
            {
                name
                for name in rendered[0]
                if name not in (*_READ, *_IGNORED)
                and not name.endswith(("_pc", "_delta"))
                and any(row.get(name) != rendered[0][name] for row in rendered)
            }
        ),
    )
    return columns | texts_to_prompts(_texts(rendered, numbers, file_frames), clock, file_frames)


def _camera(
    moves: dict[str, np.ndarray],
    fov: np.ndarray | None,
    file_frames: FileFrames,
    size: tuple[int, int],
    distance: float,
    in_space: bool | None,
) -> dict[str, np.ndarray]:
    """The columns of the camera, in space or in the plane, as for parseq_to_columns; the other's moves do nothing."""
    if in_space is None:
        in_space = any(moves[name].any() for name in moves if name not in FLAT)
        if in_space:
            rest = {"zoom": 1.0, "angle": 0.0}
            idle = [name for name in rest if name in moves and (moves[name] != rest[name]).any()]
            say_lost("parseq, beside motion in 3D", idle)
    if not in_space:
        return flat_to_columns({name: moves[name] for name in FLAT if name in moves}, file_frames, size)
    angles = np.full(len(file_frames.whole), NEUTRAL["fov"]) if fov is None else np.clip(fov, 1, 170)
    columns = space_to_columns(moves, file_frames, size, fov=angles, distance=distance)
    return columns | ({} if fov is None else {"fov": np.interp(file_frames.at, file_frames.whole, angles)})


def schedule_to_parseq(schedule: "Schedule") -> str:
    """The schedule as a manifest; what Parseq cannot say is left out, and that is said."""
    columns = schedule.columns
    series = {name: columns[column] for name, column in _PLAIN.items() if column in columns}
    series |= {"strength": 1 - schedule.denoise, "seed": schedule.seed}
    if "seed_to" in columns:
        series["subseed"] = columns["seed_to"]
    series |= {_LOOP[name]: values for name, values in columns_to_loop(schedule).items()}
    if moves_in_space(schedule):
        moves = columns_to_space(schedule, distance=WITH_DEPTH)
        series |= {"fov": columns["fov"]} if "fov" in columns else {}
    else:
        moves = columns_to_flat(schedule)
    series |= {name: _CAMERA[name](values) for name, values in moves.items()}
    deltas = {f"{name}_delta": values for name, values in moves.items()}
    keyframes = _entries(series, {})
    rendered = _entries(series | deltas, {"deforum_prompt": _prompt_of_each(schedule)} if schedule.prompts else {})
    lost = lost_columns(schedule, said=said_in_loop(schedule))
    say_lost("parseq", [name for name in lost if name != "mix"])
    return json.dumps(
        {
            "options": {"output_fps": fps_to_json(schedule.clock.fps)},
            "managedFields": list(series),
            "keyframes": keyframes,
            "rendered_frames": rendered,
        },
        ensure_ascii=False,
    )


def _entries(series: dict[str, np.ndarray], texts: dict[str, list[str]]) -> list[dict]:
    lists = {name: values.tolist() for name, values in series.items()} | texts
    return [{"frame": k} | {name: values[k] for name, values in lists.items()} for k in range(len(lists["seed"]))]


def _prompt_of_each(schedule: "Schedule") -> list[str]:
    """The prompt of each frame; where others are mixed in, all of them with their weights, joined by AND."""
    starts = [start for start, _ in schedule.prompt_rows()]
    started = np.searchsorted(starts, np.arange(len(schedule)), side="right")
    return [
        _prompt_at(schedule, frame, schedule.prompts[max(count - 1, 0)]) for frame, count in enumerate(started.tolist())
    ]


def _prompt_at(schedule: "Schedule", frame: int, prompt: Prompt) -> str:
    weights = {text: values[frame].item() for text, values in schedule.mix.items()}
    rest = max(0.0, 1 - sum(weights.values()))
    parts = ([(prompt.text, rest)] if rest > 1e-6 else []) + list(weights.items())
    joined = " AND ".join(f"{text} :{weight:.6f}" for text, weight in parts) if len(parts) > 1 else parts[0][0]
    return prompt_to_text(replace(prompt, text=joined))


def _seeds(rendered: list[dict], numbers: np.ndarray, file_frames: FileFrames, there: set[str]) -> dict:
    if "seed" not in there:
        return {}
    held = np.maximum(np.searchsorted(numbers, file_frames.at + 1e-9, side="right") - 1, 0).tolist()
    values = [_number(rendered[i], "seed", i) for i in held]
    seed = whole(values, file_frames.drawn(0))
    if "subseed" in there and "subseed_strength" in there:
        return {
            "seed": seed,
            "seed_to": whole([_number(rendered[i], "subseed", i) for i in held], file_frames.drawn(1)),
        }
    mix = np.array([float(value - value // 1) for value in values])
    travel = {"seed_to": [(value + 1) % 2**64 for value in seed], "seed_mix": mix} if mix.any() else {}
    return {"seed": seed} | travel


def _texts(rendered: list[dict], numbers: np.ndarray, file_frames: FileFrames) -> dict[float, str]:
    """Frame of the file -> text, where it changes, as far as the song goes."""
    texts, last = {}, ""
    for i, (row, number) in enumerate(zip(rendered, numbers.tolist())):
        text = row.get("deforum_prompt")
        if text is not None and not isinstance(text, str):
            raise ScheduleError(f"rendered_frames[{i}]: deforum_prompt is {text!r:.40}, expected text")
        if text is not None and text != last and number <= file_frames.count:
            texts[number] = last = text
    return texts


def _number(row: dict, name: str, i: int) -> int | float:
    value = row.get(name)
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not abs(value) <= 2**64:  # nor NaN
        raise ScheduleError(f"rendered_frames[{i}]: {name} is {value!r:.40}, expected a number")
    return value
