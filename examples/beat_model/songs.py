"""What is learned from and what judges: every song as a job for the pool, split by piece and by sound."""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import soxr

from beat_model.compose import compose
from beat_model.drumkits import RATE
from beat_model.found_band import set_tune
from beat_model.found_midi import midi_songs
from beat_model.found_modules import Heard as Module
from beat_model.found_modules import module_songs
from beat_model.found_songs import hydrogen_songs, lmms_songs
from beat_model.found_tunes import tunes
from beat_model.render import Played, damaged, play
from beat_model.score import Score
from beat_model.styles import HARD

Job = tuple[Callable[..., Played], tuple]
COMPOSED, COMPOSED_JUDGES = 700, 40
HARDS, HARD_JUDGES = 350, 28  # of the styles that are hard to hear
VARIATIONS = 3  # of each piece that was found
TUNES = 150
JUDGES = 8  # one of so many pieces judges
LONGEST = 100.0  # seconds of a piece that was found


def jobs(judge: bool) -> dict[str, Job]:
    """Songs to learn from, or those that judge: by name, how each is made."""
    first, count = (100_000, COMPOSED_JUDGES) if judge else (0, COMPOSED)
    made: dict[str, Job] = {f"composed-{seed}": (play_composed, (seed, judge)) for seed in range(first, first + count)}
    count = HARD_JUDGES if judge else HARDS
    made |= {f"hard-{seed}": (play_composed, (seed, judge, hard(seed))) for seed in range(first, first + count)}
    for score in found_scores():
        if is_judge(score.name) == judge:
            for variation in range(1 if judge else VARIATIONS):
                made[f"{score.name.replace('/', '-')}-{variation}"] = (play_found, (score, variation, judge))
    if not judge:
        for module in module_songs():
            for variation in range(VARIATIONS):
                made[f"{module.name.replace('/', '-')}-{variation}"] = (play_module, (module, variation))
    return made


def found_scores() -> Iterator[Score]:
    """Every song of OpenMSX, Freedoom, Hydrogen and LMMS, and folk tunes set for a band: one in three is of Essen's."""
    yield from midi_songs()
    yield from hydrogen_songs()
    yield from lmms_songs()
    rng = np.random.default_rng(0)
    books: tuple[list[Score], list[Score]] = ([], [])
    for tune in tunes():
        books["essen" in tune.name].append(tune)
    for count, chosen in ((TUNES - TUNES // 3, books[0]), (TUNES // 3, books[1])):
        for place in rng.permutation(len(chosen))[:count]:
            yield set_tune(chosen[place], int(rng.integers(2**31)))


def judges() -> Iterator[tuple[Score, int]]:
    """The pieces that judge, and a seed for each."""
    for seed in range(100_000, 100_000 + COMPOSED_JUDGES):
        yield compose(seed), seed
    for score in found_scores():
        if is_judge(score.name):
            yield (
                excerpt(score, np.random.default_rng(zlib.crc32(score.name.encode()))),
                zlib.crc32(score.name.encode()),
            )


def is_judge(name: str) -> bool:
    """Whether a piece is kept for judging."""
    return zlib.crc32(name.encode()) % JUDGES == 0


def hard(seed: int) -> str:
    """Each of the styles that are hard to hear, in turn."""
    return HARD[seed % len(HARD)]


def play_composed(seed: int, judge: bool, style: str | None = None) -> Played:
    """A composed piece."""
    return play(compose(seed, style=style), np.random.default_rng([seed, 1]), judge=judge)


def play_found(score: Score, variation: int, judge: bool) -> Played:
    """A part of a piece that was found, at another tempo and pitch each time."""
    rng = np.random.default_rng([zlib.crc32(score.name.encode()), variation])
    return play(excerpt(score, rng), rng, judge=judge, stretch=0.2)


def play_module(module: Module, variation: int) -> Played:
    """A tracker module as it sounds, with other damage each time."""
    samples = damaged(soxr.resample(module.audio, 44_100, RATE), np.random.default_rng([variation, len(module.beats)]))
    return Played(samples, module.beats, module.downbeats, None, (module.beats[0] - 0.3, module.beats[-1]))


def excerpt(score: Score, rng: np.random.Generator, *, seconds: float = LONGEST) -> Score:
    """So much of a long score, from a beat on that is drawn."""
    begin, end = score.from_beat, score.to_beat or len(score.seconds)
    if score.seconds[end - 1] - score.seconds[begin] > seconds:
        last_start = int(np.searchsorted(score.seconds, score.seconds[end - 1] - seconds))
        begin = int(rng.integers(begin, max(begin + 1, last_start)))
        end = min(end, int(np.searchsorted(score.seconds, score.seconds[begin] + seconds)))
    notes = [
        replace(note, at=note.at - begin, length=min(note.length, end - 1 - note.at))
        for note in score.notes
        if begin <= note.at < end - 1
    ]
    downbeats = score.downbeats[(score.downbeats >= begin) & (score.downbeats < end)] - begin
    times = score.seconds[begin:end] - score.seconds[begin]
    return replace(score, notes=notes, seconds=times, downbeats=downbeats, from_beat=0, to_beat=None)
