"""`audioviz analyze`, `schedule` and `info`: what is heard in a song, planned for it, and was made of it."""

import click

from audioviz.command.options import (
    FilePath,
    fps_option,
    grid_options,
    options,
    project_options,
    schedule_options,
    song_argument,
    start_option,
    stem_option,
    to_project,
)
from audioviz.command.output import draw, save
from audioviz.command.render import save_project


def file_option(name: str, metavar: str = "FILE", text: str | None = None):
    """An option for a file to write."""
    return click.option(name, f"{name[2:]}_file", type=FilePath(), metavar=metavar, help=text)


@click.command()
@song_argument
@options(stem_option, fps_option, start_option)
@click.option("--duration", type=float, metavar="S", help="Show so many seconds of it; all of it is heard.")
@options(*grid_options)
@file_option("--json")
@file_option("--csv")
@file_option("--plot", "FILE.png")
@file_option("--clicks", "FILE.wav", "Write the song with a tick at each beat, a higher one at each downbeat.")
def analyze(song, json_file, csv_file, plot_file, clicks_file, **typed) -> None:
    """Show what is heard in SONG: tempo, beats, bars, onsets, sections, curves."""
    from audioviz.audio.part import cut, part_of
    from audioviz.insight.report import describe_song
    from audioviz.rendering.check import files_of
    from audioviz.rendering.inputs import song_of
    from audioviz.video.files import check_apart

    project = to_project(song, typed)
    check_apart([json_file, csv_file, plot_file, clicks_file], files_of(project))
    heard, start, duration = song_of(project), project.song.start, project.song.duration
    if start or duration is not None:
        heard = cut(heard, part_of(heard, start=start, duration=duration))
    if json_file or csv_file:
        from audioviz.audio.export import song_to_csv, song_to_json

        save(json_file, song_to_json, heard)
        save(csv_file, song_to_csv, heard)
    if plot_file:
        from audioviz.insight.plots import plot_song

        draw(plot_file, plot_song, heard)
    if clicks_file:
        from audioviz.audio.clicks import write_clicks

        draw(clicks_file, write_clicks, heard)
    click.echo(describe_song(heard))


@click.command()
@song_argument
@options(*schedule_options, stem_option, fps_option, *grid_options)
@file_option("--json")
@file_option("--csv")
@file_option("--deforum", text="Settings for Deforum.")
@file_option("--parseq", text="A manifest for Parseq.")
@file_option("--lists", text="Lists for the original nodes.")
@file_option("--plot", "FILE.png")
@options(*project_options)
def schedule(
    song, json_file, csv_file, deforum_file, parseq_file, lists_file, plot_file, project_file, trust, **typed
) -> None:
    """Compute the schedule of SONG and show or save it, without rendering."""
    from audioviz import schedule as formats
    from audioviz.insight.report import describe_schedule
    from audioviz.rendering.check import check_project, files_of
    from audioviz.rendering.inputs import schedule_of, song_of
    from audioviz.video.files import check_apart

    project = to_project(song, typed, trust=trust)
    check_apart([json_file, csv_file, deforum_file, parseq_file, lists_file, plot_file], files_of(project))
    check_project(project)
    heard = song_of(project)
    plan = schedule_of(project, heard)
    save(json_file, formats.schedule_to_json, plan)
    save(csv_file, formats.schedule_to_csv, plan)
    save(deforum_file, formats.schedule_to_deforum, plan)
    save(parseq_file, formats.schedule_to_parseq, plan)
    save(lists_file, formats.schedule_to_lists, plan)
    if plot_file:
        from audioviz.insight.plots import plot_schedule

        draw(plot_file, plot_schedule, heard, plan)
    if project_file:
        save_project([project], project_file)
    click.echo(describe_schedule(plan))


@click.command()
@click.argument("video", type=FilePath())
@file_option("--sheet", "FILE.png", "Write a contact sheet of the video.")
def info(video, sheet_file) -> None:
    """Show what VIDEO was made of, and how well its picture follows its sound."""
    from audioviz.insight.report import describe_video

    click.echo(describe_video(video))
    if sheet_file:
        from audioviz.insight.sheet import contact_sheet

        draw(sheet_file, lambda path: contact_sheet(video, path))
