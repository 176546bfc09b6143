"""Drafts of a sweep: short videos of its combinations, all of the same part of the song, each with its figures."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tqdm import tqdm

from audioviz.audio.part import cut, liveliest
from audioviz.audio.song import Song
from audioviz.digests import json_digest
from audioviz.errors import AudiovizError
from audioviz.farm.combinations import Combination
from audioviz.insight.reaction import Reaction, measure_pictures
from audioviz.project import Finish, Look, Project
from audioviz.rendering.check import check_folder, check_project, check_trust
from audioviz.rendering.inputs import part_of_project, schedule_of, song_of
from audioviz.rendering.render import load_model_of, loaded_of, render_project
from audioviz.schedule.script import ScheduleSource, load_schedule

if TYPE_CHECKING:
    from audioviz.models.model import Model

SECONDS = 4.0  # of a draft, if not given
Load = Callable[[Look, frozenset[str]], "Model"]
Given = TypeVar("Given")
Kept = TypeVar("Kept")


@dataclass(frozen=True)
class Draft:
    """A combination with the short project that shows it, and its video."""

    combination: Combination
    project: Project
    out: Path


@dataclass(frozen=True)
class Drawn:
    """A draft that was made: how it reacts to its sound; or why it could not be."""

    draft: Draft
    reaction: Reaction | None
    error: AudiovizError | None = None


def check_combinations(combinations: Sequence[Combination], folder: Path) -> None:
    """Refuse combinations whose videos cannot be made, before their song is heard.

    Raises
    ------
    InputError, ModelError, ScheduleError
    """
    check_folder(folder)
    for combination in combinations:
        check_project(combination.project)
    check_settings([combination.project for combination in combinations])


def check_settings(projects: Sequence[Project]) -> None:
    """Refuse settings that a schedule has not, or whose values cannot be.

    Raises
    ------
    InputError, ScheduleError
    """
    sources: dict[str, ScheduleSource] = {}
    for project in projects:
        choice = project.schedule
        if choice.numbers is None:
            if choice.source not in sources:
                sources[choice.source] = load_schedule(choice.source)
            sources[choice.source].converted(choice.settings)


def schedule_settings(project: Project, sources: Sequence[str]) -> list[str]:
    """The names of the settings that some schedules have, or that of a project, where there are none.

    Raises
    ------
    InputError, ScheduleError
        If a script is not trusted, or cannot be loaded.
    """
    if not sources:
        check_trust(project)
        sources = [] if project.schedule.numbers else [project.schedule.source]
    return list(dict.fromkeys(name for source in sources for name in load_schedule(source).options))


def drafts_of(
    combinations: Sequence[Combination],
    folder: Path,
    *,
    hear: Callable[[Project], Song],
    start: float | str | None = None,
    duration: float | str = SECONDS,
) -> list[Draft]:
    """The drafts of combinations, all from where they begin or where the song is liveliest, in an order to make them.

    Parameters
    ----------
    start, duration : times, optional
        As for `Project`.
    """
    if start is None:
        first = combinations[0].project
        song = hear(first)
        length = len(part_of_project(first.changed(duration=duration), song))
        part = liveliest(song, part_of_project(first, song), frames=length)
        start = float(part.start / song.clock.fps)
    drafts = [
        Draft(one, _shortened(one.project, start, duration), folder / f"{_key(one.values)}.mp4") for one in combinations
    ]
    return sorted(drafts, key=lambda draft: (repr(loaded_of(draft.project.look)), repr(_heard_of(draft.project))))


def check_schedules(drafts: Sequence[Draft], *, hear: Callable[[Project], Song]) -> None:
    """Refuse drafts whose schedule cannot be computed: each value is tried once.

    Raises
    ------
    InputError, ScheduleError
    """
    tried = set()
    for draft in drafts:
        values = set(draft.combination.values.items())
        if not values <= tried:
            song = hear(draft.project)
            part_of_project(draft.project, song)
            schedule_of(draft.project, song)
            tried |= values


def make_draft(draft: Draft, *, song: Song, load: Load, progress: "bool | tqdm" = False) -> Drawn:
    """Make the video of a draft, or what is missing of it, and measure it; what is wrong with it is said in there."""
    try:
        render_project(draft.project, out=draft.out, song=song, load=load, keep_work=True, progress=progress)
        return Drawn(draft, measure_draft(draft, song))
    except AudiovizError as error:
        return Drawn(draft, None, error)


def measure_draft(draft: Draft, song: Song) -> Reaction:
    """How the video of a draft reacts to its part of the song."""
    return measure_pictures(draft.out, cut(song, part_of_project(draft.project, song)))


def make_drafts(
    drafts: Sequence[Draft], *, hear: Callable[[Project], Song], progress: "bool | tqdm" = True
) -> list[Drawn]:
    """Make drafts one after the other in this process, under one bar; the model is loaded once where it is the same.

    Parameters
    ----------
    progress : bool or tqdm
        Whether there is a bar, or that.

    Raises
    ------
    AudiovizError
        If the first fails, as then most would; another that fails says so in what is given.
    """
    frames = [len(part_of_project(draft.project, hear(draft.project))) for draft in drafts]
    model_of: Callable[[tuple[Look, frozenset[str]]], Model] = _kept(
        lambda asked: load_model_of(*asked), key=lambda asked: (loaded_of(asked[0]), asked[1])
    )
    drawn: list[Drawn] = []
    if isinstance(progress, tqdm):
        bar = progress
    else:
        bar = tqdm(unit="frame", smoothing=0.05, disable=None if progress else True)
    bar.total = sum(frames)
    with bar:
        for i, draft in enumerate(drafts):
            bar.set_description(f"draft {i + 1} of {len(drafts)}")
            done = make_draft(draft, song=hear(draft.project), load=lambda *asked: model_of(asked), progress=bar)
            if done.error and not drawn:
                raise done.error
            drawn.append(done)
            bar.n = sum(frames[: i + 1])  # also where it failed, or was begun again
    return drawn


def best_of(drawn: Sequence[Drawn]) -> Drawn | None:
    """That whose change follows the kicks best, by its correlation; None if none has any."""
    rated = [(one.reaction.correlation, one.reaction.hits, one) for one in drawn if one.reaction]
    rated = [one for one in rated if not math.isnan(one[0])]
    return max(rated, key=lambda one: one[:2])[2] if rated else None


def listener() -> Callable[[Project], Song]:
    """Hears the song of a project, and again only where another project hears it otherwise."""
    return _kept(song_of, key=lambda project: repr(_heard_of(project)))


def _kept(make: Callable[[Given], Kept], *, key: Callable[[Given], object]) -> Callable[[Given], Kept]:
    """What `make` gives, kept until it is asked with another key."""
    last: list[tuple[object, Kept]] = []

    def get(given: Given) -> Kept:
        if not last or last[0][0] != key(given):
            last.clear()  # the one before is let go of first
            last.append((key(given), make(given)))
        return last[0][1]

    return get


def _heard_of(project: Project) -> Project:
    """What hearing depends on."""
    return Project(replace(project.song, start=0.0, duration=None), fps=project.fps)


def _shortened(project: Project, start: float | str, duration: float | str) -> Project:
    """A project of this part alone, neither enlarged nor smoothed, and without words."""
    finish = Finish(frame=project.finish.frame, safe=project.finish.safe)
    return replace(project, song=replace(project.song, start=start, duration=duration), finish=finish)


def _key(values: Mapping[str, str]) -> str:
    """The name of a combination, whatever others there are."""
    return json_digest(sorted(values.items()))[:8]
