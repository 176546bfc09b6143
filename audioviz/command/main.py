"""The `audioviz` command: mistakes become one line, and each end has its status."""

import errno
import io
import os
import sys
import warnings
from contextlib import suppress

import click

from audioviz.command.batch import batch
from audioviz.command.inspect import analyze, info, schedule
from audioviz.command.output import say, show_warning
from audioviz.command.ready_made import cp, ls, run
from audioviz.command.render import render
from audioviz.command.studio import studio
from audioviz.command.sweep import sweep
from audioviz.errors import AudiovizError, AudiovizWarning, Defect

NO_PLACE = (errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENAMETOOLONG)  # even to ask whether a file is there


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}, invoke_without_command=True
)
@click.version_option(package_name="audioviz")
@click.pass_context
def cli(context: click.Context) -> None:
    """Any song in, a music video out: every frame on the beat."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for command in (render, sweep, batch, studio, analyze, schedule, info, run, ls, cp):
    cli.add_command(command)


def main() -> None:
    """Run the command; exit with 0, 2 after a mistake of the user's, 130 when interrupted, 1 after a defect of ours."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a file or a pipe may lack letters of a name, as on Windows
        sys.stdout.reconfigure(errors="backslashreplace")
    warnings.showwarning = show_warning
    warnings.simplefilter("always", AudiovizWarning)
    try:
        leave(cli.main(standalone_mode=False) or 0)
    except click.ClickException as error:
        say(error.format_message(), event="error")
        leave(2)
    except AudiovizError as error:
        say(str(error), event="error")
        leave(1 if isinstance(error, Defect) else 2)
    except OSError as error:
        if error.errno not in NO_PLACE or error.filename is None:
            raise
        say(f"{error.filename}: {error.strerror}: give a path that can be read", event="error")
        leave(2)
    except (click.exceptions.Abort, KeyboardInterrupt):
        say("interrupted; the same command goes on with a render where it was", event="error")
        leave(130)


def leave(status: int) -> None:
    """Exit at once: all is closed, and taking an interpreter with torch in it apart takes seconds."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # whoever read it has gone
            stream.flush()
    os._exit(status)
