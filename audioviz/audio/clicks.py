"""A click track over the song, to judge the beat grid by ear."""

import math
from bisect import bisect_left
from collections import Counter
from contextlib import closing
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from audioviz.audio.reading.blocks import part
from audioviz.audio.reading.decode import check_unchanged, open_stream
from audioviz.errors import InputError

if TYPE_CHECKING:
    from audioviz.audio.song import Song

_SONG, _CLICK = 0.5, 0.45  # of full scale: together they stay below it
_HZ = {False: 1000.0, True: 2000.0}  # of a beat, of a downbeat
_FALL = 0.012  # seconds in which a click dies away to a third
_SECONDS = 0.06
_SYSTEM = 2  # libsndfile's code for an error of the system: the file was open, so the disk is full


def write_clicks(song: "Song", path: str | Path) -> None:
    """Write the analysed part of a song, at its own rate and with all its channels, with a tick at each beat.

    A downbeat's is an octave higher. The song is read and written in blocks, so that its length takes no memory.

    Parameters
    ----------
    path : str or Path
        A `.wav` or `.flac` file, which appears under its name when it is whole.

    Raises
    ------
    InputError
        If the name ends otherwise, or the song is no longer what was analysed.
    OSError
        If the file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in (".wav", ".flac"):
        raise InputError(f"{path}: a click track is written as .wav or .flac")
    check_unchanged(song.path, song.sha256)
    part = path.with_name(f".{path.name}.part")
    try:
        part.open("wb").close()  # libsndfile would not say why it cannot
        _write(song, part, path.suffix[1:].upper())
        part.replace(path)
    except soundfile.LibsndfileError as error:
        if error.code == _SYSTEM:
            raise InputError(f"{path}: cannot be written: make room on its disk") from error
        raise InputError(
            f"{path}: {song.rate} Hz in {song.channels} channels cannot be written so: try .wav"
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _write(song: "Song", path: Path, kind: str) -> None:
    clicks = _clicks(song)
    stream = open_stream(song.path)
    first, written = round((song.start + song.before) * stream.rate), 0
    last = first + math.floor(song.duration * stream.rate + 0.5)
    sound = part(stream.blocks, first, last, Counter(), channels=stream.channels)
    with (
        closing(stream.blocks),
        soundfile.SoundFile(path, "w", song.rate, song.channels, format=kind, subtype="PCM_16") as out,
    ):
        for block in sound:
            ticks = _click_track(clicks, written, written + len(block))
            out.write(_SONG * np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0) + ticks[:, None])
            written += len(block)


def _clicks(song: "Song") -> list[tuple[int, np.ndarray]]:
    """The first sample and the sound of each click, in order; all are as long."""
    t = np.arange(round(_SECONDS * song.rate)) / song.rate
    sounds = {strong: _CLICK * np.sin(2 * np.pi * hz * t) * np.exp(-t / _FALL) for strong, hz in _HZ.items()}
    strong = np.isin(song.beats.seconds, song.downbeats.seconds)
    return [(round(at * song.rate), sounds[bool(high)]) for at, high in zip(song.beats.seconds.tolist(), strong)]


def _click_track(clicks: list[tuple[int, np.ndarray]], begin: int, end: int) -> np.ndarray:
    """The clicks between two samples of the part: float64, shape (end - begin,).

    `librosa.clicks` makes them for the whole song at once, in twice the time, and in memory that grows with the song.
    """
    ticks, longest = np.zeros(end - begin), len(clicks[0][1]) if clicks else 0
    near = (bisect_left(clicks, sample, key=itemgetter(0)) for sample in (begin - longest, end))
    for at, sound in clicks[slice(*near)]:
        piece = sound[max(0, begin - at) : end - at]
        place = max(0, at - begin)
        ticks[place : place + len(piece)] += piece
    return ticks
