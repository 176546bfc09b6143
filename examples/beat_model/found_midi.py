"""Songs that others wrote as Standard MIDI Files: each as a score, where it was written to the grid."""

import io
import struct
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import mido
import numpy as np

from beat_model.score import KICKS, SNARES, Note, Part, Score

OPENMSX = Path("/usr/share/games/openttd/baseset/openmsx")  # openttd-openmsx
FREEDOOM = [Path("/usr/share/games/doom") / f"freedoom{phase}.wad" for phase in (1, 2)]  # freedoom
CRASHES = (49, 55, 57)
COMPOUND = (6, 9, 12)
WEIGHTS = {"kick": 0.5, "snare": -0.5, "crash": 0.6, "low": 1.0}  # of what begins a bar


def midi_songs() -> Iterator[Score]:
    """Every song of OpenMSX and of Freedoom that is written to the grid."""
    sources = [(f"openmsx/{path.stem}", path.read_bytes()) for path in sorted(OPENMSX.glob("*.mid"))]
    sources += [lump for path in FREEDOOM if path.exists() for lump in doom_lumps(path)]
    seen = set()
    for name, data in sources:
        score = None if data in seen else midi_score(data, name)
        seen.add(data)
        if score is not None:
            yield score


def doom_lumps(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each Standard MIDI File in a WAD."""
    data = path.read_bytes()
    count, start = struct.unpack("<ii", data[4:12])
    for place in range(start, start + 16 * count, 16):
        at, size = struct.unpack("<ii", data[place : place + 8])
        name = data[place + 8 : place + 16].rstrip(b"\0").decode("ascii", "replace")
        if name.startswith("D_") and data[at : at + 4] == b"MThd":
            yield f"freedoom/{path.stem[-1]}_{name[2:].lower()}", data[at : at + size]


def midi_score(data: bytes, name: str) -> Score | None:
    """The score of a Standard MIDI File.

    Returns
    -------
    Score or None
        None where the song was played without regard to the grid, or its beat is not the one that feet tap. The
        downbeats are empty where neither drums nor basses bear out the bars. `made_of` tells the shares by which
        this was judged.
    """
    try:
        file = mido.MidiFile(file=io.BytesIO(data), clip=True)
    except (OSError, EOFError, ValueError, KeyError, IndexError):
        return None
    if file.type == 2 or not file.ticks_per_beat:
        return None
    events = _events(file)
    parts, notes = _notes(events)
    if len(notes) < 100:
        return None
    grid = _grid(events, max(note.at + note.length for note in notes) + 1)
    if grid is None:
        return None
    places, bars = grid
    first = max((bar for bar in bars if places[bar] <= min(note.at for note in notes) + 1e-6), default=0)
    places, bars = places[first:], np.array([bar - first for bar in bars if bar >= first])
    notes = [_moved(note, places) for note in notes]
    seconds = _seconds(events, places)
    return judged(tapped(Score(parts, notes, seconds - seconds[0], bars, name)))


def _events(file: mido.MidiFile) -> list[tuple[float, mido.Message]]:
    """Every event of every track with its place in quarter notes; at one place, what sets comes before what sounds."""
    events = []
    for track in file.tracks:
        tick = 0
        for message in track:
            tick += message.time
            events.append((tick / file.ticks_per_beat, message))
    order = {"note_off": 0, "note_on": 2}
    return sorted(events, key=lambda event: (event[0], _order(event[1], order)))


def _order(message: mido.Message, order: dict[str, int]) -> int:
    return 0 if message.type == "note_on" and not message.velocity else order.get(message.type, 1)


def _notes(events: list[tuple[float, mido.Message]]) -> tuple[list[Part], list[Note]]:
    """Parts and notes, places in quarter notes; a channel's volume and expression at a note scale its velocity."""
    control = defaultdict(lambda: {7: 100, 10: 64, 11: 127, 64: 0, "program": 0})
    begun, sustained, raw = {}, defaultdict(list), []

    def end(key: tuple[int, int], at: float) -> None:
        start, velocity, state = begun.pop(key)
        raw.append((start, at - start, key[1], velocity, key[0], state))

    for at, message in events:
        if message.is_meta or not hasattr(message, "channel"):
            continue
        channel, state = message.channel, control[message.channel]
        key = (channel, getattr(message, "note", -1))
        if message.type == "program_change":
            state["program"] = message.program
        elif message.type == "control_change" and message.control in state:
            state[message.control] = message.value
            if message.control == 64 and message.value < 64:
                for held in set(sustained.pop(channel, [])) & set(begun):
                    end(held, at)
        elif message.type == "note_on" and message.velocity:
            if key in begun:
                end(key, at)
            sustained[channel] = [held for held in sustained[channel] if held != key]
            begun[key] = (at, message.velocity, dict(state))
        elif message.type in ("note_on", "note_off") and key in begun:
            if state[64] >= 64:
                sustained[channel].append(key)
            else:
                end(key, at)
    for key in list(begun):
        end(key, max(at for at, _ in events))
    return _parts(raw)


def _parts(raw: list[tuple]) -> tuple[list[Part], list[Note]]:
    """A part for each channel and program, as loud and as far aside as its loudest note."""
    groups = defaultdict(list)
    for start, length, pitch, velocity, channel, state in raw:
        volume = state[7] * state[11] / 127**2
        if volume > 0.02:
            groups[channel, state["program"]].append((start, length, pitch, velocity, volume, state[10] / 127))
    parts, notes = [], []
    for (channel, program), sounds in sorted(groups.items()):
        loudest = max(sounds, key=lambda sound: sound[4])
        for start, length, pitch, velocity, volume, _ in sounds:
            heard = int(np.clip(round(velocity * volume / loudest[4]), 1, 127))
            notes.append(Note(start, max(length, 0.02), pitch, heard, len(parts)))
        parts.append(Part(program, channel == 9, loudest[4], loudest[5]))
    return parts, sorted(notes, key=lambda note: note.at)


def _grid(events: list[tuple[float, mido.Message]], end: float) -> tuple[np.ndarray, list[int]] | None:
    """Places of the beats in quarter notes, and which of them begin a bar; None of odd metres such as 7/8."""
    metres = {0.0: (4, 4)}
    metres |= {at: (m.numerator, m.denominator) for at, m in events if m.type == "time_signature"}
    starts = [*sorted(metres), np.inf]
    places, bars, at = [], [], 0.0
    for (top, bottom), stop in zip((metres[start] for start in starts[:-1]), starts[1:], strict=True):
        beat = 1.5 if bottom == 8 and top in COMPOUND else 1.0
        bar = 4 * top / bottom
        if bar % beat:
            return None
        while at < min(stop, end) - 1e-6:
            bars.append(len(places))
            places += [at + step * beat for step in range(round(bar / beat)) if at + step * beat < stop - 1e-6]
            at = min(at + bar, stop)
        if stop < end and (stop - places[-1]) % beat:
            return None
    return np.array([*places, at]), bars


def _seconds(events: list[tuple[float, mido.Message]], places: np.ndarray) -> np.ndarray:
    """When each place in quarter notes comes."""
    at, now, tempo, knots = 0.0, 0.0, 0.5, [(0.0, 0.0)]
    for place, message in events:
        if message.type == "set_tempo":
            now += (place - at) * tempo
            at, tempo = place, message.tempo / 1e6
            knots.append((at, now))
    knots.append((at + 1e5, now + 1e5 * tempo))
    return np.interp(places, *np.array(knots).T)


def _moved(note: Note, places: np.ndarray) -> Note:
    """The note, counted in beats instead of quarter notes."""
    start, stop = np.interp([note.at, note.at + note.length], places, np.arange(len(places)))
    return Note(float(start), float(max(stop - start, 0.01)), note.pitch, note.velocity, note.part)


def tapped(score: Score) -> Score:
    """The score in the beat that feet tap: of half its tempo or twice that where kicks and snares say so plainly."""
    tempo = 60 / np.median(np.diff(score.seconds))
    drums = [note for note in score.notes if score.parts[note.part].drums]
    kicks, snares = (np.array([note.at for note in drums if note.pitch in kind]) for kind in (KICKS, SNARES))
    if tempo > 160 and not (score.downbeats % 2).any() and len(kicks) >= 30:
        every_other = _near(kicks, 1, 2) < 0.1 * _near(kicks, 0, 2) and _near(snares, 1, 2) <= 0.5 * len(snares)
        return _at_rate(score, 0.5) if every_other else score
    if tempo < 75 and len(snares) >= 30 and _near(snares, 0.5, 1) > 0.75 * len(snares):
        return replace(_at_rate(score, 2), downbeats=score.downbeats[:0])
    return score


def _near(at: np.ndarray, phase: float, every: int) -> int:
    """How many of the places are at the phase of a cycle of so many beats."""
    return int((np.abs((at - phase + every / 2) % every - every / 2) < 0.06).sum())


def _at_rate(score: Score, rate: float) -> Score:
    """The same music with so many beats for each of its beats."""
    notes = [replace(note, at=note.at * rate, length=note.length * rate) for note in score.notes]
    seconds = score.time_of(np.arange(int((len(score.seconds) - 1) * rate) + 1) / rate)
    return replace(score, notes=notes, seconds=seconds, downbeats=(score.downbeats * rate).astype(int))


def on_grid(at: np.ndarray) -> float:
    """Share of onsets near a quarter or a third of a beat, or closer still to an eighth or a sixth (chance: 0.36)."""

    def near(parts: int, within: float) -> np.ndarray:
        return np.abs(at * parts - np.round(at * parts)) < within * parts

    coarse, fine = near(4, 0.03) | near(3, 0.03), near(8, 0.015) | near(6, 0.015)
    return float(max(coarse.mean(), 0.95 * fine.mean()))


def judged(score: Score) -> Score | None:
    """The score with the stretch that is on the grid and the bars that are borne out; None if too little is left."""
    at = np.array([note.at for note in score.notes])
    tempo = 60 / np.median(np.diff(score.seconds))
    share = on_grid(at)
    if share < 0.85 or not 50 <= tempo <= 220:
        return None
    begin, end = _stretch(at)
    if end - begin < 32 or end - begin < 0.6 * at.max():
        return None
    bars, shares = _borne_out(score)
    shares |= {"on_grid": share, "tempo": tempo}
    return Score(score.parts, score.notes, score.seconds, bars, score.name, begin, end, shares)


def _stretch(at: np.ndarray, window: int = 8) -> tuple[int, int]:
    """The longest run of beats whose onsets are on the grid, up to the last onset."""
    spans = range(int(max(at.min(), 0)) // window, int(at.max()) // window + 1)
    inside = [at[(at >= span * window - 0.1) & (at < (span + 1) * window - 0.1)] for span in spans]
    runs, start = [(0, 0)], spans.start
    for span, onsets in zip([*spans, spans.stop], [*inside, None], strict=True):
        if onsets is None or (len(onsets) > 3 and on_grid(onsets) < 0.65):
            runs.append((start, span))
            start = span + 1
    begin, end = max(runs, key=lambda run: run[1] - run[0])
    return max(begin * window, int(at.min())), min(end * window, round(at.max()) + 1)


def _borne_out(score: Score) -> tuple[np.ndarray, dict[str, object]]:
    """The downbeats, if drums and basses change with the bars and begin with them, else none; and the evidence."""
    drums = {place: part.drums for place, part in enumerate(score.parts)}
    hits = {kind: np.zeros(len(score.seconds)) for kind in ("kick", "snare", "crash", "low", "off")}
    low: dict[int, int] = {}
    for note in score.notes:
        beat = round(note.at)
        on = abs(note.at - beat) < 0.06 and 0 <= beat < len(score.seconds)
        if drums[note.part]:
            kinds = {"kick": KICKS, "snare": SNARES, "crash": CRASHES}
            for kind in (kind for kind, pitches in kinds.items() if note.pitch in pitches):
                hits[kind if on else "off"][beat if on else 0] += note.velocity / 100
        elif on and note.pitch < 60:
            low[beat] = min(low.get(beat, 127), note.pitch)
    for before, beat in zip(sorted(low), sorted(low)[1:], strict=False):
        hits["low"][beat] = (low[beat] - low[before]) % 12 != 0
    lengths = np.diff(score.downbeats)
    if not len(lengths):
        return score.downbeats[:0], {}
    usual = int(np.median(lengths))
    tally = {kind: [round(float(x), 1) for x in _by_place(hits[kind], score.downbeats, usual)] for kind in hits}
    begins = sum(weight * np.array(tally[kind]) / (sum(tally[kind]) + 1e-9) for kind, weight in WEIGHTS.items())
    known = usual > 1 and bool(begins.argmax() == 0 and begins[0] > 0.1 + max(begins[1:]))
    shares = {"bar": usual, "begins": np.round(begins, 2).tolist(), "known": known, **tally}
    return score.downbeats if known else score.downbeats[:0], shares


def _by_place(hits: np.ndarray, downbeats: np.ndarray, usual: int) -> np.ndarray:
    """Hits by place in the bar, of bars of the usual length."""
    whole = [b for b, n in zip(downbeats, np.diff(downbeats), strict=False) if n == usual]
    return sum((hits[b : b + usual] for b in whole), np.zeros(usual))
