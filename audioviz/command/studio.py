"""`audioviz studio`: a page on this machine where a song becomes a film by hand and ear."""

from pathlib import Path

import click

from audioviz.command.options import FilePath, trust_option
from audioviz.errors import InputError


@click.command()
@click.argument("paths", nargs=-1, metavar="[SONG|PROJECT.avz|FOLDER]...", type=FilePath())
@click.option("--schedule", metavar="NAME|FILE", help="As for render. A script that is named here is run.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Of the address; any that is free if not given.")
@click.option("--no-browser", is_flag=True, help="Print the address, and open no browser.")
@trust_option
def studio(paths: tuple[Path, ...], schedule: str | None, port: int, no_browser: bool, trust: bool) -> None:
    """Open a page where a song becomes a film by hand and ear; what it saves is what `audioviz render` renders.

    The page sees the folder of the song or project, or else this one, and each FOLDER that is given.
    """
    try:
        from audioviz.studio.serve import serve
    except ModuleNotFoundError as error:
        raise InputError(f"the studio needs {error.name}: pip install 'audioviz[studio]'") from error
    from audioviz.audio.reading.decode import check_file
    from audioviz.project import Project, load_project
    from audioviz.studio.places import Places
    from audioviz.studio.session import Session
    from audioviz.studio.trust import Scripts, script_of, terminal

    folders = [path for path in paths if path.is_dir()]
    songs = [path for path in paths if path not in folders]
    if len(songs) > 1:
        raise InputError(f"{songs[1]}: expected one song or project, and folders beside it")
    song = songs[0] if songs else None
    is_project = song is not None and song.suffix.lower() == ".avz"
    project = None
    if song and is_project:
        project = load_project(song)
    elif song:
        check_file(song)
        project = Project(song)
    if schedule and project is None:
        raise InputError(f"--schedule {schedule}: expected a song or a project too")
    if schedule and project:
        project = project.changed(schedule=schedule)
    script = project and script_of(project)
    session = Session(
        project,
        path=song if is_project else None,
        places=Places([*([song.absolute().parent] if song else []), *folders] or [Path.cwd()]),
        scripts=Scripts([script] if script and (trust or schedule) else [], ask=terminal()),
    )
    serve(session, port=port, open_page=not no_browser, say=click.echo)
