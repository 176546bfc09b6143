"""`audioviz batch`: the films of a plan file, such as those of an album."""

import click

from audioviz.command.making import Ways, farm_options, make_videos
from audioviz.command.options import FilePath, options, trust_option


@click.command()
@click.argument("plan", metavar="PLAN.yaml", type=FilePath())
@options(*farm_options, trust_option)
@click.option("--dry-run", is_flag=True, help="Show the plan of each film, and make nothing.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def batch(plan, on, store, json_progress, trust, dry_run, quiet) -> None:
    """Make all films of PLAN, a YAML file, with what they share."""
    from audioviz.command.render import make_folder
    from audioviz.farm.drafts import check_settings
    from audioviz.farm.plan_file import read_plan
    from audioviz.rendering.check import check_finish, check_folder, check_outputs, check_project

    ways = Ways.of(on, store, json_progress=json_progress, quiet=quiet)
    films = read_plan(plan, trust=trust)
    folders = dict.fromkeys(film.out.parent for film in films)
    check_outputs([film.out for film in films], [film.project for film in films])
    for folder in folders:
        check_folder(folder)
    for film in films:
        check_project(film.project, out=film.out if film.out.parent.is_dir() else None)
        check_finish(film.project, out=film.out)
    check_settings([film.project for film in films])
    if dry_run:
        from audioviz.command.dry_run import describe_render

        for film in films:
            click.echo(describe_render(film.project, out=film.out))
        return
    for folder in folders:
        make_folder(folder)
    make_videos(films, ways)
