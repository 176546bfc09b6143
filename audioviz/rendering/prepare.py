"""What a render settles before its first frame: memory, texts, guides, a model made quick, what pictures depend on."""

import json
import warnings
from dataclasses import dataclass
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from audioviz.audio.song import Song
from audioviz.clock import Clock
from audioviz.errors import AudiovizWarning
from audioviz.models.devices import device_identity
from audioviz.models.model import Model
from audioviz.models.speed.compiled import compiled
from audioviz.models.speed.graphs import graphed
from audioviz.project import Project
from audioviz.rendering.batches import batch_plan
from audioviz.rendering.cautions import cautions
from audioviz.rendering.check import uses_flow
from audioviz.rendering.costs import cost_kind
from audioviz.rendering.decoding import Decoder
from audioviz.rendering.finish import Finisher
from audioviz.rendering.frame_table import FrameTable, frame_table
from audioviz.rendering.guides import Guides, open_guides
from audioviz.rendering.lettering import caution_of_words
from audioviz.rendering.memory import (
    has_room_for_graphs,
    make_room,
    out_of_memory_explained,
    settled_tiles,
)
from audioviz.rendering.plans import read_texts
from audioviz.rendering.runs import BatchPlan
from audioviz.rendering.settings import RenderSettings, settings_for
from audioviz.rendering.tweens import shown_clock, smoothed
from audioviz.sampling.samplers import sampler_for
from audioviz.schedule.formats.json_csv import schedule_to_json
from audioviz.schedule.schedule import Schedule
from audioviz.video.chunks import PicturePlan
from audioviz.video.formats import H264, Codec, describe_format, format_of
from audioviz.video.frame import exact_size
from audioviz.video.optical_flow import opencv_version

THREADS = torch.get_num_threads()  # where none are asked for


@dataclass(frozen=True, eq=False)
class Prepared:
    """A render before its first frame.

    Parameters
    ----------
    model : Model
        Compiled or captured where it can be.
    decode : Decoder
        That frames are sampled and shown with.
    fps, shown : of the frames that are sampled, and the clock of those that are shown
    begin : Fraction
        When the first frame is shown, seconds in the song.
    described : str
        The format of the file.
    cost_kind : str
        What its time is remembered under: see costs.py.
    identity : dict
        The part of the manifest that every frame depends on besides the schedule.
    """

    model: Model
    settings: RenderSettings
    table: FrameTable
    guides: Guides
    batches: BatchPlan
    decode: Decoder
    finisher: Finisher
    pictures: PicturePlan
    fps: Fraction
    shown: Clock
    begin: Fraction
    codec: Codec
    described: str
    cost_kind: str
    identity: dict[str, Any]


def prepared(
    project: Project,
    song: Song,
    schedule: Schedule,
    model: Model,
    *,
    part: range,
    out: Path,
    resume: bool,
    tiled: bool | None,
    notes: "Notes",
) -> Prepared:
    """Settle memory, read texts, open guides, and make the model quick; what users should know is said."""
    container, codec = format_of(out, project.finish.codec)
    model, settings = made_ready(model, project)
    if tiled is None and resume:
        tiled = settled_tiles(out, model, settings.size)
    make_room(model, settings.size, batch=settings.batch, tiled=tiled)
    table = frame_table(schedule, settings, part=part, anew=project.guides.init is None)
    read_texts(model, table, settings)
    guides, guide_digests = open_guides(
        model, project.guides, size=settings.size, clock=song.clock, song=song.path, start=song.start
    )
    notes.warn(*cautions(project, schedule, part, model, settings, guides))
    model = _quickened(model, project, table, settings, notes)
    identity: dict[str, Any] = _identity(model, settings) | guide_digests
    if guides.moves and guides.flow is None and uses_flow(schedule, part):
        identity["versions"]["opencv"] = opencv_version()
    batches = batch_plan(model, table, settings, guides)
    fps, shown = song.clock.fps, shown_clock(project.finish, song, part)
    begin = Fraction(song.start) + part.start / fps
    words = caution_of_words(project.finish, begin=float(begin), end=float(begin + len(part) / fps))
    notes.warn(batches.caution, words)
    tweens, decode = smoothed(table, shown, song), Decoder(model)
    finisher = Finisher(
        model, table, settings, project.finish, begin=begin, tweens=tweens, guides=guides, decode=decode
    )
    described = describe_format(container, codec, finisher.size, shown.fps)
    return Prepared(
        model,
        settings,
        table,
        guides,
        batches,
        decode,
        finisher,
        pictures=finisher.plan(codec),
        fps=fps,
        shown=shown,
        begin=begin,
        codec=codec,
        described=described,
        cost_kind=cost_kind(project.finish, described, plain=(finisher.size, codec) == (settings.size, H264)),
        identity=identity,
    )


def metadata_of(ready: Prepared, song: Song, schedule: Schedule) -> str:
    """What a video tells of how it was made, as JSON."""
    part = ready.table.part
    facts = {"song_sha256": song.sha256, "start": float(ready.begin), "frames": [part.start, part.stop]}
    facts |= ready.identity | ready.pictures.identity | {"fps": str(ready.shown.fps)}  # the schedule has its own
    return json.dumps(facts | {"schedule": json.loads(schedule_to_json(schedule))})


class Notes:
    """What is said of a render, once, though it may be begun again."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def is_new(self, note: str) -> bool:
        """Whether this was not asked before."""
        new = note not in self._said
        self._said.add(note)
        return new

    def warn(self, *notes: str | None) -> None:
        """Warn of each note that there is and that is new."""
        for note in notes:
            if note and self.is_new(note):
                warnings.warn(note, AudiovizWarning, stacklevel=2)


def made_ready(model: Model, project: Project) -> tuple[Model, RenderSettings]:
    """The model for a project's size, and its settings; torch gets its number of threads."""
    torch.set_num_threads(project.look.threads or THREADS)
    shape = exact_size(project.finish.upscale, project.finish.frame)
    settings = settings_for(project.look, model.defaults, shape=shape, step=model.multiple)
    model.empty_latent(settings.size)
    model = model.at_size(settings.size, steps=settings.steps)
    sampler_for(settings.sampler, flow=model.denoiser.flow)
    return model, settings


def _quickened(model: Model, project: Project, table: FrameTable, settings: RenderSettings, notes: Notes) -> Model:
    """The model compiled, if that is asked for, or with its calls captured where it is on a GPU that can do that."""
    if not project.look.compile:
        return graphed(model, pictures=has_room_for_graphs(model, settings.size, batch=settings.batch))
    if model.placement and model.placement.streamed:
        notes.warn("the model is streamed through the GPU, so that it cannot be compiled: --compile is left out")
        return model
    scales = set(table.columns["cfg"].tolist())
    if table.columns["unsample"].any():
        scales.add(1.0)
    if table.columns["anchor"].any():
        scales.add(settings.cfg)
    with out_of_memory_explained("while the model was compiled"):
        return compiled(model, settings.size, scales)


def _identity(model: Model, settings: RenderSettings) -> dict:
    """The part of the manifest that every frame depends on besides the schedule."""
    return {
        "model": model.name,
        "model_sha256": model.digest,
        **device_identity(model.denoiser.device),
        "dtype": _name_of(model.denoiser.dtype),
        "vae_dtype": _name_of(model.autoencoder.dtype),
        "tiled": model.autoencoder.tiled,
        "compiled": model.compiled,
        "size": list(settings.size),
        "steps": settings.steps,
        "cfg": settings.cfg,
        "sampler": settings.sampler,
        "scheduler": settings.scheduler,
        **({"batch": settings.batch} if settings.batch > 1 else {}),
        "versions": {name: version(name) for name in ("audioviz", "torch", "diffusers", "transformers")},
    }


def _name_of(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
