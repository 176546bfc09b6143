"""Song: what a schedule knows of the music. Curves on the clock, events in frames and seconds, tempo."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, overload

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from audioviz.audio.sections import Sections
from audioviz.clock import Clock
from audioviz.curve import Curve, to_index
from audioviz.errors import InputError, ScheduleError, nearest, no_attribute, with_article
from audioviz.files import asked_for, text_or_file

if TYPE_CHECKING:
    from PIL.Image import Image

Kind = TypeVar("Kind")


@dataclass(frozen=True, eq=False)
class Events(NDArrayOperatorsMixin):
    """Moments in the music, in order: a sequence of frame numbers that can be sliced.

    They are no numbers to compute with: `frames` and `seconds` are, and `av.curves.at(events, 1.0)` makes a curve.
    A curve chooses among them: `song.beats[song.low > 0.5]`.

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
    def __getitem__(self, index: "slice | Curve | np.ndarray | Sequence[int]") -> "Events": ...
    def __getitem__(self, index: "int | slice | Curve | np.ndarray | Sequence[int]") -> "int | Events":
        """A frame number for an int; Events for a slice, a mask, an array of positions, where a curve is not 0, or
        inside of a section or sections.
        """
        if isinstance(index, Events):
            raise ScheduleError(
                "events[events]: these are frames, not places among them: for those that are both, write "
                "song.beats[np.isin(song.beats, song.kicks)]"
            )
        index = getattr(index, "inside", index)
        if isinstance(index, Curve):
            index = index.values[self.frames] != 0
        index = to_index("events", index)
        frames = self.frames[index]
        return (
            int(frames)
            if np.ndim(frames) == 0
            else Events(frames, self.seconds[index], self.clock, self.strength[index])
        )

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.array(self.frames, dtype=dtype) if copy else np.asarray(self.frames, dtype=dtype)

    def __array_ufunc__(self, ufunc, method, *inputs, **options) -> NoReturn:
        raise ScheduleError(
            f"events take no {ufunc.__name__}: moments are no numbers; write av.curves.at(song.beats, 1.0) for a "
            "curve, song.beats.seconds or .frames to compute with, np.union1d(song.kicks, song.snares) for both"
        )

    def __eq__(self, other: object) -> bool:
        if other is None:
            return False
        if not isinstance(other, Events):
            return super().__eq__(other)  # which says that events take none
        columns = ((one.frames, one.seconds, one.strength) for one in (self, other))
        return self.clock == other.clock and all(np.array_equal(a, b) for a, b in zip(*columns))

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((self.clock, self.seconds.tobytes()))

    def __getattr__(self, name: str) -> Any:
        hint = "; for a curve, write av.curves.at(song.beats, 1.0)" if hasattr(Curve, name) else ""
        raise no_attribute("events have", name, dir(self), hint)

    def __repr__(self) -> str:
        if not len(self):
            return "Events(none)"
        some = ", ".join(map(str, self.frames[:4])) + (" ..." if len(self) > 4 else "")
        return f"Events({len(self)} from {self.seconds[0]:.2f} to {self.seconds[-1]:.2f} s: frames {some})"


ON_DEMAND = ("hue", "loudness", "flux", "pitch", "voiced", "silence")  # curves that are heard when they are asked for


class Named(dict[str, Kind]):
    """Parts of a song by name; an unknown name lists the known ones."""

    what = "part"
    otherwise = "none"

    def __missing__(self, name: object) -> NoReturn:
        raise InputError(
            f"no {self.what} {name!r}{nearest(name, self)}: the song has {', '.join(self) or self.otherwise}"
        )

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(
            f"no attribute {name!r}: {with_article(self.what)} of a song is song.{self.what}s[{name!r}]"
        )


class Curves(Named[Curve]):
    """Curves by name."""

    what = "curve"


class Stems(Named["Song"]):
    """Stems by name."""

    what = "stem"
    otherwise = "none; give files with stems={'drums': 'drums.wav'} or --stem drums=drums.wav"


class NamedEvents(Named[Events]):
    """Events that the user names."""

    what = "event"
    otherwise = "none; give moments in seconds with events={'taps': [1.2, 3.4]}"


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
        Where the analysed part begins in the song's file, seconds.
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
    events : NamedEvents
        Events by hand: those of `song.events["taps"]` have a curve too, `song.taps`, which is 1 in their frames.
    before : float
        Of a stem, the seconds of its file that come before the song's first sample; below 0 if it begins later.

    What costs more listening is an attribute too, and is heard when it is first asked for:

    chroma : 12 curves from C to B, how strong each note is, in [0, 1]
    hue : the strongest note as an angle in [0, 1) that turns smoothly from C and rests in silence
    pitch : Hz, held where there is none, 0 if there is none at all; voiced : in [0, 1], how surely there is one
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
    events: Mapping[str, Events] = field(default_factory=NamedEvents)
    before: float = 0.0

    def band(self, low: float, high: float) -> Curve:
        """The level of what lies between two frequencies, Hz: in [0, 1] like `low`, `mid` and `high`."""
        from audioviz.audio.hearing.on_demand import band

        return band(self, low, high)

    def mel(self, bands: int) -> tuple[Curve, ...]:
        """The levels of so many bands from low to high, spaced as the ear hears: each in [0, 1]."""
        from audioviz.audio.hearing.on_demand import mel

        return mel(self, bands)

    def plot(self, path: str | Path | None = None) -> "Image":
        """A picture of the waveform with its beats, bars and sections, and of every curve of the song and its stems.

        A notebook shows it; with a path, it is in a file too.
        """
        from audioviz.figures import draw_rows, picture_or_file

        rows = {**self.curves} | {
            f"{name}.{curve}": stem.curves[curve] for name, stem in self.stems.items() for curve in ("rms", "onset")
        }
        marks = [(part.start, part.label) for part in self.sections]
        values = {name: curve.values for name, curve in rows.items()}
        return picture_or_file(draw_rows(values, self.clock, song=self, marks=marks), path, apart=self.files)

    def to_json(self, path: str | Path | None = None) -> str | None:
        """Tempo, events, sections and curves as JSON: the text, or written to a file."""
        from audioviz.audio.export import song_to_json

        return text_or_file(song_to_json(self), path, apart=self.files)

    def to_csv(self, path: str | Path | None = None) -> str | None:
        """A row a frame, with every curve and the events that fall on it: the text, or written to a file."""
        from audioviz.audio.export import song_to_csv

        return text_or_file(song_to_csv(self), path, apart=self.files)

    def to_clicks(self, path: str | Path) -> None:
        """Write the song with a tick at each beat, a higher one at each downbeat, as `.wav` or `.flac`."""
        from audioviz.audio.clicks import write_clicks

        with asked_for(path, apart=self.files) as place:
            write_clicks(self, place)

    @property
    def files(self) -> list[Path]:
        """The file of the song and those of its stems, which are never written over."""
        return [self.path, *(stem.path for stem in self.stems.values())]

    def __post_init__(self) -> None:
        object.__setattr__(self, "curves", Curves(self.curves))
        object.__setattr__(self, "events", NamedEvents(self.events))

    def __getattr__(self, name: str) -> Any:  # a Curve, or of chroma a tuple of them
        curves = self.__dict__.get("curves", {})
        if name in curves:
            return curves[name]
        if name in ON_DEMAND or name == "chroma":
            from audioviz.audio.hearing.on_demand import measure

            self.__dict__.update(measure(self, name))
            return self.__dict__[name]
        raise no_attribute("a song has", name, dir(self))

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.__dict__.get("curves", {}), *ON_DEMAND, "chroma"})

    def __repr__(self) -> str:
        return f"Song({self})"

    def __str__(self) -> str:
        tempo = (
            " or ".join(f"{tempo:.1f}" for tempo in (self.tempo, *self.other_tempi)) + " bpm, " if self.tempo else ""
        )
        labels = " ".join(part.label for part in self.sections[:8]) + (" ..." if len(self.sections) > 8 else "")
        return (
            f"{self.path.name}: {float(self.duration):.1f} s, {tempo}{self.clock.frames} frames at {self.clock.fps} "
            f"fps, {len(self.beats)} beats, sections {labels}"
        )

    def _repr_html_(self) -> str:
        from audioviz.figures import picture_to_html

        return picture_to_html(self.plot())
