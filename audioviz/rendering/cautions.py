"""Cautions: what is said before a render of options that do nothing, and of flashes."""

from collections.abc import Iterator
from pathlib import Path

from audioviz.insight.report import describe_flashing
from audioviz.models.model import Model
from audioviz.project import Project
from audioviz.rendering.check import uses_flow
from audioviz.rendering.feedback import PARALLAX
from audioviz.rendering.flashes import expected_flashes
from audioviz.rendering.frame_table import CAMERA, next_cut_point
from audioviz.rendering.guides import Guides
from audioviz.rendering.settings import RenderSettings
from audioviz.schedule.schedule import Schedule


def cautions(
    project: Project, schedule: Schedule, part: range, model: Model, settings: RenderSettings, guides: Guides
) -> Iterator[str]:
    """What users should know of the render of a part of a schedule, in a line each."""
    found = [_of_difference(schedule, part), _of_unread_negatives(model, schedule, settings)]
    if not project.finish.safe:
        found.append(_of_flashes(schedule, part))
    if uses_flow(schedule, part):
        found.append(None if guides.moves else _of_resting_flow(project.guides.init))
    elif guides.moves:
        found.append(_of_resting_camera(schedule))
    if guides.depth is not None:
        found.append(_of_unused_depth(schedule))
    return filter(None, found)


def _of_difference(schedule: Schedule, part: range) -> str | None:
    """Until where the pictures of a part differ from those of the whole song."""
    alike = next_cut_point(schedule, first=part.start)
    if alike == part.start:
        return None
    until = "" if alike is None or alike >= part.stop else f", until {float(alike / schedule.clock.fps):.2f} s"
    return (
        "a part begins without the frames before it, so its pictures resemble those of the whole song but do not "
        f"equal them{until}"
    )


def _of_unread_negatives(model: Model, schedule: Schedule, settings: RenderSettings) -> str | None:
    """Negative prompts that the model or the guidance scale leaves unread."""
    if not any(prompt.negative for prompt in schedule.prompts):
        return None
    if model.denoiser.distilled:
        return f"negative prompts do nothing: {model.name} has its guidance within itself and does not read them"
    if settings.cfg == 1 and "cfg" not in schedule.columns:
        return "negative prompts do nothing at cfg 1: ask for a higher --cfg"
    return None


def _of_flashes(schedule: Schedule, part: range) -> str | None:
    """Effects that can cause seizures."""
    found = expected_flashes(schedule, part)
    if not found:
        return None
    return (
        f"flashes more than three times a second from {describe_flashing(found)}, which can cause seizures (WCAG "
        "2.3.1): --safe holds it below"
    )


def _of_resting_camera(schedule: Schedule) -> str | None:
    """A camera that does nothing, where each frame starts from the init video and not from the one before."""
    if not schedule.columns.keys() & set(CAMERA) or (schedule.interp != 1).any():
        return None
    return (
        "the camera moves the frame before, and with an initial video frames do not start from that: it does "
        "nothing at interp 1 and flow 0"
    )


def _of_resting_flow(init: Path | None) -> str:
    """Flow without an initial video that moves."""
    found = f"{init} is an image" if init else "there is none"
    return (
        f"flow holds the frame before along the motion of an initial video, and {found}: it does nothing; give one "
        "(--init VIDEO)"
    )


def _of_unused_depth(schedule: Schedule) -> str | None:
    """Depth where the camera moves no picture past the viewer."""
    columns = schedule.columns
    if not any(name in columns and columns[name].any() for name in PARALLAX):
        return f"depth does nothing: only {', '.join(PARALLAX)} show it, and the schedule has none of them"
    if "in_picture" in columns and (columns["in_picture"] < 0.5).all():
        return "depth does nothing: with in_picture 0 the camera moves the latent, which has none"
    return None
