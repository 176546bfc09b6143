"""Schedule files: which format a file has, by its content; those of other tools have a module each."""

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from audioviz.clock import Clock
from audioviz.errors import AudiovizError, ScheduleError
from audioviz.schedule.binding import bound_song
from audioviz.schedule.formats.deforum import deforum_to_columns, is_prompts
from audioviz.schedule.formats.frames import read_object
from audioviz.schedule.formats.json_csv import csv_to_columns, is_csv, json_to_columns
from audioviz.schedule.formats.lines import is_lines, is_values, lines_to_columns, values_to_columns
from audioviz.schedule.formats.lists import lists_to_columns
from audioviz.schedule.formats.parseq import parseq_to_columns
from audioviz.schedule.lyrics import LYRICS, is_lyrics, lyrics_to_prompts
from audioviz.schedule.prompt import text_to_prompt
from audioviz.schedule.text_files import read_text


def read_columns(path: Path, clock: Clock) -> dict[str, Any]:
    """What a file says of a schedule for a song with this clock, as keywords of `Schedule`.

    JSON may be our own, Deforum's settings or prompts, a Parseq manifest, or the lists of the original nodes; CSV is
    our own; other text has prompt lines or values; lyrics and subtitles are prompts. Which it is, is told by its
    content, whatever its name.

    Raises
    ------
    ScheduleError
        If the file is not a schedule, or one that does not fit the song; the message begins with its path.
    """
    text = read_text(path)
    with faults_of(path):
        return _reader(path, text)(text, clock)


@contextmanager
def faults_of(path: Path) -> Iterator[None]:
    """Turn what goes wrong with a file inside the block into one line that begins with its path."""
    try:
        yield
    except OSError as error:
        raise ScheduleError(f"{path}: cannot be read ({error.strerror})") from error
    except (AudiovizError, UnicodeDecodeError, csv.Error) as error:
        raise ScheduleError(f"{path}: {error}") from error
    except OverflowError as error:
        raise ScheduleError(f"{path}: a number is too large") from error


def _reader(path: Path, text: str) -> Callable[[str, Clock], dict[str, Any]]:
    if path.suffix.lower() in LYRICS or not text.lstrip().startswith("{"):
        if path.suffix.lower() in LYRICS or is_lyrics(text):
            return partial(_lyrics_to_columns, path)
        if text.lstrip().startswith("[{"):
            raise ScheduleError("a list: expected a JSON object; of Parseq the whole manifest, which says its fps")
        if is_csv(text) or path.suffix.lower() == ".csv":
            return csv_to_columns
        return partial(values_to_columns, name=path.stem) if is_values(text) else lines_to_columns
    try:
        document = read_object(text)
    except ScheduleError:
        if is_lines(text):
            return lines_to_columns
        raise
    if {"nodes", "links"} <= document.keys() or any("class_type" in inner for inner in _objects_of(document)):
        raise ScheduleError("a workflow of ComfyUI: copy the text of its schedule nodes to a file, and give that")
    if "frames" in document:
        return json_to_columns
    if document.keys() & {"rendered_frames", "keyframes", "managedFields"}:
        return parseq_to_columns
    if any(name.endswith("_sequence") for name in document):
        return lists_to_columns
    if is_prompts(document) or isinstance(document.get("prompts"), dict):
        return deforum_to_columns
    if any(name.endswith("_schedule") or name in ("animation_mode", "animation_prompts") for name in document):
        return deforum_to_columns
    return json_to_columns


def _objects_of(document: dict) -> list[dict]:
    return [value for value in document.values() if isinstance(value, dict)]


def _lyrics_to_columns(path: Path, text: str, clock: Clock) -> dict[str, Any]:
    start = getattr(bound_song(), "start", 0.0)
    sung = lyrics_to_prompts(text, path, start=start, end=start + float(clock.duration))
    return {"prompts": [text_to_prompt(seconds, words) for seconds, words in sung]}
