"""`audioviz.render`: arguments become a Project, which is checked; its song is heard while its model loads."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from fractions import Fraction
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from audioviz.audio.song import Song
from audioviz.clock import to_fps
from audioviz.errors import InputError
from audioviz.files import to_path
from audioviz.insight.video import Video
from audioviz.project import Look, Project
from audioviz.rendering.check import check_flow, check_project
from audioviz.rendering.inputs import (
    check_lora_columns,
    loaded_loras,
    part_of_project,
    schedule_of,
    song_of,
    with_default_prompts,
    with_named_loras,
)
from audioviz.schedule.schedule import Schedule

if TYPE_CHECKING:
    from tqdm import tqdm

    from audioviz.models.model import Model

Result = TypeVar("Result")


def render(
    song: "Song | Project | str | Path",
    schedule: Schedule | str | Path | None = None,
    *,
    out: str | Path,
    fps: str | float | Fraction | None = None,
    prompts: Any = None,
    negative: str | None = None,
    shots: str | None = None,
    model: "str | Path | Model | None" = None,
    size: tuple[int, int] | int | str | None = None,
    steps: int | None = None,
    cfg: float | None = None,
    sampler: str | None = None,
    scheduler: str | None = None,
    start: float | str | None = None,
    duration: float | str | None = None,
    init: str | Path | None = None,
    mask: str | Path | None = None,
    control: str | Path | None = None,
    style: str | Path | None = None,
    depth: str | Path | None = None,
    smooth: str | float | Fraction | None = None,
    smooth_by: str | Path | None = None,
    flow_model: str | Path | None = None,
    lyrics: str | Path | None = None,
    title: str | None = None,
    font: str | Path | None = None,
    font_size: float | None = None,
    words_place: str | None = None,
    words_colour: str | None = None,
    words_outline: float | None = None,
    words_fade: float | None = None,
    safe: bool | None = None,
    device: str | None = None,
    dtype: str | None = None,
    vae_dtype: str | None = None,
    compile: bool | None = None,
    batch: int | None = None,
    threads: int | None = None,
    upscale: str | None = None,
    frame: str | None = None,
    codec: str | None = None,
    resume: bool = True,
    keep_work: bool = False,
    progress: bool = True,
) -> Video:
    """Make the music video of a song. What is None stays as the project has it, or as it is usual.

    Parameters
    ----------
    song : Song, the path of one, or a Project
    schedule : Schedule on the song's clock, or the name or file of one
    out : path that ends in .mp4, .mov, .webm or .gif
        Appears when it is whole. Until then the work is kept in a folder beside it, from which a render that was
        interrupted goes on.
    fps : number, str or Fraction
        Frames a second; a Song or a Schedule that is given has its own.
    prompts : what `audioviz.schedule.prompts.to_prompts` reads
        In place of the schedule's own.
    negative : str
        For each prompt that has no negative of its own.
    shots : "section", "cuts", or `bar:N`
        Begin a new picture, which needs none before it, at each section, where the schedule `cuts` would, or at every
        N-th bar.
    model : name, folder or id for `load_model`, or a Model
    size : (width, height), or text such as `512x288`, or one number for a square; pixels
    steps, cfg, sampler, scheduler
        The model's own if not given; a schedule with a cfg column has its say.
    start, duration : seconds, or text such as `1:30`, `96f`, `16b`, `4bar`; start also the label of a section
        Render this part of the song alone. Its schedule, seeds and noise are those of the whole, but its first frame
        has none before it: the pictures equal the whole song's from the first frame on whose denoise and interp are 1.
    init : image or video file
        The first frame starts from the image; or each frame from that of the video, in place of the frame before.
    mask : image file
        White where frames are drawn; elsewhere init stays.
    control, style : image or video files
        Lead frames through the model's ControlNet and IP-Adapter, as strongly as the schedule's columns of these names
        say.
    flow_model : file of the weights of RAFT
        Finds the motion of an init video for the column flow, in place of OpenCV.
    depth : image or video file, or the folder or the hub id of a depth-estimation model of transformers
        How near each place of the frame before is, near is white: the camera moves near things past far ones.
    smooth : number, str or Fraction
        Frames a second that are shown, more than are sampled; or `2x`, `3x`, `4x`.
    smooth_by : arc, blend, flow, or the .safetensors file of a RIFE network
        How those between are made.
    lyrics : .lrc, .srt, .vtt or .ass file
        Words to draw while they are sung, filled word by word where the file has word times.
    title : str
        Words to draw at the beginning; what follows a `|` stands below.
    font, font_size, words_place, words_colour, words_outline, words_fade
        How words look: a .ttf or .otf file; percent of the height; bottom, middle or top; a name or #rrggbb; percent of
        the font; seconds.
    safe : bool
        Hold flashes below the limit of WCAG 2.3.1, three a second over a quarter of the picture.
    device, dtype, vae_dtype : for `load_model`
    compile : bool
        Compile the model first: it takes minutes, and pays in long renders.
    batch : int, 1 to 64
        Sample frames of so many stretches between cuts together, which a GPU does in little more time than one.
    threads : int
        Run a model on so many threads of the CPU: the last bits of pictures depend on their number.
    upscale : text
        `2x`, a size such as `1920x1080`, the .safetensors file of a network, or a file with one of them, `FILE:2x`.
    frame : "square", "wide", "vertical", or a ratio such as `2.39:1`
        The exact shape and size of the video.
    codec : name
        "h264" (if not given), "h265" or "av1" in an MP4, "prores" in a MOV, "vp9" (if not given) or "av1" in a WebM.
    resume : bool
        False starts anew.
    keep_work : bool
        Keep the work folder of the finished video, so that after an edit only what it changes is made again.
    progress : bool
        Show what frames are made with, and a bar with frames per second and time left, on standard error.

    Returns
    -------
    Video : its path, which a notebook shows as the video itself, with `info()` and `sheet()`

    Raises
    ------
    InputError, ScheduleError, ModelError
        Before any frame is made, if something given is wrong; a ModelError also if memory runs out.
    EncodeError
        If the video cannot be written.
    Defect
        If anything else goes wrong; render.log in the work folder has the traceback.

    Examples
    --------
    >>> song = av.load_song("song.mp3", fps=12)
    >>> plan = av.load_schedule("pulse")(song)
    >>> video = av.render(song, plan, prompts=["neon nebula", "gold mandala"], out="video.mp4")
    """
    heard = song if isinstance(song, Song) else None
    if not isinstance(song, (Song, Project)):
        if not isinstance(song, (str, PathLike)):
            raise InputError(f"song {song!r:.60}: expected one of av.load_song, the path of one, or an av.Project")
        song = to_path("song", song)
    loaded = model if model is not None and not isinstance(model, (str, Path)) else None
    if loaded is not None and not hasattr(loaded, "denoiser"):
        raise InputError(f"model {model!r:.60}: expected one of av.load_model, or the name, folder or id of one")
    options = {
        "fps": _fps_of(heard or schedule, fps),
        "schedule": schedule,
        "prompts": prompts,
        "negative": negative,
        "shots": shots,
        "model": loaded.name if loaded else model and str(model),
        "size": size,
        "steps": steps,
        "cfg": cfg,
        "sampler": sampler,
        "scheduler": scheduler,
        "start": start,
        "duration": duration,
        "init": init,
        "mask": mask,
        "control": control,
        "style": style,
        "depth": depth and str(depth),
        "smooth": smooth,
        "smooth_by": smooth_by,
        "flow_model": flow_model,
        "lyrics": lyrics,
        "title": title,
        "font": font,
        "font_size": font_size,
        "words_place": words_place,
        "words_colour": words_colour,
        "words_outline": words_outline,
        "words_fade": words_fade,
        "safe": safe,
        "device": device,
        "dtype": dtype,
        "vae_dtype": vae_dtype,
        "compile": compile,
        "batch": batch,
        "threads": threads,
        "upscale": upscale,
        "frame": frame,
        "codec": codec,
    }
    project = song if isinstance(song, Project) else Project(song.path if isinstance(song, Song) else song)
    return render_project(
        project.changed(**_without_none(options)),
        out=to_path("output", out),
        song=heard,
        model=loaded,
        resume=resume,
        keep_work=keep_work,
        progress=progress,
    )


def render_project(
    project: Project,
    *,
    out: Path,
    song: Song | None = None,
    model: "Model | None" = None,
    resume: bool = True,
    keep_work: bool = False,
    progress: "bool | tqdm" = True,
    load: "Callable[[Look, frozenset[str]], Model] | None" = None,
    watch: Callable[[int, np.ndarray], None] | None = None,
) -> Video:
    """Make the video of a project; song and model are taken from there where they are loaded already.

    `load` is called in place of `load_model_of`; `progress` may be a bar that several renders share. `watch` is shown
    each picture when it was written, uint8 of shape (H, W, 3), after its number in the video: not those that an earlier
    render finished. What it raises stops the render, whose work stays. The rest, and what is raised, are as for
    `render`.
    """
    check_project(project, out=out, model_is_loaded=model is not None)
    inputs = inputs_of(project, song=song, model=model, load=load or load_model_of)

    from audioviz.rendering.make import make_video  # which needs torch

    return Video(
        make_video(
            project,
            inputs.song,
            inputs.schedule,
            inputs.model,
            part=inputs.part,
            out=out,
            resume=resume,
            keep_work=keep_work,
            progress=progress,
            watch=watch,
        )
    )


@dataclass(frozen=True, eq=False)
class Inputs:
    """What a video is made of: its song, the schedule with prompts, the model, and the part of the song."""

    song: Song
    schedule: Schedule
    model: "Model"
    part: range


def inputs_of(
    project: Project,
    *,
    song: Song | None = None,
    model: "Model | None" = None,
    load: "Callable[[Look, frozenset[str]], Model]",
) -> Inputs:
    """What a project is made of; the song is heard while the model loads, but for what is given.

    Raises
    ------
    InputError, ScheduleError, ModelError
    """
    coming = None
    if model is None and not (project.look.loras or project.look.lora_dir):
        coming = _in_thread(lambda: load(project.look, frozenset()))
    song = song or song_of(project)
    schedule = with_default_prompts(schedule_of(project, song), negative=project.negative)
    if model is None:
        look = with_named_loras(project.look, schedule)
        check_lora_columns(schedule, loaded_loras(look))
        # which LoRAs it is to have, and which of them move, the schedule tells
        coming = coming or _in_thread(lambda: load(look, frozenset(schedule.loras)))
    elif missing := [name for name in schedule.loras if name not in model.denoiser.loras]:
        raise InputError(
            f"lora:{missing[0]}: the model holds no LoRA of this name whose strength can move: load it with "
            f"av.load_model(..., loras=[...], unfused=[{missing[0]!r}])"
        )
    part = part_of_project(project, song)
    check_flow(project, schedule, part)
    return Inputs(song, schedule, model or cast("Future[Model]", coming).result(), part)


def _fps_of(given: Any, fps: str | float | Fraction | None) -> str | float | Fraction | None:
    """The frames a second of a Song or a Schedule, which are not changed any more; of anything else what is asked."""
    if not isinstance(given, (Song, Schedule)):
        return fps
    if fps is not None and to_fps(fps) != given.clock.fps:
        raise InputError(f"fps {fps}: the {type(given).__name__} has {given.clock.fps}; load the song with fps={fps}")
    return given.clock.fps


def _without_none(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def load_model_of(look: Look, unfused: frozenset[str] = frozenset()) -> "Model":
    """The model that a look names, with its additions; LoRAs that are `unfused` can move.

    Raises
    ------
    InputError, ModelError
        As `load_model`.
    """
    from audioviz.models.threads import spin_as_others_allow

    spin_as_others_allow()  # before torch is imported, as the next lines do
    from audioviz.models.load import load_model
    from audioviz.rendering.memory import out_of_memory_explained

    with out_of_memory_explained("while the model was loaded"):
        return load_model(
            look.model,
            device=look.device,
            dtype=look.dtype,
            loras=look.loras,
            unfused=unfused,
            embeddings=look.embeddings,
            vae=look.vae,
            controlnet=look.controlnet,
            ip_adapter=look.ip_adapter,
            prediction=look.prediction,
            vae_dtype=look.vae_dtype,
        )


def loaded_of(look: Look) -> Look:
    """What loading a model depends on."""
    return replace(
        look,
        size=None,
        steps=None,
        cfg=None,
        sampler=None,
        scheduler=None,
        compile=False,
        batch=1,
        threads=None,
        lora_dir=None,
    )


def _in_thread(work: Callable[[], Result]) -> "Future[Result]":
    """Start work in a thread of its own, which does not outlive the program."""
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # whoever asks for the result gets it
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future
