"""Folk tunes from the corpus of music21, read from their ABC text, and chorales with their four voices."""

import re
from collections.abc import Iterator
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from beat_model.score import Note, Part, Score

BOOKS = ("oneills1850", "ryansMammoth", "airdsAirs", "miscFolk", "essenFolksong")
LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
MODES = {"": 0, "maj": 0, "ion": 0, "mix": -1, "dor": -2, "m": -3, "min": -3, "aeo": -3, "phr": -4, "lyd": 1}
SHARPS = {"C": 0, "G": 1, "D": 2, "A": 3, "E": 4, "B": 5, "F": -1}
TUPLET = re.compile(r"\((?P<n>[2-9])(?!\d)")
STRETCH = {2: Fraction(3, 2), 3: Fraction(2, 3), 4: Fraction(3, 4)}  # of the notes of a tuplet
TOKEN = re.compile(
    r"(?P<skip>\"[^\"]*\"|!\w+!|\{[^}]*\}|[~.TuvHJMPS`\\ ()yx*&$])"
    r"|(?P<ending>(?<=[|\]:])\s*\[?(?P<end>[12])(?![\d/])|\[(?P<end2>[12]))"
    r"|(?P<bar>:*\|+[\]|]?:*|::+|\[\||\|?\[?\|\]:?)"
    r"|(?P<open>\[)|(?P<close>\])|(?P<acc>\^{1,2}|_{1,2}|=)?(?P<note>[A-Ga-gzZ])(?P<octave>[,']*)"
    r"(?P<len>\d*(?:/+\d*)?)(?P<tie>-?)|(?P<broken>[<>]+)|(?P<loosetie>-)"
)
KINDS = {  # the beat in whole notes, beats a bar
    "reel": (Fraction(1, 2), 2),
    "polka": (Fraction(1, 4), 2),
    "hornpipe": (Fraction(1, 4), 4),
    "common": (Fraction(1, 4), 4),
    "waltz": (Fraction(1, 4), 3),
    "quickwaltz": (Fraction(1, 8), 3),
    "jig": (Fraction(3, 8), 2),
    "slipjig": (Fraction(3, 8), 3),
    "slide": (Fraction(3, 8), 4),
}
METRES = {"C|": "reel", "2/2": "reel", "2/4": "polka", "C": "common", "4/4": "common", "3/4": "waltz"}
METRES |= {"3/8": "quickwaltz", "6/8": "jig", "9/8": "slipjig", "12/8": "slide"}


def tunes(books: tuple[str, ...] = BOOKS) -> Iterator[Score]:
    """Every tune whose bars are all whole: the melody alone, once through its repeats, at 100 beats a minute.

    `made_of` tells its kind, tonic (0 to 11) and steps of its mode in the circle of fifths (0 major, -3 minor).
    """
    corpus = _corpus()
    for book in books:
        for path in sorted((corpus / book).glob("*.abc")):
            text = path.read_text("utf-8", "replace")
            for count, tune in enumerate(re.split(r"(?m)^(?=X:)", text)[1:]):
                score = read_abc(tune, f"tunes/{book}/{path.stem}/{count}")
                if score is not None:
                    yield score


def _corpus() -> Path:
    spec = find_spec("music21")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("the tunes are music21's: pip install music21")
    return Path(spec.origin).parent / "corpus"


def read_abc(text: str, name: str) -> Score | None:
    """One tune of an ABC file; None of what is free, incomplete or written in ways this does not read."""
    fields, body = _split(text)
    kind, key = _kind(fields), _key(fields.get("K", ""))
    if kind is None or key is None or re.search(r"\[[A-Z]:|^[A-Z]:", body, re.M):
        return None
    tonic, mode = key
    beat, beats = KINDS[kind]
    top, bottom = _metre(fields["M"])
    unit = Fraction(fields["L"]) if "L" in fields else Fraction(1, 8 if top / bottom >= 0.75 else 16)
    bars = _unfold(_bars(body, SHARPS[fields["K"].strip()[0]], fields["K"], mode))
    if bars is None:
        return None
    length = Fraction(top, bottom) / unit
    lead = _lead(bars, length)
    if lead is None or sum(d for bar in bars for _, d in bar) < 7 * length:
        return None
    notes, at = [], -lead * unit / beat
    for bar in bars:
        for pitch, duration in bar:
            long = duration * unit / beat
            if pitch and notes and pitch < 0 and notes[-1].at + notes[-1].length > float(at) - 1e-6:
                last = notes.pop()
                notes.append(Note(last.at, last.length + float(long), last.pitch, 90, 0))
            elif pitch:
                notes.append(Note(float(at), float(long), abs(pitch), 90, 0))
            at += long
    count = -(-at // beats) * beats
    made = {"kind": kind, "tonic": tonic, "mode": mode, "pickup": float(lead * unit / beat), "end": float(at)}
    downbeats = np.arange(0, int(count), beats)
    return Score([Part(40)], notes, np.arange(int(count) + 1) * 0.6, downbeats, name, made_of=made)


def _split(text: str) -> tuple[dict[str, str], str]:
    fields, body = {}, []
    for line in (line.split("%")[0].strip() for line in text.splitlines()):
        if re.match(r"[A-Za-z]:", line) and "K" not in fields:
            fields.setdefault(line[0], line[2:].strip())
        elif line and "K" in fields and not re.match(r"[NTWwRSZBQPIO]:", line):
            body.append(line)
    return fields, "\n".join(body)


def _metre(text: str) -> tuple[int, int]:
    if text in ("C", "C|"):
        return (4, 4)
    top, bottom = text.split("/")
    return int(top), int(bottom)


def _kind(fields: dict[str, str]) -> str | None:
    kind = METRES.get(fields.get("M", ""))
    rhythm = fields.get("R", "").lower()
    if kind in ("reel", "common") and re.search("hornpipe|strathspey|fling|clog", rhythm):
        return "hornpipe"
    return "reel" if kind == "common" and "reel" in rhythm else kind


def _key(text: str) -> tuple[int, int] | None:
    match = re.match(r"([A-G])([#b]?)\s*([A-Za-z]{0,3})", text)
    if match is None or match[3].lower() not in MODES:
        return None
    return (LETTERS[match[1]] + {"#": 1, "b": -1, "": 0}[match[2]]) % 12, MODES[match[3].lower()]


def _bars(body: str, sharps: int, key: str, mode: int) -> list[tuple[str, list]] | None:
    """(what stands before it, notes) of each bar; a note is (pitch, units), 0 a rest, negative if tied to the last."""
    sharps += mode + {"#": 7, "b": -7}.get(key.strip()[1:2], 0)
    signature = {letter: (sharps + 6 - i) // 7 for i, letter in enumerate("FCGDAEB")}
    bars, mark, notes, altered = [], "", [], {}
    tuplet, scale, broken, chord, tied = 0, Fraction(1), Fraction(1), None, False
    text, place = body.replace("\\\n", " ").replace("\n", " "), 0
    while place < len(text):
        match = TUPLET.match(text, place) or TOKEN.match(text, place)
        if match is None:
            return None
        place, found = match.end(), match.groupdict()
        if "n" in found:
            tuplet = int(found["n"])
            if tuplet not in STRETCH:
                return None
            scale = STRETCH[tuplet]
        elif found["bar"] or found["ending"]:
            if notes:
                bars.append((mark, notes))
                mark, notes = "", []
            mark += found["bar"] or (found["end"] or found["end2"])
            altered = {}
        elif found["open"]:
            chord = []
        elif found["close"]:
            chord = None
        elif found["loosetie"]:
            tied = True
        elif found["broken"]:
            if not notes:
                return None
            short = Fraction(1, 2 ** len(found["broken"]))
            first, broken = (2 - short, short) if found["broken"][0] == ">" else (short, 2 - short)
            notes[-1] = (notes[-1][0], notes[-1][1] * first)
        elif found["note"]:
            if chord is not None and chord:
                continue
            letter, octave = found["note"].upper(), found["octave"].count("'") - found["octave"].count(",")
            if found["acc"]:
                altered[letter, octave] = {"^": 1, "_": -1, "=": 0}[found["acc"][0]] * len(found["acc"])
            pitch = 60 + LETTERS[letter] + 12 * (octave + found["note"].islower()) if letter != "Z" else 0
            pitch += altered.get((letter, octave), signature[letter]) if pitch else 0
            units = _units(found["len"]) * broken * (scale if tuplet else 1)
            same = tied and notes + (bars[-1][1] if bars else []) and abs((notes or bars[-1][1])[-1][0]) == pitch
            notes.append((-pitch if same else pitch, units))
            tuplet, broken, tied = max(tuplet - 1, 0), Fraction(1), bool(found["tie"])
            if chord is not None:
                chord.append(pitch)
    return [*bars, (mark, notes)] if notes else [*bars, (mark, [])]


def _units(text: str) -> Fraction:
    match = re.fullmatch(r"(\d*)(/*)(\d*)", text)
    whole, slashes, under = match.groups() if match else ("", "", "")
    return Fraction(int(whole or 1), int(under) if under else 2 ** len(slashes))


def _unfold(bars: list[tuple[str, list]] | None) -> list[list] | None:
    """The bars in the order in which they are played; repeats are taken once, with their first and second endings."""
    if bars is None:
        return None
    played, section, ending = [], [], []
    state = 0
    for mark, notes in bars:
        if state == 0 and re.search(r":\||::|:$", re.sub(r"[12]", "", mark)) and re.match(r":+[|:]", mark):
            played += section + section
            section = []
        if state == 1 and re.match(r":", mark):
            played += section + ending + section
            section, ending, state = [], [], 2
        elif state == 1 and "2" in mark:
            return None
        elif state == 2 and re.search(r":", mark):
            state = 0
        if "|:" in mark or mark.endswith("::"):
            played += section
            section = []
            state = 0
        if "1" in mark:
            state = 1
        if state == 1:
            ending.append(notes)
        else:
            section.append(notes)
    if ending:
        return None
    return [bar for bar in played + section if bar]


def _lead(bars: list[list], length: Fraction) -> Fraction | None:
    """Units before the first whole bar; None unless every whole bar begins on a bar and pieces make up whole ones."""
    sizes = [sum((units for _, units in bar), Fraction(0)) for bar in bars]
    if not sizes or max(sizes) > length:
        return None
    lead = sizes[0] % length
    at, whole = -lead, 0
    for size in sizes:
        if size == length:
            whole += 1
            if at % length:
                return None
        elif at % length + size > length:
            return None
        at += size
    return lead if whole > 0.6 * len(bars) and (at + lead) % length in (0, lead) else None
