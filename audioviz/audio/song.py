"""Song: what a schedule knows of the music. Curves on the clock, events in frames and seconds, tempo."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

import numpy as np

from audioviz.audio.sections import Sections
from audioviz.clock import Clock
from audioviz.curve import Curve
from audioviz.errors import InputError


@dataclass(frozen=True, eq=False)
class Events:
    """Moments in the music, in order: a sequence of frame numbers that can be sliced.

    Parameters
    ----------
    frames : int64, shape (n,)
        The frame of each event; at a low fps two events may share one.
    seconds : float64, shape (n,)
        Exact times, from the start of the analysed part.
    clock : Clock
    strength : float64 in [0, 1], shape (n,)
        How hard each drum is hit; 1 for all other events.
    """

    frames: np.ndarray
    seconds: np.ndarray
    clock: Clock
    strength: np.ndarray

    @classmethod
    def at(cls, seconds: np.ndarray, clock: Clock, strength: np.ndarray | float = 1.0) -> "Events":
        """Events at these seconds, each on its nearest frame."""
        seconds = np.asarray(seconds, np.float64).reshape(-1)
        return cls(clock.seconds_to_frame(seconds), seconds, clock, np.broadcast_to(strength, seconds.shape))

    def __len__(self) -> int:
        return len(self.frames)

    def __iter__(self) -> Iterator[int]:
        return iter(self.frames.tolist())

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: "slice | np.ndarray | Sequence[int]") -> "Events": ...
    def __getitem__(self, index: "int | slice | np.ndarray | Sequence[int]") -> "int | Events":
        """A frame number for an int; Events for a slice, a mask or an array of positions."""
        frames = self.frames[index]
        return (
            int(frames)
            if np.ndim(frames) == 0
            else Events(frames, self.seconds[index], self.clock, self.strength[index])
        )

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.array(self.frames, dtype=dtype) if copy else np.asarray(self.frames, dtype=dtype)


ON_DEMAND = ("hue", "loudness", "flux", "pitch", "voiced", "silence")  # curves that are heard when they are asked for


class Stems(dict[str, "Song"]):
    """Stems by name; an unknown name lists the known ones."""

    def __missing__(self, name: str) -> "Song":
        known = ", ".join(self) or "none; give files with stems={'drums': 'drums.wav'} or --stem drums=drums.wav"
        raise InputError(f"no stem {name!r}: the song has {known}")


@dataclass(frozen=True, eq=False)
class Song:
    """One song, or the part of it that was asked for. Curves are attributes too: `song.low` is `song.curves["low"]`.

    Parameters
    ----------
    path : Path
    sha256 : str
        Of the bytes of the file.
    rate, channels : int
        Of the file; rate in Hz.
    start : float
        Where the analysed part begins in the file, seconds.
    duration : float
        Length of the analysed part, seconds.
    clock : Clock
        The T frames.
    tempo : float
        Beats a minute; 0.0 where no beat was found.
    tempo_confidence : float in [0, 1]
        How likely the tempo is right.
    other_tempi : tuple of float
        What else it may be, the likelier first; empty where it is sure.
    beats_per_bar : int
        4 where there is nothing to tell by.
    beats, downbeats, onsets : Events
        Downbeats are those beats that begin a bar.
    kicks, snares, hats : Events
        Drums, each with its `strength`.
    sections : Sections
        The parts of the song; one for a song that is all alike.
    curves : mapping of name to Curve, values in [0, 1]
        rms; onset; kick, snare, hat; low, mid, high; percussive, harmonic; brightness. All zeros for silence.
    waveform : float32, shape (2, points)
        Lowest and highest sample of equal stretches of the analysed part, for plots.
    notes : tuple of str
        What the user should be told about the file.
    cache : bool
        Whether what is listened for later is kept between runs.
    stems : Stems
        Songs by name, each a part of this one alone. Beats, bars and sections are those of the whole.

    What costs more listening is an attribute too, and is heard when it is first asked for:

    chroma : 12 curves from C to B, how strong each note is, in [0, 1]
    hue : the strongest note as an angle in [0, 1) that turns smoothly from C and rests in silence
    pitch : Hz, held where there is none, 0 before all; voiced : in [0, 1], how surely there is one
    loudness : momentary loudness, LUFS, -70 for silence
    flux : in [0, 1], how quickly the spectrum changes
    silence : 1 where nothing sounds, else 0
    """

    path: Path
    sha256: str
    rate: int
    channels: int
    start: float
    duration: float
    clock: Clock
    tempo: float
    tempo_confidence: float
    other_tempi: tuple[float, ...]
    beats_per_bar: int
    beats: Events
    downbeats: Events
    onsets: Events
    kicks: Events
    snares: Events
    hats: Events
    sections: Sections
    curves: Mapping[str, Curve]
    waveform: np.ndarray
    notes: tuple[str, ...]
    cache: bool = True
    stems: Stems = field(default_factory=Stems)

    def band(self, low: float, high: float) -> Curve:
        """The level of what lies between two frequencies, Hz: in [0, 1] like `low`, `mid` and `high`."""
        from audioviz.audio.hearing.on_demand import band

        return band(self, low, high)

    def mel(self, bands: int) -> tuple[Curve, ...]:
        """The levels of so many bands from low to high, spaced as the ear hears: each in [0, 1]."""
        from audioviz.audio.hearing.on_demand import mel

        return mel(self, bands)

    def __getattr__(self, name: str) -> Any:  # a Curve, or of chroma a tuple of them
        curves = self.__dict__.get("curves", {})
        if name in curves:
            return curves[name]
        if name in ON_DEMAND or name == "chroma":
            from audioviz.audio.hearing.on_demand import measure

            self.__dict__.update(measure(self, name))
            return self.__dict__[name]
        known = [*curves, *ON_DEMAND, "chroma", "band", "mel", *self.__dataclass_fields__]
        raise AttributeError(f"a song has no {name!r}: it has {', '.join(known)}")
