"""A render: its frames are sampled one from the other, decoded, encoded, and muxed with the song."""

import json
import sys
import warnings
from contextlib import closing
from fractions import Fraction
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from audioviz.audio.reading.carried import sound_for_ffmpeg
from audioviz.audio.song import Song
from audioviz.clock import Clock
from audioviz.errors import AudiovizWarning, InputError
from audioviz.models.autoencoder import NoRoomForPictures
from audioviz.models.compiled import compiled
from audioviz.models.devices import device_identity
from audioviz.models.graphs import graphed
from audioviz.models.model import Model
from audioviz.project import Project
from audioviz.rendering.batches import batch_plan, sampled_latents
from audioviz.rendering.cautions import cautions
from audioviz.rendering.check import uses_flow
from audioviz.rendering.chunk_loop import make_pictures
from audioviz.rendering.costs import cost_kind, remember_cost
from audioviz.rendering.decoding import Decoder
from audioviz.rendering.estimate import CHUNK_SECONDS
from audioviz.rendering.finish import Finisher, PicturesSpoilt
from audioviz.rendering.frame_table import FrameTable, frame_table
from audioviz.rendering.guides import open_guides
from audioviz.rendering.log import render_log
from audioviz.rendering.memory import (
    is_work_kept,
    make_room,
    out_of_memory_explained,
    pictures_of_one_kind,
    settled_tiles,
)
from audioviz.rendering.plans import read_texts
from audioviz.rendering.settings import RenderSettings, describe_settings, settings_for
from audioviz.rendering.tweens import shown_clock, smoothed
from audioviz.sampling.samplers import sampler_for
from audioviz.schedule.formats.json_csv import schedule_to_json
from audioviz.schedule.schedule import Schedule
from audioviz.video.chunks import sha256_of
from audioviz.video.formats import H264, describe_format, format_of
from audioviz.video.frame import exact_size
from audioviz.video.mux import mux
from audioviz.video.optical_flow import opencv_version
from audioviz.video.work import Work


def make_video(
    project: Project,
    song: Song,
    schedule: Schedule,
    model: Model,
    *,
    part: range,
    out: Path,
    resume: bool,
    keep_work: bool,
    progress: bool,
) -> Path:
    """The video of a project whose song, schedule and model are there: see `audioviz.render`."""
    options: dict[str, Any] = {"part": part, "keep_work": keep_work, "progress": progress}
    make = partial(_make_video, project, song, schedule, model, out=out, **options)
    tiled: bool | None = None
    while True:
        try:
            return make(resume=resume, tiled=tiled)
        except PicturesSpoilt:
            spoilt = True
        except NoRoomForPictures:
            if tiled or is_work_kept(out):
                raise
            spoilt = False
        # not inside the except blocks: their tracebacks would hold on to what filled the memory
        if spoilt:  # it goes on from its last chunk
            model.autoencoder.watched = resume = True  # as that of the compiled model is now
            continue
        tiled = True
        warnings.warn(
            "out of memory while a picture was decoded whole: the video is begun again in tiles",
            AudiovizWarning,
            stacklevel=2,
        )


def _make_video(
    project: Project,
    song: Song,
    schedule: Schedule,
    model: Model,
    *,
    part: range,
    out: Path,
    resume: bool,
    keep_work: bool,
    progress: bool,
    tiled: bool | None,
) -> Path:
    """As `make_video`; whether pictures come in tiles is settled by kept work and by the memory, if it is not said."""
    container, codec = format_of(out, project.finish.codec)
    model.autoencoder.sound = None
    model, settings = _made_ready(model, project)
    if tiled is None and resume:
        tiled = settled_tiles(out, model, settings.size)
    make_room(model, settings.size, tiled=tiled)
    table = frame_table(schedule, settings, part=part, anew=project.guides.init is None)
    read_texts(model, table, settings)
    clock, shown = Clock(song.clock.fps, len(part)), shown_clock(project.finish, song, part)
    guides, guide_digests = open_guides(
        model, project.guides, size=settings.size, clock=song.clock, song=song.path, start=song.start
    )
    for caution in cautions(project, schedule, part, model, settings, guides):
        warnings.warn(caution, AudiovizWarning, stacklevel=2)
    model = _quickened(model, project, table, settings)
    identity: dict[str, Any] = _identity(model, settings) | guide_digests
    if guides.moves and guides.flow is None and uses_flow(schedule, part):
        identity["versions"]["opencv"] = opencv_version()
    batches = batch_plan(model, table, settings, guides)
    if batches.caution:
        warnings.warn(batches.caution, AudiovizWarning, stacklevel=2)
    begin = Fraction(song.start) + part.start / clock.fps
    tweens = smoothed(table, shown, song)
    decode = Decoder(model)
    finisher = Finisher(
        model, table, settings, project.finish, begin=begin, tweens=tweens, guides=guides, decode=decode
    )
    pictures = finisher.plan(codec)
    described = describe_format(container, codec, finisher.size, shown.fps)
    kind = cost_kind(project.finish, described, plain=(finisher.size, codec) == (settings.size, H264))
    with Work.open(
        out,
        clock=clock,
        identity=identity,
        digests=[batches.digest(i, table.digest(i)) for i in range(len(table))],
        pictures=pictures,
        chunk=max(1, round(CHUNK_SECONDS * clock.fps)),
        resume=resume,
    ) as work:
        if progress:
            print(f"audioviz: {describe_settings(model.name, settings, model.defaults)}", file=sys.stderr)
            if kind:
                print(f"audioviz: {described}", file=sys.stderr)
        if work.note:
            warnings.warn(work.note, AudiovizWarning, stacklevel=2)
        with (
            render_log(work.log) as log,
            out_of_memory_explained("at {}x{}".format(*settings.size), batch=settings.batch),
            pictures_of_one_kind(model.autoencoder),
        ):
            log.info(
                "%s from %s, frames %d to %d of it: %s", out, song.path, part.start, part.stop, json.dumps(identity)
            )
            before = None if work.latent is None else torch.from_numpy(work.latent.copy())
            with (
                closing(
                    sampled_latents(
                        model, table, settings, batches, guides=guides, first=work.done, before=before, decode=decode
                    )
                ) as latents,
                tqdm(
                    total=len(part),
                    initial=work.finished,
                    unit="frame",
                    disable=None if progress else True,
                    smoothing=0.05,
                    desc=out.name,
                ) as bar,
            ):
                seconds = make_pictures(latents, finisher, work, log, bar, part=part, keep_decoded=keep_work)
            chunks = work.chunks()
            if seconds is not None:
                where, size = model.denoiser.device.type, work.size / len(part)
                remember_cost(model.name, settings, where, finish=kind, seconds=seconds, size=size)
            if sha256_of(song.path.resolve()) not in (song.sha256, None):
                raise InputError(f"{song.path} was changed while its video was being made: start the same render again")
            facts = {"song_sha256": song.sha256, "start": float(begin), "frames": [part.start, part.stop]} | identity
            facts |= pictures.identity | {"fps": str(shown.fps)}  # of the video; the schedule has its own
            metadata = json.dumps(facts | {"schedule": json.loads(schedule_to_json(schedule))})
            with sound_for_ffmpeg(song.path) as sound:
                mux(chunks, sound, out, clock=shown, start=begin, metadata=metadata, codec=codec.name)
            log.info("finished")
        if not keep_work:
            work.discard()
    return out


def _made_ready(model: Model, project: Project) -> tuple[Model, RenderSettings]:
    """The model for a project's size, and its settings."""
    shape = exact_size(project.finish.upscale, project.finish.frame)
    settings = settings_for(project.look, model.defaults, shape=shape, step=model.multiple)
    model.empty_latent(settings.size)
    model = model.at_size(settings.size, steps=settings.steps)
    sampler_for(settings.sampler, flow=model.denoiser.flow)
    return model, settings


def _quickened(model: Model, project: Project, table: FrameTable, settings: RenderSettings) -> Model:
    """The model compiled, if that is asked for, or with its calls captured where it is on a GPU that can do that."""
    if not project.look.compile:
        return graphed(model)
    if model.placement and model.placement.streamed:
        warnings.warn(
            "the model is streamed through the GPU, so that it cannot be compiled: --compile is left out",
            AudiovizWarning,
            stacklevel=4,
        )
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
