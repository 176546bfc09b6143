"""Schedule files: which format a file has, by its content; those of other tools have a module each."""

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from audioviz.clock import Clock
from audioviz.errors import AudiovizError, ScheduleError
from audioviz.schedule.formats.deforum import deforum_to_columns
from audioviz.schedule.formats.frames import read_object
from audioviz.schedule.formats.json_csv import csv_to_columns, json_to_columns
from audioviz.schedule.formats.lists import lines_to_columns, lists_to_columns
from audioviz.schedule.formats.parseq import parseq_to_columns

SUFFIXES = (".json", ".csv", ".txt")


def read_columns(path: Path, clock: Clock) -> dict[str, Any]:
    """What a file says of a schedule for a song with this clock, as keywords of `Schedule`.

    JSON may be our own, Deforum's settings or prompts, a Parseq manifest, or the lists of the original nodes; CSV is
    our own; a .txt has prompt lines.

    Raises
    ------
    ScheduleError
        If the file is not a schedule, or one that does not fit the song; the message begins with its path.
    """
    with faults_of(path):
        text = path.read_text(encoding="utf-8-sig")
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
    if path.suffix in (".csv", ".txt"):
        return csv_to_columns if path.suffix == ".csv" else lines_to_columns
    document = read_object(text)
    if "frames" in document:
        return json_to_columns
    if document.keys() & {"rendered_frames", "keyframes", "managedFields"}:
        return parseq_to_columns
    if any(name.endswith("_sequence") for name in document):
        return lists_to_columns
    if document and any(
        name.endswith("_schedule") or name == "animation_mode" or name.isdecimal() for name in document
    ):
        return deforum_to_columns
    return json_to_columns
