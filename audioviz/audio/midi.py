"""MIDI files: exact events and curves on the clock of a song."""

import warnings
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from audioviz.audio.reading.midi_file import META, NAME, TEMPO, MidiFile, read_midi
from audioviz.audio.song import Events, Song
from audioviz.clock import Clock, read_seconds
from audioviz.curve import Curve
from audioviz.errors import AudiovizWarning, InputError, nearest, to_number
from audioviz.files import to_path

_LOUDEST = 127
_TIME_CODES = {24: Fraction(24), 25: Fraction(25), 29: Fraction(30000, 1001), 30: Fraction(30)}  # frames a second
_TEMPO_BYTES = 3  # an event of another length is a fault, and no tempo
_TEMPO = 500_000  # microseconds a beat: what holds until a file says otherwise
_NOTE_OFF, _NOTE_ON, _CONTROL = 0x80, 0x90, 0xB0


@dataclass(frozen=True, eq=False)
class Midi:
    """The notes and controllers of a MIDI file, or of one of its tracks, channels or keys.

    Parameters
    ----------
    clock : Clock
    names : tuple of str
        Of the tracks of the file.
    seconds, ends : float64, shape (n,)
        When each note begins and ends, from the start of the song, in order of the beginnings.
    pitches, velocities, channels, tracks : int64, shape (n,)
        0 to 127, 1 to 127, 1 to 16, and positions in `names`.
    controls : float64, shape (m, 5)
        Seconds, number, value 0 to 127, channel and track of each change of a controller, in order.
    earlier : Midi, optional
        The notes that began before the song, or the part of it, and still sound: `held` knows them.
    """

    clock: Clock
    names: tuple[str, ...]
    seconds: np.ndarray
    ends: np.ndarray
    pitches: np.ndarray
    velocities: np.ndarray
    channels: np.ndarray
    tracks: np.ndarray
    controls: np.ndarray
    earlier: "Midi | None" = None

    def __repr__(self) -> str:
        return f"Midi({len(self.seconds)} notes; tracks {', '.join(map(repr, self.names))})"

    @property
    def notes(self) -> Events:
        """The beginning of each note."""
        return Events.at(self.seconds, self.clock)

    @property
    def velocity(self) -> Curve:
        """How hard the hardest note is struck in each frame, in [0, 1]; 0 where none is."""
        values = np.zeros(self.clock.frames)
        np.maximum.at(values, self.notes.frames, self.velocities / _LOUDEST)
        return Curve(values, self.clock)

    @property
    def held(self) -> Curve:
        """The velocity of the hardest note that sounds in each frame, in [0, 1]; 0 where none does."""
        values = self.earlier.held.values.copy() if self.earlier else np.zeros(self.clock.frames)
        for first, end, velocity in zip(self.notes.frames, self._frames_or_end(self.ends), self.velocities / _LOUDEST):
            held = values[first : max(first + 1, end)]
            np.maximum(held, velocity, out=held)
        return Curve(values, self.clock)

    def track(self, name: str | int) -> "Midi":
        """Those of one track, by its name or number from 0; tracks of the same name are one."""
        places = [i for i, known in enumerate(self.names) if name in (i, known)]
        if not places:
            known = ", ".join(f"{i} {known!r}" for i, known in enumerate(self.names))
            raise InputError(f"no MIDI track {name!r}{nearest(name, self.names)}: the file has {known}")
        return self._only(lambda midi: np.isin(midi.tracks, places), np.isin(self.controls[:, 4], places))

    def channel(self, number: int) -> "Midi":
        """Those of one channel, 1 to 16; 10 is that of the drums."""
        return self._only(lambda midi: midi.channels == number, self.controls[:, 3] == number)

    def note(self, pitch: int) -> "Midi":
        """The notes of one key, 0 to 127: 60 is the middle C, and on the channel of the drums 36 is the bass drum."""
        return self._only(lambda midi: midi.pitches == pitch, np.ones(len(self.controls), bool))

    def controller(self, number: int) -> Curve:
        """The value of a controller, in [0, 1], from each change on: 1 is the modulation wheel. 0 before the first."""
        changes = self.controls[self.controls[:, 1] == number]
        last = np.searchsorted(self._frames_or_end(changes[:, 0]), np.arange(self.clock.frames), side="right")
        return Curve(np.append(0.0, changes[:, 2] / _LOUDEST)[last], self.clock)

    def _frames_or_end(self, seconds: np.ndarray) -> np.ndarray:
        """The frames of these seconds; T for those after the last."""
        return replace(self.clock, frames=self.clock.frames + 1).seconds_to_frame(seconds)

    def _only(self, notes: "Callable[[Midi], np.ndarray]", controls: np.ndarray) -> "Midi":
        columns = ("seconds", "ends", "pitches", "velocities", "channels", "tracks")
        return replace(
            self,
            **{name: getattr(self, name)[notes(self)] for name in columns},
            controls=self.controls[controls],
            earlier=self.earlier and self.earlier._only(notes, controls),
        )


def load_midi(path: str | Path, song: Song | Clock, *, offset: float | str = 0.0) -> Midi:
    """Read a MIDI file.

    Parameters
    ----------
    path : str or Path
        A standard MIDI file of type 0 or 1 (.mid, .rmi); its tempo changes, or its time code, are followed. Of a
        damaged one what can be read, and that is said.
    song : Song or Clock
        What it belongs to. Of a part of a song, the notes of that part are taken.
    offset : float, or text
        Where in the whole song the MIDI begins: seconds, or `1:30`, `96f`.

    Raises
    ------
    InputError
        If the file cannot be read, or is no MIDI of these types.

    Examples
    --------
    >>> midi = av.load_midi("song.mid", song)
    >>> kick = av.curves.at(midi.track("drums").note(36).notes, 1.0).decay(0.2)
    """
    path, clock = to_path("MIDI", path), song.clock if isinstance(song, Song) else song
    if not isinstance(clock, Clock):
        raise InputError(f"song {song!r:.60}: expected one of av.load_song, or its clock")
    begin = to_number("offset", read_seconds(offset, clock.fps), kind=InputError)
    begin -= song.start if isinstance(song, Song) else 0.0
    file = _read(path)
    to_seconds = _tempo_map(file)

    def seconds(tick: int) -> float:
        return round(to_seconds(tick) + begin, 9)  # so that what begins with the part is not a hair before it

    notes, controls, names = [], [], []
    for number, events in enumerate(file.tracks):
        names.append(next((_text(data[1:]) for _, status, data in events if status == META and data[0] == NAME), ""))
        found, changes = _notes_and_controls(events)
        notes += [(seconds(first), seconds(end), *rest, number) for first, end, *rest in found]
        controls += [(seconds(tick), *rest, number) for tick, *rest in changes]
    inside = [note for note in notes if 0 <= note[0] < clock.duration]
    earlier = [note for note in notes if note[0] < 0 and note[1] > 0.5 / clock.fps]  # to the end of a frame at least
    if left := len(notes) - len(inside) - len(earlier):
        warnings.warn(
            f"{path}: {left} of its {len(notes)} notes lie outside of the song and are left out",
            AudiovizWarning,
            stacklevel=2,
        )
    changes = np.array(sorted(controls, key=lambda change: change[0]), np.float64).reshape(-1, 5)

    def midi(found: list[tuple], *, earlier: Midi | None = None) -> Midi:
        begins, ends, *columns = np.array(sorted(found), np.float64).reshape(-1, 6).T
        pitches, velocities, channels, tracks = (column.astype(np.int64) for column in columns)
        return Midi(clock, tuple(names), begins, ends, pitches, velocities, channels, tracks, changes, earlier)

    return midi(inside, earlier=midi(earlier))


def _read(path: Path) -> MidiFile:
    try:
        file = read_midi(path.read_bytes())
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file; give a MIDI file (.mid)") from error
    except (OSError, InputError) as error:
        raise InputError(f"{path} is no MIDI file that can be read ({error}): export it again") from error
    ticks = file.division
    if file.type == 2 or ticks == 0 or (ticks < 0 and (-(ticks >> 8) not in _TIME_CODES or not ticks & 0xFF)):
        raise InputError(f"{path}: MIDI of type 2, or without a time base that is known: export it as type 0 or 1")
    if file.notes:
        warnings.warn(f"{path}: {'; '.join(file.notes)}", AudiovizWarning, stacklevel=3)
    return file


def _tempo_map(file: MidiFile) -> Callable[[int], float]:
    """The function from ticks to seconds."""
    if file.division < 0:  # minus the time code, and ticks a frame of it
        second = _TIME_CODES[-(file.division >> 8)] * (file.division & 0xFF)
        return lambda tick: float(tick / second)
    ticks, seconds, tempi = [0], [0.0], [_TEMPO]
    changes = [
        (tick, int.from_bytes(data[1:], "big"))
        for events in file.tracks
        for tick, status, data in events
        if status == META and data[0] == TEMPO and len(data) == 1 + _TEMPO_BYTES
    ]

    def to_seconds(tick: int) -> float:
        place = bisect_right(ticks, tick) - 1
        return seconds[place] + (tick - ticks[place]) * tempi[place] * 1e-6 / file.division

    for tick, tempo in sorted(changes, key=lambda change: change[0]):
        if tempo:  # none is a fault too
            seconds.append(to_seconds(tick))
            ticks.append(tick)
            tempi.append(tempo)
    return to_seconds


def _notes_and_controls(events: list[tuple[int, int, bytes]]) -> tuple[list[tuple], list[tuple]]:
    """(first tick, end tick, pitch, velocity, channel) of each note; (tick, number, value, channel) of each change."""
    notes, controls, sounding = [], [], {}
    for now, status, data in events:
        kind, channel = status & 0xF0, (status & 0x0F) + 1
        if kind == _CONTROL:
            controls.append((now, data[0], data[1], channel))
        elif kind in (_NOTE_ON, _NOTE_OFF):
            key = data[0], channel
            if kind == _NOTE_ON and data[1]:
                sounding.setdefault(key, []).append((now, data[1]))
            elif sounding.get(key):
                first, velocity = sounding[key].pop(0)
                notes.append((first, now, data[0], velocity, channel))
    last = events[-1][0] if events else 0
    for (note, channel), left in sounding.items():  # never ended
        notes += [(first, last, note, velocity, channel) for first, velocity in left]
    return notes, controls


def _text(name: bytes) -> str:
    """A name in UTF-8, or else Latin-1."""
    try:
        return name.decode()
    except UnicodeDecodeError:
        return name.decode("latin-1")
