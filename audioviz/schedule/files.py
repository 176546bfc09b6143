"""Loading of schedule files: each becomes a Schedule by what its format says of the columns."""

from pathlib import Path

from audioviz.clock import Clock
from audioviz.schedule.formats import faults_of, read_columns
from audioviz.schedule.formats.deforum import deforum_to_columns
from audioviz.schedule.formats.json_csv import csv_to_columns, json_to_columns
from audioviz.schedule.formats.lines import lines_to_columns
from audioviz.schedule.formats.lists import lists_to_columns
from audioviz.schedule.formats.parseq import parseq_to_columns
from audioviz.schedule.schedule import Schedule


def load_schedule_file(path: Path, clock: Clock) -> Schedule:
    """The schedule in a file, for a song with this clock: see `formats.read_columns`.

    Raises
    ------
    ScheduleError
        If the file is not a schedule, or one that does not fit the song; the message begins with its path.
    """
    columns = read_columns(path, clock)
    with faults_of(path):
        return Schedule(**columns, clock=clock)


def json_to_schedule(text: str, clock: Clock) -> Schedule:
    """What `schedule_to_json` wrote."""
    return Schedule(**json_to_columns(text, clock), clock=clock)


def csv_to_schedule(text: str, clock: Clock) -> Schedule:
    """What `schedule_to_csv` wrote, or a spreadsheet with the same column names."""
    return Schedule(**csv_to_columns(text, clock), clock=clock)


def deforum_to_schedule(text: str, clock: Clock) -> Schedule:
    """Deforum's settings JSON, or its prompts alone."""
    return Schedule(**deforum_to_columns(text, clock), clock=clock)


def parseq_to_schedule(text: str, clock: Clock) -> Schedule:
    """A Parseq manifest."""
    return Schedule(**parseq_to_columns(text, clock), clock=clock)


def lists_to_schedule(text: str, clock: Clock) -> Schedule:
    """The lists of the original nodes."""
    return Schedule(**lists_to_columns(text, clock), clock=clock)


def lines_to_schedule(text: str, clock: Clock) -> Schedule:
    """Prompts alone, as lines of `"FRAME": "prompt"`."""
    return Schedule(**lines_to_columns(text, clock), clock=clock)
