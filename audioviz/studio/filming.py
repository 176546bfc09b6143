"""What the rendering process does: a film, made by the function of the command, with news of how far it is."""

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tqdm import tqdm

from audioviz.audio.part import cut
from audioviz.digests import json_digest
from audioviz.errors import AudiovizError
from audioviz.insight.reaction import measure_film
from audioviz.project import Project
from audioviz.rendering.inputs import part_of_project, schedule_of, with_default_prompts, with_named_loras
from audioviz.rendering.process import asked_to_stop, tell
from audioviz.rendering.render import render_project
from audioviz.studio.canvas import draft_of, model_of
from audioviz.studio.hearing import hear
from audioviz.studio.painting import webp_of

NEWS_SECONDS = 0.2  # between pictures
LONGEST_SIDE = 512  # pixels of them


@dataclass(frozen=True)
class Order:
    """A film that is to be made."""

    job: int
    project: Project
    out: Path
    draft: bool


@dataclass(frozen=True)
class News:
    """How far a film is: frames that are done, of so many; a picture of a frame of the song now and then."""

    job: int
    done: int
    frames: int
    frame: int = 0
    key: str = ""
    webp: bytes | None = None


@dataclass(frozen=True)
class Made:
    """What became of an order: whether it was stopped, and else how the film reacts to its song."""

    stopped: bool
    reaction: dict[str, Any] | None = None


class Stopped(BaseException):
    """The user stops a render; no mistake, so that it passes all that handles those."""


class _Bar(tqdm):
    """A bar that nobody sees; what it counts is told."""

    def __init__(self, order: Order, frames: int) -> None:
        super().__init__(total=frames, file=_Nowhere(), mininterval=1e9)
        self._order = order

    def update(self, n: float | None = 1) -> bool | None:
        shown = super().update(n)
        tell(News(self._order.job, int(self.n), int(self.total or 0)))
        return shown


class _Nowhere:
    def write(self, _: str) -> None:
        """Nothing."""

    def flush(self) -> None:
        """Nothing."""


def film(order: Order) -> Made:
    """Make a film, or what is missing of it.

    Raises
    ------
    AudiovizError
        As `render_project`.
    """
    project, song = order.project, hear(order.project)
    if order.draft:
        project = _drafted(project)
    part = part_of_project(project, song)
    shown = project.finish.shown_fps(song.clock.fps)
    bar, told = _Bar(order, len(part)), 0.0

    def watch(frame: int, levels: np.ndarray) -> None:
        nonlocal told
        if asked_to_stop():
            raise Stopped
        if time.monotonic() - told >= NEWS_SECONDS:
            told = time.monotonic()
            of_song = part.start + math.floor(frame * song.clock.fps / shown)
            key = json_digest([str(order.out), frame, time.time_ns()])[:32]
            tell(News(order.job, int(bar.n), len(part), of_song, key, webp_of(_small(levels))))

    tell(News(order.job, 0, len(part)))
    try:
        render_project(project, out=order.out, song=song, keep_work=True, progress=bar, load=model_of, watch=watch)
    except Stopped:
        return Made(stopped=True)
    try:
        return Made(stopped=False, reaction=_reaction(project, order.out))
    except AudiovizError:  # the film is whole, and can be looked at
        return Made(stopped=False, reaction=None)


def _drafted(project: Project) -> Project:
    song = hear(project)
    schedule = with_default_prompts(schedule_of(project, song))
    look = with_named_loras(project.look, schedule)
    return draft_of(project, model_of(look, frozenset(schedule.loras)))


def _small(levels: np.ndarray) -> np.ndarray:
    height, width = levels.shape[:2]
    factor = LONGEST_SIDE / max(height, width)
    if factor >= 1:
        return levels
    return np.asarray(Image.fromarray(levels).resize((round(width * factor), round(height * factor))))


def _reaction(project: Project, out: Path) -> dict[str, Any]:
    """How a film reacts to its song; kicks by their seconds in the song."""
    shown = project.changed(fps=project.finish.shown_fps(project.fps))
    song = hear(shown)
    part = part_of_project(shown, song)
    found, kicks = measure_film(out, cut(song, part))
    start = part.start / float(song.clock.fps)
    return {
        "hits": _number(found.hits),
        "correlation": _number(found.correlation),
        "loud_to_quiet": _number(found.loud_to_quiet),
        "kicks": [{"seconds": start + seconds, "seen": seen} for seconds, seen in kicks],
    }


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
