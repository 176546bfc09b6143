"""A render: its frames are sampled one from the other, decoded, encoded, and muxed with the song."""

import json
import sys
import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from functools import partial
from logging import Logger
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from audioviz.audio.reading.carried import sound_for_ffmpeg
from audioviz.audio.song import Song
from audioviz.clock import Clock
from audioviz.errors import AudiovizWarning, InputError
from audioviz.models.autoencoder import NoRoomForPictures
from audioviz.models.model import Model
from audioviz.project import Project
from audioviz.rendering.batches import sampled_latents
from audioviz.rendering.chunk_loop import Watch, make_pictures
from audioviz.rendering.costs import remember_cost
from audioviz.rendering.estimate import CHUNK_SECONDS
from audioviz.rendering.finish import PicturesSpoilt
from audioviz.rendering.log import render_log
from audioviz.rendering.memory import (
    is_work_kept,
    out_of_memory_explained,
    pictures_of_one_kind,
)
from audioviz.rendering.prepare import Notes, Prepared, metadata_of, prepared
from audioviz.rendering.settings import describe_settings
from audioviz.schedule.schedule import Schedule
from audioviz.video.chunks import sha256_of
from audioviz.video.mux import mux
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
    progress: bool | tqdm,
    watch: Watch | None = None,
) -> Path:
    """The video of a project whose song, schedule and model are there: see `audioviz.render`."""
    options: dict[str, Any] = {"part": part, "keep_work": keep_work, "progress": progress, "watch": watch}
    options["notes"] = Notes()
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
            tiled = model.autoencoder.tiled
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
    progress: bool | tqdm,
    watch: Watch | None,
    tiled: bool | None,
    notes: Notes,
) -> Path:
    """As `make_video`; whether pictures come in tiles is settled by kept work and by the memory, if it is not said."""
    model.autoencoder.sound = None
    ready = prepared(project, song, schedule, model, part=part, out=out, resume=resume, tiled=tiled, notes=notes)
    settings = ready.settings
    with _open_work(ready, out, resume=resume) as work:
        if progress is True:
            for line in filter(notes.is_new, _introduction(ready)):
                print(f"audioviz: {line}", file=sys.stderr)
        notes.warn(work.note)
        with (
            render_log(work.log) as log,
            out_of_memory_explained("at {}x{}".format(*settings.size), batch=settings.batch),
            pictures_of_one_kind(ready.model.autoencoder),
        ):
            log.info(
                "%s from %s, frames %d to %d of it: %s",
                out,
                song.path,
                part.start,
                part.stop,
                json.dumps(ready.identity),
            )
            seconds = _make_frames(ready, work, log, out, keep_decoded=keep_work, progress=progress, watch=watch)
            chunks = work.chunks()
            if seconds is not None:
                where, size = ready.model.denoiser.device.type, work.size / len(part)
                remember_cost(ready.model.name, settings, where, finish=ready.cost_kind, seconds=seconds, size=size)
            _join(chunks, ready, song, schedule, out)
            log.info("finished")
        if not keep_work:
            work.discard()
    return out


def _introduction(ready: Prepared) -> list[str]:
    """What frames are made with, and what the video is where that is not usual."""
    settings = describe_settings(ready.model.name, ready.settings, ready.model.defaults)
    return [settings, ready.described] if ready.cost_kind else [settings]


def _open_work(ready: Prepared, out: Path, *, resume: bool) -> AbstractContextManager[Work]:
    """The work of an output: what is kept of it, and what is missing."""
    table = ready.table
    return Work.open(
        out,
        clock=Clock(ready.fps, len(table)),
        identity=ready.identity,
        digests=[ready.batches.digest(i, table.digest(i)) for i in range(len(table))],
        pictures=ready.pictures,
        chunk=max(1, round(CHUNK_SECONDS * ready.fps)),
        resume=resume,
    )


def _make_frames(
    ready: Prepared,
    work: Work,
    log: Logger,
    out: Path,
    *,
    keep_decoded: bool,
    progress: bool | tqdm,
    watch: Watch | None,
) -> float | None:
    """Sample and show what is missing, as `make_pictures`, with a bar that tells how far it is."""
    latents = sampled_latents(
        ready.model,
        ready.table,
        ready.settings,
        ready.batches,
        guides=ready.guides,
        first=work.done,
        before=None if work.latent is None else torch.from_numpy(work.latent.copy()),
        decode=ready.decode,
    )
    with closing(latents), _bar_from(work.finished, len(ready.table), out, progress) as bar:
        return make_pictures(
            latents,
            ready.finisher,
            work,
            log,
            bar,
            part=ready.table.part,
            keep_decoded=keep_decoded,
            watch=watch,
        )


def _bar_from(finished: int, total: int, out: Path, progress: bool | tqdm) -> AbstractContextManager[tqdm]:
    """A bar for a render some of whose frames are finished; or the one that renders share, so much further on."""
    if not isinstance(progress, tqdm):
        shown = None if progress else True
        return tqdm(total=total, initial=finished, unit="frame", disable=shown, smoothing=0.05, desc=out.name)
    if progress.total is None:
        progress.total = total
    for name in () if progress.disable else ("initial", "n", "last_print_n"):  # its pace is that of the other frames
        setattr(progress, name, getattr(progress, name) + finished)
    return nullcontext(progress)


def _join(chunks: Sequence[Path], ready: Prepared, song: Song, schedule: Schedule, out: Path) -> None:
    """Make the video of its chunks and the song's sound.

    Raises
    ------
    InputError
        If the song is another by now.
    """
    if sha256_of(song.path.resolve()) not in (song.sha256, None):
        raise InputError(f"{song.path} was changed while its video was being made: start the same render again")
    metadata = metadata_of(ready, song, schedule)
    with sound_for_ffmpeg(song.path) as sound:
        mux(chunks, sound, out, clock=ready.shown, start=ready.begin, metadata=metadata, codec=ready.codec.name)
