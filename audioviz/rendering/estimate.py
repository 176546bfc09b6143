"""Estimate of a render: its settings, frames, time and disk space, without loading its model."""

from dataclasses import dataclass

from audioviz.audio.song import Song
from audioviz.clock import Clock
from audioviz.models.families import Defaults
from audioviz.project import Project
from audioviz.rendering.costs import RAW_BYTES, Cost, recall_cost
from audioviz.rendering.inputs import part_of_project
from audioviz.rendering.settings import RenderSettings, settings_for
from audioviz.rendering.tweens import shown_clock

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
    shown : Clock
        The frames of the video, which are more where they are smoothed.
    cost : Cost, optional
        What a frame took in an earlier render of this kind; None if there was none.
    most_bytes : float
        What the work folder takes at most.
    """

    settings: RenderSettings
    own: Defaults
    part: range
    shown: Clock
    cost: Cost | None
    most_bytes: float


def estimate(project: Project, song: Song) -> Estimate:
    """Estimate a render of a checked project.

    Raises
    ------
    InputError
        If the part lies outside of the song, or the device is not there.
    """
    from audioviz.models.load import defaults_of, find_device  # which need torch

    look = project.look
    part = part_of_project(project, song)
    own = defaults_of(look.model)
    settings = settings_for(look, own)
    shown = shown_clock(project.finish, song, part)
    chunks = len(part) / float(CHUNK_SECONDS * song.clock.fps) + 1
    pixels = settings.size[0] * settings.size[1]
    return Estimate(
        settings,
        own,
        part,
        shown,
        recall_cost(look.model, settings, find_device(look.device).type, project.finish),
        pixels * (RAW_BYTES * shown.frames + LATENT_BYTES * (len(part) + 2 * chunks)),
    )
