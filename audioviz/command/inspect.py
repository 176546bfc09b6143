"""`audioviz analyze`, `schedule` and `info`: what is heard in a song, planned for it, and was made of it."""

import click

from audioviz.command.options import (
    FilePath,
    duration_option,
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
from audioviz.command.output import save
from audioviz.command.render import save_project


def file_option(name: str, metavar: str = "FILE", text: str | None = None):
    """An option for a file to write."""
    return click.option(name, f"{name[2:]}_file", type=FilePath(), metavar=metavar, help=text)


@click.command()
@song_argument
@options(stem_option, fps_option, start_option)
@duration_option("Show so much of it; all of it is heard.")
@options(*grid_options)
@file_option("--json")
@file_option("--csv")
@file_option("--plot", "FILE.png")
@file_option("--clicks", "FILE.wav", "Write the song with a tick at each beat, a higher one at each downbeat.")
def analyze(song, json_file, csv_file, plot_file, clicks_file, **typed) -> None:
    """Show what is heard in SONG: tempo, beats, bars, onsets, sections, curves."""
    from audioviz.audio.part import cut
    from audioviz.files import check_apart
    from audioviz.insight.report import describe_song
    from audioviz.rendering.check import files_of
    from audioviz.rendering.inputs import part_of_project, song_of

    project = to_project(song, typed)
    check_apart([json_file, csv_file, plot_file, clicks_file], files_of(project))
    heard = song_of(project)
    part = part_of_project(project, heard)
    heard = heard if len(part) == heard.clock.frames else cut(heard, part)
    save(json_file, heard.to_json)
    save(csv_file, heard.to_csv)
    save(plot_file, heard.plot)
    save(clicks_file, heard.to_clicks)
    click.echo(describe_song(heard))


@click.command()
@song_argument
@options(*schedule_options, stem_option, fps_option, start_option)
@duration_option("Show and save so much of it, which `render` takes with the same --start and --duration.")
@options(*grid_options)
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
    from audioviz.files import check_apart
    from audioviz.insight.report import describe_schedule
    from audioviz.rendering.check import check_project, files_of
    from audioviz.rendering.inputs import part_of_project, schedule_of, song_of

    project = to_project(song, typed, trust=trust)
    check_apart([json_file, csv_file, deforum_file, parseq_file, lists_file, plot_file], files_of(project))
    check_project(project)
    heard = song_of(project)
    plan, part = schedule_of(project, heard), part_of_project(project, heard)
    if len(part) < heard.clock.frames:
        from audioviz.audio.part import cut
        from audioviz.schedule.part import cut_schedule

        heard, plan = cut(heard, part), cut_schedule(plan, part)
    save(json_file, plan.to_json)
    save(csv_file, plan.to_csv)
    save(deforum_file, plan.to_deforum)
    save(parseq_file, plan.to_parseq)
    save(lists_file, plan.to_lists)
    save(plot_file, lambda path: plan.plot(path, song=heard))
    if project_file:
        save_project([project], project_file)
    click.echo(describe_schedule(plan))


@click.command()
@click.argument("video", type=FilePath())
@file_option("--sheet", "FILE.png", "Write a contact sheet of the video.")
@click.option("--init", type=FilePath(), metavar="FILE", help="The video that it was made of: tell the warp error.")
def info(video, sheet_file, init) -> None:
    """Show what VIDEO was made of, how well its picture follows its sound, and when it flashes too often."""
    from audioviz.insight.video import Video

    made = Video(video)
    report = made.info()
    click.echo(report)
    if init is not None:
        from audioviz.rendering.warp_error import warp_error

        click.echo(f"warp error along the initial video     {warp_error(made, report.video, init)}")
    save(sheet_file, made.sheet)
