"""Songs made of nothing but a number: many styles, and of each many habits, so that a net cannot learn one composer."""

from dataclasses import dataclass, field, replace

import numpy as np

from examples.beat_model.score import Note, Part, Score
from examples.beat_model.styles import FIGURES, HARD, LANES, MODES, PROGRESSIONS, STYLES, Style

ROLES = ("drums", "perc", "bass", "comp", "keys", "pad", "arp", "lead")
DRUMS = ("drums", "perc")
# How likely each role plays in an intro, verse, chorus, bridge, solo, break and outro
LAYERS = {
    "i": (0.45, 0.3, 0.35, 0.55, 0.2, 0.4, 0.4, 0.2),
    "a": (0.92, 0.4, 0.9, 0.8, 0.3, 0.3, 0.25, 0.65),
    "b": (1.0, 0.5, 1.0, 0.95, 0.45, 0.5, 0.35, 0.85),
    "c": (0.8, 0.35, 0.75, 0.7, 0.4, 0.5, 0.4, 0.5),
    "s": (0.95, 0.4, 0.95, 0.85, 0.3, 0.2, 0.15, 1.0),
    "k": (0.2, 0.3, 0.25, 0.35, 0.2, 0.75, 0.45, 0.25),
    "o": (0.6, 0.35, 0.65, 0.6, 0.2, 0.45, 0.3, 0.3),
}
FORMS = (
    "iabab",
    "iaabab",
    "abakb",
    "iababcb",
    "iakbab",
    "aaba",
    "iabskb",
    "aabb",
    "iacasa",
    "kababk",
    "bakbab",
    "iabcakb",
)
ENERGY = {"i": 0.8, "a": 0.88, "b": 1.0, "c": 0.9, "s": 0.98, "k": 0.72, "o": 0.82}
STRENGTH = {"g": 0.42, "x": 0.78, "X": 1.0, "?": 0.5, "o": 0.85, "d": 0.75, "t": 0.7}
CHORDS = {"triad": (0, 2, 4), "power": (0, 4), "seventh": (0, 2, 4, 6)}
CENTRES = {"bass": 38, "comp": 60, "keys": 67, "pad": 62, "arp": 72, "lead": 74}
KEPT = {"full": "KSHT", "hats": "H", "nokick": "SHT", "nosnare": "KHT", "kick": "K", "nohats": "KST"}  # of a kit
Figure = tuple[str, ...]  # of each bar its string


@dataclass(frozen=True)
class Section:
    """Some bars that sound alike; `enters` holds the bar in which each role of it begins to play."""

    kind: str
    start: int
    bars: int
    enters: dict[str, int]
    kit: str = "full"
    feel: float = 1.0
    push: bool = False
    snare_shift: float = 0.0
    stop: bool = False
    gap: float = 0.0


@dataclass(eq=False)
class Song:
    """What is decided of a song before its notes, and the notes as they come: (at, length, pitch, velocity, role)."""

    rng: np.random.Generator
    style: Style
    figures: dict[str, tuple[str, ...]]
    beats: int
    native: int
    triple: bool
    bpm: float
    key: int = 0
    scale: tuple[int, ...] = ()
    harmony: dict[str, tuple[list[str], float]] = field(default_factory=dict)
    plans: dict[tuple[str, str], object] = field(default_factory=dict)
    gains: dict[str, float] = field(default_factory=dict)
    accents: dict[str, np.ndarray] = field(default_factory=dict)
    notes: list[tuple[float, float, int, float, str]] = field(default_factory=list)

    def chance(self, probability: float) -> bool:
        """Whether it happens."""
        return bool(self.rng.random() < probability)

    def pick(self, choices):
        """One of them."""
        return choices[int(self.rng.integers(len(choices)))]

    def add(self, section: Section, role: str, at: float, length: float, pitch: int, strength: float) -> None:
        """Write a note down; `at` in beats from the first bar."""
        accent = self.accents[role][round(at * 4) % len(self.accents[role])]
        velocity = 108 * strength * accent * ENERGY[section.kind] * self.gains[role] + self.rng.normal(0, 3)
        self.notes.append((at, length, pitch, velocity, role))


def compose(seed: int, *, style: str | None = None) -> Score:
    """A piece of 60 to 120 s, always the same for a seed and style."""
    if style is None:
        weights = np.array([each.weight for each in STYLES.values()])
        style = str(np.random.default_rng([seed, 1]).choice(list(STYLES), p=weights / weights.sum()))
    rng = np.random.default_rng([seed, 2, *style.encode()])
    song = _song(rng, style)
    sections = _sections(song)
    for section in sections:
        for role, enters in section.enters.items():
            for bar in range(enters, section.bars):
                WRITERS[role](song, section, role, bar)
        _interrupt(song, section)
    bars = sections[-1].start + sections[-1].bars
    _end(song, bars)
    return _score(song, bars, f"composed/{style}/{seed}")


# What is decided first


def _song(rng: np.random.Generator, name: str) -> Song:
    """Metre, tempo, key, harmony and loudness of a song."""
    style, figures = STYLES[name], FIGURES[name]
    beats, native, triple = style.beats, style.beats, style.triple
    metre = rng.random()
    if metre < style.threes:
        beats = 3
    elif metre < style.threes + style.sixes:
        beats, native, triple = int(rng.choice([2, 2, 4])), 2, True
        figures = FIGURES["six"] | {"drums": FIGURES["six"]["drums"] if figures["drums"] else ()}
    bpm = float(np.exp(rng.uniform(*np.log(style.bpm))))
    if triple and not style.triple and name != "march":
        bpm = max(bpm * 0.75, 60.0)
    song = Song(rng, style, figures, beats, native, triple, bpm, key=int(rng.integers(12)))
    mode, _, rows = song.pick(PROGRESSIONS[style.harmony].split(" / ")).partition(": ")
    song.scale = MODES[mode]
    for kind in LAYERS:
        slow = 2.0 if bpm > 150 else 1.0
        song.harmony[kind] = song.pick(rows.split("|")).split(), min(float(rng.choice([0.5, 1, 1, 1, 2])) * slow, 2.0)
    if style.harmony == "blues":
        song.harmony = dict.fromkeys(LAYERS, (song.pick(rows.split("|")).split(), 1.0))
    song.accents = {role: _accents(song) for role in ROLES}
    song.gains = {role: float(rng.uniform(0.75, 1.0)) for role in ROLES} | _kit_gains(song)
    return song


def _accents(song: Song) -> np.ndarray:
    """How strong each sixteenth of some beats is: a scheme of the song, not always of the metre."""
    steps = 4 * song.beats
    scheme = np.full(steps, 0.88)
    kind = song.pick(("bar", "backbeat", "off", "random", "flat", "flat", "tresillo", "long"))
    if kind == "bar":
        scheme[0], scheme[steps // 2] = 1.08, 1.0
    elif kind == "backbeat":
        scheme[4::8] = 1.06
    elif kind == "off":
        scheme[2::4] = 1.06
    elif kind == "tresillo":
        scheme[::3] = 1.06
    elif kind in ("random", "long"):
        scheme = song.rng.uniform(0.7, 1.08, steps if kind == "random" else steps * 3 // 2)
    return scheme


def _kit_gains(song: Song) -> dict[str, float]:
    """Loudness of kick, snare, hats and the rest: in a third of the songs hats drown the drums."""
    loud = song.chance(0.35)
    low, high = ((0.5, 0.72), (1.0, 1.2)) if loud else ((0.85, 1.1), (0.55, 1.0))
    gains = {name: float(song.rng.uniform(*(low if name in "KS" else high))) for name in "KSHT"}
    return gains | {"drums": 1.0, "perc": float(song.rng.uniform(*high))}


def _sections(song: Song) -> list[Section]:
    """The form: sections of 4, 8 or 16 bars until a song is long enough."""
    total = song.rng.uniform(66, 104) * song.bpm / 60 / song.beats
    unit = 12 if song.style.harmony == "blues" else int(np.clip(2 ** round(np.log2(total / 6)), 4, 16))
    only = song.rng.random()
    form, sections, bars, last = song.pick(FORMS), [], 0, 0
    while bars < total - unit // 2:
        kind = form[last % len(form)] if last < len(form) or form[0] != "i" else form[1 + last % (len(form) - 1)]
        size = unit
        if (kind in "iko" and unit > 4) or song.chance(0.1):
            size = max(4, unit // 2)
        sections.append(_section(song, kind, bars, size, only))
        bars, last = bars + size, last + 1
    if song.chance(0.6) and bars < total:
        sections.append(_section(song, "o", bars, 4, only))
    return sections


def _section(song: Song, kind: str, start: int, bars: int, only: float) -> Section:
    """Which roles play in a section, and what is odd about it; sections of a kind mostly have the same roles."""
    key, scales = ("roles", kind), song.style.layers
    if key not in song.plans or song.chance(0.2):
        drawn = song.rng.random(len(ROLES)) / [max(scales.get(role, 1.0), 1e-9) for role in ROLES]
        roles = [role for role, value, limit in zip(ROLES, drawn, LAYERS[kind]) if value < limit]
        if song.figures["drums"] and only < 0.05:
            roles = [role for role in roles if role in DRUMS] or ["drums"]
        elif song.figures["drums"] and only < 0.1:
            roles = [role for role in roles if role != "drums"] + ["perc"] * ("perc" not in roles)
        elif not song.figures["drums"] and song.figures["perc"] and only < 0.6:
            roles = [*roles, "perc"]
        moving = set(roles) - {"pad"}
        if not moving and (kind != "k" or bars > 8 or not roles):
            roles.append(song.pick(("comp", "arp", "lead") if not song.figures["drums"] else ("drums", "comp", "arp")))
        song.plans[key] = sorted(set(roles))
    enters = {role: bars // 2 if song.chance(0.3 if kind == "i" else 0.05) else 0 for role in song.plans[key]}
    if min(enters.values()) > 0:
        enters = dict.fromkeys(enters, 0)
    kits = ("hats", "nokick", "nosnare", "kick", "nohats")
    if song.chance(0.55 if kind in "iko" else 0.12):
        kit = song.pick(kits)
    else:
        kit = "full"
    return Section(
        kind,
        start,
        bars,
        enters,
        kit,
        feel=song.pick((0.5, 0.5, 2.0)) if song.chance(song.style.feels) and song.bpm > 80 else 1.0,
        push=song.chance(0.2),
        snare_shift=song.pick((-0.5, -0.5, 0.5, -0.25)) if song.chance(0.08) else 0.0,
        stop=song.chance(0.2 if song.style.harmony == "blues" else 0.05),
        gap=song.pick((1.0, 2.0, float(song.beats))) if song.chance(0.12) else 0.0,
    )


# Figures: strings into places


def unfold(figure: str) -> Figure:
    """`x.*2|x..x` is `x.x.` and `x..x`."""
    bars = (bar.partition("*") for bar in figure.split("|"))
    return tuple(pattern * int(times or 1) for pattern, _, times in bars)


def places(song: Song, figure: Figure, bar: int, native: int) -> list[tuple[float, float, str]]:
    """Where each sign of a bar of a figure lies, in beats; a figure of other metre is cut or laid end to end."""
    if native < song.beats:
        parts = [figure[(bar * song.beats // native + i) % len(figure)] for i in range(-(-song.beats // native))]
    else:
        parts = [figure[bar % len(figure)]]
    found = []
    for i, pattern in enumerate(parts):
        step = native / len(pattern)
        found += [(i * native + n * step, step, sign) for n, sign in enumerate(pattern)]
    return [(at, step, sign) for at, step, sign in found if at < song.beats - 1e-6]


def held(found: list[tuple[float, float, str]]) -> list[tuple[float, float, str]]:
    """Only the signs that begin notes, with the length that `-` gives them."""
    notes: list[tuple[float, float, str]] = []
    for at, step, sign in found:
        if sign == "-" and notes:
            notes[-1] = (notes[-1][0], at + step - notes[-1][0], notes[-1][2])
        elif sign not in "-.":
            notes.append((at, step, sign))
    return notes


def borrowed(song: Song, kind: str) -> tuple[str, int]:
    """A figure of the style, sometimes of any other that fits; and the beats of a bar of it."""
    own = song.figures[kind]
    if song.chance(0.2) and not song.triple and song.native == 4:
        straight = [name for name, style in STYLES.items() if style.beats == 4 and not style.triple]
        other = song.pick([name for name in straight if name not in HARD])
        own = FIGURES[song.pick((other, "any"))][kind] or own
    return song.pick(own), song.native


def planned(song: Song, section: Section, what: str, make):
    """What a kind of section keeps for the whole song; sometimes the song has but one."""
    kind = "a" if section.kind in "iosk" and song.style.fast < 0.8 else section.kind
    key = (what, kind)
    if key not in song.plans:
        others = [value for (name, _), value in song.plans.items() if name == what]
        song.plans[key] = others[0] if others and song.chance(0.35) else make()
    return song.plans[key]


# Drums


def _groove(song: Song) -> tuple[dict[str, Figure], int]:
    """A groove of the style, varied: other hats, a kick of its own, ghosts, kicks that are left out."""
    text, native = borrowed(song, "drums")
    tokens = text.split()
    lanes = {lane: unfold(figure) for lane, figure in zip(tokens[::2], tokens[1::2])}
    steps = 4 * native
    sixteenths = not song.triple and all(len(bar) in (steps, steps // 2) for bars in lanes.values() for bar in bars)
    if not sixteenths or native != 4:
        return lanes, native
    if song.chance(0.3):
        hats = [lane for lane in lanes if lane in "HOR"]
        lanes = {lane: bars for lane, bars in lanes.items() if lane not in hats}
        lanes[song.pick("HHHRQO")] = unfold(song.pick(FIGURES["any"]["hats"]))
    if "K" in lanes and song.chance(0.2):
        likely = np.tile([0.65, 0.08, 0.25, 0.15], native) * song.rng.uniform(0.3, 1.3)
        likely[0] = song.pick((0.05, 0.9, 0.9))
        bar = "".join("x" if hit else "." for hit in song.rng.random(steps) < likely)
        lanes["K"] = (bar if "x" in bar else "..x...x...x..x..",)
    if "S" in lanes and song.chance(0.25):
        lanes["S"] = tuple("".join("?" if s == "." and song.chance(0.12) else s for s in bar) for bar in lanes["S"])
    return lanes, native


def _drums(song: Song, section: Section, role: str, bar: int) -> None:
    """A bar of the kit: groove, fill, crash."""
    lanes, native = planned(song, section, "groove", lambda: _groove(song))
    if not any(_group(lane) in KEPT[section.kit] for lane in lanes):
        section = replace(section, kit="full")
    every = planned(song, section, "fill", lambda: song.pick((4, 4, 8, 8, 2, 99)))
    start = (section.start + bar) * song.beats
    last = bar == section.bars - 1
    fills = (last and song.chance(0.7)) or ((bar + 1) % every == 0 and song.chance(0.8))
    fill = min(song.pick((0.5, 1, 1, 2, 2, song.beats)), song.beats) if fills and section.kit == "full" else 0
    for lane, figure in lanes.items():
        for at, step, sign in _felt(song, section, figure, bar, native):
            if sign == "." or (fill and at >= song.beats - fill - 1e-6 and lane not in "Q"):
                continue
            _hit(song, section, lane, start + at, step, sign)
    if fill:
        _fill(song, section, start + song.beats - fill, float(fill))
    if bar == 0 and section.kit in ("full", "nosnare") and song.chance(0.7):
        song.add(
            section, role, start - (0.5 if section.push and start > 0 else 0), 1.0, song.pick((49, 49, 57, 55)), 0.95
        )
    if last and song.style.build and section.kind in "ik" and song.chance(0.6):
        _build(song, section)


def _felt(song: Song, section: Section, figure: Figure, bar: int, native: int) -> list[tuple[float, float, str]]:
    """A bar of a lane in half time or double time, if the section has it; the beat stays."""
    if section.feel == 0.5:
        found = [(at * 2, step * 2, sign) for at, step, sign in places(song, figure, bar // 2, native)]
        first = bar % 2 * song.beats
        return [(at - first, step, sign) for at, step, sign in found if first - 1e-6 <= at < first + song.beats - 1e-6]
    if section.feel == 2.0 and song.bpm < 125:
        halves = ((half, places(song, figure, 2 * bar + half, native)) for half in (0, 1))
        return [((at + half * song.beats) / 2, step / 2, sign) for half, found in halves for at, step, sign in found]
    return places(song, figure, bar, native)


def _group(lane: str) -> str:
    """Kick, snare, hat or the rest."""
    return "K" if lane in "Kk" else "S" if lane in "Ssrc" else "H" if lane in "HPORBD" else "T"


def _hit(song: Song, section: Section, lane: str, at: float, step: float, sign: str) -> None:
    """One sign of a lane, if the kit of the section has it."""
    group = _group(lane)
    if group not in KEPT[section.kit] or (sign == "?" and song.chance(0.5)):
        return
    if group == "S":
        at = max(at + section.snare_shift * (sign == "X"), 0.0)
    if section.push and group == "K" and at % song.beats == 0 and at > 0:
        at -= 0.5
    pitch = 46 if sign == "o" else LANES[lane]
    count = {"d": 2, "t": 3}.get(sign, 1)
    for i in range(count):
        song.add(section, "drums", at + i * step / count, step / count, pitch, STRENGTH[sign] * song.gains[group])


def _fill(song: Song, section: Section, at: float, length: float) -> None:
    """A fill: toms down, snares, kick and snare in turn, triplets, or nothing at all."""
    step = 1 / 3 if song.triple else song.pick((0.25, 0.25, 0.25, 0.5, 1 / 3, 0.75, 1 / 6))
    if song.bpm > 150:
        step = max(step, 0.25)
    pitches = song.pick(((50, 48, 45, 41), (38,), (38, 36), (38, 38, 36), (38, 50, 45, 36), (48, 45, 43), (), (38, 46)))
    count = int(np.ceil(length / step - 1e-6)) if pitches else 0
    in_turn, dense = song.chance(0.5), song.rng.uniform(0.65, 1.0)
    for i in range(count):
        index = i % len(pitches) if in_turn else i * len(pitches) // count
        if song.chance(dense):
            strength = 0.7 + 0.3 * i / count
            song.add(section, "drums", at + i * step, step, pitches[index], strength * song.gains["S"])


def _build(song: Song, section: Section) -> None:
    """A roll that grows into the next section."""
    length = song.beats * song.pick((1, 2, 4))
    start = (section.start + section.bars) * song.beats - length
    at, pitch = float(start), song.pick((38, 40, 39))
    while at < start + length - 1e-6:
        done = (at - start) / length
        song.add(section, "drums", at, 0.25, pitch, 0.4 + 0.5 * done)
        at += 0.5 if done < 0.5 else 0.25


def _perc(song: Song, section: Section, role: str, bar: int) -> None:
    """Shakers, congas, bells."""
    own = song.figures["perc"]

    def make() -> tuple[str, int]:
        text = song.pick(own if own and song.chance(0.7) else FIGURES["any"]["perc"])
        if song.triple:
            text = song.pick(
                own or ("Q xxX*4", "Q x.x*4", "t ..x*4", "z XxX*4", "Q XxxXxx*2", "v x.x.x..x.x..", "w x..*4")
            )
        return text, song.native if text in own else 4

    text, native = planned(song, section, "perc", make)
    tokens = text.split()
    for lane, figure in zip(tokens[::2], tokens[1::2]):
        for at, step, sign in places(song, unfold(figure), bar, native):
            if sign != "." and (sign != "?" or song.chance(0.5)):
                at += (section.start + bar) * song.beats
                song.add(section, role, at, step, LANES[lane], STRENGTH.get(sign, 0.8))


# Harmony and what follows it


def chord_at(song: Song, section: Section, at: float) -> tuple[int, ...]:
    """Semitones above the key of the chord that rules a place; the root first."""
    degrees, rate = song.harmony[section.kind]
    token = degrees[int((at - section.start * song.beats + 1e-6) / (rate * song.beats)) % len(degrees)]
    first = int(token[0]) - 1
    tones = [song.scale[(first + i) % 7] + 12 * ((first + i) // 7) for i in CHORDS[song.style.chords]]
    if token[1:] and len(tones) > 2:
        tones[1] = tones[0] + 4
    if token[1:] == "7":
        tones = [*tones[:3], tones[0] + 10][: max(len(tones), 4)]
    return tuple(tones)


def near(pitch: int, centre: float) -> int:
    """The pitch in the octave around a centre."""
    return int(pitch + 12 * round((centre - pitch) / 12))


def _pushed(song: Song, section: Section, at: float) -> float:
    """Where a note goes that lies on a bar's first beat: an eighth earlier where the section pushes."""
    return at - 0.5 if section.push and at % song.beats == 0 and at > section.start * song.beats else at


def _bass(song: Song, section: Section, role: str, bar: int) -> None:
    """A bar of the bass."""
    text, native = planned(song, section, "bass", lambda: borrowed(song, "bass"))
    short = planned(song, section, "short", lambda: song.rng.uniform(0.45, 1.0))
    start = (section.start + bar) * song.beats
    for place, length, sign in held(places(song, unfold(text), bar, native)):
        at = start + place
        chord = chord_at(song, section, at)
        root = near(song.key + chord[0], CENTRES["bass"])
        if sign == "a":
            root = near(song.key + chord_at(song, section, start + song.beats)[0], CENTRES["bass"])
            pitch = root + song.pick((-1, 1, -2))
        elif sign == "8":
            pitch = root + 12
        else:
            degree = (song.scale.index(chord[0] % 12) if chord[0] % 12 in song.scale else 0) + int(sign) - 1
            pitch = near(song.key + song.scale[degree % 7], root + 3.5) if sign != "1" else root
        song.add(section, role, _pushed(song, section, at), max(length * short, 0.08), pitch, 0.85)


def _comp(song: Song, section: Section, role: str, bar: int) -> None:
    """A bar of chords."""
    text, native = planned(song, section, role, lambda: borrowed(song, "chords"))
    start, low = (section.start + bar) * song.beats, song.style.chords == "power"
    centre = 48 if low else CENTRES[role] + planned(song, section, role + " height", lambda: song.pick((-5, 0, 0, 5)))
    for place, length, sign in held(places(song, unfold(text), bar, native)):
        at = _pushed(song, section, start + place)
        chord = [song.key + tone for tone in chord_at(song, section, start + place)]
        if sign in "lb":
            pitches = [near(chord[0] + (7 if sign == "b" else 0), centre - 14)]
        elif low:
            root = near(chord[0], centre - 4)
            pitches = [root, root + 7, root + 12]
        else:
            pitches = sorted({near(tone, centre) for tone in chord})
            pitches = pitches[-1:] if sign == "h" else pitches
        for pitch in pitches:
            song.add(section, role, at, length * 0.85, pitch, 0.95 if sign == "X" else 0.72)


def _pad(song: Song, section: Section, role: str, bar: int) -> None:
    """Chords that are held until they change."""
    rate = song.harmony[section.kind][1]
    if rate > 1 and bar % int(rate):
        return
    length = min(rate * song.beats, (section.bars - bar) * song.beats)
    for i in range(max(1, round(1 / rate))):
        at = (section.start + bar) * song.beats + i * length
        for tone in chord_at(song, section, at):
            song.add(section, role, at, length * 0.97, near(song.key + tone, CENTRES["pad"]), 0.62)


def _arp(song: Song, section: Section, role: str, bar: int) -> None:
    """A chord note by note, on a grid that need not be that of the beat: dotted eighths, three against two, four."""

    def make() -> tuple[float, list[int], float]:
        even = (0.25, 0.25, 0.5, 0.5, 0.75, 0.75, 1 / 3, 1.5, 0.125, 0.375)
        step = song.pick((1 / 3, 1 / 3, 2 / 3, 1 / 6, 1.0, 0.5) if song.triple else even)
        if song.bpm * (1 / step) > 900:
            step *= 2
        count = song.pick((3, 4, 4, 5, 6, 8))
        order = song.pick(("up", "down", "both", "random"))
        line = {
            "up": list(range(count)),
            "down": list(range(count))[::-1],
            "both": [*range(count), *range(count - 2, 0, -1)],
        }
        return step, line.get(order) or [int(i) for i in song.rng.integers(0, count, 8)], song.rng.uniform(0.4, 1.1)

    step, line, length = planned(song, section, "arp", make)
    first = section.start * song.beats
    begin, end = bar * song.beats, (bar + 1) * song.beats
    for n in range(int(np.ceil(begin / step - 1e-6)), int(np.ceil(end / step - 1e-6))):
        chord = chord_at(song, section, first + n * step)
        index = line[n % len(line)]
        pitch = near(song.key + chord[0], CENTRES["arp"] - 8) + chord[index % len(chord)] - chord[0]
        strength = 0.82 if n % len(line) == 0 else 0.7
        song.add(section, role, first + n * step, step * length, pitch + 12 * (index // len(chord)), strength)


def _motif(song: Song) -> list[tuple[float, float, int]]:
    """A bar of melody: place, length, steps of the scale; on the beat, beside it, or both."""
    grid = 1 / 3 if song.triple else song.pick((0.5, 0.5, 0.25, 0.25, 1.0))
    count = round(song.beats / grid)
    per_beat = round(1 / grid)
    places_ = np.arange(count)
    on = (places_ % per_beat == 0).astype(float)
    way = song.pick(("on", "off", "even", "random"))
    weight = {"on": 0.5 + on, "off": 1.3 - on, "even": 0 * on + 0.9, "random": song.rng.uniform(0.3, 1.4, count)}[way]
    hits = np.flatnonzero(song.rng.random(count) < weight * (0.25 + 0.65 * song.style.fast))
    if not len(hits):
        hits = np.array([song.pick((0, count // 2, count - 1))])
    ends = np.append(hits[1:], count)
    walk = np.cumsum(song.rng.choice([-2, -1, -1, 0, 1, 1, 2, 3, -3], len(hits)))
    lengths = (ends - hits) * grid * song.rng.uniform(0.5, 1.0)
    return [(float(hit * grid), float(length), int(step)) for hit, length, step in zip(hits, lengths, walk)]


def _lead(song: Song, section: Section, role: str, bar: int) -> None:
    """A bar of melody: motifs in the order of a phrase, led through the chords."""
    orders = ((0, 1, 0, 2), (0, 0, 1, 2), (0, 0, 0, 1), (0, 1, 2, 3), (0, 1, 0, 1, 2, 1, 0, 3))
    order = planned(song, section, "order", lambda: song.pick(orders))
    motifs = planned(song, section, "motifs", lambda: [_motif(song) for _ in range(4)])
    height = planned(song, section, "height", lambda: song.pick((-12, -5, 0, 0, 5)))
    start = (section.start + bar) * song.beats
    for place, length, step in motifs[order[bar % len(order)]]:
        at = start + place
        chord = chord_at(song, section, at)
        base = song.scale.index(chord[0] % 12) if chord[0] % 12 in song.scale else 0
        degree = base + step
        tone = song.scale[degree % 7] + 12 * (degree // 7 - base // 7)
        if length >= 1 or place == 0:
            tone = min((t + 12 * octave for t in chord for octave in (-1, 0, 1)), key=lambda other: abs(other - tone))
        pitch = near(song.key + song.scale[base], CENTRES["lead"] + height) - song.scale[base] + tone
        song.add(section, role, _pushed(song, section, at), length, int(np.clip(pitch, 36, 100)), 0.88)


WRITERS = {
    "drums": _drums,
    "perc": _perc,
    "bass": _bass,
    "comp": _comp,
    "keys": _comp,
    "pad": _pad,
    "arp": _arp,
    "lead": _lead,
}


# The whole


def _interrupt(song: Song, section: Section) -> None:
    """Stop-time in the first bars of a section, and a rest at its end."""
    start, end = section.start * song.beats, (section.start + section.bars) * song.beats
    kept = []
    for note in song.notes:
        at, length, *rest = note
        if section.stop and start <= at < start + 3 * song.beats and 0.3 < at % song.beats < song.beats - 0.6:
            continue
        if section.gap and end - section.gap - 1e-6 <= at < end - 0.6:
            continue
        if section.gap and start <= at < end - section.gap < at + length:
            length = end - section.gap - at
        kept.append((at, length, *rest))
    song.notes = kept


def _end(song: Song, bars: int) -> None:
    """A last chord on the first beat after the last bar, in half of the songs."""
    if song.chance(0.5):
        return
    last = Section("b", bars, 1, {})
    used = {note[4] for note in song.notes}
    at = bars * song.beats
    for tone in (0, *(song.scale[i] for i in CHORDS[song.style.chords])):
        for role in used & {"comp", "pad"}:
            song.add(last, role, at, 2.0, near(song.key + tone, CENTRES[role]), 0.85)
    if "bass" in used:
        song.add(last, "bass", at, 2.0, near(song.key, CENTRES["bass"]), 0.9)
    if "drums" in used:
        song.add(last, "drums", at, 1.0, 36, song.gains["K"])
        song.add(last, "drums", at, 1.0, 49, 0.9)


def _lead_in(song: Song) -> int:
    """Opens the song with some beats of a bar that is not whole: clicks, a fill, a melody; how many beats."""
    how = song.rng.random()
    if how < 0.62:
        return 0
    first = Section("a", -1, 1, {})
    roles = sorted({note[4] for note in song.notes})
    count = int(song.rng.integers(1, song.beats)) if how < 0.9 else song.beats
    if "drums" in roles and song.chance(0.5):
        if count == song.beats:
            for beat in range(count):
                song.add(first, "drums", beat - count, 0.25, song.pick((42, 42, 37)), 0.8)
        else:
            _fill(song, first, -float(count), float(count))
    elif roles and not set(roles) <= set(DRUMS):
        role = song.pick([role for role in roles if role not in DRUMS and role != "pad"] or ["pad"])
        step = 1 / 3 if song.triple else 0.5
        for n in range(round(count / step)):
            if n % round(1 / step) == 0 or song.chance(0.6):
                pitch = near(song.key + song.scale[n % 7], CENTRES[role])
                song.add(first, role, n * step - count, step * 0.9, pitch, 0.75)
    return count


def _swing(song: Song):
    """The function that moves places of a role for the song's swing; triplets and half sixteenths stay."""
    chance, low, high, unit = song.style.swing
    amount = float(song.rng.uniform(low, high)) if song.chance(chance) and not song.triple else 0.5
    width = 1.0 if unit == 8 else 0.5
    others = {"perc": 0.14, "lead": 0.06}
    amounts = {role: float(song.rng.uniform(0.54, 0.68)) for role, odds in others.items() if song.chance(odds)}
    widths = dict.fromkeys(amounts, song.pick((1.0, 0.5)))

    def moved(at: float, role: str) -> float:
        s, w = (amount, width) if song.triple or role not in amounts else (amounts[role], widths[role])
        if abs(at * 8 - round(at * 8)) > 1e-6:
            return at
        within = (at % w) / w
        return at - at % w + w * (within * 2 * s if within < 0.5 else s + (within - 0.5) * 2 * (1 - s))

    return moved


def _tempo(song: Song, count: int, bar: int) -> np.ndarray:
    """When each of `count` beats comes."""
    odds = {"machine": (0.85, 0.02, 0.03, 0, 0.07, 0.03), "live": (0.6, 0.07, 0.08, 0.03, 0.15, 0.07)}
    kinds = ("steady", "ramp", "steps", "rubato", "drift", "push")
    kind = song.rng.choice(kinds, p=odds.get(song.style.free, (0.33, 0.09, 0.08, 0.32, 0.12, 0.06)))
    x, speed = np.arange(count) / count, np.ones(count)
    if kind == "ramp":
        speed = 1 + song.rng.uniform(-0.2, 0.2) * x
    elif kind == "steps":
        for at in song.rng.choice(max(count // bar - 1, 1), song.pick((1, 1, 2, 3))):
            speed[(at + 1) * bar :] *= song.rng.uniform(0.85, 1.18)
    elif kind == "rubato":
        speed = 1 + song.rng.uniform(0.02, 0.08) * np.sin(2 * np.pi * (np.arange(count) / song.rng.uniform(8, 32)))
    elif kind == "drift":
        walk = np.cumsum(song.rng.normal(0, 0.004, count))
        speed = 1 + np.clip(walk - walk.mean(), -0.03, 0.03)
    elif kind == "push":
        speed = 1 + song.rng.uniform(0.01, 0.05) * x
    if song.style.free == "rubato" and song.chance(0.3):
        speed[-2 * bar :] *= np.linspace(1, song.rng.uniform(0.7, 0.9), len(speed[-2 * bar :]))
    speed = np.clip(np.clip(speed, 0.7, 1.2), 58 / song.bpm, 215 / song.bpm)
    return np.concatenate([[0.0], np.cumsum(60 / song.bpm / speed)[:-1]])


def _echoes(song: Song) -> list[tuple[float, float, int, float, str]]:
    """Repeats of one role, later and softer, by a delay that need not divide the beat."""
    if not song.chance(song.style.echo):
        return []
    role = song.pick(("lead", "comp", "arp"))
    delay = song.pick((1 / 3, 2 / 3, 1.0) if song.triple else (0.75, 0.75, 0.75, 0.5, 1.5, 2 / 3))
    found = [note for note in song.notes if note[4] == role]
    return [(a + i * delay, n, p, v * 0.62**i, role) for a, n, p, v, role in found for i in (1, 2, 3)]


def _score(song: Song, bars: int, name: str) -> Score:
    """Notes, parts and beats as a score whose first beat is at 0."""
    lead_in = _lead_in(song)
    if lead_in == 0 and song.chance(0.1):
        lead_in = -int(song.rng.integers(1, song.beats))  # the song is cut into
    moved = _swing(song)
    timed = [(moved(at, role) + lead_in, length, pitch, v, role) for at, length, pitch, v, role in song.notes]
    song.notes = [note for note in timed if note[0] > -1e-6]
    song.notes += _echoes(song)
    roles = sorted({note[4] for note in song.notes})
    parts = [_part(song, role) for role in roles]
    notes = {}
    for at, length, pitch, velocity, role in song.notes:
        part = roles.index(role)
        note = Note(max(at, 0.0), max(length, 0.05), int(pitch), int(np.clip(velocity, 12, 127)), part)
        notes[(round(at, 4), int(pitch), part)] = note
    ordered = sorted(notes.values(), key=lambda note: (note.at, note.part, note.pitch))
    whole = lead_in + bars * song.beats
    count = max(whole + 1, int(max(note.at + note.length for note in ordered)) + 2)
    downbeats = np.arange(lead_in % song.beats, count, song.beats)
    return Score(parts, ordered, _tempo(song, count, song.beats), downbeats.astype(np.int64), name)


def _part(song: Song, role: str) -> Part:
    """Program, loudness and side of a role."""
    volume, pan = float(song.rng.uniform(0.6, 1.0)), float(np.clip(song.rng.normal(0.5, 0.17), 0.1, 0.9))
    if role in DRUMS:
        return replace(Part(song.pick(song.style.kit), drums=True, volume=float(song.rng.uniform(0.75, 1.0))), pan=0.5)
    programs = song.style.programs["comp" if role == "keys" else role]
    return Part(song.pick(programs), volume=volume, pan=0.5 if role == "bass" else pan)
