"""Write the example song, `song.ogg`: 122 beats a minute; an intro, a groove, a break without drums, a drop, an end.

python examples/make_song.py [OUT.ogg]
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import synth

BPM = 122
BEAT = 60 / BPM
BAR = 4 * BEAT
CHORDS = [[57, 60, 64, 67], [53, 57, 60, 64], [48, 55, 60, 64], [55, 59, 62, 65]]  # Am7 Fmaj7 C G7, one a bar
ROOTS = [33, 29, 36, 31]
SECTIONS = [("intro", 0, 2), ("groove", 2, 6), ("break", 6, 8), ("drop", 8, 12), ("end", 12, 13)]  # bars
LEAD = [(0, 76), (0.75, 74), (1.5, 72), (2.5, 69), (3, 72), (3.5, 74)]  # beat in the bar, note


@dataclass(frozen=True)
class Truth:
    """What there is to hear: times in seconds, sections as (label, start, end)."""

    bpm: float
    duration: float
    beats: np.ndarray
    kicks: np.ndarray
    sections: list[tuple[str, float, float]]


def truth() -> Truth:
    """The beats, kicks and sections of the example song."""
    bars = SECTIONS[-1][2]
    groove, drop = ([*range(4 * first, 4 * last)] for name, first, last in SECTIONS if name in ("groove", "drop"))
    kicks = BEAT * np.array([*groove, *drop, 4 * SECTIONS[-1][1]], float)
    sections = [(name, first * BAR, last * BAR) for name, first, last in SECTIONS]
    return Truth(BPM, bars * BAR, np.arange(4 * bars) * BEAT, kicks, sections)


def make(seed: int = 5) -> np.ndarray:
    """The song: float32, shape (samples, 2), at `synth.RATE`."""
    rng = np.random.default_rng(seed)
    known = truth()
    samples = round(known.duration * synth.RATE)
    drums, low, chords, lead = (np.zeros((samples, 2)) for _ in range(4))
    for at in known.kicks:
        synth.place(drums, synth.kick(), at, gain=1.3)
    for name, first, last in SECTIONS:
        for bar in range(first, last):
            _play_bar(name, bar, bar == last - 1, rng, drums, low, chords, lead)
    duck = synth.ducking(samples, known.kicks)
    lead += synth.echo(lead, 0.75 * BEAT)
    dry = drums + duck * (low + chords) + 0.9 * lead
    return synth.master(dry + 0.16 * synth.reverb(duck * chords + 1.2 * lead + 0.12 * drums, rng))


def _play_bar(
    section: str,
    bar: int,
    last: bool,
    rng: np.random.Generator,
    drums: np.ndarray,
    low: np.ndarray,
    chords: np.ndarray,
    lead: np.ndarray,
) -> None:
    start, chord, root = bar * BAR, CHORDS[bar % 4], ROOTS[bar % 4]
    if section == "end":
        synth.place(chords, synth.pad(CHORDS[0], BAR, attack=0.01), start, gain=0.3)
        synth.place(low, synth.bass(ROOTS[0], 2 * BEAT), start, gain=0.45)
        synth.place(drums, synth.hat(rng, seconds=0.3), start, gain=0.25)
        return
    loudness = {"intro": 0.26, "groove": 0.22, "break": 0.26, "drop": 0.3}[section]
    brightness = {"intro": 0.05, "groove": 0.3, "break": 0.1, "drop": 0.7}[section]
    synth.place(chords, synth.pad(chord, BAR + 0.25, brightness=brightness), start, gain=loudness)
    if section in ("groove", "drop"):
        for beat in (1, 3):
            synth.place(drums, synth.clap(rng), start + beat * BEAT, gain=0.5, pan=0.1)
        for eighth in range(8):
            synth.place(
                low,
                synth.bass(root + 12 * (eighth == 5), 0.45 * BEAT),
                start + eighth * BEAT / 2,
                gain=0.5 if eighth % 2 else 0.35,
            )
    for sixteenth in range(16):
        gain = {"intro": 0.09 * (sixteenth % 4 == 2), "groove": 0.12, "drop": 0.17, "break": 0}[section]
        long = sixteenth % 4 == 2 and section in ("groove", "drop")
        accent = 1.6 if long else 1.0 if sixteenth % 2 == 0 else 0.55
        if gain:
            synth.place(
                drums,
                synth.hat(rng, seconds=0.07 if long else 0.022),
                start + sixteenth * BEAT / 4,
                gain=gain * accent,
                pan=0.35 if sixteenth % 4 == 3 else -0.15,
            )
    if section in ("drop", "break"):
        for beat, note in LEAD[:: 1 if section == "drop" else 2]:
            synth.place(
                lead,
                synth.pluck(note + (12 if section == "drop" and bar % 2 else 0), 0.9 * BEAT),
                start + beat * BEAT,
                gain=0.34 if section == "drop" else 0.16,
                pan=-0.2,
            )
    if section == "break" and last:
        synth.place(drums, synth.riser(rng, 2 * BEAT), start + 2 * BEAT, gain=0.12)


if __name__ == "__main__":
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("song.ogg")
    song = make()
    with soundfile.SoundFile(path, "w", synth.RATE, 2, compression_level=0.5) as file:
        for first in range(0, len(song), 4096):  # the Vorbis encoder overflows its stack on a whole song
            file.write(song[first : first + 4096])
    print(f"{path}: {len(song) / synth.RATE:.2f} s")
