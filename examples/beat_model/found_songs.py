"""Songs of two programs as scores: Hydrogen's demos (drums alone) and LMMS's (drums and synthesizers)."""

import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from beat_model.found_midi import judged, tapped
from beat_model.score import Note, Part, Score

HYDROGEN = Path("/usr/share/hydrogen/data/demo_songs")  # hydrogen-data
LMMS = [Path("/usr/share/lmms/projects") / kind for kind in ("demos", "shorties")]  # lmms-common
TICKS = 48  # a beat, in both
DRUMS = (  # the first that a name fits
    ("kick|kik|bass ?drum|bassdrum|_bd|bd_|\\bbd|bassdr", 36),
    ("rim|stick", 37),
    ("clap", 39),
    ("snare|snr|_sd|\\bsd", 38),
    ("ride.*bell|^bell$", 53),
    ("ride", 51),
    ("pedal", 44),
    ("open|semi|hat_?o|hh_?o|ohh", 46),
    ("hat|\\bhh|_hh|hihat", 42),
    ("crash|cymb", 49),
    ("splash", 55),
    ("cow", 56),
    ("conga|bongo", 63),
    ("clave|wood", 75),
    ("shak|maraca|cabasa", 70),
    ("tamb", 54),
    ("floor", 43),
    ("tom", 47),
)
PROGRAMS = (
    ("bass", 38),
    ("pad|string|choir|chorus|atmos", 89),
    ("piano|rhodes|keys", 4),
    ("guitar|pluck", 25),
    ("organ", 16),
    ("flute|pan", 75),
    ("bell|vibe|glock", 11),
    ("brass|trumpet", 62),
    ("harp", 46),
    ("sax", 65),
    ("arp", 80),
)
UNHEARD = re.compile("noise|sweep|vocal|voice|loop|beat|break|fx|effect|scratch|riser")


def _drum(name: str) -> int | None:
    return next((pitch for words, pitch in DRUMS if re.search(words, name.lower())), None)


def hydrogen_songs() -> Iterator[Score]:
    """Hydrogen's demo songs: drums alone, repeated until they last a minute."""
    for path in sorted(HYDROGEN.glob("*.h2song")):
        yield hydrogen_score(path.read_text("utf-8", "replace"), f"hydrogen/{path.stem}")


def hydrogen_score(text: str, name: str) -> Score:
    """A song of Hydrogen in 4/4, its swing included."""
    song = ElementTree.fromstring(text)
    drums = {one.findtext("id"): _drum(one.findtext("name", "")) for one in song.iter("instrument")
             if one.findtext("isMuted") != "true"}  # fmt: skip
    patterns = {one.findtext("name"): one for one in song.iter("pattern")}
    tempo, swing = float(song.findtext("bpm", "120")), float(song.findtext("swing_factor", "0"))
    notes, at = [], 0.0
    groups = list(song.iter("group"))
    length = sum(max(_beats(patterns.get(one.text)) for one in group) for group in groups)
    for group in groups * max(1, round(75 * tempo / 60 / length)):
        for pattern in (patterns[one.text] for one in group if one.text in patterns):
            for note in pattern.iter("note"):
                tick, drum = int(note.findtext("position", "0")), drums.get(note.findtext("instrument"))
                tick += 6 * swing * (tick % 24 == 12)
                loud = round(127 * float(note.findtext("velocity", "0.8")))
                if drum is not None and loud > 0:
                    notes.append(Note(at + tick / TICKS, 0.2, drum, min(loud, 127), 0))
        at += max(_beats(patterns.get(one.text)) for one in group)
    seconds = np.arange(int(at) + 2) * 60 / tempo
    notes.sort(key=lambda note: note.at)
    return Score([Part(0, True)], notes, seconds, np.arange(0, int(at), 4), name, 0, int(at), {"tempo": tempo})


def _beats(pattern: ElementTree.Element | None) -> float:
    return 0.0 if pattern is None else int(pattern.findtext("size", "192")) / TICKS


def lmms_songs() -> Iterator[Score]:
    """LMMS's demo projects whose notes are on the grid; what they play on is guessed from names."""
    for path in sorted(path for folder in LMMS for path in folder.rglob("*.mmp*")):
        data = path.read_bytes()
        text = zlib.decompress(data[4:]) if path.suffix == ".mmpz" else data
        score = lmms_score(text, f"lmms/{path.stem}")
        if score is not None:
            yield score


def lmms_score(text: bytes, name: str) -> Score | None:
    """A project of LMMS; None of one whose tempo moves, or that is too short or off the grid."""
    song = ElementTree.fromstring(text)
    head, tracks = song.find("head"), song.findall("song/trackcontainer/track")
    if head is None or head.get("bpm") is None:
        return None
    parts, notes = [], []
    blocks = [track for track in tracks if track.get("type") == "1"]
    inner = blocks[0].findall("bbtrack/trackcontainer/track") if blocks else []
    for track in [*tracks, *inner]:
        part = _part(track)
        if track.get("type") != "0" or track.get("muted") == "1" or part is None:
            continue
        found = _looped(track, inner, blocks) if track in inner else _placed(track)
        pitches = _pitches(track)
        notes += [
            Note(at / TICKS, max(long, 6) / TICKS, pitches(key), loud, len(parts)) for at, long, key, loud in found
        ]
        parts.append(part)
    notes = sorted((note for note in notes if 0 <= note.pitch < 128), key=lambda note: note.at)
    if len(notes) < 100:
        return None
    begin = int(notes[0].at) // 4 * 4
    notes = [Note(note.at - begin, note.length, note.pitch, note.velocity, note.part) for note in notes]
    count = int(max(note.at + note.length for note in notes)) + 2
    seconds = np.arange(count) * 60 / float(head.get("bpm", "140"))
    return judged(tapped(Score(parts, notes, seconds, np.arange(0, count, 4), name)))


def _names(track: ElementTree.Element) -> str:
    sources = [one.get("src") or "" for one in track.iter() if one.get("src")]
    return " ".join([*(Path(source).name for source in sources[:1]), track.get("name", "")])


def _part(track: ElementTree.Element) -> Part | None:
    """What a track plays on: drums by the name of its sample, else a program; None of noises and loops."""
    names, settings = _names(track), track.find("instrumenttrack")
    if settings is None or UNHEARD.search(names.lower()):
        return None
    volume = float(settings.get("vol") or 100) / 100
    if volume < 0.02:
        return None
    program = next((number for words, number in PROGRAMS if re.search(words, names.lower())), 81)
    drum = _drum(names) is not None
    pan = 0.5 + float(settings.get("pan") or 0) / 200
    return Part(0 if drum else program, drum, min(0.7 * volume, 1.0), float(np.clip(pan, 0, 1)))


def _pitches(track: ElementTree.Element):
    drum, settings = _drum(_names(track)), track.find("instrumenttrack")
    base = int(float(settings.get("basenote") or 57)) if settings is not None else 57
    return lambda key: drum if drum is not None else 69 + key - base


def _placed(track: ElementTree.Element) -> list[tuple[int, int, int, int]]:
    """(tick, length, key, velocity) of each note of a track of the song."""
    patterns = [one for one in track.findall("pattern") if one.get("muted") != "1"]
    return [(int(one.get("pos", 0)) + tick, *rest) for one in patterns for tick, *rest in _inside(one)]


def _inside(pattern: ElementTree.Element) -> list[tuple[int, int, int, int]]:
    notes = [{key: int(float(value)) for key, value in note.attrib.items()} for note in pattern.iter("note")]
    return [
        (note["pos"], note["len"] if note["len"] > 0 else 12, note["key"], min(round(0.9 * note["vol"]), 127))
        for note in notes
        if note.get("vol", 0) > 0
    ]


def _looped(track: ElementTree.Element, inner: list, blocks: list) -> list[tuple[int, int, int, int]]:
    """The notes of a track of the beat editor, wherever its blocks stand in the song."""
    found = []
    for place, block in enumerate(blocks):
        patterns = [one.findall("pattern")[place] for one in inner if len(one.findall("pattern")) > place]
        mine = track.findall("pattern")
        if block.get("muted") == "1" or place >= len(mine) or mine[place].get("muted") == "1":
            continue
        used = [one for one in patterns if one.find("note") is not None]
        loop = max((-(-int(one.get("len", 192)) // 192) * 192 for one in used), default=192)
        notes = _inside(mine[place])
        for spot in (one for one in block.findall("bbtco") if one.get("muted") != "1"):
            start, length = int(spot.get("pos", 0)), int(spot.get("len", 0))
            for turn in range(0, length, loop):
                found += [(start + turn + tick, *rest) for tick, *rest in notes if turn + tick < length]
    return found
