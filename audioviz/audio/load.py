"""load_song: a file becomes a Song."""

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from fractions import Fraction
from itertools import chain
from numbers import Real
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np

from audioviz.audio.hearing.analysis import Analysis, analyse, with_grid
from audioviz.audio.hearing.beat_this import BeatThis
from audioviz.audio.hearing.curves import curves_on_clock
from audioviz.audio.hearing.drums import DRUMS
from audioviz.audio.hearing.grid import Grid
from audioviz.audio.reading.beats_model import beats_model_key, check_beats_model, load_network
from audioviz.audio.reading.blocks import mended, mono, part, resampled, without_offset
from audioviz.audio.reading.cache import cache_key, recall, remember
from audioviz.audio.reading.decode import FORMATS, check_file, open_stream
from audioviz.audio.sections import Sections
from audioviz.audio.song import Events, Song
from audioviz.audio.stems import Facts, with_stems
from audioviz.audio.taps import events_on_clock, pulses, read_events
from audioviz.clock import Clock, read_seconds, to_fps
from audioviz.errors import InputError
from audioviz.files import to_path
from audioviz.timeline import sound_before

_ARRAYS = ("beats", "downbeats", "onsets", "sections", "kinds", "waveform", "pulse", "sound")
_FACTS = ("tempo", "tempo_confidence", "other_tempi", "beats_per_bar")


def load_song(
    path: str | PathLike[str],
    *,
    fps: str | int | float | Fraction = 12,
    start: float | str = 0.0,
    duration: float | str | None = None,
    grid: Grid | float | str = Grid(),
    beats_model: str | Path | None = None,
    stems: Mapping[str, str | Path] | Literal["auto"] | None = None,
    events: Mapping[str, Sequence[float]] | None = None,
    cache: bool = True,
) -> Song:
    """Decode and analyse a song, or a part of it as if there were no more; `part.cut` takes one as it is in the whole.

    Parameters
    ----------
    path : str or Path
        A file that libsndfile or ffmpeg decodes.
    fps : number, str or Fraction
        Frames a second, exact: `24`, `12.5`, `"30000/1001"`.
    start : float >= 0, or text
        Where the part begins in the file: seconds, or `1:30`, `90s`, `96f`.
    duration : float > 0, or text, optional
        Length of the part, as well; by default, and at most, to the end of the file.
    grid : Grid, or its tempo alone, such as `120` or `90-130`
        Corrections of the beat grid, which take no new listening.
    beats_model : "beat_this", or the path of a checkpoint of it, optional
        Have an optional library hear the beats and bars; its weights are fetched when it is used for the first time.
    stems : mapping of name to path, or "auto"
        Files that hold the song's parts alone, such as its drums, placed by the times of their containers; or have an
        optional library separate them. `song.stems["drums"]` is then a song on the same clock.
    events : mapping of name to seconds, optional
        Moments that were tapped by hand, from the start of the part: `song.events["taps"]`, and the curve `song.taps`.
    cache : bool
        Take the analysis from the user's cache folder, or keep it there.

    Raises
    ------
    InputError
        If the file cannot be decoded, the part lies outside it, fps is no frame rate, the grid or the events do not
        fit the song, or the model of the beats cannot be loaded.
    """
    path, fps = to_path("song", path), to_fps(fps)
    if beats_model is not None:
        beats_model = str(to_path("beats_model", beats_model))
    if isinstance(grid, (str, Real)):
        grid = Grid(tempo=grid)
    if not isinstance(grid, Grid):
        raise InputError(f"grid {grid!r:.60}: expected av.Grid, such as grid=av.Grid(tempo='90-130')")
    if not (stems is None or stems == "auto" or isinstance(stems, Mapping)):
        raise InputError(f"stems {stems!r:.60}: expected 'auto', or files by name, such as {{'drums': 'drums.wav'}}")
    moments = read_events(events or {})
    start, duration = _part(start, duration, fps)
    sha256, facts, analysis = _cached_analysis(path, start, duration, cache, beats_model=beats_model)
    if grid != Grid():
        analysis = with_grid(analysis, grid)
    clock = Clock.for_duration(Fraction(facts.samples, facts.rate), fps)
    tapped = events_on_clock(moments, clock, duration=facts.samples / facts.rate)
    curves = curves_on_clock(analysis.series, analysis.drums, clock) | pulses(tapped)
    sections = Sections.at(analysis.sections, analysis.kinds, duration=facts.samples / facts.rate, rms=curves["rms"])
    hits = {drum: Events.at(at, clock, strengths) for drum, (at, strengths) in analysis.drums.items()}
    song = Song(
        path=path,
        sha256=sha256,
        rate=facts.rate,
        channels=facts.channels,
        start=start,
        duration=facts.samples / facts.rate,
        clock=clock,
        tempo=analysis.tempo,
        tempo_confidence=analysis.tempo_confidence,
        other_tempi=analysis.other_tempi,
        beats_per_bar=analysis.beats_per_bar,
        beats=Events.at(analysis.beats, clock),
        downbeats=Events.at(analysis.downbeats, clock),
        onsets=Events.at(analysis.onsets, clock),
        kicks=hits["kick"],
        snares=hits["snare"],
        hats=hits["hat"],
        sections=sections,
        curves=curves,
        waveform=analysis.waveform,
        notes=tuple(f"{path}: {note}" for note in facts.notes),
        cache=cache,
        events=tapped,
    )
    if stems is None:
        return song
    if stems == "auto":
        from audioviz.audio.reading.separate import separated

        stems = separated(path, sha256)
    files = {name: to_path(f"stem {name}", file) for name, file in stems.items()}
    return with_stems(
        song,
        {name: (file, *_cached_analysis(file, start, duration, cache, stem_of=path)) for name, file in files.items()},
    )


def _cached_analysis(
    path: Path,
    start: float,
    duration: float | None,
    cache: bool,
    *,
    stem_of: Path | None = None,
    beats_model: str | Path | None = None,
) -> tuple[str, Facts, Analysis]:
    """The digest of a file, and what is heard in a part of it, from the cache if it is there."""
    check_file(path)
    if beats_model is not None:
        check_beats_model(beats_model)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    before = 0.0 if stem_of is None else float(sound_before(path, stem_of))
    heard_as = () if stem_of is None else ("stem", str(before))
    if beats_model is not None:
        heard_as = ("beats", beats_model_key(beats_model))
    key = cache_key(" ".join([sha256, *heard_as]), start, duration)
    found = _recall(key) if cache else None
    if found is None:
        found = _decode_and_analyse(path, start, before, duration, stem_of is not None, beats_model)
        if cache:
            _remember(key, *found)
    return sha256, *found


def _part(start: float | str, duration: float | str | None, fps: Fraction) -> tuple[float, float | None]:
    """The part that is meant, seconds."""
    start, duration = read_seconds(start, fps), None if duration is None else read_seconds(duration, fps)
    if not (math.isfinite(start) and start >= 0):
        raise InputError(f"start {start:g} s: expected 0 or more seconds into the song")
    if duration is not None and not (math.isfinite(duration) and duration > 0):
        raise InputError(f"duration {duration:g} s: expected more than 0 seconds, or none for the whole song")
    return start, duration


def _decode_and_analyse(
    path: Path, start: float, before: float, duration: float | None, silent_after: bool, beats_model: str | Path | None
) -> tuple[Facts, Analysis]:
    tracker = None if beats_model is None else BeatThis(load_network(beats_model))
    stream = open_stream(path)
    first = round((start + before) * stream.rate)
    last = math.inf if duration is None else first + max(1, round(duration * stream.rate))
    tally: Counter[str] = Counter()
    with closing(stream.blocks):
        blocks = mono(mended(part(stream.blocks, first, last, tally, channels=stream.channels), tally))
        blocks = resampled(without_offset(blocks, stream.rate), stream.rate)
        head = next(blocks, None)
        if head is None and silent_after and tally["decoded"]:
            head, tally["kept"] = np.zeros(1, np.float32), 1
        if head is None:
            raise _nothing_heard(path, start, tally["decoded"] / stream.rate)
        analysis = analyse(chain([head], blocks), tracker=tracker)
    notes = list(stream.notes)
    if tally["damaged"]:
        notes.append(
            f"{tally['damaged']} of its {tally['kept'] * stream.channels} samples are not numbers, "
            "or too large for sound: taken as silence"
        )
    return Facts(stream.rate, stream.channels, tally["kept"], tuple(notes), before), analysis


def _nothing_heard(path: Path, start: float, length: float) -> InputError:
    if length == 0:
        return InputError(f"{path} holds no sound that can be decoded: give a whole {FORMATS} file")
    return InputError(
        f"start {start:g} s is past the end of {path}, which is {length:.2f} s long: give an earlier start"
    )


def _recall(key: str) -> tuple[Facts, Analysis] | None:
    cached = recall(key)
    if cached is None:
        return None
    facts, arrays = cached
    known: dict[str, Any] = {name: facts.pop(name) for name in _FACTS} | {name: arrays.pop(name) for name in _ARRAYS}
    known["other_tempi"] = tuple(known["other_tempi"])  # JSON has lists alone
    facts["notes"] = tuple(facts["notes"])
    drums = {drum: (arrays[drum][0], arrays.pop(drum)[1]) for drum in DRUMS}
    return Facts(**facts), Analysis(series=arrays, drums=drums, **known)


def _remember(key: str, facts: Facts, analysis: Analysis) -> None:
    arrays = {name: getattr(analysis, name) for name in _ARRAYS} | analysis.series
    arrays |= {drum: np.stack(hits) for drum, hits in analysis.drums.items()}
    remember(key, asdict(facts) | {name: getattr(analysis, name) for name in _FACTS}, arrays)
