"""Validation of a project before anything heavy is imported; the dry run and the render ask the same function."""

import errno
import os
import shlex
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from audioviz.audio.reading.beats_model import BEAT_THIS, check_beats_model
from audioviz.audio.reading.decode import check_file
from audioviz.clock import MAX_FPS
from audioviz.errors import InputError
from audioviz.files import check_apart
from audioviz.models.sources import (
    check_additions,
    check_depth_model,
    check_plain,
    check_size,
    check_source,
    read_shapes,
    size_step,
)
from audioviz.project import Look, Project
from audioviz.rendering.lettering import check_lettering
from audioviz.rendering.pictures import check_pictures
from audioviz.rendering.settings import check_steps
from audioviz.rendering.stills import image_moves
from audioviz.schedule.prompts import check_prompt_file, prompt_file
from audioviz.schedule.schedule import Schedule
from audioviz.shelf import find
from audioviz.video.encode import check_format
from audioviz.video.flow_sources import check_opencv, check_raft
from audioviz.video.formats import CONTAINERS, H264, check_encoder, format_of
from audioviz.video.frame import read_frame, read_upscale
from audioviz.video.rife_layout import rife_layout


def check_project(project: Project, *, out: Path | None = None, model_is_loaded: bool = False) -> None:
    """Refuse a project whose video cannot be made: files that are missing, names that are unknown, sizes, clashes.

    Parameters
    ----------
    project : Project
    out : Path, optional
        The video to write.
    model_is_loaded : bool
        The render is given a model, and what the project says of one is its name alone.

    Raises
    ------
    InputError, ModelError, ScheduleError
        In one line: what, where, what was expected, what to do.
    """
    check_file(project.song.path)
    if out is not None:
        check_output(out, codec=project.finish.codec)
        check_apart([out], files_of(project))
    for stem in project.song.stems.values() if isinstance(project.song.stems, dict) else ():
        check_file(stem)
    if project.song.beats_model is not None:
        check_beats_model(project.song.beats_model)
    check_trust(project)
    if project.schedule.numbers is None:
        find("schedules", project.schedule.source, endings=None)
    for prompt in project.prompts:
        if isinstance(prompt, str) and not prompt.strip():
            raise InputError("prompt '': expected words, or a file; leave it out for the prompts of the schedule")
        file = prompt_file(prompt) if isinstance(prompt, str) else None
        if file is not None:
            check_prompt_file(file)
    _check_guide_files(project)
    check_lettering(project.finish)
    if not model_is_loaded:
        _check_guide_models(project)
        check_look(project.look)
    check_smooth(project)
    check_finish(project, out=out)


def check_look(look: Look) -> None:
    """Refuse a model, or what is added to it, that is not there, a size that it cannot make, and too few steps.

    Raises
    ------
    InputError, ModelError
    """
    check_source(look.model)
    check_additions(
        loras=look.loras,
        embeddings=look.embeddings,
        vae=look.vae,
        controlnet=look.controlnet,
        ip_adapter=look.ip_adapter,
    )
    if look.lora_dir and not Path(look.lora_dir).is_dir():
        raise InputError(f"lora-dir {look.lora_dir}: there is no such folder; expected that of the LoRAs")
    if look.model == "embedded":
        added = (*look.loras, *look.embeddings, *filter(None, (look.vae, look.controlnet, look.ip_adapter)))
        check_plain(look.model, added=added, prediction=look.prediction)
    check_steps(look.sampler, look.steps)
    if look.size and (step := size_step(look.model)):
        check_size(look.size, step=step)


def check_smooth(project: Project) -> None:
    """Refuse a frame rate that frames cannot be smoothed to, and a way to do it that is not there.

    Raises
    ------
    InputError, ModelError
    """
    finish, fps = project.finish, project.fps
    if finish.smooth is None:
        if finish.smooth_by != "arc":
            raise InputError(f"smooth-by {finish.smooth_by}: expected a frame rate too, such as --smooth 24")
        return
    if not fps <= finish.shown_fps(fps) <= MAX_FPS:
        raise InputError(
            f"smooth {finish.smooth}: expected {fps} frames a second, which are sampled (--fps), or more, and "
            f"{MAX_FPS} at most"
        )
    if finish.smooth_by == "flow":
        check_opencv()
    if isinstance(finish.smooth_by, Path):
        rife_layout(finish.smooth_by, read_shapes(finish.smooth_by, what="smooth-by"))


def check_finish(project: Project, *, out: Path | None = None) -> None:
    """Refuse what cannot be made of the frames of a project: a network that is not there, sizes that clash, a rate.

    Raises
    ------
    InputError, ModelError
    """
    finish = project.finish
    upscale = read_upscale(finish.upscale) if finish.upscale else None
    if upscale and finish.frame and (upscale.size or upscale.factor):
        width, height = read_frame(finish.frame)
        raise InputError(
            f"upscale {finish.upscale}: frame {finish.frame} is {width}x{height} already; leave one of the two out, or "
            "give the file of a network alone"
        )
    if upscale and upscale.network:
        read_shapes(upscale.network, what="network")
        if find_spec("spandrel") is None:
            raise InputError(
                f"upscale {upscale.network}: networks are loaded by spandrel: pip install 'audioviz[upscale]'"
            )
    codec = format_of(out, finish.codec)[1] if out else H264
    if codec != H264:
        check_encoder(codec)
    check_format(finish.shown_fps(project.fps), project.look.size or (2, 2), codec)


def check_trust(project: Project) -> None:
    """Refuse a script that was named by a project file alone.

    Raises
    ------
    InputError
    """
    choice = project.schedule
    if choice.numbers is None and not choice.trusted and Path(choice.source).suffix == ".py":
        raise InputError(
            f"the project names the script {choice.source}, and a script is code: read it, then say --trust, or name "
            f"it yourself: --schedule {choice.source}"
        )


def check_flow(project: Project, schedule: Schedule, part: range) -> None:
    """Refuse a part whose frames move along an initial video, where nothing finds its optical flow.

    Raises
    ------
    InputError
    """
    guides = project.guides
    if uses_flow(schedule, part) and guides.init and not guides.flow_model and image_moves(guides.init) is not False:
        check_opencv(otherwise=", or give a network that finds it (--flow-model FILE.safetensors)")


def uses_flow(schedule: Schedule, part: range) -> bool:
    """Whether frames of a part move along an initial video: the first has none before it."""
    return schedule.flow is not None and bool((schedule.flow[part.start + 1 : part.stop] > 0).any())


def check_outputs(targets: Sequence[Path], projects: Sequence[Project]) -> None:
    """Refuse several songs of which more than one would become the same video, or a file that another one reads.

    Raises
    ------
    InputError
    """
    check_apart(targets, [file for project in projects for file in files_of(project)])
    for project, target in zip(projects, targets, strict=True):
        if targets.count(target) > 1:
            raise InputError(
                f"{project.song.path}: more than one song would become {target}; render them into different folders"
            )


def check_folder(folder: Path) -> None:
    """Refuse a folder for videos that is not there and cannot be made.

    Raises
    ------
    InputError
    """
    if folder.is_dir():
        return
    place = folder.absolute().parent
    faults = (
        (folder.exists(), errno.EEXIST),
        (not place.exists(), errno.ENOENT),
        (not place.is_dir(), errno.ENOTDIR),
        (not os.access(place, os.W_OK), errno.EACCES),
    )
    reason = next((reason for wrong, reason in faults if wrong), None)
    if reason:
        raise InputError(f"--out {folder}: the folder cannot be made ({os.strerror(reason)})")


def check_output(out: Path, *, codec: str | None = None) -> None:
    """Refuse a video that cannot be written, or whose container does not hold the codec.

    Raises
    ------
    InputError
    """
    folder = out.absolute().parent
    if out.is_dir():
        raise InputError(f"output {out} is a folder: give the name of a file, such as {out / 'video.mp4'}")
    if out.suffix.lower() not in CONTAINERS:
        raise InputError(f"output {out}: expected a name that ends in {', '.join(CONTAINERS)}{_other_format(out)}")
    format_of(out, codec)
    if not folder.is_dir():
        raise InputError(f"output folder {out.parent} does not exist: create it, or choose another output")
    if not os.access(folder, os.W_OK):
        raise InputError(f"output folder {out.parent} cannot be written: restore its rights, or choose another output")


def _other_format(out: Path) -> str:
    """How to come by a video of another kind."""
    made = out.with_suffix(".mp4")
    if not out.suffix:
        return f", such as {made}, or {out}{os.sep} for a folder"
    copied = "-c copy " if out.suffix.lower() in (".mkv", ".m4v", ".ts") else ""
    if not copied and out.suffix.lower() not in (".avi", ".webp", ".mpg", ".wmv", ".ogv"):
        return ""
    first, other = (shlex.quote(str(path)) for path in (made, out))
    return f"; render {first}, then make the other of it: ffmpeg -i {first} {copied}{other}"


def files_of(project: Project) -> list[Path]:
    """The files that a render of a project reads, but for those of its model."""
    song, guides = project.song, project.guides
    stems = song.stems.values() if isinstance(song.stems, dict) else ()
    beats = Path(song.beats_model) if song.beats_model not in (None, BEAT_THIS) else None
    prompts = (prompt_file(prompt) for prompt in project.prompts if isinstance(prompt, str))
    rife = project.finish.smooth_by if isinstance(project.finish.smooth_by, Path) else None
    depth = Path(guides.depth) if guides.depth else None
    upscale = read_upscale(project.finish.upscale).network if project.finish.upscale else None
    finish = (project.finish.lyrics, project.finish.font, upscale, rife)
    given = (guides.init, guides.mask, guides.control, guides.style, depth, guides.flow_model, *finish, *prompts)
    given += (Path(project.schedule.source),)
    return [song.path, *stems, *filter(None, (beats, *given))]


def _check_guide_files(project: Project) -> None:
    guides = project.guides
    for name in ("init", "mask", "control", "style"):
        file = getattr(guides, name)
        if file is not None:
            check_pictures(file, what=name, still=name == "mask")
    if guides.depth is not None:
        if Path(guides.depth).is_file():
            check_pictures(Path(guides.depth), what="depth")
        else:
            check_depth_model(guides.depth)
    if guides.flow_model is not None:
        check_raft(guides.flow_model)
    if guides.mask and not guides.init:
        raise InputError("mask: expected an init too, the picture that stays where the mask is black (--init FILE)")


def _check_guide_models(project: Project) -> None:
    """Refuse a control without a ControlNet, a style without an IP-Adapter, and the other way round."""
    guides, look = project.guides, project.look
    for name, file, option, part, what in (
        ("control", guides.control, "controlnet", look.controlnet, "ControlNet"),
        ("style", guides.style, "ip-adapter", look.ip_adapter, "IP-Adapter"),
    ):
        if file and not part:
            raise InputError(f"{name} {file}: the model has no {what} that follows it; load one (--{option})")
    if look.ip_adapter and not guides.style:
        raise InputError("the model has an IP-Adapter, but no picture whose style it follows; give one (--style FILE)")
