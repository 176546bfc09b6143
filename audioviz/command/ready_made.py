"""`audioviz ls`, `cp` and `run`: the ready-made schedules and pipelines."""

import sys
from pathlib import Path

import click


@click.command()
def ls() -> None:
    """List the ready-made schedules and pipelines."""
    from audioviz.shelf import KINDS, names

    for kind in KINDS:
        click.echo(kind)
        for name, summary in names(kind).items():
            click.echo(f"  {name:12} {summary}")


@click.command()
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path), required=False)
def cp(name, file) -> None:
    """Copy a ready-made schedule or pipeline to FILE, to change it."""
    from audioviz.shelf import copy_out

    click.echo(copy_out(name, file))


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("pipeline")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(pipeline, arguments) -> None:
    """Run a ready-made PIPELINE or a file of your own; what follows is for it."""
    import runpy

    from audioviz.shelf import find

    path = find("pipelines", pipeline)
    sys.argv = [str(path), *arguments]
    runpy.run_path(str(path), run_name="__main__")
