"""The song and the schedule that a Project names."""

import warnings
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np

from audioviz.audio.load import load_song
from audioviz.audio.part import cut, part_of
from audioviz.audio.song import Song
from audioviz.clock import Clock
from audioviz.errors import AudiovizWarning, InputError, ScheduleError, nearest
from audioviz.models.sources import split_weight
from audioviz.models.text.editing import without_tags
from audioviz.project import Look, Project
from audioviz.rendering.check import check_trust
from audioviz.rendering.stills import image_moves
from audioviz.schedule.binding import bound
from audioviz.schedule.formats.json_csv import document_to_columns
from audioviz.schedule.lanes import with_lanes
from audioviz.schedule.part import placed_schedule
from audioviz.schedule.schedule import Schedule
from audioviz.schedule.script import load_schedule
from audioviz.schedule.shots import shot_starts, with_shots
from audioviz.schedule.times import key_to_seconds, length_to_seconds

DEFAULT_PROMPTS = ("fire flames", "neon horizon", "lagoon caustics", "violet silk")


def song_of(project: Project) -> Song:
    """The whole song, heard at the project's frame rate; what was noticed while it was read is said.

    Raises
    ------
    InputError
        If it cannot be decoded, or the corrections of its grid or the events do not fit it.
    """
    song = project.song
    heard = load_song(
        song.path,
        fps=project.fps,
        grid=song.grid,
        beats_model=song.beats_model,
        stems=song.stems,
        events=song.events,
    )
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
    """The schedule for a song, with the project's lanes, shots and prompts; how many shots there are is said.

    Raises
    ------
    InputError
        If it is a script that the user has not said to run, or the song has no place for shots.
    ScheduleError
        If it cannot be made.
    """
    schedule = own_schedule(project, song)
    if project.lanes:
        schedule = with_lanes(schedule, project.lanes, song=song)
    return with_own_prompts(project, with_own_shots(project, schedule, song), song)


def own_schedule(project: Project, song: Song) -> Schedule:
    """What a project's script, file or numbers say for a song, before lanes, shots and prompts are laid over it.

    Raises
    ------
    InputError, ScheduleError
        As `schedule_of`.
    """
    check_trust(project)
    choice = project.schedule
    if choice.numbers is not None and choice.settings:
        raise InputError(
            f"the schedule is kept as its numbers and has no setting {next(iter(choice.settings))!r}: name one that "
            "has it, with --schedule"
        )
    if choice.numbers is not None:
        return Schedule(**document_to_columns(choice.numbers, song.clock), clock=song.clock)
    return _loaded(project, song)


def with_own_shots(project: Project, schedule: Schedule, song: Song) -> Schedule:
    """The schedule with the shots of a project.

    Raises
    ------
    InputError
        If the song has no place for them.
    """
    return _with_shots(project.shots, schedule, project, song) if project.shots else schedule


def with_own_prompts(project: Project, schedule: Schedule, song: Song) -> Schedule:
    """The schedule with the prompts of a project.

    Raises
    ------
    ScheduleError
        If one stands at a time that is unknown or past the end, or its file is not there.
    """
    if project.prompts and schedule.mix and np.min(np.sum(list(schedule.mix.values()), axis=0)) > 0.999:
        warnings.warn(
            "the schedule mixes prompts of its own in all frames, which leaves nothing for those that are given",
            AudiovizWarning,
            stacklevel=2,
        )
    if project.prompts or project.negative:
        return schedule.with_prompts(project.prompts or schedule.prompts, negative=project.negative, song=song)
    return schedule


def _with_shots(shots: str, schedule: Schedule, project: Project, song: Song) -> Schedule:
    init = project.guides.init
    starts, part = shot_starts(shots, song), part_of_project(project, song)
    found = with_shots(schedule, starts, redraws=init is not None and image_moves(init) is not False)
    here = slice(part.start + 1, part.stop)
    differs = any((values[here] != schedule.columns[name][here]).any() for name, values in found.columns.items())
    warnings.warn(
        f"shots {shots}: {_describe_shots(starts, part, song.clock)}, "
        + (
            "each drawn without the frames before it, so that the film differs from the one without shots"
            if differs
            else "at frames that need none before them anyway, so that nothing changes"
        ),
        AudiovizWarning,
        stacklevel=3,
    )
    return found


def _describe_shots(starts: np.ndarray, part: range, clock: Clock) -> str:
    """How many shots a part has, and of what lengths."""
    inside = starts[(starts > part.start) & (starts < part.stop)]
    lengths = [f"{frames / float(clock.fps):.2f}" for frames in np.sort(np.diff([part.start, *inside, part.stop]))]
    return f"{len(lengths)} of {' to '.join(dict.fromkeys((lengths[0], lengths[-1])))} s"


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


def with_named_loras(look: Look, schedule: Schedule) -> Look:
    """The look with the LoRAs out of its folder that prompts name, `<lora:name:0.8>`, or columns, `lora:name`.

    Raises
    ------
    InputError
        If one is not there.
    """
    if not look.lora_dir:
        return look
    texts = [text for prompt in schedule.prompts for text in (prompt.text, prompt.negative)] + list(schedule.mix)
    named: dict[str, float] = {}
    for tag in [tag for text in texts for tag in without_tags(text)[1] if tag.kind == "lora"]:
        if named.setdefault(tag.name.lower(), tag.weight) != tag.weight:
            weight = named[tag.name.lower()]
            warnings.warn(
                f"the prompts name the LoRA {tag.name} with several weights; it is loaded once, with {weight:g}: a "
                f"column lora:{tag.name} moves its strength",
                AudiovizWarning,
                stacklevel=2,
            )
    given = loaded_loras(look)
    found = [
        f"{_lora_file(look.lora_dir, name)}:{weight}"
        for name, weight in (dict.fromkeys(schedule.loras, 1.0) | named).items()
        if name not in given
    ]
    return replace(look, loras=(*look.loras, *found))


def loaded_loras(look: Look) -> list[str]:
    """The names of a look's LoRAs, lower case."""
    return [split_weight(lora)[0].stem.lower() for lora in look.loras]


def check_lora_columns(schedule: Schedule, loaded: Collection[str]) -> None:
    """Refuse a schedule that moves a LoRA which is not among those that are loaded, or which two of them could be.

    Raises
    ------
    InputError
    """
    for name in schedule.loras:
        count = list(loaded).count(name)
        if count > 1:
            raise InputError(f"lora:{name}: {count} LoRAs have this name; rename the file of one")
        if not count:
            others = f"; loaded are {', '.join(loaded)}" if loaded else ""
            raise InputError(
                f"lora:{name}: no LoRA of this name is loaded{nearest(name, loaded)}: give its file "
                f"(--lora {name}.safetensors) or the folder that holds it (--lora-dir){others}"
            )


def _lora_file(folder: str, name: str) -> Path:
    """The file of a LoRA in a folder, or below it, by its name in lower case."""
    files = {file.stem.lower(): file for file in sorted(Path(folder).rglob("*.safetensors"), reverse=True)}
    if name not in files:
        raise InputError(
            f"prompt or column: there is no LoRA {name} in {folder}{nearest(name, files)}; expected {name}.safetensors "
            "there"
        )
    return files[name]
