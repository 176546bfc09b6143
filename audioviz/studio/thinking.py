"""What the thinking process computes: songs and schedules, as events for the page."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from audioviz.audio.song import Events, Song
from audioviz.errors import AudiovizError
from audioviz.models.plain.known_words import unknown_words
from audioviz.project import Project
from audioviz.schedule.binding import bound
from audioviz.schedule.curves import expression
from audioviz.schedule.lanes import Lane, with_lanes
from audioviz.schedule.schedule import Schedule
from audioviz.schedule.shots import cut_points
from audioviz.schedule.times import key_to_seconds
from audioviz.studio import planning
from audioviz.studio.arrays import Curves, packed
from audioviz.studio.hearing import hear
from audioviz.studio.sound import SAMPLES_PER_POINT, Sound, decoded, peaks_of, sound_of, used

EVENTS = ("beats", "downbeats", "onsets", "kicks", "snares", "hats")


@dataclass(frozen=True)
class Answer:
    """What was computed: the event, None where there is nothing new to show, and what is wrong, by where it is."""

    event: Curves | None
    problems: dict[str, str] = field(default_factory=dict)


def warm() -> None:
    """Nothing: what takes long is to import this module."""


def song_event(project: Project) -> tuple[bytes, Sound]:
    """What is heard in the song of a project, and where its samples lie.

    Raises
    ------
    InputError
        If it cannot be decoded, or the corrections of its grid do not fit it.
    """
    song = hear(project)
    peaks = {f"peaks:{k}": level for k, level in enumerate(peaks_of(song))}
    sound = sound_of(song)
    header: dict[str, Any] = {
        "on": "song",
        "title": song.path.name,
        "sha256": song.sha256,
        "fps": float(song.clock.fps),
        "frames": song.clock.frames,
        "duration": float(song.duration),
        "rate": sound.rate,
        "channels": sound.channels,
        "tempo": song.tempo,
        "tempo_confidence": song.tempo_confidence,
        "other_tempi": list(song.other_tempi),
        "beats_per_bar": song.beats_per_bar,
        "events": {name: _events(getattr(song, name)) for name in EVENTS}
        | {"own": {name: _events(found) for name, found in song.events.items()}},
        "sections": [{"start": part.start, "end": part.end, "label": part.label} for part in song.sections],
        "curves": list(song.curves),
        "peak_levels": [
            {"name": name, "samples_per_point": points} for name, points in zip(peaks, SAMPLES_PER_POINT, strict=True)
        ],
        "notes": list(song.notes),
    }
    curves = {f"curve:{name}": curve.values.astype(np.float32) for name, curve in song.curves.items()}
    return packed(header, curves | peaks), sound


def sound_file(project: Project) -> Sound:
    """Where the samples of a project's song lie; they are decoded now if they are not there.

    Raises
    ------
    InputError
        If it cannot be decoded.
    """
    song = hear(project)
    sound = sound_of(song)
    if sound.path.is_file():
        used(sound.path)
    else:
        decoded(song)
    return sound


def plan_event(project: Project, known: Collection[str] = ()) -> Answer:
    """The schedule of a project: each column as it is, `final:NAME`, and as the script has it, `script:NAME`.

    What is wrong in one lane, in the prompts or the shots is said, and the rest is computed without it; of a script
    that is wrong there is nothing to show. Columns whose digests are known are named alone.
    """
    song = hear(project)
    try:
        plan = planning.planned(project, song)
    except AudiovizError as error:
        return Answer(None, {"schedule": str(error)})
    header = {
        "on": "plan",
        "source": project.schedule.source,
        "frames": len(plan.final),
        "columns": list(plan.final.columns),
        "lanes": {column: _keys(lane, song) for column, lane in project.lanes.items()},
        "prompts": [
            {
                "seconds": prompt.seconds,
                "text": prompt.text,
                "negative": prompt.negative,
                "ease": prompt.ease,
                "way": prompt.way,
                "source": source,
            }
            for prompt, source in zip(plan.final.prompts, plan.sources, strict=True)
        ],
        "cuts": np.flatnonzero(cut_points(plan.final)).tolist(),
        "seeds": (np.flatnonzero(np.diff(plan.final.seed)) + 1).tolist(),
        "notes": list(plan.notes),
        "options": plan.options,
    }
    curves = Curves.of(header, _columns("final", plan.final) | _columns("script", plan.script))
    return Answer(curves.without(known), plan.problems)


def expression_fault(project: Project, column: str, text: str) -> str | None:
    """What is wrong with an expression in the lane of a column; None if it can be computed."""
    song = hear(project)
    try:
        with bound(song):
            expression(text)
        with_lanes(planning.scripted(project, song).schedule, {column: Lane(expression=text)}, song=song)
    except AudiovizError as error:
        return re.sub(rf"^lane {re.escape(column)}: ", "", str(error))
    return None


def words_unknown(text: str, model: str) -> list[dict[str, Any]]:
    """The words of a prompt that a model does not know, where each stands, and the nearest that it knows."""
    return [word._asdict() for word in unknown_words(text, model=model)]


def _keys(lane: Lane, song: Song) -> list[list[Any]]:
    """The keys of a lane as they are written, with their seconds, values and easings; none of those that are text."""
    if not isinstance(lane.keys, dict):
        return []
    found = []
    with bound(song):
        for key, value in lane.keys.items():
            try:
                seconds = key_to_seconds(key, song.clock)
            except AudiovizError:
                continue  # the problem of the lane tells
            ease = lane.ease if isinstance(lane.ease, str) else lane.ease.get(key, "linear")
            found.append([key, seconds, value, ease])
    return found


def _events(found: Events) -> dict[str, list[float]]:
    return {"seconds": found.seconds.tolist(), "strength": found.strength.tolist()}


def _columns(layer: str, schedule: Schedule) -> dict[str, np.ndarray]:
    return {f"{layer}:{name}": values.astype(np.float32) for name, values in schedule.columns.items()}
