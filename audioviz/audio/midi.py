"""MIDI files: exact events and curves on the clock of a song."""

import io
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from audioviz.audio.song import Events, Song
from audioviz.clock import Clock
from audioviz.curve import Curve
from audioviz.errors import AudiovizWarning, InputError, nearest, to_number
from audioviz.files import to_path

_LOUDEST = 127
_TIME_CODES = {24: Fraction(24), 25: Fraction(25), 29: Fraction(30000, 1001), 30: Fraction(30)}  # frames a second
_KEY_SIGNATURE = re.compile(rb"\xff\x59\x02..", re.DOTALL)


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


def load_midi(path: str | Path, song: Song | Clock, *, offset: float = 0.0) -> Midi:
    """Read a MIDI file.

    Parameters
    ----------
    path : str or Path
        A standard MIDI file of type 0 or 1; its tempo changes, or its time code, are followed.
    song : Song or Clock
        What it belongs to. Of a part of a song, the notes of that part are taken.
    offset : float
        Where in the whole song the MIDI begins, seconds.

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
    to_number("offset", offset, kind=InputError)
    file = _read(path)
    begin = offset - (song.start if isinstance(song, Song) else 0.0)
    seconds = _tempo_map(file)
    notes, controls, names = [], [], []
    for number, messages in enumerate(file.tracks):
        names.append(_utf8(messages.name))
        found, changes = _notes_and_controls(messages)
        notes += [(seconds(first) + begin, seconds(end) + begin, *rest, number) for first, end, *rest in found]
        controls += [(seconds(tick) + begin, *rest, number) for tick, *rest in changes]
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


def _read(path: Path):
    from mido import KeySignatureError, MidiFile

    try:
        data = _known_chunks(path.read_bytes())
        try:
            file = MidiFile(file=io.BytesIO(data))
        except KeySignatureError:  # one that does not exist, which is no reason to refuse the notes
            file = MidiFile(file=io.BytesIO(_KEY_SIGNATURE.sub(b"\xff\x59\x02\0\0", data)))
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file; give a MIDI file (.mid)") from error
    except (OSError, EOFError, ValueError, LookupError, TypeError) as error:  # mido has no error of its own
        why = str(error) or "it is cut short"
        raise InputError(f"{path} is no MIDI file that can be read ({why}): export it again") from error
    ticks = file.ticks_per_beat
    if file.type == 2 or ticks == 0 or (ticks < 0 and (-(ticks >> 8) not in _TIME_CODES or not ticks & 0xFF)):
        raise InputError(f"{path}: MIDI of type 2, or without a time base that is known: export it as type 0 or 1")
    return file


def _known_chunks(data: bytes) -> bytes:
    """A file without the chunks that are neither its header nor a track, which the standard says to pass over."""
    if not data.startswith(b"MThd"):
        return data
    chunks, here = [], 0
    while here < len(data):
        end = here + 8 + int.from_bytes(data[here + 4 : here + 8], "big")
        if data[here : here + 4] in (b"MThd", b"MTrk"):
            chunks.append(data[here:end])
        here = end
    return b"".join(chunks)


def _tempo_map(file):
    """The function from ticks to seconds."""
    from mido import tick2second

    if file.ticks_per_beat < 0:  # minus the time code, and ticks a frame of it
        second = _TIME_CODES[-(file.ticks_per_beat >> 8)] * (file.ticks_per_beat & 0xFF)
        return lambda tick: float(tick / second)
    ticks, seconds, tempi = [0], [0.0], [500_000]  # microseconds a beat: what holds until a file says otherwise
    changes = []
    for messages in file.tracks:
        now = 0
        for message in messages:
            now += message.time
            if message.type == "set_tempo":
                changes.append((now, message.tempo))
    for tick, tempo in sorted(changes, key=lambda change: change[0]):
        seconds.append(seconds[-1] + tick2second(tick - ticks[-1], file.ticks_per_beat, tempi[-1]))
        ticks.append(tick)
        tempi.append(tempo)

    def to_seconds(tick: int) -> float:
        place = int(np.searchsorted(ticks, tick, side="right")) - 1
        return seconds[place] + tick2second(tick - ticks[place], file.ticks_per_beat, tempi[place])

    return to_seconds


def _notes_and_controls(messages) -> tuple[list[tuple], list[tuple]]:
    """(first tick, end tick, pitch, velocity, channel) of each note; (tick, number, value, channel) of each change."""
    notes, controls, sounding, now = [], [], {}, 0
    for message in messages:
        now += message.time
        if message.type == "control_change":
            controls.append((now, message.control, message.value, message.channel + 1))
        elif message.type in ("note_on", "note_off"):
            key = message.note, message.channel
            if message.type == "note_on" and message.velocity:
                sounding.setdefault(key, []).append((now, message.velocity))
            elif sounding.get(key):
                first, velocity = sounding[key].pop(0)
                notes.append((first, now, message.note, velocity, message.channel + 1))
    for (note, channel), left in sounding.items():  # never ended
        notes += [(first, now, note, velocity, channel + 1) for first, velocity in left]
    return notes, controls


def _utf8(name: str) -> str:
    """A name as it was meant, where its bytes are UTF-8; mido reads them as Latin-1."""
    try:
        return name.encode("latin-1").decode()
    except UnicodeError:
        return name
