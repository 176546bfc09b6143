"""A part of a song whose curves, events and sections are those of the whole."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np

from audioviz.audio.sections import Section, Sections
from audioviz.audio.song import Events, Song, Stems
from audioviz.clock import Clock
from audioviz.curve import Curve
from audioviz.errors import InputError

_EVENTS = ("beats", "downbeats", "onsets", "kicks", "snares", "hats")


def part_of(song: Song, *, start: float = 0.0, duration: float | None = None) -> range:
    """The frames of a song that lie in a part of it, at least one.

    Raises
    ------
    InputError
        If the part lies outside the song, or is none.
    """
    if not (math.isfinite(start) and start >= 0):
        raise InputError(f"start {start} s: expected 0 or more seconds into the song")
    if duration is not None and not (math.isfinite(duration) and duration > 0):
        raise InputError(f"duration {duration} s: expected more than 0 seconds, or none for the whole song")
    if start >= song.duration:
        raise InputError(
            f"start {start:g} s is past the end of {song.path}, which is {song.duration:.2f} s long: give an "
            "earlier start"
        )
    first, end = song.clock.seconds_to_frame(start), song.clock.frames
    return range(
        first, end if duration is None else min(end, first + max(1, round(Fraction(duration) * song.clock.fps)))
    )


def liveliest(song: Song, part: range, *, frames: int) -> range:
    """The stretch of a part with the most onset strength, so many frames long, from a downbeat where it has one."""
    frames = min(frames, len(part))
    strength = np.convolve(np.asarray(song.onset)[part.start : part.stop], np.ones(frames), mode="valid")
    bars = np.asarray(song.downbeats) - part.start
    starts = bars[(bars >= 0) & (bars < len(strength))]
    starts = starts if len(starts) else np.arange(len(strength))
    first = part.start + int(starts[np.argmax(strength[starts])])
    return range(first, first + frames)


def cut(song: Song, part: range) -> Song:
    """These frames of a song as a song of their own, whose seconds count from the first of them."""
    clock = Clock(song.clock.fps, len(part))
    begin = float(part.start / clock.fps)
    duration = song.duration - begin if part.stop == song.clock.frames else float(clock.duration)
    points = song.waveform.shape[1] / song.duration
    waveform = song.waveform[:, math.floor(begin * points) : math.ceil((begin + duration) * points)]

    def events(whole: Events) -> Events:
        inside = whole[(whole.frames >= part.start) & (whole.frames < part.stop)]
        return Events(inside.frames - part.start, (inside.seconds - begin).clip(0), clock, inside.strength)

    def section(whole: Section) -> Section:
        first, end = (min(max(frame - part.start, 0), len(part)) for frame in (whole.frames.start, whole.frames.stop))
        return Section(
            max(0.0, whole.start - begin),
            min(duration, whole.end - begin),
            whole.label,
            range(first, end),
            whole.energy,
            clock,
        )

    sections = tuple(section(whole) for whole in song.sections if whole.start < begin + duration and whole.end > begin)
    return replace(
        song,
        start=song.start + begin,
        duration=duration,
        clock=clock,
        waveform=waveform,
        **{name: events(getattr(song, name)) for name in _EVENTS},
        sections=Sections(sections),
        curves={name: Curve(curve.values[part.start : part.stop], clock) for name, curve in song.curves.items()},
        stems=Stems({name: cut(stem, part) for name, stem in song.stems.items()}),
        events={name: events(tapped) for name, tapped in song.events.items()},
    )
