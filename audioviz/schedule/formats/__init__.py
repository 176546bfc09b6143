"""Schedule files: which format a file has, by its content; those of other tools have a module each."""

import csv
from pathlib import Path
from typing import Callable

from audioviz.clock import Clock
from audioviz.errors import AudiovizError, ScheduleError
from audioviz.schedule.files import csv_to_schedule, json_to_schedule
from audioviz.schedule.formats.deforum import deforum_to_schedule
from audioviz.schedule.formats.frames import read_object
from audioviz.schedule.formats.lists import lines_to_schedule, lists_to_schedule
from audioviz.schedule.formats.parseq import parseq_to_schedule
from audioviz.schedule.schedule import Schedule

SUFFIXES = (".json", ".csv", ".txt")


def load_schedule_file(path: Path, clock: Clock) -> Schedule:
    """The schedule in a file, for a song with this clock.

    JSON may be our own, Deforum's settings or prompts, a Parseq manifest, or the lists of the original nodes; CSV is our
    own; a .txt has prompt lines.

    Raises
    ------
    ScheduleError
        If the file is not a schedule, or one that does not fit the song; the message begins with its path.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        return _reader(path, text)(text, clock)
    except OSError as error:
        raise ScheduleError(f"{path}: cannot be read ({error.strerror})") from error
    except (AudiovizError, UnicodeDecodeError, csv.Error) as error:
        raise ScheduleError(f"{path}: {error}") from error
    except OverflowError as error:
        raise ScheduleError(f"{path}: a number is too large") from error


def _reader(path: Path, text: str) -> Callable[[str, Clock], Schedule]:
    if path.suffix in (".csv", ".txt"):
        return csv_to_schedule if path.suffix == ".csv" else lines_to_schedule
    document = read_object(text)
    if "frames" in document:
        return json_to_schedule
    if document.keys() & {"rendered_frames", "keyframes", "managedFields"}:
        return parseq_to_schedule
    if any(name.endswith("_sequence") for name in document):
        return lists_to_schedule
    if document and any(name.endswith("_schedule") or name == "animation_mode" or name.isdecimal() for name in document):
        return deforum_to_schedule
    return json_to_schedule
