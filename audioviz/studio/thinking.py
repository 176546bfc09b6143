"""What the thinking process computes: songs and schedules, as events for the page."""

import warnings
from functools import lru_cache
from typing import Any

import numpy as np

from audioviz.audio.song import Events, Song
from audioviz.farm.drafts import listener
from audioviz.project import Project
from audioviz.rendering.inputs import schedule_of, with_default_prompts
from audioviz.schedule.columns import SEEDS
from audioviz.schedule.schedule import Schedule
from audioviz.studio.arrays import packed

_hear = listener()


def song_event(project: Project) -> bytes:
    """What is heard in the song of a project.

    Raises
    ------
    InputError
        If it cannot be decoded, or the corrections of its grid do not fit it.
    """
    song = _hear(project)
    events = {name: getattr(song, name) for name in ("beats", "downbeats", "onsets", "kicks", "snares", "hats")}
    header: dict[str, Any] = {
        "on": "song",
        "title": song.path.name,
        "sha256": song.sha256,
        "fps": float(song.clock.fps),
        "frames": song.clock.frames,
        "duration": float(song.duration),
        "rate": song.rate,
        "tempo": song.tempo,
        "tempo_confidence": song.tempo_confidence,
        "other_tempi": list(song.other_tempi),
        "beats_per_bar": song.beats_per_bar,
        "events": {name: _events(found) for name, found in events.items()},
        "sections": [{"start": part.start, "end": part.end, "label": part.label} for part in song.sections],
        "curves": list(song.curves),
    }
    arrays = {f"curve:{name}": curve.values.astype(np.float32) for name, curve in song.curves.items()}
    return packed(header, arrays | {"peaks": _peaks(song)})


def plan_event(project: Project) -> bytes:
    """The schedule of a project: each column as it is, `final:NAME`, and as the script has it, `script:NAME`.

    Raises
    ------
    InputError, ScheduleError
        If it cannot be computed.
    """
    song = _hear(project)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        final = with_default_prompts(schedule_of(project, song), negative=project.negative)
        script = schedule_of(project.changed(lanes={}), song) if project.lanes else final
    header = {
        "on": "plan",
        "frames": len(final),
        "columns": list(final.columns),
        "prompts": [{"seconds": prompt.seconds, "text": prompt.text} for prompt in final.prompts],
    }
    return packed(header, _columns("final", final) | _columns("script", script))


def _events(found: Events) -> dict[str, list[float]]:
    return {"seconds": found.seconds.tolist(), "strength": found.strength.tolist()}


def _columns(layer: str, schedule: Schedule) -> dict[str, np.ndarray]:
    return {
        f"{layer}:{name}": values.astype(np.float32) for name, values in schedule.columns.items() if name not in SEEDS
    }


@lru_cache(maxsize=1)
def _peaks(song: Song) -> np.ndarray:
    return np.rint(song.waveform.T.ravel() * 127).clip(-127, 127).astype(np.int8)
