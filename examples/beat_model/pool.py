"""The pool of songs to learn from: each is rendered once, heard by the one transform, and kept as steps with truth."""

import zlib
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import soxr

from audioviz.audio.hearing.activations import STEPS_PER_SECOND, log_mel
from audioviz.audio.hearing.spectrum import transform
from audioviz.audio.reading.blocks import RATE as HEARD_RATE
from beat_model.drumkits import RATE
from beat_model.render import Played

EVENTS = ("beats", "downbeats", "kick", "snare", "hat", "unsure")
_CENTRE = 0.25  # of a step: where its two hops are centred


@dataclass(frozen=True, eq=False)
class Heard:
    """A song of the pool.

    Parameters
    ----------
    steps : float16, shape (T, 80)
        What the network is shown.
    events : dict of name to float64
        Places of each of `EVENTS`, counted in steps.
    known : tuple of str
        Those that are known at all.
    clear : (first, last)
        Steps in which they are.
    """

    steps: np.ndarray
    events: dict[str, np.ndarray]
    known: tuple[str, ...]
    clear: tuple[float, float]


def heard(played: Played) -> Heard:
    """What the network is shown of a played song."""
    spectrum = transform([soxr.resample(played.samples, RATE, HEARD_RATE).astype(np.float32)])
    events = {"beats": played.beats, "downbeats": played.downbeats} | (played.drums or {})
    known = tuple(name for name in events if name != "downbeats" or len(played.downbeats))
    return Heard(
        log_mel(spectrum.mel).astype(np.float16),
        {name: seconds_to_steps(np.asarray(at, float)) for name, at in events.items()},
        known,
        (seconds_to_steps(played.clear[0]), seconds_to_steps(played.clear[1])),
    )


def seconds_to_steps(seconds):
    """Places in the network's steps of moments in a song."""
    return seconds * STEPS_PER_SECOND - _CENTRE


def save(song: Heard, path: Path) -> None:
    """Keep a song; a file is whole or not there."""
    part = path.with_suffix(".part.npz")
    named = {name: song.events.get(name, np.zeros(0)) for name in EVENTS}
    np.savez(part, steps=song.steps, known=np.array(song.known), clear=np.array(song.clear), **named)
    part.replace(path)


def load(path: Path) -> Heard:
    """A song that was kept."""
    with np.load(path) as kept:
        events = {name: kept[name] for name in EVENTS}
        return Heard(kept["steps"], events, tuple(kept["known"].tolist()), tuple(kept["clear"].tolist()))


def songs_in(folder: Path) -> list[Path]:
    """The songs that a folder has, whole."""
    return sorted(path for path in folder.glob("*.npz") if not path.name.endswith(".part.npz"))


def fill(folder: Path, jobs: dict[str, tuple[Callable[..., Played], tuple]], *, processes: int) -> None:
    """Render the songs that are not in a folder yet. Each job is a function and its arguments, by the song's name."""
    folder.mkdir(parents=True, exist_ok=True)
    todo = {name: job for name, job in jobs.items() if not (folder / f"{name}.npz").exists()}
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        mixed = sorted(todo, key=lambda name: zlib.crc32(name.encode()))
        running = [pool.submit(_make, folder / f"{name}.npz", *todo[name]) for name in mixed]
        for done, each in enumerate(as_completed(running), 1):
            if problem := each.exception():
                print(f"skipped: {problem!r}", flush=True)
            if done % 25 == 0:
                print(f"{done} of {len(todo)} songs", flush=True)


def _make(path: Path, play: Callable[..., Played], arguments: tuple) -> None:
    save(heard(play(*arguments)), path)
