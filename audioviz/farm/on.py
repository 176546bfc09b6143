"""Where films are made: `here`, `local:N`, `ray` or `ray://HOST:PORT`."""

import os
import re
import shutil
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from audioviz.errors import InputError
from audioviz.farm.farm import Outcome, Watcher, make_films
from audioviz.farm.films import Film, FilmPlan
from audioviz.farm.joining import join_film
from audioviz.farm.local import LocalRunner
from audioviz.farm.runner import Runner
from audioviz.farm.store import Store

FOLDER = "audioviz-store"  # beside the videos, where no other place is named
MOST_LOCAL = 256


@dataclass(frozen=True)
class On:
    """Who makes films: so many processes of this machine, or the workers of a Ray cluster.

    Parameters
    ----------
    local : int
        0 where it is Ray.
    address : str
        Of the cluster; empty is the one that this machine belongs to.
    """

    local: int = 0
    address: str = ""


def read_on(text: str) -> On | None:
    """What a text names; None is this process.

    Raises
    ------
    InputError
        If it names nothing.
    """
    if text == "here":
        return None
    if text == "ray" or re.fullmatch(r"ray://\S+:\d+", text):
        return On(address=text.removeprefix("ray") and text)
    found = re.fullmatch(r"local:(\d{1,4})", text)
    if not found or not 1 <= int(found[1]) <= MOST_LOCAL:
        raise InputError(
            f"--on {text}: expected here, local:N with N workers from 1 to {MOST_LOCAL}, ray, or ray://HOST:PORT"
        )
    return On(local=int(found[1]))


def make_on(
    on: On,
    films: Sequence[Film],
    *,
    store: str,
    watcher: Watcher,
    made: Callable[[int], None] = lambda number: None,
) -> list[Outcome]:
    """Make films by the workers that are named.

    Parameters
    ----------
    store : str
        Where pieces are kept: a folder, or a URL.
    made : function of the number of a film
        Called when its video is there, in a thread.

    Raises
    ------
    InputError
        If something cannot be made by others.
    AudiovizError
        If there is no worker left, or the store stays away.
    """
    for film in films:
        if film.project.look.batch > 1:
            raise InputError(
                f"--batch {film.project.look.batch}: workers sample the stretches between cuts beside each other; "
                "leave it out, or give --on here"
            )
    place = Store(store)

    def join(number: int, plan: FilmPlan) -> None:
        join_film(films[number], plan, place)
        made(number)

    if on.local:
        threads = max(1, _cores() // on.local)
        films = [_with_threads(film, threads) for film in films]
    with closing(_local(on.local, store, watcher) if on.local else _ray(on.address, store, films)) as runner:
        return make_films(films, runner, place, join=join, watcher=watcher)


def _local(count: int, store: str, watcher: Watcher) -> LocalRunner:
    if count > _cores():
        watcher.said(f"{count} workers share {_cores()} cores: more of them than cores make nothing quicker")
    return LocalRunner(count, store, devices=_gpus())


def _ray(address: str, store: str, films: Sequence[Film]) -> Runner:
    from audioviz.farm.on_ray import RayRunner  # which needs Ray

    return RayRunner(address, store, [film.project for film in films])


def _cores() -> int:
    """That this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # which some systems lack
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _gpus() -> list[str]:
    """The names of the GPUs of this machine, if there are several; torch finds a single one by itself."""
    if not any(map(shutil.which, ("nvidia-smi", "rocm-smi"))):  # torch takes seconds to load
        return []
    import torch

    count = torch.cuda.device_count()
    return [f"cuda:{i}" for i in range(count)] if count > 1 else []


def _with_threads(film: Film, threads: int) -> Film:
    """The film with its share of the cores, if it asks for none."""
    return film if film.project.look.threads else replace(film, project=film.project.changed(threads=threads))
