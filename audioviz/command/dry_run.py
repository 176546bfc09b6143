"""`audioviz render --dry-run`: the plan of a render, its time and its disk space."""

from dataclasses import replace
from pathlib import Path

from audioviz.insight.report import clock_time, describe_flashing, describe_schedule, describe_song, megabytes
from audioviz.project import Project
from audioviz.rendering.check import check_flow, check_look
from audioviz.rendering.estimate import LATENT_BYTES, Estimate, estimate
from audioviz.rendering.flashes import expected_flashes
from audioviz.rendering.frame_table import frame_table
from audioviz.rendering.inputs import (
    check_lora_columns,
    loaded_loras,
    schedule_of,
    song_of,
    with_default_prompts,
    with_named_loras,
)
from audioviz.rendering.runs import BatchPlan
from audioviz.rendering.settings import describe_settings
from audioviz.rendering.stills import image_moves
from audioviz.schedule.schedule import Schedule


def describe_render(project: Project, *, out: Path, keep_work: bool = False) -> str:
    """The plan of a render with the time and the disk space that it will take, without loading its model.

    Raises
    ------
    InputError, ModelError, ScheduleError
        If the song, the schedule or a LoRA that its prompts name is wrong.
    """
    song = song_of(project)
    schedule = with_default_prompts(schedule_of(project, song), negative=project.negative)
    if project.look.lora_dir:
        project = replace(project, look=with_named_loras(project.look, schedule))
        check_look(project.look)
    check_lora_columns(schedule, loaded_loras(project.look))
    found = estimate(project, song, out=out)
    check_flow(project, schedule, found.part)
    frames = len(found.part)
    smoothed = found.shown.fps != schedule.clock.fps
    shown = f", shown as {found.shown.frames} at {found.shown.fps} fps" if smoothed else ""
    if found.cost:
        time = (
            f"about {clock_time(found.cost.seconds * frames)}, as {found.cost.seconds:.3g} s a frame were measured "
            "in an earlier render"
        )
        disk = f"about {megabytes(found.cost.size * frames)}"
    else:
        time = "unknown until a render of this model, size and steps has been made"
        disk = f"less than {megabytes(found.most_bytes)}"
    decoded = f"; up to {megabytes(found.decoded_bytes)} more to keep what is slow to decode" if keep_work else ""
    sound = f", beside {megabytes(found.sound_bytes)} of sound" if found.sound_bytes else ""
    batch = [_batch(project, schedule, found)] if found.settings.batch > 1 else []
    return "\n".join(
        [
            describe_song(song),
            describe_schedule(schedule),
            describe_settings(project.look.model, found.settings, found.own),
            found.finish,
            f"frames to make: {found.part.start} to {found.part.stop - 1}, {frames} of {schedule.clock.frames}{shown}",
            f"more than three flashes a second: {_flashes(project, schedule, found.part)}",
            *batch,
            f"time: {time}",
            *([f"memory: {found.memory}"] if found.memory else []),
            f"disk: {disk} for the work folder while it lasts, and as much for the video{sound}{decoded}",
        ]
    )


def _batch(project: Project, schedule: Schedule, found: Estimate) -> str:
    """How many frames are sampled together, and what they take."""
    init, (width, height) = project.guides.init, found.settings.size
    table = frame_table(schedule, found.settings, part=found.part, anew=init is None)
    latent_bytes = round(2 * LATENT_BYTES * width * height)  # as float32
    redraws = init is not None and image_moves(init) is not False
    plan = BatchPlan.of(table, batch=found.settings.batch, latent_bytes=latent_bytes, redraws=redraws)
    memory = megabytes(latent_bytes * min(plan.window, len(table)))
    return (
        f"batch: {plan.together:.1f} frames at a time of {plan.batch}, in {len(plan.runs)} runs; a call takes the "
        f"memory of as many, and up to {memory} of latents wait for those before them"
    )


def _flashes(project: Project, schedule: Schedule, part: range) -> str:
    if project.finish.safe:
        return "never (--safe)"
    return f"{describe_flashing(expected_flashes(schedule, part))}, by its effects alone"
