"""Songs with a known beat grid, drawn at random, and how well it is heard: metres, tempo curves, drum patterns, noise.

Each seed makes another song. What has no answer is not drawn: where both halves of a bar are alike, chords last a bar.
`train_beats.py --stage judge` prints how well they are heard.
"""

from dataclasses import dataclass

import numpy as np
import soxr
import synth
from mir_eval.beat import f_measure, trim_beats

from audioviz.audio.hearing.analysis import Analysis, analyse
from audioviz.audio.reading.blocks import RATE

DRUMS = {  # beats per bar -> name -> kicks, snares: positions in the bar, in beats
    4: {
        "rock": ((0, 2), (1, 3)),
        "busy rock": ((0, 1.5, 2.5), (1, 3)),
        "house": ((0, 1, 2, 3), (1, 3)),
        "half time": ((0, 2.75), (2,)),
        "breakbeat": ((0, 2.5), (1, 3)),
        "hip hop": ((0, 0.75, 2.5), (1, 3)),
        "sparse": ((0, 2), ()),
        "bossa": ((0, 1.5, 2, 3.5), (0.75, 2.5)),
        "none": ((), ()),
    },
    3: {"waltz": ((0,), (1, 2)), "three rock": ((0,), (2,)), "three busy": ((0, 1.5), (1, 2)), "none": ((), ())},
}
HATS = {
    "none": (),
    "quarters": (0,),
    "eighths": (0, 0.5),
    "offbeats": (0.5,),
    "sixteenths": (0, 0.25, 0.5, 0.75),
    "shuffle": (0, 2 / 3),
    "syncopated": None,
}
BASSES = ("none", "held", "eighths", "root and fifth", "walking", "syncopated")
TEMPI = ("steady", "ramp", "steps", "rubato")
CHORDS = ("pad", "stabs", "offbeats", "arpeggio", "strum")
USUAL_DRUMS = {
    4: ("rock", "busy rock", "house", "half time", "breakbeat", "hip hop"),
    3: ("waltz", "three rock", "three busy"),
}
USUAL = {  # kinds of songs with these
    "steady": {},
    "ramp": {"tempi": "ramp"},
    "syncopated hats": {"hats": "syncopated"},
    "drums alone": {"alone": True},
}
ALIKE = ("sparse", "house", "none")  # both halves of the bar are the same: only the chords tell where it begins
SCALE = (0, 2, 4, 5, 7, 9, 11)


@dataclass(frozen=True, eq=False)
class GridSong:
    """A song and its truth: mono samples at `synth.RATE`, times in seconds, and what it was made of."""

    samples: np.ndarray
    beats: np.ndarray
    downbeats: np.ndarray
    beats_per_bar: int
    bpm: float
    made_of: dict[str, object]


def draw(
    seed: int,
    *,
    seconds: float = 30.0,
    tempi: str = "steady",
    drums: str | None = None,
    hats: str | None = None,
    beats_per_bar: int | None = None,
    bpm: float | None = None,
    alone: bool = False,
) -> GridSong:
    """One song; what is given is not drawn. `alone` leaves the drums and nothing else."""
    rng = np.random.default_rng(seed)
    metre, usual = int(rng.choice((4, 4, 3))), float(np.clip(np.exp(rng.normal(np.log(116), 0.23)), 78, 170))
    metre, bpm = beats_per_bar or metre, bpm or usual
    drums = drums or str(rng.choice(list(DRUMS[metre])))
    any_hats = str(rng.choice(list(HATS)))
    hats = hats or ("none" if drums == "none" else any_hats)
    chords = str(rng.choice([c for c in CHORDS if drums != "none" or c not in ("pad", "offbeats")]))
    made_of = {
        "metre": metre,
        "bpm": round(bpm, 1),
        "drums": drums,
        "hats": hats,
        "chords": chords,
        "bass": str(rng.choice(BASSES)),
        "tempi": tempi,
        "chord bars": float(rng.choice((1, 1, 2) if drums in ALIKE else (0.5, 1, 1, 1, 2))),
        "pick-up": int(rng.choice((0, 0, *range(1, metre)))),
        "melody": bool(rng.random() < 0.6),
        "intro bars": int(rng.choice((0, 0, 2, 4))),
        "jitter": float(rng.choice((0, 0.004, 0.01))),
        "noise": float(rng.choice((0, 0.003, 0.02))),
        "hall": float(rng.choice((0, 0, 0.1, 0.3))),
    }
    if alone:
        made_of |= {"chords": "none", "bass": "none", "melody": False, "pick-up": 0}
    return _Player(made_of, seconds, rng).song()


def usual(seed: int, kind: str) -> GridSong:
    """One song with a usual drum pattern, of a kind of `USUAL`; every third is in three."""
    metre = 3 if seed % 3 == 2 else 4
    return draw(seed, beats_per_bar=metre, drums=USUAL_DRUMS[metre][seed // 3 % len(USUAL_DRUMS[metre])], **USUAL[kind])


class _Player:
    """Places every note of one song; one is made for each."""

    def __init__(self, made_of: dict, seconds: float, rng: np.random.Generator) -> None:
        self.of, self.rng, self.metre, self.sounds = made_of, rng, made_of["metre"], {}
        periods = 60 / _tempo_curve(made_of["bpm"], made_of["tempi"], seconds, rng)
        self.times = 0.25 + rng.uniform(0, 0.7) + np.concatenate([[0], np.cumsum(periods)])
        self.times = self.times[self.times < seconds - 0.2]
        self.track = np.zeros((round(seconds * synth.RATE), 2))
        key, roots = rng.integers(-4, 5), rng.choice(7, 4, replace=False)
        self.progression = [
            [48 + key + SCALE[(root + step) % 7] + 12 * ((root + step) // 7) for step in (0, 2, 4)] for root in roots
        ]

    def song(self) -> GridSong:
        pick_up, metre = self.of["pick-up"], self.metre
        for beat in range(-pick_up, 0):
            self._play("pluck", beat, 0.3, 67 + int(self.rng.integers(0, 8)), 0.9)
        bars = -(-(len(self.times) - pick_up) // metre)
        for bar in range(bars):
            self._bar(bar, bar * metre)
        track = self.track
        if self.of["hall"]:
            track = track + self.of["hall"] * synth.reverb(track, self.rng, seconds=1.2)
        samples = synth.master(track).mean(axis=1)
        noise = np.cumsum(self.rng.standard_normal(len(samples)))
        noise = noise - np.convolve(noise, np.ones(400) / 400, mode="same")  # red noise without its drift
        hiss = self.rng.standard_normal(len(samples))
        samples = samples + self.of["noise"] * (noise / noise.std() + 0.3 * hiss)
        return GridSong(
            samples.astype(np.float32), self.times, self.times[pick_up::metre], metre, self.of["bpm"], self.of
        )

    def _bar(self, bar: int, first: int) -> None:
        of, rng, metre = self.of, self.rng, self.metre
        drums_play, fill = bar >= of["intro bars"], bar % 8 == 7 and rng.random() < 0.7
        kicks, snares = DRUMS[metre][of["drums"]]
        if drums_play:
            for at in kicks:
                self._play("kick", first + at, 0.9)
            for at in snares:
                self._play("clap", first + at, 0.5 if metre == 4 else 0.3)
            if fill and of["drums"] != "none":
                for at in np.arange(metre - 1, metre, 0.25):
                    self._play("clap", first + at, 0.3)
            self._hats(first)
        for half in range(2):
            changes = of["chord bars"] < 1 or (half == 0 and bar % of["chord bars"] == 0)
            chord = self.progression[int((bar + half / 2) / of["chord bars"]) % 4]
            begin = first + (half * metre / 2 if metre == 4 else 2 * half)
            length = metre / 2 if metre == 4 else (2, 1)[half]
            self._chord(chord, begin, length, changes, half)
            self._bass(chord[0] - 12, begin, length, half)
        if of["melody"]:
            for at in np.arange(0, metre, 0.5):
                if rng.random() < (0.55 if at % 1 == 0 else 0.25):
                    self._play("pluck", first + at, 0.25, int(rng.choice(self.progression[bar % 4])) + 24, 0.7)

    def _hats(self, first: int) -> None:
        places = HATS[self.of["hats"]]
        for beat in range(self.metre):
            if places is None:  # syncopated: a new pattern in each bar
                for at in (0, 0.25, 0.5, 0.75):
                    if self.rng.random() < (0.3 if at == 0 else 0.5):
                        self._play("hat", first + beat + at, 0.2)
            else:
                for at in places:
                    self._play("hat", first + beat + at, 0.2 if at in (0, 0.5) else 0.13)

    def _chord(self, chord: list[int], begin: float, length: float, changes: bool, half: int) -> None:
        style = self.of["chords"]
        if style == "pad" and changes:
            bars = self.of["chord bars"]
            self._play("pad", begin, 0.25, tuple(n + 12 for n in chord), self.metre * bars if bars >= 1 else length)
        if style == "strum" and (changes or half == 0):
            for n, note in enumerate(chord):
                self._play("pluck", begin + 0.02 * n, 0.25, note + 12, self.metre)
        for beat in np.arange(0, length, 0.5):
            if (style == "stabs" and beat % 1 == 0) or (style == "offbeats" and beat % 1 == 0.5):
                for note in chord:
                    self._play("pluck", begin + beat, 0.16, note + 12, 0.4)
            if style == "arpeggio":
                self._play("pluck", begin + beat, 0.3, chord[int(2 * beat) % 3] + 12, 1.0)

    def _bass(self, root: int, begin: float, length: float, half: int) -> None:
        notes = {
            "none": [],
            "held": [(0, root, length)] if half == 0 else [],
            "eighths": [(at, root, 0.45) for at in np.arange(0, length, 0.5)],
            "root and fifth": [(0, root + (7 if half else 0), 0.9)],
            "walking": [(at, root + (0, 4, 7, 9)[at + 2 * half], 0.9) for at in range(int(length))],
            "syncopated": [(0, root, 0.7)] if half == 0 else [(0.5, root, 0.5), (1.5, root + 7, 0.4)],
        }
        for at, note, beats in notes[self.of["bass"]]:
            self._play("bass", begin + at, 0.4, note, beats)

    def _play(self, name: str, beat: float, gain: float, note=None, beats: float = 1.0) -> None:
        place = beat + self.of["pick-up"]
        if not 0 <= place <= len(self.times) - 1:
            return
        seconds = np.interp(place, np.arange(len(self.times)), self.times) + self.rng.normal(0, 1) * self.of["jitter"]
        sound = self._sound(name, note, round(beats * 60 / self.of["bpm"], 2))
        synth.place(self.track, sound, max(0, seconds), gain=gain * self.rng.uniform(0.75, 1.1))

    def _sound(self, name: str, note, length: float) -> np.ndarray:
        key = (name, note, length if note is not None else 0)
        if key not in self.sounds:
            self.sounds[key] = {
                "kick": synth.kick,
                "clap": lambda: synth.clap(self.rng),
                "hat": lambda: synth.hat(self.rng),
                "bass": lambda: synth.bass(note, length),
                "pluck": lambda: synth.pluck(note, length),
                "pad": lambda: synth.pad(list(note), length, attack=0.05),
            }[name]()
        return self.sounds[key]


def _tempo_curve(bpm: float, kind: str, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """Beats a minute of each beat: steady, a ramp of 20% over the song, two steps of up to 20%, or a swing of 8%."""
    beats = round(1.3 * seconds * bpm / 60) + 8
    through = np.minimum(1, np.arange(beats) / (seconds * bpm / 60))
    if kind == "ramp":
        return bpm * (1 + rng.choice((-0.2, 0.2)) * through)
    if kind == "steps":
        factors = 1 + np.array([0, *(rng.choice((-1, 1)) * rng.uniform(0.08, 0.2) for _ in range(2))])
        return bpm * factors[np.minimum(2, (through * 3).astype(int))]
    if kind == "rubato":
        return bpm * (1 + 0.08 * np.sin(2 * np.pi * (through * seconds / rng.uniform(8, 16) + rng.random())))
    return np.full(beats, bpm)


def hear(song: GridSong) -> tuple[Analysis, float, float]:
    """The analysis of a song, and the F-measures of its beats and downbeats within 70 ms, from 5 s on as usual."""
    heard = analyse([soxr.resample(song.samples, synth.RATE, RATE)])
    scores = (
        f_measure(trim_beats(truth), trim_beats(found))
        for truth, found in ((song.beats, heard.beats), (song.downbeats, heard.downbeats))
    )
    return heard, *scores


def level(song: GridSong, found: np.ndarray) -> str:
    """Whether the beats found are half or twice as many as they should be, or another part of them."""
    ratio = np.log2(np.median(np.diff(found)) / np.median(np.diff(song.beats))) if len(found) > 1 else 9.5
    place = round(ratio)
    return {0: "right", 1: "half", -1: "double"}.get(place, "other") if abs(ratio - place) < 0.08 else "other"
