"""The song and the schedule that a Project names."""

import warnings
from dataclasses import replace
from pathlib import Path

from audioviz.audio.load import load_song
from audioviz.audio.song import Song
from audioviz.errors import AudiovizWarning, InputError
from audioviz.models.editing import without_tags
from audioviz.models.sources import split_weight
from audioviz.project import Look, Project
from audioviz.project.records import nearest
from audioviz.rendering.check import check_trust
from audioviz.schedule.formats.json_csv import document_to_columns
from audioviz.schedule.lanes import with_lanes
from audioviz.schedule.schedule import Schedule
from audioviz.schedule.script import load_schedule

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
        schedule = load_schedule(choice.source)(song, **choice.settings)
    if project.lanes:
        schedule = with_lanes(schedule, project.lanes, song=song)
    if project.prompts or project.negative:
        schedule = schedule.with_prompts(project.prompts or schedule.prompts, negative=project.negative, song=song)
    return schedule


def with_default_prompts(schedule: Schedule, *, negative: str = "") -> Schedule:
    """The schedule, with prompts that the embedded model draws well where neither it nor the user has any."""
    return schedule if schedule.prompts else schedule.with_prompts(DEFAULT_PROMPTS, negative=negative)


def with_named_loras(look: Look, schedule: Schedule) -> Look:
    """The look with the LoRAs that prompts name, `<lora:name:0.8>`, out of its folder; they act in the whole video.

    Raises
    ------
    InputError
        If one is not there.
    """
    texts = [text for prompt in schedule.prompts for text in (prompt.text, prompt.negative)] + list(schedule.mix)
    named: dict[str, float] = {}
    for tag in [tag for text in texts for tag in without_tags(text)[1] if tag.kind == "lora"]:
        if named.setdefault(tag.name, tag.weight) != tag.weight:
            warnings.warn(
                f"the prompts name the LoRA {tag.name} with several weights; it is worked into the model once, with "
                f"{named[tag.name]:g}",
                AudiovizWarning,
                stacklevel=2,
            )
    given = {split_weight(lora)[0].stem.lower() for lora in look.loras}
    found = [
        f"{_lora_file(look.lora_dir, name)}:{weight}" for name, weight in named.items() if name.lower() not in given
    ]
    return replace(look, loras=(*look.loras, *found))


def _lora_file(folder: str | None, name: str) -> Path:
    """The file of a LoRA in a folder, or below it, by its name in any case."""
    files = {file.stem.lower(): file for file in sorted(Path(folder or ".").rglob("*.safetensors"), reverse=True)}
    if name.lower() not in files:
        raise InputError(
            f"prompt: there is no LoRA {name} in {folder}{nearest(name.lower(), files)}; expected {name}.safetensors "
            "there"
        )
    return files[name.lower()]
