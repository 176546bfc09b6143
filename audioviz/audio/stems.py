"""Stems: files with the parts of a song alone, heard on the clock of the song."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from audioviz.audio.hearing.analysis import Analysis
from audioviz.audio.hearing.curves import curves_on_clock
from audioviz.audio.song import Events, Song, Stems
from audioviz.errors import InputError

_SLACK = 0.1  # seconds that a stem may be longer or shorter, which coders add and take


@dataclass(frozen=True)
class Facts:
    """What is known of the analysed part of a file besides its analysis: `samples` of it at the file's own `rate`.

    `before` are the seconds of a stem that come before the first sample of the song, below 0 if it begins later.
    """

    rate: int
    channels: int
    samples: int
    notes: tuple[str, ...]
    before: float


def with_stems(song: Song, heard: Mapping[str, tuple[Path, str, Facts, Analysis]]) -> Song:
    """The song with its stems: from name to path, digest, facts and analysis of each.

    Raises
    ------
    InputError
        If a name cannot stand in an expression.
    """
    for name in heard:
        if not (isinstance(name, str) and name.isidentifier()):
            raise InputError(f"stem {name!r}: expected a name of letters, such as drums, bass, vocals or other")
    stems = {name: _stem(song, *found) for name, found in heard.items()}
    notes = [note for stem in stems.values() for note in stem.notes]
    return replace(song, stems=Stems(stems), notes=(*song.notes, *notes))


def _stem(song: Song, path: Path, sha256: str, facts: Facts, analysis: Analysis) -> Song:
    """A stem as a song: its own sound, cut or silent where it does not fit, on the beats and sections of the whole."""
    length = facts.samples / facts.rate
    notes = [f"{path}: {note}" for note in facts.notes]
    if length > song.duration + _SLACK:
        notes.append(f"{path}: {length - song.duration:.2f} s longer than {song.path}: cut to its length")
    if length < song.duration - _SLACK:
        notes.append(f"{path}: {song.duration - length:.2f} s shorter than {song.path}: silent from there on")
    drums = {drum: (at[at < song.duration], hard[at < song.duration]) for drum, (at, hard) in analysis.drums.items()}
    hits = {drum: Events.at(at, song.clock, strengths) for drum, (at, strengths) in drums.items()}
    return replace(
        song,
        path=path,
        sha256=sha256,
        rate=facts.rate,
        channels=facts.channels,
        onsets=Events.at(analysis.onsets[analysis.onsets < song.duration], song.clock),
        kicks=hits["kick"],
        snares=hits["snare"],
        hats=hits["hat"],
        curves=curves_on_clock(analysis.series, drums, song.clock),
        waveform=_fitted(analysis.waveform, song.duration / length),
        notes=tuple(notes),
        before=facts.before,
    )


def _fitted(waveform: np.ndarray, factor: float) -> np.ndarray:
    """Cut, or continued with silence, to so many times its length."""
    points = max(1, round(waveform.shape[1] * factor))
    return np.pad(waveform, ((0, 0), (0, max(0, points - waveform.shape[1]))))[:, :points]
