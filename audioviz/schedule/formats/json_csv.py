"""JSON and CSV, our own files of a schedule: both keep every value exactly.

CSV has room for one prompt a frame.
"""

import csv
import io
import json
import warnings
from typing import TYPE_CHECKING, Any

from audioviz.clock import Clock, fps_to_json, to_fps
from audioviz.errors import AudiovizWarning, ScheduleError, nearest
from audioviz.schedule.columns import (
    COLOUR,
    COLUMNS,
    SEEDS,
    column_name,
    columns_to_keywords,
    expected_columns,
    is_column,
)
from audioviz.schedule.prompt import Prompt

if TYPE_CHECKING:
    from audioviz.schedule.schedule import Schedule

_PROMPT_FIELDS = ("prompt", "negative", "ease", "way")
_MIX = "mix: "  # begins the name of a column in CSV


def schedule_to_json(schedule: "Schedule") -> str:
    """The schedule as JSON: fps, frames, a list for each column, and the prompt keyframes."""
    document = {"fps": fps_to_json(schedule.clock.fps), "frames": schedule.clock.frames}
    document |= {name: values.tolist() for name, values in schedule.columns.items()}
    document["prompts"] = [
        {
            "frame": frame,
            "seconds": prompt.seconds,
            "prompt": prompt.text,
            "negative": prompt.negative,
            "ease": prompt.ease,
        }
        | ({} if prompt.way == "slerp" else {"way": prompt.way})
        for frame, prompt in schedule.prompt_rows()
    ]
    if schedule.mix:
        document["mix"] = {text: values.tolist() for text, values in schedule.mix.items()}
    return json.dumps(document)


def json_to_columns(text: str, clock: Clock) -> dict[str, Any]:
    """Read what schedule_to_json wrote, for a song with this clock.

    Raises
    ------
    ScheduleError
        If it is not JSON, a key is missing, unknown or of the wrong kind, or it was made for another clock.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ScheduleError(f"not JSON: {error}") from error
    if not isinstance(document, dict):
        raise ScheduleError("expected a JSON object with fps, frames and columns")
    return document_to_columns(document, clock)


def document_to_columns(document: dict[str, Any], clock: Clock) -> dict[str, Any]:
    """The same, of what the JSON holds."""
    others = ("fps", "frames", "prompts", "mix")
    if unknown := [key for key in document if key not in others and not is_column(key)]:
        hint = nearest(min(unknown), (*others, *COLUMNS))
        raise ScheduleError(f"unknown key {min(unknown)!r}{hint}: expected {expected_columns(*others)}")
    fps, frames = to_fps(str(document.get("fps"))), document.get("frames")
    if (fps, frames) != (clock.fps, clock.frames):
        raise ScheduleError(
            f"made for {frames} frames at {fps} fps, but the song has {clock.frames} at {clock.fps}: "
            "give the same song and --fps"
        )
    columns = columns_to_keywords({column_name(name): document[name] for name in document if is_column(name)})
    return columns | {"prompts": _prompts(document.get("prompts", []), clock), "mix": document.get("mix")}


def schedule_to_csv(schedule: "Schedule") -> str:
    """The schedule as CSV: a row a frame; prompt cells are filled on keyframes alone."""
    columns = {name: values.tolist() for name, values in schedule.columns.items()}
    columns |= {_MIX + text: values.tolist() for text, values in schedule.mix.items()}
    prompts = dict(schedule.prompt_rows())
    if len(prompts) < len(schedule.prompts):
        warnings.warn("csv: of several prompts in a frame only the last is kept", AudiovizWarning, stacklevel=2)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["frame", "seconds", *columns, *_PROMPT_FIELDS])
    for k, seconds in enumerate(schedule.clock.times.tolist()):
        prompt = prompts.get(k)
        words = [prompt.text, prompt.negative, prompt.ease, prompt.way] if prompt else [""] * len(_PROMPT_FIELDS)
        writer.writerow([k, prompt.seconds if prompt else seconds, *(v[k] for v in columns.values()), *words])
    return text.getvalue()


def csv_to_columns(text: str, clock: Clock) -> dict[str, Any]:
    """Read what schedule_to_csv wrote, or a spreadsheet with the same column names.

    Raises
    ------
    ScheduleError
        If a column is unknown, a cell is no number, or the rows are not the clock's frames.
    """
    rows = list(csv.DictReader(io.StringIO(text), delimiter=_delimiter(text)))
    names = list(rows[0]) if rows else []
    mixed = [name for name in names if name and name.startswith(_MIX)]
    given = [name for name in names if name and is_column(name)]
    if unknown := set(names) - {"frame", "seconds", *given, *_PROMPT_FIELDS, *mixed}:
        first = min(map(str, unknown))
        raise ScheduleError(f"unknown column {first!r}{nearest(first, COLUMNS)}: expected {expected_columns()}")
    if len(rows) != clock.frames:
        raise ScheduleError(
            f"{len(rows)} rows: expected {clock.frames}, one for each frame of the song at {clock.fps} fps"
            + _other_fps(rows, clock)
        )
    for frame, row in enumerate(rows):
        if None in row or row.get("frame", str(frame)) != str(frame):
            raise ScheduleError(f"row {frame + 1}: expected frame {frame} and {len(names)} cells")
    columns = columns_to_keywords(
        {column_name(name): [_number(name, row[name], frame) for frame, row in enumerate(rows)] for name in given}
    )
    prompts = [
        Prompt(
            _number("seconds", row["seconds"], frame) if "seconds" in row else clock.frame_to_seconds(frame),
            row["prompt"],
            row.get("negative") or "",
            row.get("ease") or "late",
            row.get("way") or "slerp",
        )
        for frame, row in enumerate(rows)
        if row.get("prompt") or row.get("ease")
    ]
    mix = {
        name.removeprefix(_MIX): [_number(name, row[name], frame) for frame, row in enumerate(rows)] for name in mixed
    }
    return columns | {"prompts": prompts, "mix": mix}


def is_csv(text: str) -> bool:
    """Whether the first line of a text names columns of a schedule, and nothing else."""
    names = next(csv.reader([text.lstrip().partition("\n")[0].strip()], delimiter=_delimiter(text)), [])
    known = {"frame", "seconds", *_PROMPT_FIELDS}
    return bool(names) and all(name in known or is_column(name) or name.startswith(_MIX) for name in names)


def _delimiter(text: str) -> str:
    """What stands between the cells: a comma, or what spreadsheets of some languages write."""
    return max(",;\t", key=text.partition("\n")[0].count)


def _other_fps(rows: list[dict[str, str]], clock: Clock) -> str:
    """The hint that a file was made at another frame rate, as its column of seconds says or its number of rows."""
    try:
        seconds = [float(row["seconds"]) for row in rows]
    except (KeyError, TypeError, ValueError):
        seconds = []
    if len(seconds) > 1 and seconds[-1] > seconds[0]:
        fps = (len(seconds) - 1) / (seconds[-1] - seconds[0])
        if abs(fps - float(clock.fps)) > 0.05:
            return f"; it was made at {fps:.5g} fps: give --fps {fps:.5g}, or make it anew"
        return f"; it is of {len(rows) / float(clock.fps):.4g} s of music, and this has {float(clock.duration):.4g} s"
    return "; give the same song, part and --fps that it was made for"


def _prompts(entries, clock: Clock) -> list[Prompt]:
    if not isinstance(entries, list):
        raise ScheduleError("prompts: expected a list of {frame or seconds, prompt, negative}")
    return [_prompt(number, entry, clock) for number, entry in enumerate(entries, 1)]


def _prompt(number: int, entry, clock: Clock) -> Prompt:
    where = f"prompt keyframe {number}"
    known = {"frame": int, "seconds": (int, float), "prompt": str, "negative": str, "ease": str, "way": str}
    if not isinstance(entry, dict) or not isinstance(entry.get("prompt"), str):
        raise ScheduleError(f"{where}: expected an object with a prompt")
    for key, value in entry.items():
        if key not in known:
            raise ScheduleError(f"{where}: unknown key {key!r}: expected {', '.join(known)}")
        if not isinstance(value, known[key]) or isinstance(value, bool):
            raise ScheduleError(f"{where}: {key} is {value!r}")
    if "seconds" not in entry and "frame" not in entry:
        raise ScheduleError(f"{where}: has neither frame nor seconds")
    seconds = float(entry["seconds"]) if "seconds" in entry else clock.frame_to_seconds(entry["frame"])
    return Prompt(
        seconds, entry["prompt"], entry.get("negative", ""), entry.get("ease", "late"), entry.get("way", "slerp")
    )


def _number(name: str, cell: str | None, frame: int) -> Any:
    """The number in a cell; a colour also by its name, which the schedule reads."""
    try:
        return int(cell or "") if name in SEEDS else float(cell or "")
    except ValueError as error:
        if name == COLOUR and cell:
            return cell
        raise ScheduleError(f"frame {frame}: {name} is {cell!r}, expected a number") from error
