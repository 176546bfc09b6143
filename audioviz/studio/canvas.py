"""A project made ready for single frames: its table, its model at a size, and what it draws with."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from audioviz.audio.song import Song
from audioviz.errors import InputError
from audioviz.models.model import Model
from audioviz.project import Look, Project
from audioviz.rendering.batches import batch_plan, sampled_latents
from audioviz.rendering.decoding import Decoder
from audioviz.rendering.finish import Finisher
from audioviz.rendering.frame_table import FrameTable, frame_table
from audioviz.rendering.guides import Guides, open_guides
from audioviz.rendering.inputs import check_lora_columns, loaded_loras, part_of_project, with_named_loras
from audioviz.rendering.memory import make_room
from audioviz.rendering.plans import Known, read_texts
from audioviz.rendering.prepare import made_ready
from audioviz.rendering.render import load_model_of
from audioviz.rendering.runs import runs_of
from audioviz.rendering.settings import RenderSettings
from audioviz.schedule.schedule import Schedule
from audioviz.studio.chain import Chain
from audioviz.studio.hearing import hear, stamp
from audioviz.studio.planning import planned

DRAFT_SIDE = 256  # pixels, at most, of the longer side of a draft
DRAFT_STEPS = 8  # at most

_model: list[tuple[object, Model]] = []  # those that were loaded or opened last, with all that they depend on
_guides: list[tuple[object, tuple[Guides, str]]] = []
_known: list[tuple[object, Known]] = []


def model_of(look: Look, unfused: frozenset[str]) -> Model:
    """The model of a look, loaded where another look was drawn with before.

    Raises
    ------
    InputError, ModelError
        As `load_model_of`.
    """
    settings = {"size": None, "steps": None, "cfg": None, "sampler": None, "scheduler": None}
    key = repr((replace(look, **settings, compile=False, batch=1, threads=None, lora_dir=None), sorted(unfused)))
    if not _model or _model[0][0] != key:
        _model.clear()
        _model.append((key, load_model_of(look, unfused)))
    return _model[0][1]


def draft_of(project: Project, model: Model) -> Project:
    """The project as it is drafted: small, in few steps, and not enlarged."""
    model, settings = made_ready(model, project)
    factor = min(1.0, DRAFT_SIDE / max(settings.size))
    size = tuple(max(model.multiple, round(side * factor / model.multiple) * model.multiple) for side in settings.size)
    look = replace(project.look, size=size, steps=min(settings.steps, DRAFT_STEPS))
    return replace(project, look=look, finish=replace(project.finish, upscale=None))


@dataclass(frozen=True, eq=False)
class Canvas:
    """What frames of a project are drawn with.

    Parameters
    ----------
    table : FrameTable
        Of the part that the project renders, or of the whole song.
    finish : str
        What pictures depend on besides their latents and effects.
    """

    project: Project
    song: Song
    schedule: Schedule
    model: Model
    settings: RenderSettings
    guides: Guides
    table: FrameTable
    chain: Chain
    known: Known
    finish: str

    def part_before(self, row: int, frames: int) -> FrameTable:
        """The table of so many frames up to a row, the first of them drawn anew."""
        part = self.table.part[max(0, row + 1 - frames) : row + 1]
        return frame_table(self.schedule, self.settings, part=part, anew=self.guides.init is None)

    def latents(self, table: FrameTable, first: int, before: Tensor | None) -> Iterator[tuple[Tensor, np.ndarray]]:
        """The latent of each row of a table from one on, and its finished picture: uint8, shape (H, W, 3)."""
        decode = Decoder(self.model)
        finish = replace(self.project.finish, smooth=None, safe=False)
        begin = Fraction(self.song.start) + table.part.start / table.fps
        finisher = Finisher(self.model, table, self.settings, finish, begin=begin, guides=self.guides, decode=decode)
        plan = batch_plan(self.model, table, self.settings, self.guides)
        sampled = sampled_latents(
            self.model,
            table,
            self.settings,
            plan,
            guides=self.guides,
            first=first,
            before=before,
            decode=decode,
            known=self.known,
        )
        with closing(sampled):
            for row, latent in enumerate(sampled, first):
                (decoded, _), *_ = finisher.decode([latent])
                ((frame, levels),) = finisher.pictures(row, latent.half(), decoded)
                yield latent, finisher.finished(frame, levels.cpu().numpy())


def canvas_of(project: Project, size: str, frame: int) -> Canvas:
    """What a frame of a project is drawn with.

    Raises
    ------
    AudiovizError
        If the project cannot be drawn.
    """
    project = replace(project, look=replace(project.look, batch=1, compile=False))
    song = hear(project)
    schedule = planned(project, song).final
    look = with_named_loras(project.look, schedule)
    check_lora_columns(schedule, loaded_loras(look))
    model = model_of(look, frozenset(schedule.loras))
    if size == "draft":
        project = draft_of(project, model)
    model, settings = made_ready(model, project)
    make_room(model, settings.size)
    part = part_of_project(project, song)
    if frame not in part:
        part = range(song.clock.frames)
    if frame not in part:
        raise InputError(f"frame {frame}: the song has {song.clock.frames}, counted from 0")
    guides, files = _opened(project, song, model, settings)
    table = frame_table(schedule, settings, part=part, anew=guides.init is None)
    read_texts(model, table, settings)
    identity = repr((model.name, model.digest, settings, files))
    chain = Chain(table, runs_of(table, redraws=guides.moves), identity)
    known = _known_of(identity)
    finish = repr((project.finish, stamp(project.finish.lyrics) if project.finish.lyrics else None))
    return Canvas(project, song, schedule, model, settings, guides, table, chain, known, finish)


def _opened(project: Project, song: Song, model: Model, settings: RenderSettings) -> tuple[Guides, str]:
    """The guides of a project, and what they are."""
    named = [getattr(project.guides, name) for name in ("init", "mask", "control", "style", "depth", "flow_model")]
    files: list[Any] = [(str(file), stamp(Path(file))) for file in named if file is not None]
    key = repr((project.guides, files, model.digest, settings.size, song.clock, song.path, song.start))
    if not _guides or _guides[0][0] != key:
        _guides.clear()
        opened, _ = open_guides(
            model, project.guides, size=settings.size, clock=song.clock, song=song.path, start=song.start
        )
        _guides.append((key, (opened, repr(files))))
    return _guides[0][1]


def _known_of(identity: str) -> Known:
    if not _known or _known[0][0] != identity:
        _known[:] = [(identity, Known())]
    return _known[0][1]
