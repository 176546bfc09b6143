"""`audioviz render`: projects are checked, then made, or told what they would take."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from audioviz.command.making import Ways, farm_options, make_videos
from audioviz.command.options import (
    FilePath,
    duration_option,
    finish_options,
    fps_option,
    grid_options,
    look_options,
    model_options,
    options,
    project_options,
    schedule_options,
    start_option,
    stem_option,
    to_project,
)
from audioviz.errors import InputError

if TYPE_CHECKING:
    from audioviz.project import Project


@click.command()
@click.argument("songs", nargs=-1, required=True, metavar="SONG...", type=FilePath())
@click.option(
    "-o",
    "--out",
    metavar="OUT.mp4|DIR",
    help="The video (.mp4, .mov, .webm or .gif), or a folder for those of several songs; if not given, the song's "
    "name, here.",
)
@options(*schedule_options, stem_option, fps_option, start_option, *grid_options)
@duration_option(
    "Render so much of it. The pictures of a part equal those of the whole song from the first frame on that is drawn "
    "wholly anew (denoise 1, interp 1)."
)
@click.option(
    "--shots",
    metavar="section|bar:N|cuts",
    help="Begin a new picture, which needs none before it, at each section, at every N-th bar, or where the schedule "
    "cuts would.",
)
@options(*model_options, *look_options, *finish_options, *project_options)
@click.option(
    "--dry-run", is_flag=True, help="Show the plan, the time and the disk space that it takes, and make nothing."
)
@click.option("--no-resume", is_flag=True, help="Start anew, even if an earlier render can be continued.")
@click.option("--keep-work", is_flag=True, help="Keep the work folder: after an edit, only what changed is made again.")
@options(*farm_options)
@click.option("--quiet", is_flag=True, help="No progress bar.")
def render(
    songs, out, project_file, trust, dry_run, no_resume, keep_work, on, store, json_progress, quiet, **typed
) -> None:
    """Make a music video of each SONG, or of each project (.avz)."""
    from audioviz.farm.films import Film
    from audioviz.rendering.check import check_folder, check_outputs, check_project
    from audioviz.video.formats import ending_for

    ways = Ways.of(on, store, json_progress=json_progress, quiet=quiet)
    projects = [to_project(song, typed, trust=trust) for song in songs]
    if len(songs) > 1 and any(isinstance(project.song.stems, dict) and typed["stems"] for project in projects):
        raise InputError(f"--stem goes with one song, and there are {len(songs)}; --stem auto separates each")
    out = out and os.path.expanduser(out)  # noqa: PTH111  the slash at its end tells
    folder = folder_of(out, songs)
    names = [f"{song.stem}{ending_for(project.finish.codec)}" for song, project in zip(songs, projects, strict=True)]
    targets = [folder / name for name in names] if folder else [Path(out or names[0])]
    check_outputs(targets, projects)
    if folder:
        check_folder(folder)
    films = [Film(project, target) for project, target in zip(projects, targets, strict=True)]
    for project, target in zip(projects, targets, strict=True):
        check_project(project, out=target if target.parent.is_dir() or not folder else None)
    if folder and not dry_run:
        make_folder(folder)
    if project_file:
        save_project(projects, project_file)
    if dry_run:
        from audioviz.command.dry_run import describe_render

        for project, target in zip(projects, targets, strict=True):
            click.echo(describe_render(project, out=target, keep_work=keep_work))
        return
    make_videos(films, ways, resume=not no_resume, keep_work=keep_work)


def folder_of(out: str | None, songs: Sequence[Path]) -> Path | None:
    """The folder that videos go to; None where OUT is the name of the one video."""
    from audioviz.video.formats import CONTAINERS

    if out is None:
        return Path() if len(songs) > 1 else None
    if len(songs) > 1 and Path(out).suffix.lower() in CONTAINERS and not Path(out).is_dir():
        raise InputError(f"--out {out}: several songs need a folder")
    return Path(out) if len(songs) > 1 or Path(out).is_dir() or out.endswith(("/", os.sep)) else None


def make_folder(folder: Path) -> None:
    """Make the folder for several videos, if it is missing."""
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {folder}: the folder cannot be made ({os.strerror(error.errno or 0)})") from error


def save_project(projects: Sequence["Project"], path: Path) -> None:
    """Write the one project of a command to a file."""
    from audioviz.files import check_apart
    from audioviz.project import save_project as write_project
    from audioviz.rendering.check import files_of

    if len(projects) > 1:
        raise InputError(f"--save {path}: a project has one song, and there are {len(projects)}")
    check_apart([path], files_of(projects[0]))
    write_project(projects[0], path)
