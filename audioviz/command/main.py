"""The `audioviz` command: a thin layer that turns options into calls, and mistakes into one line."""

import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import click

import audioviz as av
from audioviz.command.options import (
    fps_option,
    grid_options,
    model_options,
    options,
    parse_settings,
    parse_size,
    parse_stems,
    schedule_options,
    song_argument,
    start_option,
    stem_option,
)
from audioviz.errors import AudiovizError, AudiovizWarning, Defect, InputError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="audioviz")
def cli() -> None:
    """Any song in, a music video out: every frame on the beat."""


@cli.command()
@click.argument("songs", nargs=-1, required=True, metavar="SONG...", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    metavar="OUT.mp4|DIR",
    help="The video, or a folder for those of several songs; if not given, the song's name, here.",
)
@options(*schedule_options, stem_option, fps_option, start_option, *grid_options)
@click.option(
    "--duration",
    type=float,
    metavar="S",
    help="Render so many seconds of it. The pictures of a part equal those of the whole song from the first frame on "
    "that is drawn wholly anew (denoise 1, interp 1).",
)
@options(*model_options)
@click.option("--size", metavar="WxH", help="Pixels; the model's own if not given.")
@click.option("--steps", type=click.IntRange(1, 10000), metavar="N", help="Model calls a frame.")
@click.option("--cfg", type=click.FloatRange(0, 100), metavar="X", help="Guidance scale; 1 is off.")
@click.option("--sampler", metavar="NAME")
@click.option("--scheduler", metavar="NAME")
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), metavar="N", help="Short for --set seed=N.")
@click.option("--device", default="auto", show_default=True)
@click.option("--dtype", default="auto", show_default=True)
@click.option(
    "--compile", "compile_", is_flag=True, help="Compile the model first: takes minutes, pays in long renders."
)
@click.option(
    "--dry-run", is_flag=True, help="Show the plan, the time and the disk space that it takes, and make nothing."
)
@click.option("--no-resume", is_flag=True, help="Start anew, even if an earlier render can be continued.")
@click.option("--keep-work", is_flag=True, help="Keep the work folder: after an edit, only what changed is made again.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def render(
    songs,
    out,
    source,
    settings,
    prompts,
    negative,
    stems,
    fps,
    start,
    duration,
    model,
    loras,
    embeddings,
    vae,
    init,
    mask,
    controlnet,
    control,
    ip_adapter,
    style,
    size,
    steps,
    cfg,
    sampler,
    scheduler,
    seed,
    device,
    dtype,
    compile_,
    dry_run,
    no_resume,
    keep_work,
    quiet,
    **corrections,
) -> None:
    """Make a music video of each SONG."""
    if seed is not None:
        settings = (*settings, f"seed={seed}")
    size, grid, stems = parse_size(size), av.Grid(**corrections), parse_stems(stems)
    if len(songs) > 1 and stems not in (None, "auto"):
        raise InputError(f"--stem goes with one song, and there are {len(songs)}; --stem auto separates each")

    def make(song: Path, target: Path, with_model) -> None:
        track, plan = load(song, source, settings, prompts, negative, fps, grid, stems)
        click.echo(
            av.render(
                track,
                plan,
                out=target,
                model=with_model,
                size=size,
                steps=steps,
                cfg=cfg,
                sampler=sampler,
                scheduler=scheduler,
                start=start,
                duration=duration,
                init=init,
                mask=mask,
                control=control,
                style=style,
                device=device,
                dtype=dtype,
                compile=compile_,
                resume=not no_resume,
                keep_work=keep_work,
                progress=not quiet,
            )
        )

    if dry_run:
        from audioviz.insight.report import describe_render

        for song in songs:
            track, plan = load(song, source, settings, prompts, negative, fps, grid, stems)
            click.echo(describe(track))
            click.echo(
                describe_render(
                    track,
                    plan,
                    model=model,
                    size=size,
                    steps=steps,
                    cfg=cfg,
                    sampler=sampler,
                    scheduler=scheduler,
                    start=start,
                    duration=duration,
                    device=device,
                )
            )
    else:
        alone = len(songs) == 1 and not (out and out.is_dir())
        targets = [out or Path(f"{songs[0].stem}.mp4")] if alone else targets_in(out or Path(), songs)
        if not alone or loras or embeddings or vae or controlnet or ip_adapter:
            from audioviz.rendering.memory import memory_said

            with memory_said("while the model was loaded"):
                model = av.load_model(
                    model,
                    device=device,
                    dtype=dtype,
                    loras=loras,
                    embeddings=embeddings,
                    vae=vae,
                    controlnet=controlnet,
                    ip_adapter=ip_adapter,
                )
        if alone:
            make(songs[0], targets[0], model)
        else:
            render_all(songs, targets, model, make)


def targets_in(folder: Path, songs: Sequence[Path]) -> list[Path]:
    """The video of each song in a folder, which is made if it is missing."""
    targets = [folder / f"{song.stem}.mp4" for song in songs]
    for song, target in zip(songs, targets):
        if targets.count(target) > 1:
            raise InputError(f"{song}: more than one song would become {target}; render them into different folders")
    if folder.suffix.lower() == ".mp4" and not folder.is_dir():
        raise InputError(f"--out {folder}: several songs need a folder")
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {folder}: the folder cannot be made ({os.strerror(error.errno)})") from error
    return targets


def render_all(songs: Sequence[Path], targets: Sequence[Path], model, make) -> None:
    """Call `make(song, target, model)` for each song; one that fails does not stop the others, but shows at the end."""
    failed = []
    for song, target in zip(songs, targets):
        try:
            make(song, target, model)
        except AudiovizError as error:
            say(f"{song} failed: {error}")
            failed.append(song.name)
    say(
        f"{len(songs) - len(failed)} of {len(songs)} songs rendered"
        + (f"; failed: {', '.join(failed)}" if failed else "")
    )
    if failed:
        sys.exit(2)


@cli.command()
@song_argument
@options(stem_option, fps_option, start_option)
@click.option("--duration", type=float, metavar="S", help="Show so many seconds of it; all of it is heard.")
@options(*grid_options)
@click.option("--json", "json_file", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--csv", "csv_file", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--plot", type=click.Path(path_type=Path), metavar="FILE.png")
@click.option(
    "--clicks",
    type=click.Path(path_type=Path),
    metavar="FILE.wav",
    help="Write the song with a tick at each beat, a higher one at each downbeat.",
)
def analyze(song, stems, fps, start, duration, json_file, csv_file, plot, clicks, **corrections) -> None:
    """Show what is heard in SONG: tempo, beats, bars, onsets, sections, curves."""
    stems = parse_stems(stems)
    check_outputs([song], stems, json_file, csv_file, plot, clicks)
    track = av.load_song(song, fps=fps, grid=av.Grid(**corrections), stems=stems)
    if start or duration is not None:
        from audioviz.audio.part import cut, part_of

        track = cut(track, part_of(track, start=start, duration=duration))
    say_notes(track)
    if json_file or csv_file:
        from audioviz.audio.export import song_to_csv, song_to_json

        save(json_file, song_to_json, track)
        save(csv_file, song_to_csv, track)
    if plot:
        from audioviz.insight.plots import plot_song

        draw(plot, plot_song, track)
    if clicks:
        from audioviz.audio.clicks import write_clicks

        draw(clicks, write_clicks, track)
    click.echo(describe(track))


@cli.command()
@song_argument
@options(*schedule_options, stem_option, fps_option, *grid_options)
@click.option("--json", "json_file", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--csv", "csv_file", type=click.Path(path_type=Path), metavar="FILE")
@click.option(
    "--deforum", "deforum_file", type=click.Path(path_type=Path), metavar="FILE", help="Settings for Deforum."
)
@click.option("--parseq", "parseq_file", type=click.Path(path_type=Path), metavar="FILE", help="A manifest for Parseq.")
@click.option(
    "--lists", "lists_file", type=click.Path(path_type=Path), metavar="FILE", help="Lists for the original nodes."
)
@click.option("--plot", type=click.Path(path_type=Path), metavar="FILE.png")
def schedule(
    song,
    source,
    settings,
    prompts,
    negative,
    stems,
    fps,
    json_file,
    csv_file,
    deforum_file,
    parseq_file,
    lists_file,
    plot,
    **corrections,
) -> None:
    """Compute the schedule of SONG and show or save it, without rendering."""
    from audioviz.insight.report import describe_schedule
    from audioviz.schedule import (
        schedule_to_csv,
        schedule_to_deforum,
        schedule_to_json,
        schedule_to_lists,
        schedule_to_parseq,
    )

    stems = parse_stems(stems)
    check_outputs([song, source, *prompts], stems, json_file, csv_file, deforum_file, parseq_file, lists_file, plot)
    track, plan = load(song, source, settings, prompts, negative, fps, av.Grid(**corrections), stems)
    save(json_file, schedule_to_json, plan)
    save(csv_file, schedule_to_csv, plan)
    save(deforum_file, schedule_to_deforum, plan)
    save(parseq_file, schedule_to_parseq, plan)
    save(lists_file, schedule_to_lists, plan)
    if plot:
        from audioviz.insight.plots import plot_schedule

        draw(plot, plot_schedule, track, plan)
    click.echo(describe_schedule(plan))


@cli.command()
@click.argument("video", type=click.Path(path_type=Path))
@click.option(
    "--sheet", type=click.Path(path_type=Path), metavar="FILE.png", help="Write a contact sheet of the video."
)
def info(video, sheet) -> None:
    """Show what VIDEO was made of, and how well its picture follows its sound."""
    from audioviz.insight.report import describe_video

    click.echo(describe_video(video))
    if sheet:
        from audioviz.insight.sheet import contact_sheet

        draw(sheet, lambda path: contact_sheet(video, path))


@cli.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("pipeline")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(pipeline, arguments) -> None:
    """Run a ready-made PIPELINE or a file of your own; what follows is for it."""
    import runpy

    from audioviz.shelf import find

    path = find("pipelines", pipeline)
    sys.argv = [str(path), *arguments]
    runpy.run_path(str(path), run_name="__main__")


@cli.command()
def ls() -> None:
    """List the ready-made schedules and pipelines."""
    from audioviz.shelf import KINDS, names

    for kind in KINDS:
        click.echo(kind)
        for name, summary in names(kind).items():
            click.echo(f"  {name:12} {summary}")


@cli.command()
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path), required=False)
def cp(name, file) -> None:
    """Copy a ready-made schedule or pipeline to FILE, to change it."""
    from audioviz.shelf import copy_out

    click.echo(copy_out(name, file))


def load(song, source, settings, prompts, negative, fps, grid, stems):
    """The song and its schedule, as the options say."""
    script = av.load_schedule(source)
    track = av.load_song(song, fps=fps, grid=grid, stems=stems)
    say_notes(track)
    plan = script(track, **parse_settings(settings))
    if prompts or negative:
        plan = plan.with_prompts(prompts or plan.prompts, negative=negative, song=track)
    return track, plan


def check_outputs(inputs: Sequence[str | Path], stems, *outputs: Path | None) -> None:
    """Refuse to write over what is read."""
    from audioviz.video.files import check_apart

    check_apart(outputs, [*inputs, *(stems.values() if isinstance(stems, dict) else ())])


def describe(track) -> str:
    """A song in a few lines."""
    minutes, seconds = divmod(float(track.duration), 60)
    tempo = f"{track.tempo:.1f} bpm, {track.beats_per_bar} beats a bar" if track.tempo else "no steady tempo"
    return (
        f"{track.path.name}: {int(minutes)}:{seconds:05.2f}, {track.rate} Hz, {track.channels} channels, {tempo}\n"
        f"{track.clock.frames} frames at {track.clock.fps} fps, {len(track.beats)} beats, "
        f"{len(track.downbeats)} bars, {len(track.onsets)} onsets, {len(track.sections)} sections: "
        + " ".join(part.label for part in track.sections)
    )


def say_notes(track) -> None:
    """What was noticed while the song was read goes to standard error."""
    for note in track.notes:
        warnings.warn(note, AudiovizWarning, stacklevel=1)


def save(path: Path | None, to_text, value) -> None:
    """Write `to_text(value)` to a file, if one was asked for."""
    if path:
        from audioviz.video.files import write_whole

        draw(path, lambda target: write_whole(target, to_text(value).encode()))


def draw(path: Path, write, *values) -> None:
    """Call `write(*values, path)`; a path that cannot be written is the user's mistake."""
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise InputError(f"{path}: expected the name of a file in a folder that exists")
    try:
        write(*values, path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({os.strerror(error.errno)})") from error


def main() -> None:
    """Run the command; exit with 0, 2 after a mistake of the user's, 130 when interrupted, 1 after a defect of ours."""
    warnings.showwarning = show_warning
    warnings.simplefilter("always", AudiovizWarning)
    try:
        sys.exit(cli.main(standalone_mode=False))
    except click.ClickException as error:
        say(error.format_message())
        sys.exit(2)
    except AudiovizError as error:
        say(str(error))
        sys.exit(1 if isinstance(error, Defect) else 2)
    except (click.exceptions.Abort, KeyboardInterrupt):
        say("interrupted; the same command goes on with a render where it was")
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(130)  # all is closed, and taking an interpreter with torch in it apart takes seconds


def say(message: str) -> None:
    """One line on standard error, whatever the message quotes."""
    print(f"audioviz: {' '.join(message.split()):.1000}", file=sys.stderr)


def show_warning(message, category, *place) -> None:
    """Our own warnings in one line; those of other packages, which no user can act on, not at all."""
    if issubclass(category, AudiovizWarning):
        say(str(message))
