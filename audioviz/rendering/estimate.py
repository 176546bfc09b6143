"""Estimate of a render: its settings, frames, time and disk space, without loading its model."""

from dataclasses import dataclass
from pathlib import Path

from audioviz.audio.song import Song
from audioviz.clock import Clock
from audioviz.models.defaults import Defaults
from audioviz.models.sources import size_step
from audioviz.project import Project
from audioviz.rendering.costs import Cost, cost_kind, recall_cost
from audioviz.rendering.inputs import part_of_project
from audioviz.rendering.settings import RenderSettings, settings_for
from audioviz.rendering.tweens import shown_clock
from audioviz.video.encode import check_format
from audioviz.video.formats import H264, describe_format, format_of
from audioviz.video.frame import exact_size
from audioviz.video.sound import sound_bytes

CHUNK_SECONDS = 5
LATENT_BYTES = 0.5  # of a pixel, at most: sixteen channels of float16 for eight by eight pixels


@dataclass(frozen=True)
class Estimate:
    """Settings, frames, time and disk space of a render.

    Parameters
    ----------
    settings : RenderSettings
    own : Defaults
        The model's.
    part : range
        The frames to make.
    finish : str
        The finished video: container, codec, size, fps.
    shown : Clock
        Its frames, which are more where they are smoothed.
    cost : Cost, optional
        What a frame took in an earlier render of this kind; None if there was none.
    most_bytes : float
        What the work folder takes at most.
    sound_bytes : float
        About what the video's sound takes.
    decoded_bytes : int
        What all sampled pictures take, decoded.
    memory : str, optional
        What is to be said of the memory of a GPU.
    """

    settings: RenderSettings
    own: Defaults
    part: range
    finish: str
    shown: Clock
    cost: Cost | None
    most_bytes: float
    sound_bytes: float
    decoded_bytes: int
    memory: str | None


def estimate(project: Project, song: Song, *, out: Path) -> Estimate:
    """Estimate a render of a checked project.

    Raises
    ------
    InputError
        If the part lies outside of the song, the device is not there, a network for upscaling is none, or the video
        is larger than can be encoded.
    """
    import torch

    from audioviz.models.devices import find_device
    from audioviz.rendering.finish import upscaler_for
    from audioviz.rendering.gpu_memory import describe_memory

    container, codec = format_of(out, project.finish.codec)
    look = project.look
    device = find_device(look.device)
    part = part_of_project(project, song)
    own, settings = settings_of(project)
    shown = shown_clock(project.finish, song, part)
    upscaler, _ = upscaler_for(project.finish, settings.size, torch.device("cpu"))
    size = upscaler.size if upscaler else settings.size
    check_format(shown.fps, size, codec)
    finish = describe_format(container, codec, size, shown.fps)
    kind = cost_kind(project.finish, finish, plain=(size, codec) == (settings.size, H264))
    chunks = len(part) / float(CHUNK_SECONDS * song.clock.fps) + 1
    sampled, finished = (width * height for width, height in (settings.size, size))
    return Estimate(
        settings,
        own,
        part,
        finish,
        shown,
        recall_cost(look.model, settings, device.type, finish=kind),
        finished * codec.raw_bytes * shown.frames + sampled * LATENT_BYTES * (len(part) + 2 * chunks),
        sound_bytes(container.muxer, rate=song.rate, channels=song.channels) * len(part) / float(song.clock.fps),
        3 * sampled * len(part),
        describe_memory(look, settings.size, device),
    )


def settings_of(project: Project) -> tuple[Defaults, RenderSettings]:
    """A model's own settings and those of a project, without loading the model.

    Raises
    ------
    InputError
        If the sampler needs more steps.
    """
    from audioviz.models.files.configs import defaults_of  # which needs torch

    look = project.look
    own = defaults_of(look.model, look.loras)
    shape = exact_size(project.finish.upscale, project.finish.frame)
    return own, settings_for(look, own, shape=shape, step=size_step(look.model))
