"""`audioviz studio`: a page on this machine where a song becomes a film by hand and ear."""

from pathlib import Path

import click

from audioviz.command.options import FilePath
from audioviz.errors import InputError


@click.command()
@click.argument("song", required=False, metavar="[SONG|PROJECT.avz]", type=FilePath())
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Of the address; any that is free if not given.")
@click.option("--no-browser", is_flag=True, help="Print the address, and open no browser.")
@click.option("--trust", is_flag=True, help="Run the schedule script that the project names.")
def studio(song: Path | None, port: int, no_browser: bool, trust: bool) -> None:
    """Open a page where a song becomes a film by hand and ear; what it saves is what `audioviz render` renders."""
    try:
        from audioviz.studio.serve import serve
    except ModuleNotFoundError as error:
        raise InputError(f"the studio needs {error.name}: pip install 'audioviz[studio]'") from error
    from audioviz.project import Project, load_project
    from audioviz.studio.session import Session

    is_project = song is not None and song.suffix.lower() == ".avz"
    project = load_project(song, trust=trust) if song and is_project else Project(song) if song else None
    session = Session(project, path=song if is_project else None)
    serve(session, port=port, open_page=not no_browser, say=click.echo)
