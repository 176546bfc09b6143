"""Standard MIDI files as events, as far as each track can be read: players take what libraries refuse for one byte.

Source
------
The MIDI Association, Standard MIDI Files 1.0, RP-001.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from audioviz.errors import InputError

META, END, NAME, TEMPO = 0xFF, 0x2F, 0x03, 0x51
_NO_DATA = {0xF1: 1, 0xF2: 2, 0xF3: 1}  # bytes after the messages of a system; others of it have none
_LONGEST_NUMBER = 4  # bytes


@dataclass(frozen=True)
class MidiFile:
    """What a file holds.

    Parameters
    ----------
    type : int
        0, one track; 1, tracks at once; 2, tracks one after the other.
    division : int
        Ticks a beat; below 0, minus the time code and ticks a frame of it.
    tracks : tuple of lists of (tick, status, data)
        Data bytes are of 0 to 127; those of META begin with its kind.
    notes : tuple of str
        What was mended or is missing.
    """

    type: int
    division: int
    tracks: tuple[list[tuple[int, int, bytes]], ...]
    notes: tuple[str, ...]


def read_midi(data: bytes) -> MidiFile:
    """The events of a file; it may lie in a RIFF (.rmi) or behind a foreign header.

    Raises
    ------
    InputError
        If there is no MIDI in it.
    """
    start = data.find(b"MThd")
    header = data[start + 8 : start + 14]
    if start < 0 or len(header) < 6:
        raise InputError("it is compressed: unpack it" if data.startswith(b"\x1f\x8b") else "it has no header of MIDI")
    type_, said, division = (int.from_bytes(header[k : k + 2], "big") for k in (0, 2, 4))
    tracks, notes, loud = [], [], 0
    for number, chunk in enumerate(_chunks(data, start)):
        events, whole, clipped = _events(chunk)
        tracks.append(events)
        loud += clipped
        if not whole:
            notes.append(f"track {number} breaks off, and is read to there")
    if not tracks:
        raise InputError("it has no tracks")
    if len(tracks) != said:
        notes.append(f"the header tells of {said} tracks, and there are {len(tracks)}")
    if loud:
        notes.append(f"{loud} values above 127 are read as 127")
    return MidiFile(type_, division - 0x10000 if division & 0x8000 else division, tuple(tracks), tuple(notes))


def _chunks(data: bytes, here: int) -> Iterator[bytes]:
    """The bytes of each track; where its length is wrong, to the next one or the end."""
    while here + 8 <= len(data):
        name, end = data[here : here + 4], here + 8 + int.from_bytes(data[here + 4 : here + 8], "big")
        if not _is_name(name):
            if (here := data.find(b"MTrk", here)) < 0:
                return
            continue
        if end > len(data) or (end < len(data) and not _is_name(data[end : end + 4])):
            end = data.find(b"MTrk", here + 8)
            end = len(data) if end < 0 else end
        if name == b"MTrk":
            yield data[here + 8 : end]
        here = end


def _is_name(name: bytes) -> bool:
    return len(name) == 4 and all(0x20 <= letter < 0x7F for letter in name)


def _events(track: bytes) -> tuple[list[tuple[int, int, bytes]], bool, int]:
    """Events in order, whether they could be read to the end, and how many values were out of range."""
    events, here, now, running, clipped = [], 0, 0, 0, 0
    try:
        while here < len(track):
            passed, here = _number(track, here)
            now += passed
            status = track[here] if track[here] & 0x80 else running
            here += track[here] >> 7
            if status == META:
                kind = track[here]
                length, here = _number(track, here + 1)
                events.append((now, META, bytes([kind]) + _taken(track, here, length)))
                here += length
                if kind == END:
                    break
            elif status in (0xF0, 0xF7):
                length, here = _number(track, here)
                here += len(_taken(track, here, length))
            elif status > 0xF0:
                here += _NO_DATA.get(status, 0)
            else:
                values = _taken(track, here, 1 if 0xC0 <= status < 0xE0 else 2)
                here += len(values)
                if status:  # values before the first status belong to nothing
                    clipped += sum(value > 127 for value in values)
                    events.append((now, status, bytes(min(value, 127) for value in values)))
                    running = status
    except IndexError:
        return [*events, (now, META, bytes([END]))], False, clipped
    return events, True, clipped


def _number(track: bytes, here: int) -> tuple[int, int]:
    """A number of variable length, and where it ends."""
    value = 0
    for place in range(here, here + _LONGEST_NUMBER):
        value = value << 7 | track[place] & 0x7F
        if not track[place] & 0x80:
            return value, place + 1
    raise IndexError(here)


def _taken(track: bytes, here: int, length: int) -> bytes:
    if here + length > len(track):
        raise IndexError(here)
    return track[here : here + length]
