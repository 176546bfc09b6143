"""A band for a tune: chords guessed from the melody, a bass, and drums that fit its metre."""

from dataclasses import replace

import numpy as np

from beat_model.score import Note, Part, Score

TEMPI = {"reel": (88, 128), "polka": (72, 132), "hornpipe": (120, 190), "common": (76, 150), "waltz": (84, 180)}
TEMPI |= {"quickwaltz": (110, 190), "jig": (84, 132), "slipjig": (84, 132), "slide": (90, 140)}
MELODIES = (0, 4, 6, 11, 12, 13, 15, 16, 19, 21, 22, 23, 24, 25, 26, 27, 29, 30, 40, 40, 41, 42, 46, 48, 56, 57, 60, 61)
MELODIES += (65, 66, 68, 71, 72, 73, 73, 74, 75, 78, 79, 80, 81, 82, 85, 104, 105, 107, 109, 110, 114)
CHORDS = (0, 1, 4, 6, 16, 19, 21, 22, 24, 24, 25, 25, 26, 27, 28, 29, 46, 48, 50, 51, 52, 61, 62, 81, 88, 89, 105)
BASSES = (32, 32, 33, 33, 34, 35, 36, 38, 39, 42, 43, 58, 87)
KITS = (0, 0, 0, 8, 16, 24, 25, 32, 40)
DRUMS = {  # style: (beats, slots a beat, {drum: hits}); K, S, H, O stand for a kick, a snare, a hat and an open one
    "rock": (4, 4, {"K": "x.......x.x.....", "S": "....x.......x...", "H": "x.x.x.x.x.x.x.x."}),
    "pop": (4, 4, {"K": "x..x....x.....x.", "S": "....x.......x...", "H": "xxxxxxxxxxxxxxxx"}),
    "half": (4, 4, {"K": "x.....x.........", "S": "........x.......", "H": "x.x.x.x.x.x.x.x."}),
    "disco": (4, 4, {"K": "x...x...x...x...", "S": "....x.......x...", "O": "..x...x...x...x."}),
    "house": (4, 4, {"K": "x...x...x...x...", "H": "x.xxx.xxx.xxx.xx", "S": "............x..x"}),
    "ska": (4, 4, {"K": "x.......x.......", "S": "....x.......x...", "H": "..x...x...x...x."}),
    "onedrop": (4, 4, {"K": "........x.......", "S": "........x.......", "H": "x.x.x.x.x.x.x.x."}),
    "swing": (4, 3, {"R": "x..x.xx..x.x", "P": "...x.....x..", "K": "x.....x....."}),
    "shuffle": (4, 3, {"K": "x.....x.....", "S": "...x.....x..", "H": "x.xx.xx.xx.x"}),
    "polka": (2, 4, {"K": "x...x...", "S": "..x...x.", "H": "x.x.x.x."}),
    "two": (2, 4, {"K": "x.......", "S": "....x...", "H": "x.x.x.x."}),
    "train": (2, 4, {"K": "x...x...", "S": "xxXxxxXx"}),
    "march": (2, 4, {"K": "x...x...", "S": "x.xxx.x.", "C": "..x...x."}),
    "waltz": (3, 2, {"K": "x.....", "S": "..x.x."}),
    "waltzhat": (3, 2, {"K": "x.....", "H": "..x.x.", "R": "x....."}),
    "slowrock": (3, 4, {"K": "x.....x.....", "S": "....x.......", "H": "x.x.x.x.x.x."}),
    "jig": (2, 3, {"K": "x..x..", "H": "x.xx.x"}),
    "jigback": (2, 3, {"K": "x.....", "S": "...x..", "H": "xxxxxx"}),
    "jigoff": (2, 3, {"K": "x..x..", "S": "..x..x", "H": "xxxxxx"}),
    "bodhran": (2, 3, {"T": "XxxXxx", "K": "x....."}),
    "slip": (3, 3, {"K": "x........", "S": "...x..x..", "H": "x.xx.xx.x"}),
}
FOUR = ("rock", "pop", "half", "disco", "house", "ska", "onedrop")
STYLES = {
    "reel": ("polka", "two", "train", "march", "rock", "pop", "disco", "house"),
    "polka": ("polka", "two", "train", "march", "rock", "disco", "ska"),
    "hornpipe": ("swing", "shuffle"),
    "common": FOUR,
    "waltz": ("waltz", "waltzhat", "slowrock"),
    "quickwaltz": ("waltz", "waltzhat"),
    "jig": ("jig", "jigback", "jigoff", "bodhran"),
    "slipjig": ("slip",),
    "slide": ("jig", "jigback", "shuffle"),
}
CHOICES = {"K": (35, 36), "S": (38, 40, 37, 39), "H": (42, 42, 44), "O": (46,), "R": (51, 59, 53), "P": (44,)}
CHOICES |= {"C": (49, 57, 55), "T": (41, 43, 45, 64)}


def set_tune(tune: Score, seed: int) -> Score:
    """The tune, repeated for 60 to 100 seconds and set for a band, all by the seed."""
    rng = np.random.default_rng(seed)
    kind, bar = str(tune.made_of["kind"]), len(tune.seconds) // len(tune.downbeats)
    tempo = float(rng.uniform(*TEMPI[kind]))
    once = len(tune.downbeats) * bar
    plain = rng.random() < 0.15
    style = "none" if plain else str(rng.choice(STYLES[kind]))
    wide = DRUMS[style][0] if style in DRUMS and once % DRUMS[style][0] == 0 and _doubles(kind, style) else bar
    intro = int(rng.integers(0, 3)) * 2 * wide
    times = max(1, round(rng.uniform(60, 100) * tempo / 60 / once))
    total = intro + times * once
    parts = [Part(int(rng.choice(MELODIES)), False, float(rng.uniform(0.6, 1)), float(rng.uniform(0.3, 0.7)))]
    notes = _melody(tune, rng, times, once, intro)
    chords = _chords(tune, bar, once)
    swing = rng.uniform(0.58, 0.68) if kind == "hornpipe" else 0.5
    for program, play in ((int(rng.choice(CHORDS)), _comping), (int(rng.choice(BASSES)), _bass)):
        if rng.random() < 0.9:
            parts.append(Part(program, False, float(rng.uniform(0.45, 0.85)), float(rng.uniform(0.25, 0.75))))
            notes += play(rng, [chords[i % len(chords)] for i in range(-intro // bar, times * once // bar)], bar, kind)
            notes = [n if n.part >= 0 else replace(n, part=len(parts) - 1) for n in notes]
    if style in DRUMS:
        parts.append(Part(int(rng.choice(KITS)), True, float(rng.uniform(0.6, 1)), 0.5))
        notes += _drums(rng, style, total, len(parts) - 1)
    notes = [_swung(note, swing) for note in notes if note.at < total]
    end = int(max(np.ceil(note.at + note.length) for note in notes)) + 1
    made = {**tune.made_of, "style": style, "tempo": tempo, "seed": seed}
    name = f"{tune.name}#{seed}"
    return Score(
        parts, sorted(notes, key=lambda n: n.at), _beats(rng, max(end, total + 1), tempo, plain),
        np.arange(0, total, wide), name, 0, total, made,
    )  # fmt: skip


def _doubles(kind: str, style: str) -> bool:
    """Whether two bars of the tune are one bar of the drums."""
    return kind in ("reel", "polka") and style in FOUR


def _beats(rng: np.random.Generator, count: int, tempo: float, free: bool) -> np.ndarray:
    """When each beat comes: steady, drifting a little, or, of music without drums, freer."""
    drift = np.cumsum(rng.normal(0, rng.choice([0, 0.002, 0.004]) + 0.004 * free, count))
    return np.concatenate([[0], np.cumsum(60 / tempo * np.exp(np.clip(drift - drift.mean(), -0.12, 0.12)))])


def _swung(note: Note, swing: float) -> Note:
    """Its place with the off-beat eighth at `swing` of the beat; triplets are left alone."""
    if swing == 0.5 or abs(note.at * 3 - round(note.at * 3)) < 0.01:
        return note
    beat, within = divmod(note.at, 1)
    return replace(note, at=float(beat + np.interp(within, [0, 0.5, 1], [0, swing, 1])))


def _melody(tune: Score, rng: np.random.Generator, times: int, once: int, intro: int) -> list[Note]:
    shift, detached = 12 * int(rng.integers(-1, 2)), rng.uniform(0.6, 1)
    notes = []
    for turn in range(times):
        for note in tune.notes:
            if intro or turn or note.at >= 0:
                loud = int(np.clip(rng.normal(88 + 8 * (note.at % 1 == 0), 7), 30, 127))
                notes.append(Note(intro + turn * once + note.at, note.length * detached, note.pitch + shift, loud, 0))
    low = min(note.pitch for note in notes)
    return [replace(note, pitch=note.pitch + 12) for note in notes] if low < 48 else notes


def _chords(tune: Score, bar: int, once: int) -> list[tuple[int, int, int]]:
    """A triad of pitch classes for each bar: of the key, near what the melody plays, on the tonic at the end."""
    tonic, mode = int(tune.made_of["tonic"]), int(tune.made_of["mode"])
    major = (tonic - 7 * mode) % 12
    triads = [tuple((major + step) % 12 for step in steps) for steps in
              ((0, 4, 7), (5, 9, 0), (7, 11, 2), (9, 0, 4), (2, 5, 9), (4, 7, 11))]  # fmt: skip
    if mode == -3:
        triads.append(((tonic + 7) % 12, (tonic + 11) % 12, (tonic + 2) % 12))
    chosen = []
    for start in range(0, once, bar):
        weight = np.zeros(12)
        for note in tune.notes:
            inside = min(note.at + note.length, start + bar) - max(note.at, start)
            if inside > 0:
                weight[note.pitch % 12] += inside * (1.5 if note.at == start else 1)
        first_or_last = start in (0, once - bar)
        worth = [
            weight[list(triad)].sum()
            + bar * (0.12 * (place < 3) + 0.25 * (triad[0] == tonic) * (1 + first_or_last))
            - 0.1 * bar * (bool(chosen) and triad == chosen[-1] and start % (4 * bar) == 0)
            for place, triad in enumerate(triads)
        ]
        chosen.append(triads[int(np.argmax(worth))])
    return chosen


def _comping(rng: np.random.Generator, chords: list[tuple], bar: int, kind: str) -> list[Note]:
    """Chords: held, on the off-beats, on the beats after the first, strummed, or broken."""
    third = kind in ("jig", "slipjig", "slide", "hornpipe")
    off = 2 / 3 if third else 0.5
    way = rng.choice(["held", "off", "after", "strum", "broken"])
    step = 1 / 3 if third and kind != "hornpipe" else 0.5
    places = {"held": [0.0], "off": [b + off for b in range(bar)], "after": [float(b) for b in range(1, bar)]}
    places |= {"strum": list(np.arange(0, bar, step)), "broken": list(np.arange(0, bar, step))}
    length = {"held": bar, "off": 0.25, "after": 0.4}.get(str(way), step)
    notes = []
    for count, chord in enumerate(chords):
        voiced = sorted(53 + (pitch - 53) % 12 for pitch in chord)
        for place, at in enumerate(places[str(way)]):
            for pitch in voiced if way != "broken" else [voiced[place % 3]]:
                loud = int(np.clip(rng.normal(72 + 8 * (at % 1 == 0), 6), 20, 120))
                notes.append(Note(float(count * bar + at), float(length) * 0.95, pitch, loud, -1))
    return notes


def _bass(rng: np.random.Generator, chords: list[tuple], bar: int, kind: str) -> list[Note]:
    """A bass: roots, root and fifth, a walk on the beats, or a pulse."""
    way = rng.choice(["root", "fifth", "walk", "pulse"])
    pulse = 1 / 3 if kind in ("jig", "slipjig", "slide") else 0.5
    notes = []
    for count, chord in enumerate(chords):
        root, third, fifth = (33 + (pitch - 33) % 12 for pitch in chord)
        line = {
            "root": [(0.0, root, bar)],
            "fifth": [(0.0, root, bar / 2), (float(bar // 2) if bar > 2 else 1.0, fifth, bar / 2)],
            "walk": [(float(b), (root, third, fifth, third)[b % 4], 1) for b in range(bar)],
            "pulse": [(float(at), root, pulse) for at in np.arange(0, bar, pulse)],
        }[str(way)]
        for at, pitch, length in line:
            loud = int(np.clip(rng.normal(86 + 8 * (at == 0), 6), 20, 127))
            notes.append(Note(count * bar + at, length * 0.9, pitch, loud, -1))
    return notes


def _drums(rng: np.random.Generator, style: str, total: int, part: int) -> list[Note]:
    """The style's pattern, its drums chosen once, with fills and crashes at every eighth bar and a late entry."""
    beats, slots, pattern = DRUMS[style]
    drum = {letter: int(rng.choice(choices)) for letter, choices in CHOICES.items()}
    dropped = str(rng.choice(["", "", "", *pattern]))
    enters = int(rng.choice([0, 0, 4, 8])) * beats
    fills, ghosts = rng.random() < 0.7, rng.random() < 0.3
    notes = []
    for start in range(enters, total, beats):
        count = start // beats
        fill = fills and count % 8 == 7
        for letter, hits in pattern.items():
            for slot, hit in enumerate(hits):
                if hit == "." or letter == dropped or (fill and slot >= len(hits) // 2 and letter != "K"):
                    continue
                strong = 12 * (hit == "X") + 6 * (slot % slots == 0)
                loud = int(np.clip(rng.normal(92 + strong - 14 * (letter in "HOPR"), 6), 25, 127))
                notes.append(Note(start + slot / slots, 0.2, drum[letter], loud, part))
        for slot in range(slots * beats // 2, slots * beats) if fill else ():
            pitch = int(rng.choice([38, 45, 47, 48, 50, 41]))
            notes.append(Note(start + slot / slots, 0.2, pitch, int(rng.integers(70, 115)), part))
        if ghosts and not fill:
            notes.append(Note(start + beats - 1 + (slots - 1) / slots, 0.1, drum["S"], int(rng.integers(25, 45)), part))
        if count % 8 == 0 and rng.random() < 0.6:
            notes.append(Note(float(start), 2.0, drum["C"], int(rng.integers(85, 120)), part))
    return notes
