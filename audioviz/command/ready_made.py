"""`audioviz ls`, `cp` and `run`: the ready-made schedules and pipelines."""

import sys

import click

from audioviz.command.options import FilePath
from audioviz.errors import AudiovizError, InputError


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
@click.argument("file", type=FilePath(), required=False)
def cp(name, file) -> None:
    """Copy a ready-made schedule or pipeline to FILE, to change it."""
    from audioviz.shelf import copy_out

    click.echo(copy_out(name, file))


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("pipeline")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(pipeline, arguments) -> None:
    """Run a ready-made PIPELINE or a file of your own.

    `audioviz ls` lists the ready-made ones. What follows PIPELINE is for it: `audioviz run PIPELINE --help`.
    """
    import runpy

    from audioviz.shelf import beside, fault, find, names

    path = find("pipelines", pipeline)
    try:
        if pipeline in names("pipelines"):
            defined = runpy.run_path(str(path)).values()
            command = next(value for value in defined if isinstance(value, click.Command))
            command.main(list(arguments), prog_name=f"audioviz run {pipeline}")
            return
        sys.argv = [str(path), *arguments]
        with beside(path):
            runpy.run_path(str(path), run_name="__main__")
    except (click.ClickException, click.exceptions.Abort, click.exceptions.Exit, AudiovizError):
        raise
    except Exception as error:
        raise InputError(fault(path, error)) from error
