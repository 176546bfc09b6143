"""The song and the schedule that a Project names."""

import warnings

import numpy as np

from audioviz.audio.load import load_song
from audioviz.audio.part import cut, part_of
from audioviz.audio.song import Song
from audioviz.errors import AudiovizWarning, InputError, ScheduleError
from audioviz.project import Project
from audioviz.rendering.check import check_trust
from audioviz.schedule.binding import bound
from audioviz.schedule.formats.json_csv import document_to_columns
from audioviz.schedule.lanes import with_lanes
from audioviz.schedule.part import placed_schedule
from audioviz.schedule.schedule import Schedule
from audioviz.schedule.script import load_schedule
from audioviz.schedule.times import key_to_seconds, length_to_seconds

DEFAULT_PROMPTS = ("fire flames", "neon horizon", "lagoon caustics", "violet silk")


def song_of(project: Project) -> Song:
    """The whole song, heard at the project's frame rate; what was noticed while it was read is said.

    Raises
    ------
    InputError
        If it cannot be decoded, or the corrections of its grid do not fit it.
    """
    song = project.song
    heard = load_song(song.path, fps=project.fps, grid=song.grid, beats_model=song.beats_model, stems=song.stems)
    for note in heard.notes:
        warnings.warn(note, AudiovizWarning, stacklevel=2)
    return heard


def part_of_project(project: Project, song: Song) -> range:
    """The frames of a song that a project renders.

    Raises
    ------
    InputError, ScheduleError
        If the part lies outside the song, or its times need beats or sections that the song has not.
    """
    start, duration = project.song.start, project.song.duration
    with bound(song):
        begin = key_to_seconds(start, song.clock)
        length = None if duration is None else length_to_seconds(duration, song.clock, start=begin)
    return part_of(song, start=begin, duration=length)


def schedule_of(project: Project, song: Song) -> Schedule:
    """The schedule for a song, with the project's lanes and prompts.

    Raises
    ------
    InputError
        If it is a script that the user has not said to run.
    ScheduleError
        If it cannot be made.
    """
    check_trust(project)
    choice = project.schedule
    if choice.numbers is not None and choice.settings:
        raise InputError(
            f"the schedule is kept as its numbers and has no setting {next(iter(choice.settings))!r}: name one that "
            "has it, with --schedule"
        )
    if choice.numbers is not None:
        schedule = Schedule(**document_to_columns(choice.numbers, song.clock), clock=song.clock)
    else:
        schedule = _loaded(project, song)
    if project.lanes:
        schedule = with_lanes(schedule, project.lanes, song=song)
    if project.prompts and schedule.mix and np.min(np.sum(list(schedule.mix.values()), axis=0)) > 0.999:
        warnings.warn(
            "the schedule mixes prompts of its own in all frames, which leaves nothing for those that are given",
            AudiovizWarning,
            stacklevel=2,
        )
    if project.prompts or project.negative:
        schedule = schedule.with_prompts(project.prompts or schedule.prompts, negative=project.negative, song=song)
    return schedule


def _loaded(project: Project, song: Song) -> Schedule:
    """The schedule of a script or a file; of a file that was made of the part alone, in its place in the song."""
    source, settings = load_schedule(project.schedule.source), project.schedule.settings
    part = part_of_project(project, song)
    if source.path.suffix == ".py" or len(part) == song.clock.frames:
        return source(song, **settings)
    try:
        return source(song, **settings)
    except ScheduleError as error:
        try:
            return placed_schedule(source(cut(song, part), **settings), part, song.clock)
        except ScheduleError:
            raise error from None


def with_default_prompts(schedule: Schedule, *, negative: str = "") -> Schedule:
    """The schedule, with prompts that the embedded model draws well where neither it nor the user has any."""
    return schedule if schedule.prompts else schedule.with_prompts(DEFAULT_PROMPTS, negative=negative)
