"""The stages joined: song + schedule + model -> frames -> video.

(Not called render.py, because `audioviz.render` is the function.)
"""

import json
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Iterator

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from audioviz.errors import AudiovizWarning, InputError
from audioviz.models import Model, load_model
from audioviz.planner import Look, frame_digests, plan_frames
from audioviz.sampling import sequence
from audioviz.sampling.samplers import sampler_for
from audioviz.sampling.sigmas import scheduler_for
from audioviz.schedule import Schedule, schedule_to_json
from audioviz.video.mux import mux
from audioviz.video.work import Work

CHUNK_SECONDS = 5
DEFAULT_PROMPTS = ("neon nebula", "gold mandala", "ocean waves", "fire fractal")


def render(song, schedule: Schedule, *, out: str | Path, prompts=None, negative: str = "",
           model: str | Path | Model = "embedded", size: tuple[int, int] | None = None, steps: int | None = None,
           cfg: float | None = None, sampler: str | None = None, scheduler: str | None = None, device: str = "auto",
           dtype: str = "auto", resume: bool = True, progress: bool = True) -> Path:
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
    device, dtype : for `load_model`
    resume : bool
        False starts anew.
    progress : bool
        Show a bar with frames per second and time left on standard error.

    Returns
    -------
    Path of the video.

    Raises
    ------
    InputError, ScheduleError, ModelError
        Before any frame is made, if something given is wrong.
    EncodeError
        If the video cannot be written.
    """
    out = Path(out)
    _check_output(out)
    if schedule.clock != song.clock:
        raise InputError(f"the schedule has {len(schedule)} frames at {schedule.clock.fps} fps, but the song "
                         f"{song.clock.frames} at {song.clock.fps}: make it from this song")
    if prompts or negative or not schedule.prompts:
        schedule = schedule.with_prompts(prompts or schedule.prompts or DEFAULT_PROMPTS, negative=negative)
    if sampler or scheduler:
        sampler_for(sampler or "euler"), scheduler_for(scheduler or "normal")
    model = model if isinstance(model, Model) else load_model(model, device=device, dtype=dtype)
    own = model.defaults
    look = Look(size or (own.size, own.size), steps or own.steps, own.cfg if cfg is None else cfg,
                sampler or own.sampler, scheduler or own.scheduler)
    model.empty_latent(look.size)
    identity = _identity(model, look)
    with Work.open(out, clock=song.clock, size=look.size, identity=identity, digests=frame_digests(schedule, look),
                   chunk=max(1, round(CHUNK_SECONDS * song.clock.fps)), resume=resume) as work:
        if work.note:
            warnings.warn(work.note, AudiovizWarning, stacklevel=2)
        with tqdm(total=song.clock.frames, initial=work.done, unit="frame", disable=None if progress else True, smoothing=0.05,
                  desc=out.name) as bar:
            for latent, frame in _frames(model, schedule, look, work):
                work.write(frame)
                if work.chunk_full:
                    work.finish_chunk(latent.cpu().numpy())
                bar.update()
        metadata = json.dumps({"song_sha256": song.sha256, "start": float(song.start)} | identity
                              | {"schedule": json.loads(schedule_to_json(schedule))})
        mux(work.chunks(), song.path, out, clock=song.clock, start=song.start, metadata=metadata)
        work.discard()
    return out


def _frames(model: Model, schedule: Schedule, look: Look, work: Work) -> Iterator[tuple[Tensor, np.ndarray]]:
    """The latent and the picture of each frame that is still to be made."""
    start = model.empty_latent(look.size) if work.latent is None else torch.from_numpy(work.latent.copy())
    plans = plan_frames(model, schedule, look, first=work.done)
    for latent in sequence(model.denoiser, plans, start=start, sampler=look.sampler, scheduler=look.scheduler):
        yield latent, model.decode(latent)


def _identity(model: Model, look: Look) -> dict:
    """All that every frame depends on besides the schedule."""
    return {"model": model.name, "model_sha256": model.digest, "device": model.denoiser.device.type,
            "dtype": str(model.vae.dtype).removeprefix("torch."), "size": list(look.size), "steps": look.steps,
            "cfg": look.cfg, "sampler": look.sampler, "scheduler": look.scheduler,
            "versions": {name: version(name) for name in ("audioviz", "torch", "diffusers")}}


def _check_output(out: Path) -> None:
    if out.suffix.lower() != ".mp4":
        raise InputError(f"output {out}: expected a name that ends in .mp4")
    if out.is_dir():
        raise InputError(f"output {out} is a folder: give the name of a file, such as {out / 'video.mp4'}")
    if not out.absolute().parent.is_dir():
        raise InputError(f"output folder {out.parent} does not exist: create it, or choose another output")
