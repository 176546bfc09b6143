"""The schedule of a project in steps, so that an edit computes what it changes, and one mistake does not stop it."""

import warnings
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from audioviz.audio.song import Song
from audioviz.errors import AudiovizError
from audioviz.project import Project
from audioviz.rendering.inputs import own_schedule, with_default_prompts, with_own_prompts, with_own_shots
from audioviz.schedule.binding import bound
from audioviz.schedule.lanes import Lane, lane_values, with_columns
from audioviz.schedule.prompts import to_prompts
from audioviz.schedule.schedule import Schedule
from audioviz.schedule.script import load_schedule
from audioviz.shelf import find
from audioviz.studio.catalog import options_of
from audioviz.studio.hearing import stamp


@dataclass(frozen=True)
class Scripted:
    """What a script, a file or numbers say, before anything is laid over it."""

    schedule: Schedule
    options: list[dict[str, Any]]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """The schedule of a project.

    Parameters
    ----------
    final, script : Schedule
        With all that is laid over it, and without.
    sources : tuple of int or None
        Which entry of the project's prompts each prompt comes from; None for those of the script.
    options : list
        What can be set of the script.
    notes : what was noticed while it was computed
    problems : mapping of where something is wrong to what that is
    """

    final: Schedule
    script: Schedule
    sources: tuple[int | None, ...]
    options: list[dict[str, Any]]
    notes: tuple[str, ...] = ()
    problems: dict[str, str] = field(default_factory=dict)


def planned(project: Project, song: Song) -> Plan:
    """The schedule of a project; what is wrong in a lane, in shots or prompts is left out, and said.

    Raises
    ------
    AudiovizError
        If the script, file or numbers are wrong.
    """
    own = scripted(project, song)
    problems: dict[str, str] = {}
    with _noted() as notes:
        final = _with_lanes(own.schedule, project.lanes, song, problems)
        try:
            final = with_own_shots(project, final, song)
        except AudiovizError as error:
            problems["schedule"] = str(error)
        try:
            final, sources = with_own_prompts(project, final, song), _sources(project, song)
        except AudiovizError as error:
            problems["prompts"], sources = str(error), ()
        final = with_default_prompts(final, negative=project.negative)
    sources = sources if len(sources) == len(final.prompts) else (None,) * len(final.prompts)
    return Plan(final, own.schedule, sources, own.options, (*own.notes, *notes), problems)


_last: list[tuple[object, Scripted]] = []  # the one that was computed last, with all that it depends on


def scripted(project: Project, song: Song) -> Scripted:
    """What the script, file or numbers of a project say, computed when they, the song or the part change.

    Raises
    ------
    AudiovizError
        If they are wrong.
    """
    choice = repr((project.schedule, project.song.start, project.song.duration))
    key = (weakref.ref(song), choice, _stamp(project))  # equal while that very song is there
    if not _last or _last[0][0] != key:
        _last.clear()
        with _noted() as notes:
            schedule = own_schedule(project, song)
        source = None if project.schedule.numbers is not None else load_schedule(project.schedule.source)
        _last.append((key, Scripted(schedule, options_of(source) if source else [], tuple(notes))))
    return _last[0][1]


def _stamp(project: Project) -> tuple[int, int] | None:
    """That of the file of a schedule."""
    try:
        return stamp(find("schedules", project.schedule.source, endings=None))
    except AudiovizError:
        return None


def _with_lanes(schedule: Schedule, lanes: Mapping[str, Lane], song: Song, problems: dict[str, str]) -> Schedule:
    """The schedule with those of the lanes that can be computed."""
    good = {}
    for column, lane in lanes.items():
        try:
            good[column] = _values(schedule, column, lane, song)
        except AudiovizError as error:
            problems[f"lane:{column}"] = str(error).removeprefix(f"lane {column}: ")
    try:
        return with_columns(schedule, good, song=song) if good else schedule
    except AudiovizError as error:
        fault = str(error)
    for column, values in list(good.items()):  # such as seed_to without seed_mix
        try:
            with_columns(schedule, {column: values}, song=song)
        except AudiovizError as error:
            problems[f"lane:{column}"] = str(error)
            del good[column]
    try:
        return with_columns(schedule, good, song=song) if good else schedule
    except AudiovizError:  # each alone is right
        problems["schedule"] = fault
        return schedule


_values_of: list[tuple[Schedule, dict[str, tuple[Lane, np.ndarray]]]] = []  # of the last schedule that had lanes


def _values(schedule: Schedule, column: str, lane: Lane, song: Song) -> np.ndarray:
    """What a column becomes under a lane, computed when the lane or the schedule below it changes."""
    if not _values_of or _values_of[0][0] is not schedule:
        _values_of[:] = [(schedule, {})]
    known = _values_of[0][1]
    if column not in known or known[column][0] != lane:
        known[column] = lane, lane_values(schedule, column, lane, song=song)
    return known[column][1]


def _sources(project: Project, song: Song) -> tuple[int | None, ...]:
    """Which entry of a project's prompts each prompt comes from, in order of time."""
    with bound(song):
        each = [to_prompts([prompt], song.clock) for prompt in project.prompts]
        together = to_prompts(project.prompts, song.clock)
    sources = [i for i, prompts in enumerate(each) for _ in prompts]
    seconds = [prompt.seconds for prompts in each for prompt in prompts]
    if sorted(seconds) != [prompt.seconds for prompt in together]:  # without times: spread in the order they are in
        return tuple(sources)
    return tuple(sources[i] for i in np.argsort(seconds, kind="stable"))


@contextmanager
def _noted() -> Iterator[list[str]]:
    """What is warned of inside, each once."""
    notes: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield notes
        finally:
            notes += dict.fromkeys(str(warning.message) for warning in caught)
