"""The stages joined: song + schedule + model -> frames -> video.

(Not called render.py, because `audioviz.render` is the function.)
"""

import json
import sys
import time
import warnings
from collections.abc import Iterator
from fractions import Fraction
from importlib.metadata import version
from logging import Logger
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from audioviz.audio.part import part_of
from audioviz.clock import Clock
from audioviz.errors import AudiovizWarning, InputError
from audioviz.models import Model, load_model
from audioviz.models.compiled import compiled
from audioviz.models.model import Defaults
from audioviz.rendering.costs import remember_cost
from audioviz.rendering.guides import Guides
from audioviz.rendering.log import render_log, resident_megabytes
from audioviz.rendering.memory import decode, make_room, memory_said
from audioviz.rendering.pictures import guides_of
from audioviz.rendering.plans import STILL, Look, frame_digests, frame_without_past, plan_frames
from audioviz.sampling import sequence
from audioviz.sampling.samplers import sampler_for
from audioviz.sampling.sigmas import scheduler_for
from audioviz.schedule import Schedule, schedule_to_json
from audioviz.video.chunks import sha256_of
from audioviz.video.files import check_apart
from audioviz.video.mux import mux
from audioviz.video.work import Work

CHUNK_SECONDS = 5
DEFAULT_PROMPTS = ("neon aurora", "sunset mountains", "ocean waves", "rose glass")


def render(
    song,
    schedule: Schedule,
    *,
    out: str | Path,
    prompts=None,
    negative: str = "",
    model: str | Path | Model = "embedded",
    size: tuple[int, int] | None = None,
    steps: int | None = None,
    cfg: float | None = None,
    sampler: str | None = None,
    scheduler: str | None = None,
    start: float = 0.0,
    duration: float | None = None,
    init: str | Path | None = None,
    mask: str | Path | None = None,
    control: str | Path | None = None,
    style: str | Path | None = None,
    device: str = "auto",
    dtype: str = "auto",
    compile: bool = False,
    resume: bool = True,
    keep_work: bool = False,
    progress: bool = True,
) -> Path:
    """Make the music video of a song.

    Parameters
    ----------
    song : Song
    schedule : Schedule
        On the song's clock.
    out : path that ends in .mp4
        Appears when it is whole. Until then the work is kept in a folder beside it, from which a render that was
        interrupted goes on.
    prompts : what `audioviz.schedule.prompts.to_prompts` reads, optional
        In place of the schedule's own.
    negative : str
        For each prompt that has no negative of its own.
    model : name, folder or id for `load_model`, or a Model
    size : (width, height), optional
        Pixels.
    steps, cfg, sampler, scheduler : optional
        The model's own if not given; a schedule with a cfg column has its say.
    start, duration : seconds
        Render this part of the song alone. Its schedule, seeds and noise are those of the whole, but its first frame has
        none before it: the pictures equal the whole song's from the first frame on whose denoise and interp are 1.
    init : image or video file, optional
        The first frame starts from the image; or each frame from that of the video, in place of the frame before.
    mask : image file, optional
        White where frames are drawn; elsewhere init stays.
    control, style : image or video files, optional
        Lead frames through the model's ControlNet and IP-Adapter, as strongly as the schedule's columns of these names say.
    device, dtype : for `load_model`
    compile : bool
        Compile the model first: it takes minutes, and pays in long renders.
    resume : bool
        False starts anew.
    keep_work : bool
        Keep the work folder of the finished video, so that after an edit only what it changes is made again.
    progress : bool
        Show what frames are made with, and a bar with frames per second and time left, on standard error.

    Returns
    -------
    Path of the video.

    Raises
    ------
    InputError, ScheduleError, ModelError
        Before any frame is made, if something given is wrong; a ModelError also if memory runs out.
    EncodeError
        If the video cannot be written.
    Defect
        If anything else goes wrong; render.log in the work folder has the traceback.
    """
    out = Path(out)
    _check_output(out)
    check_apart(
        [out], filter(None, [song.path, *(stem.path for stem in song.stems.values()), init, mask, control, style])
    )
    if schedule.clock != song.clock:
        raise InputError(
            f"the schedule has {len(schedule)} frames at {schedule.clock.fps} fps, but the song "
            f"{song.clock.frames} at {song.clock.fps}: make it from this song"
        )
    part = part_of(song, start=start, duration=duration)
    schedule = with_words(schedule, prompts=prompts, negative=negative, song=song)
    if sampler or scheduler:
        sampler_for(sampler or "euler"), scheduler_for(scheduler or "normal")
    with memory_said("while the model was loaded"):
        model = model if isinstance(model, Model) else load_model(model, device=device, dtype=dtype)
    look = look_of(model.defaults, size=size, steps=steps, cfg=cfg, sampler=sampler, scheduler=scheduler)
    model.empty_latent(look.size)
    model = model.at_size(look.size)
    make_room(model, look.size)
    if compile:
        model = compiled(model, look.size, look.cfg)
    sampler_for(look.sampler, flow=model.denoiser.flow)
    _say_difference(schedule, part)
    _say_unread_negatives(model, schedule, look)
    clock = Clock(song.clock.fps, len(part))
    files = {"init": init, "mask": mask, "control": control, "style": style}
    guides, shown = guides_of(model, files, size=look.size, clock=song.clock)
    if guides.moves:
        _say_resting_camera(schedule)
    identity = _identity(model, look) | {"fps": str(clock.fps)} | shown
    digests = frame_digests(schedule, look, part=part, anew=init is None)
    with Work.open(
        out,
        clock=clock,
        size=look.size,
        identity=identity,
        digests=digests,
        chunk=max(1, round(CHUNK_SECONDS * clock.fps)),
        resume=resume,
    ) as work:
        if progress:
            print(f"audioviz: {look_said(model.name, look, model.defaults)}", file=sys.stderr)
        if work.note:
            warnings.warn(work.note, AudiovizWarning, stacklevel=2)
        begin = Fraction(song.start) + part.start / clock.fps
        with render_log(work.log) as log, memory_said("at {}x{}".format(*look.size)):
            log.info(
                "%s from %s, frames %d to %d of it: %s", out, song.path, part.start, part.stop, json.dumps(identity)
            )
            _make_frames(
                model,
                schedule,
                look,
                part,
                guides,
                work,
                log,
                tqdm(
                    total=len(part),
                    initial=work.done,
                    unit="frame",
                    disable=None if progress else True,
                    smoothing=0.05,
                    desc=out.name,
                ),
            )
            chunks = work.chunks()
            if sha256_of(song.path.resolve()) not in (song.sha256, None):
                raise InputError(f"{song.path} was changed while its video was being made: start the same render again")
            facts = {"song_sha256": song.sha256, "start": float(begin), "frames": [part.start, part.stop]} | identity
            mux(
                chunks,
                song.path,
                out,
                clock=clock,
                start=begin,
                metadata=json.dumps(facts | {"schedule": json.loads(schedule_to_json(schedule))}),
            )
            log.info("finished")
        if not keep_work:
            work.discard()
    return out


def with_words(schedule: Schedule, *, prompts=None, negative: str = "", song=None) -> Schedule:
    """The schedule with the prompts that a render will use."""
    if prompts or negative or not schedule.prompts:
        return schedule.with_prompts(prompts or schedule.prompts or DEFAULT_PROMPTS, negative=negative, song=song)
    return schedule


def look_of(
    own: Defaults,
    *,
    size: tuple[int, int] | None,
    steps: int | None,
    cfg: float | None,
    sampler: str | None,
    scheduler: str | None,
) -> Look:
    """What is asked for, and the model's own for the rest."""
    return Look(
        size or (own.size, own.size),
        steps or own.steps,
        own.cfg if cfg is None else cfg,
        sampler or own.sampler,
        scheduler or own.scheduler,
    )


def look_said(name: str, look: Look, own: Defaults) -> str:
    """What frames will be made with, in one line."""
    return (
        f"{name}: {look.size[0]}x{look.size[1]}, {look.steps} steps of {look.sampler} ({look.scheduler}), "
        f"cfg {look.cfg:g}; a denoise about {own.denoise:g} suits it"
    )


def _make_frames(
    model: Model, schedule: Schedule, look: Look, part: range, guides: Guides, work: Work, log: Logger, bar: tqdm
) -> None:
    """Make the frames of a part that are still to be made, and remember what they cost."""
    began, done, seconds = time.monotonic(), work.done, None
    with bar:
        for latent, frame in _frames(model, schedule, look, part, guides, work):
            work.write(frame)
            bar.update()
            done += 1
            if work.chunk_full:
                work.finish_chunk(latent.cpu().numpy())
                seconds = (time.monotonic() - began) / (done - work.done)
                log.info(
                    "%d of %d frames, seed %d, %.2f frames a second, %d MB resident",
                    done,
                    len(part),
                    schedule.seed[part[done - 1]],
                    1 / seconds,
                    resident_megabytes(),
                )
    work.chunks()
    if seconds is not None:
        remember_cost(model.name, look, model.denoiser.device.type, seconds=seconds, size=work.size / done)


def _frames(
    model: Model, schedule: Schedule, look: Look, part: range, guides: Guides, work: Work
) -> Iterator[tuple[Tensor, np.ndarray]]:
    """The latent and the picture of each of them."""
    start = model.empty_latent(look.size) if work.latent is None else torch.from_numpy(work.latent.copy())
    plans = plan_frames(model, schedule, look, part=part, first=work.done, guides=guides)
    for latent in sequence(
        model.denoiser, plans, start=start, sampler=look.sampler, scheduler=look.scheduler, noise_mask=guides.mask
    ):
        yield latent, decode(model, latent)


def _identity(model: Model, look: Look) -> dict:
    """All that every frame depends on besides the schedule."""
    return {
        "model": model.name,
        "model_sha256": model.digest,
        "device": model.denoiser.device.type,
        "dtype": str(model.vae.dtype).removeprefix("torch."),
        "compiled": model.compiled,
        "size": list(look.size),
        "steps": look.steps,
        "cfg": look.cfg,
        "sampler": look.sampler,
        "scheduler": look.scheduler,
        "versions": {name: version(name) for name in ("audioviz", "torch", "diffusers", "transformers")},
    }


def _say_difference(schedule: Schedule, part: range) -> None:
    """Say from where on a part is not equal to the same part of the whole song."""
    alike = frame_without_past(schedule, first=part.start)
    if alike == part.start:
        return
    until = "" if alike is None or alike >= part.stop else f", until {float(alike / schedule.clock.fps):.2f} s"
    warnings.warn(
        "a part begins without the frames before it, so its pictures resemble those of the whole song but do not "
        f"equal them{until}",
        AudiovizWarning,
        stacklevel=3,
    )


def _say_unread_negatives(model: Model, schedule: Schedule, look: Look) -> None:
    """Say that what is steered away from is not read, where it is not."""
    if not any(prompt.negative for prompt in schedule.prompts):
        return
    if model.denoiser.distilled:
        warnings.warn(
            f"negative prompts do nothing: {model.name} has its guidance within itself and does not read them",
            AudiovizWarning,
            stacklevel=3,
        )
    elif look.cfg == 1 and "cfg" not in schedule.columns:
        warnings.warn("negative prompts do nothing at cfg 1: ask for a higher --cfg", AudiovizWarning, stacklevel=3)


def _say_resting_camera(schedule: Schedule) -> None:
    """Say that the camera does nothing, where each frame starts from another video's and not from the one before."""
    if STILL.keys() & schedule.columns.keys() and (schedule.interp == 1).all():
        warnings.warn(
            "the camera moves the frame before, and with an initial video frames do not start from that: it does "
            "nothing at interp 1",
            AudiovizWarning,
            stacklevel=3,
        )


def _check_output(out: Path) -> None:
    if out.suffix.lower() != ".mp4":
        raise InputError(f"output {out}: expected a name that ends in .mp4")
    if out.is_dir():
        raise InputError(f"output {out} is a folder: give the name of a file, such as {out / 'video.mp4'}")
    if not out.absolute().parent.is_dir():
        raise InputError(f"output folder {out.parent} does not exist: create it, or choose another output")
