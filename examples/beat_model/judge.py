"""How well beats, bars and drums are heard: every set of songs, mean and worst, in one table."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
import soxr
import synth
from grid_songs import GridSong, draw, usual
from mir_eval.beat import continuity, f_measure, trim_beats
from mir_eval.onset import f_measure as hits_f_measure

from audioviz.audio.hearing.analysis import Analysis, analyse
from audioviz.audio.reading.blocks import RATE as HEARD_RATE
from beat_model.drumkits import RATE
from beat_model.render import Played, play
from beat_model.score import Note, Part, Score
from beat_model.songs import HARD_JUDGES, hard, judges, play_composed

HIT = 0.05  # seconds between a hit and what is heard of it


@dataclass(frozen=True, eq=False)
class Case:
    """A song to judge by: mono samples at a rate, and its truth in seconds; what is None or empty is not known."""

    name: str
    samples: np.ndarray
    rate: int
    beats: np.ndarray
    downbeats: np.ndarray | None = None
    drums: dict[str, np.ndarray] | None = None


def real_songs(folder: Path) -> Iterator[Case]:
    """Songs with a JSON of `beats` and `downbeats` beside each."""
    for path in sorted(folder.glob("*.json")):
        truth = json.loads(path.read_text())
        song = next(file for file in folder.glob(f"{path.stem}.*") if file.suffix != ".json")
        samples, rate = soundfile.read(song, dtype="float32", always_2d=True)
        downbeats = np.array(truth["downbeats"]) if truth.get("downbeats") else None
        yield Case(path.stem, samples.mean(axis=1), rate, np.array(truth["beats"]), downbeats)


def swung(seed: int) -> Case:
    """A shaker on and off the beat over kick and rim, at any tempo and swing, in ramps too."""
    rng = np.random.default_rng([seed, 7])
    bpm, swing, bars = rng.uniform(70, 190), rng.uniform(0.55, 0.7), 24
    ramp = 1 + rng.choice((0, 0, -0.2, 0.2)) * np.linspace(0, 1, 4 * bars)
    seconds = np.concatenate([[0], np.cumsum(60 / (bpm * ramp))])
    notes = []
    for beat in range(4 * bars):
        notes.append(Note(beat, 0.25, 37 if beat % 2 else 36, 100, 0))
        notes += [Note(beat + at, 0.1, 70, int(rng.integers(70, 110)), 0) for at in (0, swing)]
        if seed % 2 and beat % 4 == 0:
            notes.append(Note(beat, 3.5, int(rng.choice((36, 41, 43))), 90, 1))
    score = Score([Part(0, drums=True), Part(33)], notes, seconds, np.arange(0, 4 * bars, 4), f"swung {bpm:.0f}")
    return _case(score.name, play(score, rng, judge=True))


def grid(make: Callable[[int], GridSong], seed: int) -> Case:
    """A song of `grid_songs.py`."""
    song = make(seed)
    return Case(f"{seed}", song.samples, synth.RATE, song.beats, song.downbeats)


def unlearned(alone: bool) -> Iterator[Case]:
    """Songs with drums whose piece and sounds were never learned from: the drums alone, or the whole."""
    for score, seed in judges():
        if alone:
            notes = [note for note in score.notes if score.parts[note.part].drums]
            score = Score(score.parts, notes, score.seconds, score.downbeats, score.name)
        if any(score.parts[note.part].drums for note in score.notes):
            yield _case(score.name, play(score, np.random.default_rng(seed), judge=True))


def hard_songs() -> Iterator[Case]:
    """Songs of the styles that are hard to hear, with sounds that were never learned from."""
    for seed in range(100_000, 100_000 + HARD_JUDGES):
        yield _case(f"{hard(seed)} {seed}", play_composed(seed, True, hard(seed)))


def _case(name: str, played: Played) -> Case:
    downbeats = played.downbeats if len(played.downbeats) else None
    return Case(name, played.samples, RATE, played.beats, downbeats, played.drums)


def sets(folder: Path | None, count: int) -> dict[str, Iterable[Case]]:
    """Every set by name, each with so many songs where they are drawn."""
    kinds = {name: partial(usual, kind=name) for name in ("steady", "ramp", "syncopated hats", "drums alone")}
    kinds |= {f"tempo {name}": partial(draw, tempi=name) for name in ("steps", "rubato")}
    found: dict[str, Iterable[Case]] = {"real": real_songs(folder)} if folder else {}
    found["swung"] = map(swung, range(count))
    found |= {name: map(partial(grid, make), range(5000, 5000 + count)) for name, make in kinds.items()}
    return found | {
        "unlearned drums": unlearned(alone=True),
        "unlearned mixes": unlearned(alone=False),
        "hard": hard_songs(),
    }


def judge(cases: Iterable[Case], *, each: bool = False) -> dict[str, float]:
    """Means over the songs, and the worst beats: `F`, `worst`, `AMLt`, `down`, `kick`, `snare`, `hat`, and how many."""
    rows = []
    for case in cases:
        heard = analyse([soxr.resample(case.samples, case.rate, HEARD_RATE)])
        rows.append(scores(case, heard))
        if each:
            print(
                f"  {case.name[:40]:40} {heard.tempo:6.1f} {heard.tempo_confidence:.2f} {_line(rows[-1])}", flush=True
            )
    names = dict.fromkeys(name for row in rows for name in row)
    found = {name: float(np.mean([row[name] for row in rows if name in row])) for name in names}
    return found | {"worst": min(row["F"] for row in rows), "songs": len(rows)}


def scores(case: Case, heard: Analysis) -> dict[str, float]:
    """How well one song is heard."""
    want, have = trim_beats(case.beats), trim_beats(heard.beats)
    found = {"F": 0.0, "AMLt": 0.0}
    if len(want) > 1 and len(have) > 1:
        found = {"F": f_measure(want, have), "AMLt": continuity(want, have)[3]}
    if case.downbeats is not None:
        found["down"] = f_measure(trim_beats(case.downbeats), trim_beats(heard.downbeats))
    for drum, truth in (case.drums or {}).items():
        if drum in heard.drums and len(truth):
            hits = heard.drums[drum][0]
            if drum == "hat":  # what may be taken for one is neither right nor wrong
                hits = hits[~_near(hits, case.drums["unsure"]) | _near(hits, truth)]
            found[drum] = hits_f_measure(truth, hits, window=HIT)[0]
    return found


def _near(hits: np.ndarray, others: np.ndarray) -> np.ndarray:
    if not len(others) or not len(hits):
        return np.zeros(len(hits), bool)
    return np.abs(hits[:, None] - others).min(axis=1) <= HIT


def _line(row: dict[str, float]) -> str:
    return "  ".join(f"{name} {value:.2f}" for name, value in row.items())


def report(folder: Path | None, count: int, *, each: bool = False, only: str = "") -> None:
    """Print a line for every set."""
    for name, cases in sets(folder, count).items():
        if only in name:
            print(f"{name:18} {_line(judge(cases, each=each))}", flush=True)
