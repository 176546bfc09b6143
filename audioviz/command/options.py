"""The options of all commands, and how what is typed becomes a Project."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from audioviz.errors import InputError
from audioviz.files import user_path

if TYPE_CHECKING:
    from audioviz.project import Project


class FilePath(click.ParamType):
    """A path, whose `~` is the home folder also in quotes."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path that was typed."""
        return user_path(value)


song_argument = click.argument("song", type=FilePath())
fps_option = click.option(
    "--fps", default="12", show_default=True, metavar="F", help="Frames a second: 24, 12.5, 30000/1001."
)
start_option = click.option(
    "--start", metavar="TIME", help="Begin there in the song: 90, 1:30, 96f, 16b, 4bar, or a section, B."
)


def duration_option(text: str):
    """The option for the length of a part."""
    return click.option("--duration", metavar="TIME", help=text)


stem_option = click.option(
    "--stem",
    "stems",
    multiple=True,
    metavar="NAME=FILE|auto",
    help="A file with a part of the song alone, such as drums=drums.wav; auto separates them.",
)
schedule_options = (
    click.option(
        "--schedule",
        default="pulse",
        show_default=True,
        metavar="NAME|FILE",
        help="A ready-made schedule; a .py script; a file of ours, of Deforum, Parseq or FizzNodes. A script is run: "
        "use those you trust.",
    ),
    click.option("--set", "settings", multiple=True, metavar="K=V", help="Set an option of the schedule."),
    click.option(
        "--prompt",
        "prompts",
        multiple=True,
        metavar="TEXT",
        help="What to show; give several to travel from one to the next, with times if you like: '8s: gold mandala', "
        "'1:30: rose'; or a file: lyrics, words.lrc or .srt, or prompts at frames, prompts.txt or prompts.json.",
    ),
    click.option("--negative", default="", metavar="TEXT", help="What to steer away from."),
)
grid_options = (
    click.option("--tempo", metavar="BPM|LOW-HIGH", help="About how many beats a minute, or the bounds: 120, 90-130."),
    click.option("--beats", metavar="half|double", help="Half as many beats as are heard, or twice as many."),
    click.option(
        "--beat-offset", type=float, default=0.0, metavar="MS", help="All beats so much later; negative: sooner."
    ),
    click.option(
        "--first-downbeat", metavar="TIME", help="Where bar 0 begins: 1.9s, 1:30, or a beat counted from 0: 3b."
    ),
    click.option("--beats-per-bar", type=int, metavar="N", help="3 or 4 is heard; others can be given."),
    click.option(
        "--pin",
        "pins",
        multiple=True,
        metavar="S=S",
        help="Move the beat at so many seconds, and with it its neighbours: 12.34=12.40; may be given again.",
    ),
    click.option(
        "--beats-model",
        metavar="beat_this|FILE",
        help="Hear the beats by a published tracker, an extra that is fetched at first; or by a FILE of its weights.",
    ),
)
model_options = (
    click.option(
        "--model",
        default="embedded",
        show_default=True,
        metavar="NAME|DIR|ID|FILE",
        help="Any diffusers model of Stable Diffusion 1 or 2, SDXL, SD3, Flux or a newer family (see "
        "docs/models.md): a folder, a hub id, a .safetensors file.",
    ),
    click.option(
        "--lora",
        "loras",
        multiple=True,
        metavar="FILE[:WEIGHT]",
        help="Work a LoRA into the model; may be given again.",
    ),
    click.option("--lora-dir", metavar="DIR", help="Where the LoRAs lie that prompts name: <lora:name:0.8>."),
    click.option(
        "--embedding",
        "embeddings",
        multiple=True,
        metavar="FILE",
        help="Teach the model a word, the name of the FILE (textual inversion).",
    ),
    click.option("--vae", metavar="DIR|ID|FILE", help="Another autoencoder; a tiny one is for quick previews."),
    click.option(
        "--prediction",
        metavar="epsilon|v",
        help="What the model was trained to predict, where its files do not tell.",
    ),
    click.option(
        "--init", metavar="FILE", help="An image that the video starts from, or a video whose frames are redrawn."
    ),
    click.option("--mask", metavar="FILE", help="An image, white where frames are drawn; elsewhere --init stays."),
    click.option("--controlnet", metavar="DIR|ID|FILE", help="A ControlNet for the model,"),
    click.option("--control", metavar="FILE", help="and the image or video that it follows."),
    click.option("--ip-adapter", metavar="FILE", help="An IP-Adapter for the model,"),
    click.option("--style", metavar="FILE", help="and the image whose style it follows."),
    click.option(
        "--depth",
        metavar="FILE|DIR|ID",
        help="How near things are, for the camera: an image or a video, near is white, or a model of transformers.",
    ),
    click.option(
        "--flow-model",
        metavar="FILE",
        help="Weights of RAFT, which find the motion of --init for the column flow in place of OpenCV.",
    ),
)
look_options = (
    click.option("--size", metavar="WxH", help="Pixels; the model's own if not given."),
    click.option("--steps", type=click.IntRange(1, 10000), metavar="N", help="Model calls a frame."),
    click.option("--cfg", type=click.FloatRange(0, 100), metavar="X", help="Guidance scale; 1 is off."),
    click.option("--sampler", metavar="NAME"),
    click.option("--scheduler", metavar="NAME"),
    click.option("--seed", type=click.IntRange(0, 2**64 - 1), metavar="N", help="Short for --set seed=N."),
    click.option("--device", default="auto", show_default=True),
    click.option("--dtype", default="auto", show_default=True),
    click.option("--vae-dtype", default="auto", show_default=True, help="What the autoencoder runs in."),
    click.option("--compile", is_flag=True, help="Compile the model first: takes minutes, pays in long renders."),
    click.option(
        "--batch",
        type=click.IntRange(1, 64),
        default=1,
        show_default=True,
        metavar="N",
        help="Sample frames of N stretches between cuts together: faster on a GPU.",
    ),
    click.option(
        "--threads",
        type=click.IntRange(1, 1024),
        metavar="N",
        help="Run a model on so many threads of the CPU; if not given, on one for each core.",
    ),
)
finish_options = (
    click.option(
        "--smooth",
        metavar="F|2x",
        help="More frames a second out of those sampled: 24, 30000/1001, or 2x to 4x. None goes before a hit.",
    ),
    click.option(
        "--smooth-by",
        default="arc",
        show_default=True,
        metavar="arc|blend|flow|FILE",
        help="How: the camera's way and the arc between latents; cross-fades; optical flow; a RIFE network.",
    ),
    click.option("--lyrics", metavar="FILE", help="Draw the words as they are sung: .lrc, .srt, .vtt or .ass."),
    click.option("--title", metavar="TEXT", help="Draw a title at the beginning: 'Song | Artist'."),
    click.option("--font", metavar="FILE", help="The font of the words, .ttf or .otf."),
    click.option("--font-size", type=click.FloatRange(1, 50), metavar="P", help="Percent of the height."),
    click.option("--words-place", default="bottom", show_default=True, metavar="bottom|middle|top"),
    click.option("--words-colour", default="white", show_default=True, metavar="NAME|#RRGGBB"),
    click.option("--words-outline", type=click.FloatRange(0, 30), metavar="P", help="Percent of the font; 0 is none."),
    click.option("--words-fade", type=click.FloatRange(0, 5), metavar="S", help="Seconds in which words come and go."),
    click.option("--safe", is_flag=True, help="Let nothing flash more often than three times a second (WCAG 2.3.1)."),
    click.option(
        "--upscale",
        metavar="2x|WxH|FILE",
        help="Enlarge the frames, by Lanczos or by a network (a .safetensors FILE, or FILE:2x).",
    ),
    click.option(
        "--frame",
        metavar="SHAPE",
        help="square (1080x1080), wide (1920x1080), vertical (1080x1920), or a ratio such as 2.39:1: sample the "
        "nearest size, enlarge it, crop it exactly.",
    ),
    click.option(
        "--codec",
        metavar="NAME",
        help="h264, h265 or av1 in .mp4; prores in .mov; vp9 or av1 in .webm; gif. The first of each if not given.",
    ),
)
trust_option = click.option("--trust", is_flag=True, help="Run the schedule script that a project file names.")
project_options = (
    click.option(
        "--save",
        "project_file",
        type=FilePath(),
        metavar="FILE.avz",
        help="Write all that is asked for to a project file, which stands in the place of SONG.",
    ),
    trust_option,
)


def options(*groups):
    """Apply several click options to one command, in the order that they are written."""

    def decorate(command):
        for option in reversed(groups):
            command = option(command)
        return command

    return decorate


def to_project(song: Path, typed: dict[str, Any], *, trust: bool = False) -> "Project":
    """The project that SONG is, or one for the song that it is, with what was typed in place of what it says.

    Raises
    ------
    InputError
        If the file or an option is wrong.
    """
    from audioviz.project import Project, load_project

    context = click.get_current_context()
    given = {
        name: value
        for name, value in typed.items()
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE and name != "seed"
    }
    read = {"stems": to_stems, "settings": to_settings, "pins": to_pins}
    given |= {name: read[name](value) for name, value in given.items() if name in read}
    if typed.get("seed") is not None:
        given["settings"] = given.get("settings", {}) | {"seed": typed["seed"]}
    project = load_project(song, trust=trust) if song.suffix.lower() == ".avz" else Project(song=song)
    return project.changed(**given)


def to_settings(settings: tuple[str, ...]) -> dict[str, str]:
    """`k=v` pairs as a dict; the last of equal keys wins."""
    pairs = [setting.partition("=") for setting in settings]
    for key, equals, _ in pairs:
        if not equals or not key.isidentifier():
            raise InputError(f"--set {key}: expected name=value, such as --set punch=0.5")
    return {key: value for key, _, value in pairs}


def to_stems(stems: tuple[str, ...]) -> dict[str, str] | str:
    """`name=file` pairs as a dict, or `auto`."""
    if stems == ("auto",):
        return "auto"
    pairs = [option.partition("=") for option in stems]
    for name, equals, file in pairs:
        if not (name and equals and file):
            raise InputError(
                f"--stem {name}{equals}: expected name=file, such as --stem drums=drums.wav, or auto alone"
            )
    return {name: file for name, _, file in pairs}


def to_pins(pins: tuple[str, ...]) -> dict[str, str]:
    """`beat=place` pairs as a dict; the last of equal beats wins."""
    return {beat: place for beat, _, place in (pin.partition("=") for pin in pins)}
