"""The render loop: frames are sampled one from the other, decoded, encoded, and muxed with the song."""

import json
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from importlib.metadata import version
from logging import Logger
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from audioviz.audio.reading.carried import sound_for_ffmpeg
from audioviz.audio.song import Song
from audioviz.clock import Clock
from audioviz.errors import AudiovizWarning, InputError
from audioviz.insight.report import describe_flashing
from audioviz.models.compiled import compiled
from audioviz.models.model import Model
from audioviz.project import Project
from audioviz.rendering.check import uses_flow
from audioviz.rendering.costs import cost_kind, remember_cost
from audioviz.rendering.estimate import CHUNK_SECONDS
from audioviz.rendering.feedback import PARALLAX
from audioviz.rendering.finish import Finisher
from audioviz.rendering.flashes import expected_flashes
from audioviz.rendering.frame_table import CAMERA, FrameTable, frame_table, next_cut_point
from audioviz.rendering.guides import Guides, open_guides
from audioviz.rendering.log import render_log, resident_megabytes
from audioviz.rendering.memory import make_room, out_of_memory_explained
from audioviz.rendering.plans import plan_frames
from audioviz.rendering.settings import RenderSettings, describe_settings, settings_for
from audioviz.rendering.tweens import shown_clock, smoothed
from audioviz.sampling import sequence
from audioviz.sampling.samplers import sampler_for
from audioviz.schedule.formats.json_csv import schedule_to_json
from audioviz.schedule.schedule import Schedule
from audioviz.video.chunks import Latents, sha256_of
from audioviz.video.formats import H264, describe_format, format_of
from audioviz.video.frame import exact_size
from audioviz.video.mux import mux
from audioviz.video.optical_flow import opencv_version
from audioviz.video.work import Work

SLOW_DECODING = 0.1  # seconds a frame, from which kept work has what was decoded, so that an edit is quick,
MOST_DECODED = 512 * 2**20  # if a chunk's is no more than so many bytes


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
    container, codec = format_of(out, project.finish.codec)
    shape = exact_size(project.finish.upscale, project.finish.frame)
    settings = settings_for(project.look, model.defaults, shape=shape, step=model.multiple or model.factor)
    model.empty_latent(settings.size)
    model = model.at_size(settings.size)
    make_room(model, settings.size)
    if project.look.compile:
        model = compiled(model, settings.size, settings.cfg)
    sampler_for(settings.sampler, flow=model.denoiser.flow)
    _warn_of_difference(schedule, part)
    _warn_of_unread_negatives(model, schedule, settings)
    if not project.finish.safe:
        _warn_of_flashes(schedule, part)
    clock = Clock(song.clock.fps, len(part))
    guides, guide_digests = open_guides(
        model, project.guides, size=settings.size, clock=song.clock, song=song.path, start=song.start
    )
    along = uses_flow(schedule, part)
    if guides.moves and not along:
        _warn_of_resting_camera(schedule)
    if along and not guides.moves:
        _warn_of_resting_flow(project.guides.init)
    if guides.depth is not None:
        _warn_of_unused_depth(schedule)
    identity: dict[str, Any] = _identity(model, settings) | guide_digests
    if along and guides.moves and guides.flow is None:
        identity["versions"]["opencv"] = opencv_version()
    table = frame_table(schedule, settings, part=part, anew=guides.init is None)
    digests = [table.digest(i) for i in range(len(table))]
    shown = shown_clock(project.finish, song, part)
    tweens = smoothed(table, shown, song)
    begin = Fraction(song.start) + part.start / clock.fps
    finisher = Finisher(model, table, settings, project.finish, begin=begin, tweens=tweens, guides=guides)
    described = describe_format(container, codec, finisher.size, shown.fps)
    kind = cost_kind(project.finish, described, plain=(finisher.size, codec) == (settings.size, H264))
    chunk = max(1, round(CHUNK_SECONDS * clock.fps))
    with Work.open(
        out,
        clock=clock,
        identity=identity,
        digests=digests,
        pictures=replace(finisher.plan, codec=codec),
        chunk=chunk,
        resume=resume,
    ) as work:
        if progress:
            print(f"audioviz: {describe_settings(model.name, settings, model.defaults)}", file=sys.stderr)
            if kind:
                print(f"audioviz: {described}", file=sys.stderr)
        if work.note:
            warnings.warn(work.note, AudiovizWarning, stacklevel=2)
        with render_log(work.log) as log, out_of_memory_explained("at {}x{}".format(*settings.size)):
            log.info(
                "%s from %s, frames %d to %d of it: %s", out, song.path, part.start, part.stop, json.dumps(identity)
            )
            bar = tqdm(
                total=len(part),
                initial=work.finished,
                unit="frame",
                disable=None if progress else True,
                smoothing=0.05,
                desc=out.name,
            )
            with bar:
                seconds = _make_pictures(
                    _latents(model, table, settings, guides, work), finisher, work, log, bar, keep_decoded=keep_work
                )
            chunks = work.chunks()
            if seconds is not None:
                where = model.denoiser.device.type
                size = work.size / len(part)
                remember_cost(model.name, settings, where, finish=kind, seconds=seconds, size=size)
            if sha256_of(song.path.resolve()) not in (song.sha256, None):
                raise InputError(f"{song.path} was changed while its video was being made: start the same render again")
            facts = {"song_sha256": song.sha256, "start": float(begin), "frames": [part.start, part.stop]} | identity
            facts |= finisher.plan.identity | {"fps": str(shown.fps)}  # of the video; the schedule has its own
            metadata = json.dumps(facts | {"schedule": json.loads(schedule_to_json(schedule))})
            with sound_for_ffmpeg(song.path) as sound:
                mux(chunks, sound, out, clock=shown, start=begin, metadata=metadata, codec=codec.name)
            log.info("finished")
        if not keep_work:
            work.discard()
    return out


def _make_pictures(
    sampled: Iterator[Tensor], finisher: Finisher, work: Work, log: Logger, bar: tqdm, *, keep_decoded: bool
) -> float | None:
    """Make the pictures that are missing, of latents that were kept or else are sampled.

    Returns
    -------
    Seconds that each frame took of those that were sampled; None if none was.
    """
    seconds, count, stopped = 0.0, 0, 0
    for span in work.missing():
        if span.start != stopped:
            finisher.restart(*work.before())
        began, stopped, kept = time.monotonic(), span.stop, work.kept()
        made = _make_chunk(span, sampled, kept, finisher, work, bar, keep_decoded=keep_decoded)
        work.finish_chunk(made if kept is None else None, finisher.state)
        took = time.monotonic() - began
        if kept is None:
            seconds, count = seconds + took, count + len(span)
        log.info(
            "%s %d to %d of %d, %.2f frames a second, %d MB resident",
            "frames" if kept is None else "pictures of frames",
            span.start,
            span.stop,
            bar.total,
            len(span) / took,
            resident_megabytes(),
        )
    return seconds / count if count else None


def _make_chunk(
    span: range,
    sampled: Iterator[Tensor],
    kept: Latents | None,
    finisher: Finisher,
    work: Work,
    bar: tqdm,
    *,
    keep_decoded: bool,
) -> Latents:
    """Write the pictures of a chunk, of its latents that were kept or else are sampled, and give those.

    They come with what was decoded of them, if that is to be kept and takes long.
    """
    shown, decoded, latent = [], [], torch.empty(0)
    latents = sampled if kept is None else (torch.from_numpy(latent)[None] for latent in kept.shown)
    for i, latent in zip(span, latents):
        shown.append(latent.half().cpu())
        if kept is not None and kept.decoded is not None:
            picture = kept.decoded[i - span.start]
        else:
            began = time.monotonic()
            picture = finisher.decode(shown[-1])
            if i == span.start:
                slow = time.monotonic() - began > SLOW_DECODING
                keep_decoded &= slow and len(span) * picture.nbytes <= MOST_DECODED
        if keep_decoded:
            decoded.append(picture)
        for finished in finisher.pictures(i, shown[-1], picture):
            work.write(finished)
        bar.update()
    last = latent.float().cpu().numpy()
    return Latents(torch.cat(shown).numpy(), last, np.stack(decoded) if decoded else None)


def _latents(model: Model, table: FrameTable, settings: RenderSettings, guides: Guides, work: Work) -> Iterator[Tensor]:
    """The latent of each frame that is still to be sampled."""
    start = model.empty_latent(settings.size) if work.latent is None else torch.from_numpy(work.latent.copy())
    return sequence(
        model.denoiser,
        plan_frames(model, table, settings, first=work.done, guides=guides),
        start=start,
        sampler=settings.sampler,
        scheduler=settings.scheduler,
        noise_mask=guides.mask,
    )


def _identity(model: Model, settings: RenderSettings) -> dict:
    """The part of the manifest that every frame depends on besides the schedule."""
    return {
        "model": model.name,
        "model_sha256": model.digest,
        "device": model.denoiser.device.type,
        "dtype": str(model.vae.dtype).removeprefix("torch."),
        "compiled": model.compiled,
        "size": list(settings.size),
        "steps": settings.steps,
        "cfg": settings.cfg,
        "sampler": settings.sampler,
        "scheduler": settings.scheduler,
        "versions": {name: version(name) for name in ("audioviz", "torch", "diffusers", "transformers")},
    }


def _warn_of_difference(schedule: Schedule, part: range) -> None:
    """Warn until where the pictures of a part differ from those of the whole song."""
    alike = next_cut_point(schedule, first=part.start)
    if alike == part.start:
        return
    until = "" if alike is None or alike >= part.stop else f", until {float(alike / schedule.clock.fps):.2f} s"
    warnings.warn(
        "a part begins without the frames before it, so its pictures resemble those of the whole song but do not "
        f"equal them{until}",
        AudiovizWarning,
        stacklevel=3,
    )


def _warn_of_unread_negatives(model: Model, schedule: Schedule, settings: RenderSettings) -> None:
    """Warn of negative prompts where the model or the guidance scale leaves them unread."""
    if not any(prompt.negative for prompt in schedule.prompts):
        return
    if model.denoiser.distilled:
        warnings.warn(
            f"negative prompts do nothing: {model.name} has its guidance within itself and does not read them",
            AudiovizWarning,
            stacklevel=3,
        )
    elif settings.cfg == 1 and "cfg" not in schedule.columns:
        warnings.warn("negative prompts do nothing at cfg 1: ask for a higher --cfg", AudiovizWarning, stacklevel=3)


def _warn_of_flashes(schedule: Schedule, part: range) -> None:
    """Warn of effects that can cause seizures."""
    if found := expected_flashes(schedule, part):
        warnings.warn(
            f"flashes more than three times a second from {describe_flashing(found)}, which can cause seizures (WCAG "
            "2.3.1): --safe holds it below",
            AudiovizWarning,
            stacklevel=3,
        )


def _warn_of_resting_camera(schedule: Schedule) -> None:
    """Warn that the camera does nothing, where each frame starts from the init video and not from the one before."""
    if schedule.columns.keys() & set(CAMERA) and (schedule.interp == 1).all():
        warnings.warn(
            "the camera moves the frame before, and with an initial video frames do not start from that: it does "
            "nothing at interp 1 and flow 0",
            AudiovizWarning,
            stacklevel=3,
        )


def _warn_of_resting_flow(init: Path | None) -> None:
    """Warn that no frame moves along an initial video."""
    found = f"{init} is an image" if init else "there is none"
    warnings.warn(
        f"flow holds the frame before along the motion of an initial video, and {found}: it does nothing; give one "
        "(--init VIDEO)",
        AudiovizWarning,
        stacklevel=3,
    )


def _warn_of_unused_depth(schedule: Schedule) -> None:
    """Warn that depth does nothing, where the camera moves no picture past the viewer."""
    columns = schedule.columns
    if not any(name in columns and columns[name].any() for name in PARALLAX):
        reason = f"only {', '.join(PARALLAX)} show it, and the schedule has none of them"
    elif "in_picture" in columns and (columns["in_picture"] < 0.5).all():
        reason = "with in_picture 0 the camera moves the latent, which has none"
    else:
        return
    warnings.warn(f"depth does nothing: {reason}", AudiovizWarning, stacklevel=3)
