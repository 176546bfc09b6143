"""Making the videos of a command, here one after the other or by workers, and what is told meanwhile."""

import sys
from collections.abc import Callable, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import click

from audioviz.command.output import emit, say, speak_json, write_above_bars
from audioviz.errors import AudiovizError, InputError

if TYPE_CHECKING:
    from audioviz.farm.films import Film
    from audioviz.farm.on import On

farm_options = (
    click.option(
        "--on",
        default="here",
        show_default=True,
        metavar="here|local:N|ray|ray://HOST:PORT",
        help="Who makes it: this process, N processes of this machine, or the workers of a Ray cluster.",
    ),
    click.option(
        "--store",
        metavar="DIR|URL",
        help="Where workers keep what they make: a folder, or s3://BUCKET/FOLDER; audioviz-store beside the videos if "
        "not given.",
    ),
    click.option("--json-progress", is_flag=True, help="Tell how far it is as lines of JSON, for programs."),
)
End = Callable[["Film", AudiovizError | None], None]


@dataclass(frozen=True)
class Ways:
    """How videos are made.

    Parameters
    ----------
    on : On, optional
        Workers; None is this process.
    store : str, optional
        Where those keep what they make.
    """

    on: "On | None"
    store: str | None
    json_progress: bool
    quiet: bool

    @classmethod
    def of(cls, on: str, store: str | None, *, json_progress: bool, quiet: bool) -> "Ways":
        """What was typed.

        Raises
        ------
        InputError
            If it does not go together.
        """
        if json_progress:
            speak_json()
        if on == "here":
            if store:
                raise InputError(f"--store {store}: it is for workers; give --on local:2, or leave it out")
            return cls(None, None, json_progress, quiet)
        from audioviz.farm.on import read_on

        return cls(read_on(on), store, json_progress, quiet)


def make_videos(films: Sequence["Film"], ways: Ways, *, resume: bool = True, keep_work: bool = False) -> None:
    """Make videos and print their names; one that fails does not stop the others, but shows at the end.

    Raises
    ------
    AudiovizError
        If the only one fails, or nothing can go on.
    """
    songs = [film.project.song.path for film in films]
    failed: list[str] = []

    def end(film: "Film", error: AudiovizError | None) -> None:
        if error is None:
            write_above_bars(str(film.out), sys.stdout)
        elif len(films) == 1:
            raise error
        else:
            name = film.project.song.path if songs.count(film.project.song.path) == 1 else film.out
            say(f"{name} failed: {error}")
            failed.append(name.name)

    if ways.on is None:
        _make_here(films, ways, end=end, resume=resume, keep_work=keep_work)
    elif not resume:
        raise InputError("--no-resume: it goes with --on here; with workers name another --store, or remove that")
    else:
        make_by_workers(films, ways, end=end)
    if len(films) > 1:
        done = f"{len(films) - len(failed)} of {len(films)} songs rendered"
        say(done + (f"; failed: {', '.join(failed)}" if failed else ""))
    if failed:
        sys.exit(2)


def make_by_workers(
    films: Sequence["Film"], ways: Ways, *, end: End, made: Callable[[int], None] = lambda number: None
) -> None:
    """Make videos by workers.

    Parameters
    ----------
    end : function of a film and what went wrong with it, called as soon as that is known
    made : function of the number of a film, called before when its video is there, in a thread

    Raises
    ------
    AudiovizError
        If nothing can go on.
    """
    from audioviz.command.json_progress import JsonProgress
    from audioviz.farm.on import FOLDER, make_on
    from audioviz.farm.progress import Bars, Progress

    assert ways.on is not None
    store = ways.store or str(films[0].out.parent / FOLDER)
    with closing(Bars(shown=not ways.quiet and not ways.json_progress)) as bars:
        progress = Progress(
            [film.out.name for film in films],
            show=JsonProgress().show if ways.json_progress else bars.show,
            say=say,
            end=lambda outcome: _end(outcome.film, outcome.error, ways, end),
        )
        make_on(ways.on, films, store=store, watcher=progress, made=made)
    if not ways.store:
        say(f"{store} keeps what workers made, for edits and for the same command: delete it when you are done")


def _make_here(films: Sequence["Film"], ways: Ways, *, end: End, resume: bool, keep_work: bool) -> None:
    from audioviz.command.json_progress import JsonBar
    from audioviz.rendering.render import load_model_of, render_project

    load = lru_cache(maxsize=1)(load_model_of)
    for film in films:
        error = None
        with closing(JsonBar(film.out.name)) if ways.json_progress else nullcontext(not ways.quiet) as progress:
            try:
                render_project(
                    film.project, out=film.out, load=load, resume=resume, keep_work=keep_work, progress=progress
                )
            except AudiovizError as failed:
                error = failed
        _end(film, error, ways, end)


def _end(film: "Film", error: AudiovizError | None, ways: Ways, end: End) -> None:
    """Tell what became of a film."""
    if ways.json_progress:
        emit("film", path=str(film.out), error=str(error) if error else None)
    end(film, error)
