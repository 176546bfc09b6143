"""Songs assembled of known parts, and how well their form is heard: boundaries and labels against the truth.

    python examples/structure.py [FIRST_SEED [COUNT]]

Each seed makes another song: a form, a tempo, a metre, and parts that differ in drums, chords, bass, texture and lead;
repeated parts are played again, not copied, some with another fill, another melody or one instrument more.
"""

import sys
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import soxr
import synth
from mir_eval.segment import detection, pairwise

from audioviz.audio.hearing.analysis import analyse
from audioviz.audio.reading.blocks import RATE

FORMS = (  # letters are parts, numbers their bars
    "I4 V8 C8 V8 C8 B8 C8 O4",
    "A8 B8 A8 B8",
    "A8 A8 B8 A8",
    "I4 A16 B8 A16 B8",
    "A8 B8 A8 C8 A8",
    "I8 U4 D8 K8 U4 D8 O4",
    "V8 C8 V8 C8 S4 B8 C8",
    "A12 B12 A12",
    "I4 V8 P4 C8 V8 P4 C8 O4",
    "A8 B8 C8 A8 B8 C8",
    "I8 G8 K4 D16 K4 D8",
    "I2 G4 K2 D4 K4 D8 G8 O2",
)
PROGRESSIONS = (
    (0, -4, 3, -2),
    (0, 5, 0, 7),
    (3, 5, 0, 0),
    (0, 0, -4, -5),
    (5, 3, 0, -2),
    (0, 7, 5, 3),
    (-4, -2, 0, 0),
    (0, 2, -2, 0),
)
DRUMS = {
    "none": ((), ()),
    "four": ((0, 1, 2, 3), (1, 3)),
    "rock": ((0, 2), (1, 3)),
    "half": ((0,), (2,)),
    "broken": ((0, 1.5, 2.5), (1, 3)),
    "kicks": ((0, 1, 2, 3), ()),
}


@dataclass(frozen=True)
class Part:
    """What is played in each bar of a part."""

    drums: str
    hats: int  # a beat
    chords: tuple[int, ...]  # roots, semitones above the key, one a bar
    minor: bool
    pad: float
    brightness: float
    plucks: float
    bass: int  # notes a beat
    lead: float
    motif: tuple[tuple[float, int], ...]
    level: float


@dataclass(frozen=True)
class Structured:
    """A song and its truth: samples of shape (n, 2) at `synth.RATE`; sections as (label, start, end) in seconds."""

    samples: np.ndarray
    bpm: float
    beats: np.ndarray
    sections: list[tuple[str, float, float]]


def make(seed: int) -> Structured:
    """The song of a seed."""
    rng = np.random.default_rng(seed)
    form = [(word[0], int(word[1:])) for word in FORMS[seed % len(FORMS)].split()]
    bpm, metre = float(rng.uniform(76, 168)), 3 if seed % 7 == 5 else 4
    key, beat = int(rng.integers(-4, 5)), 60 / bpm
    lead_in = float(rng.choice([0.0, 0.4, 1.7]))
    parts: dict[str, Part] = {}
    for label, _ in form:
        if label not in parts:
            parts[label] = _another(label, list(parts.values()), rng)
    bars = sum(count for _, count in form)
    track = np.zeros((round((lead_in + bars * metre * beat + 1.5) * synth.RATE), 2))
    sections, at = [], lead_in
    for label, count in form:
        part = replace(parts[label], level=parts[label].level * 10 ** (rng.uniform(-1, 1) / 20))
        if rng.random() < 0.3:
            part = replace(part, hats=part.hats + 1 if part.hats else 0, motif=_motif(rng))
        fill = count > 4 and rng.random() < 0.5
        for n in range(count):
            _play_bar(track, part, n, at, beat, metre, key, rng, fill=fill and n == count - 1)
            at += metre * beat
        sections.append((label, at - count * metre * beat, at))
    sections[0] = (sections[0][0], 0.0, sections[0][2])
    return Structured(synth.master(track), bpm, lead_in + np.arange(bars * metre) * beat, sections)


def _another(label: str, others: list[Part], rng: np.random.Generator) -> Part:
    """A part unlike those before: at least three of its traits differ from each; the letter says how full it is."""
    while True:
        quiet = label in "IOKSU"
        part = Part(
            drums=str(rng.choice(["none", "none", "kicks", "half"] if quiet else ["four", "rock", "half", "broken"])),
            hats=int(rng.choice([0, 0, 1] if quiet else [1, 2, 2, 4])),
            chords=PROGRESSIONS[rng.integers(len(PROGRESSIONS))],
            minor=bool(rng.random() < 0.5),
            pad=float(rng.choice([0.1, 0.2, 0.3])),
            brightness=float(rng.choice([0.05, 0.3, 0.7])),
            plucks=float(rng.choice([0.0, 0.2])),
            bass=int(rng.choice([0, 1] if quiet else [1, 2])),
            lead=float(rng.choice([0.0, 0.3, 0.4])),
            motif=_motif(rng),
            level=float(rng.uniform(0.35, 0.7) if quiet else rng.uniform(0.75, 1.0)),
        )
        own, *known = [
            (p.drums, p.hats, (p.chords, p.minor), (p.pad, p.brightness), p.plucks, p.bass, p.lead)
            for p in [part, *others]
        ]
        if all(sum(mine != theirs for mine, theirs in zip(own, other)) >= 3 for other in known):
            return part


def _motif(rng: np.random.Generator) -> tuple[tuple[float, int], ...]:
    return tuple((float(at), int(rng.choice([0, 3, 5, 7, 10, 12]))) for at in np.flatnonzero(rng.random(8) < 0.5) / 2)


def _play_bar(
    track: np.ndarray,
    part: Part,
    bar: int,
    at: float,
    beat: float,
    metre: int,
    key: int,
    rng: np.random.Generator,
    *,
    fill: bool,
) -> None:
    root, length, level = part.chords[bar % 4] + key, metre * beat, part.level
    chord = (57 + root, 57 + root + (3 if part.minor else 4), 64 + root)
    kicks, claps = DRUMS[part.drums]
    if fill:
        claps = (*claps, metre - 1, metre - 0.75, metre - 0.5, metre - 0.25)
    for kick in (k for k in kicks if k < metre):
        synth.place(track, synth.kick(), at + kick * beat, gain=level)
    for clap in (c for c in claps if c < metre):
        synth.place(track, synth.clap(rng), at + clap * beat, gain=0.45 * level, pan=0.1)
    for hat in range(metre * part.hats):
        late = 0.004 * rng.standard_normal()
        loud = 0.16 * level * rng.uniform(0.6, 1)
        synth.place(track, synth.hat(rng), max(0, at + hat * beat / part.hats + late), gain=loud)
    synth.place(track, _pad(chord, length + 0.2, brightness=part.brightness), at, gain=part.pad * level)
    for note in range(metre * part.bass):
        synth.place(
            track, _bass(33 + root % 12, 0.8 * beat / part.bass), at + note * beat / part.bass, gain=0.4 * level
        )
    for pluck in range(2 * metre if part.plucks else 0):
        synth.place(
            track, _pluck(chord[pluck % 3] + 12, beat), at + pluck * beat / 2, gain=part.plucks * level, pan=0.3
        )
    for when, note in part.motif if part.lead else ():
        if when < metre and rng.random() < 0.9:
            synth.place(track, _pluck(69 + key + note, 1.5 * beat), at + when * beat, gain=part.lead * level, pan=-0.2)


_pad, _bass, _pluck = cache(synth.pad), cache(synth.bass), cache(synth.pluck)  # the same notes come again and again


def scores(song: Structured) -> np.ndarray:
    """F of the boundaries within 3 s, of the inner ones alone within 3 s and 0.5 s, and of the labels by pairs."""
    heard = analyse([soxr.resample(song.samples.mean(axis=1), synth.RATE, RATE)])
    end = len(song.samples) / synth.RATE
    truth = _intervals([start for _, start, _ in song.sections], end)
    found = _intervals(heard.sections, end)
    inner = [detection(truth, found, window=window, trim=True)[2] for window in (3.0, 0.5)]
    labels = [label for label, _, _ in song.sections]
    alike = pairwise(truth, labels, found, heard.kinds.tolist())[2]
    return np.array([detection(truth, found, window=3.0)[2], *inner, alike])


def main(first: int, count: int) -> None:
    """Print the figures of so many songs, and their means."""
    rows = []
    for seed in range(first, first + count):
        song = make(seed)
        rows.append(scores(song))
        print(f"{seed:4} {song.bpm:6.1f} bpm  " + "  ".join(f"{value:.2f}" for value in rows[-1]))
    print(
        "boundaries 3 s, inner 3 s, inner 0.5 s, labels:", "  ".join(f"{value:.3f}" for value in np.mean(rows, axis=0))
    )


def _intervals(starts, end: float) -> np.ndarray:
    return np.column_stack([starts, np.append(starts[1:], end)])


if __name__ == "__main__":
    main(*[int(text) for text in [*sys.argv[1:3], *("0", "24")[len(sys.argv) - 1 :]]])
