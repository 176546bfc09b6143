"""A score is played: drawn instruments, live timing, a mix, a room and a codec; the truth of what then sounds."""

import io
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import fluidsynth
import numpy as np
import soundfile
import soxr
from scipy.signal import butter, fftconvolve, sosfilt

from beat_model.drumkits import HYDROGEN, RATE, Hit, drum_machine, mixed_kit, sampled_kit
from beat_model.score import HATS, KICKS, SNARES, UNSURE, Score

SOUNDFONTS = Path("/usr/share/sounds")
FONTS = {  # Debian's fluid-soundfont-gm, timgm6mb-, musescore-general-, opl3-; csound-soundfont is for judging alone
    False: ("sf2/FluidR3_GM.sf2", "sf2/TimGM6mb.sf2", "sf3/MuseScore_General_Lite.sf3", "sf2/OPL-3_FM_128M.sf2"),
    True: ("sf2/sf_GMbank.sf2",),
}
JUDGES = ("ForzeeStereo", "TR808EmulationKit", "ColomboAcousticDrumkit")  # kits for judging alone
CODECS = (("MP3", "MPEG_LAYER_III"), ("OGG", "VORBIS"), ("OGG", "OPUS"))
GM_KITS = (0, 8, 16, 24, 25, 32, 40)  # programs of drums: standard, room, power, electronic, TR-808, jazz, brush
_DRUMS = 9  # MIDI channel
_TAIL = 1.5  # seconds after the last beat


@dataclass(frozen=True, eq=False)
class Played:
    """Mono samples at `RATE`, and the truth in seconds. `clear` are the first and last second in which it is known.

    `drums` has `kick`, `snare`, `hat` and `unsure`, which may be taken for hats; None where they are not known.
    """

    samples: np.ndarray
    beats: np.ndarray
    downbeats: np.ndarray
    drums: dict[str, np.ndarray] | None
    clear: tuple[float, float]


def play(score: Score, rng: np.random.Generator, *, judge: bool = False, stretch: float = 0.0) -> Played:
    """Play a score with sounds for learning, or with those that are kept for judging.

    Parameters
    ----------
    stretch : float
        The most by which the tempo is changed, as a share; pitches are moved too where it is given.
    """
    speed = np.exp(rng.uniform(-stretch, stretch))
    score = replace(score, seconds=score.seconds / speed)
    shift = int(rng.integers(-5, 7)) if stretch else 0
    starts = score.time_of([note.at for note in score.notes])
    ends = score.time_of([note.at + note.length for note in score.notes])
    live = float(rng.choice((0, 0.002, 0.005, 0.01, 0.02), p=(0.3, 0.2, 0.25, 0.2, 0.05)))
    late = rng.normal(0, live / 2, len(score.parts))  # each part's own way of keeping time
    moved = rng.normal(0, live * 0.7, len(score.notes)) + late[[note.part for note in score.notes]]
    lead = float(rng.uniform(0.05, 1.5))
    starts = np.maximum(starts + moved + lead, 0.0)
    ends = np.maximum(ends + moved + lead, starts + 0.03)
    loud = np.clip([note.velocity * np.exp(rng.normal(0, 0.08)) for note in score.notes], 1, 127).astype(int)
    is_drum = np.array([score.parts[note.part].drums for note in score.notes])
    font, hit = _instruments(rng, judge=judge)
    tonal = np.flatnonzero(~is_drum if hit else np.ones(len(is_drum), bool))
    total = score.seconds[-1] + lead + _TAIL
    rest = _fluid(score, tonal, starts, ends, loud, font, shift, total)
    drums = np.flatnonzero(is_drum)
    if hit and len(drums):
        rest = _mixed(rest, _kit(score, drums, starts, loud, hit, total), rng)
    true = slice(score.from_beat, score.to_beat)
    beats = score.seconds + lead
    whole = len(score.downbeats) > 2 and np.median(np.diff(score.downbeats)) > 2  # whether two are a bar is a guess
    downbeats = score.downbeats[np.isin(score.downbeats, np.arange(len(beats))[true])]
    clear = (beats[true][0] - 0.3 if score.from_beat else 0.0, beats[true][-1] if score.to_beat else total)
    pitches = np.array([score.notes[i].pitch for i in drums])
    if hit:  # not every kit has every drum
        silent = [pitch for pitch in set(pitches.tolist()) if not len(hit(pitch, 127))]
        drums, pitches = drums[~np.isin(pitches, silent)], pitches[~np.isin(pitches, silent)]
    heard = {
        name: np.sort(starts[drums[np.isin(pitches, kinds)]])
        for name, kinds in (("kick", KICKS), ("snare", SNARES), ("hat", HATS), ("unsure", UNSURE))
    }
    return Played(damaged(rest, rng), beats[true], beats[downbeats] if whole else beats[:0], heard, clear)


def _instruments(rng: np.random.Generator, *, judge: bool) -> tuple[Path, Hit | None]:
    """A soundfont, and what plays the drums; the font itself where that is None."""
    font = SOUNDFONTS / str(rng.choice(FONTS[judge]))
    drawn = rng.random()
    if drawn < 0.3:
        return font, None
    if drawn < 0.5:
        return font, drum_machine(rng)
    kits = [kit for kit in sorted(HYDROGEN.iterdir()) if (kit.name in JUDGES) == judge]
    kit = sampled_kit(kits[rng.integers(len(kits))])
    if judge or drawn < 0.75:
        return font, kit
    fonts = [font_kit(SOUNDFONTS / name, int(rng.choice(GM_KITS))) for name in FONTS[False]]
    return font, mixed_kit([*map(sampled_kit, kits), *fonts, drum_machine(rng)], rng)


@cache
def font_kit(font: Path, program: int) -> Hit:
    """The drums of a soundfont, each hit alone."""

    @cache
    def hit(drum: int, velocity: int) -> np.ndarray:
        synth = _synth(font)
        synth.system_reset()
        synth.program_change(_DRUMS, program)
        synth.noteon(_DRUMS, drum, velocity)
        sound = synth.get_samples(RATE).reshape(-1, 2).sum(axis=1, dtype=np.float32) / 65536
        return sound if np.abs(sound).max() > 1e-3 else sound[:0]

    return hit


@cache
def _synth(font: Path) -> fluidsynth.Synth:
    synth = fluidsynth.Synth(gain=0.4, samplerate=float(RATE), **{"synth.reverb.active": 0, "synth.chorus.active": 0})
    synth.sfload(str(font), update_midi_preset=1)
    return synth


def _fluid(
    score: Score,
    which: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    loud: np.ndarray,
    font: Path,
    shift: int,
    total: float,
) -> np.ndarray:
    """Notes as FluidSynth plays them: float32, shape (n,)."""
    samples = np.zeros(round(total * RATE), np.float32)
    if not len(which):
        return samples
    synth = _synth(font)
    synth.system_reset()
    free, channels = [c for c in range(16) if c != _DRUMS], {}
    for i, part in enumerate(score.parts):
        channel = channels[i] = _DRUMS if part.drums else free[i % len(free)]
        synth.program_change(channel, part.program)
        for control, value in ((7, part.volume), (10, part.pan)):
            synth.cc(channel, control, int(np.clip(127 * value, 0, 127)))
    events = []
    for i in which:
        note = score.notes[i]
        pitch = note.pitch + (0 if score.parts[note.part].drums else shift)
        if 0 <= pitch <= 127:
            events.append((round(starts[i] * RATE), int(loud[i]), channels[note.part], pitch))
            events.append((round(ends[i] * RATE), 0, channels[note.part], pitch))
    here = 0
    for at, velocity, channel, pitch in [*sorted(events), (len(samples), 0, 0, 0)]:
        if (at := min(at, len(samples))) > here:
            stereo = synth.get_samples(at - here).reshape(-1, 2)
            samples[here:at] = stereo.sum(axis=1, dtype=np.float32) / 65536
            here = at
        if velocity:
            synth.noteon(channel, pitch, velocity)
        else:
            synth.noteoff(channel, pitch)
    return samples


def _kit(score: Score, which: np.ndarray, starts: np.ndarray, loud: np.ndarray, hit: Hit, total: float) -> np.ndarray:
    track = np.zeros(round(total * RATE) + 3 * RATE, np.float32)
    for i in which:
        sound, first = hit(score.notes[i].pitch, int(loud[i])), round(starts[i] * RATE)
        room = track[first : first + len(sound)]
        room += sound[: len(room)]
    return track[: round(total * RATE)]


def _mixed(rest: np.ndarray, drums: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Drums and the rest at a drawn balance; sometimes the rest ducks under the drums."""
    power = [np.sqrt(np.mean(track**2) + 1e-12) for track in (rest, drums)]
    if power[0] < 1e-5 or power[1] < 1e-5:
        return rest + drums
    balance = 10 ** (rng.uniform(-9, 8) / 20)
    return rest / power[0] + balance * drums / power[1]


def damaged(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What happens to a mix on its way: equaliser, compression, a room, noise, a codec, each sometimes."""
    samples = samples / (np.abs(samples).max() + 1e-9)
    if rng.random() < 0.4:
        samples = _equalised(samples, rng)
    if rng.random() < 0.3:
        seconds = rng.uniform(0.2, 1.2)
        t = np.arange(round(seconds * RATE)) / RATE
        hall = rng.standard_normal(len(t)).astype(np.float32) * np.exp(-5 * t / seconds).astype(np.float32)
        wet = fftconvolve(samples, hall / np.sqrt((hall**2).sum()))[: len(samples)]
        samples = samples + rng.uniform(0.05, 0.4) * wet
    if rng.random() < 0.4:
        drive = rng.uniform(1, 6)
        samples = np.tanh(drive * samples / (np.percentile(np.abs(samples), 99.5) + 1e-9))
    if rng.random() < 0.25:
        samples = samples + 10 ** rng.uniform(-3.2, -1.6) * rng.standard_normal(len(samples))
    samples = (0.8 * samples / (np.abs(samples).max() + 1e-9)).astype(np.float32)
    return _coded(samples, rng) if rng.random() < 0.12 else samples


def _equalised(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    for kind in rng.choice(("lowpass", "highpass", "bell", "bell"), 2):
        hz = {"lowpass": rng.uniform(2500, 12000), "highpass": rng.uniform(30, 180)}.get(kind, rng.uniform(60, 6000))
        if kind == "bell":
            part = sosfilt(butter(1, (hz / 1.5, hz * 1.5), "bandpass", fs=RATE, output="sos"), samples)
            samples = samples + rng.uniform(-0.7, 2) * part
        else:
            samples = sosfilt(butter(1, hz, kind, fs=RATE, output="sos"), samples)
    return samples


def _coded(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Through a codec at a low rate, and back at its old place."""
    kind, subtype = CODECS[rng.integers(len(CODECS))]
    rate = 48_000 if subtype == "OPUS" else RATE
    there, back = soxr.resample(samples, RATE, rate), io.BytesIO()
    quality = {"format": kind, "subtype": subtype, "compression_level": float(rng.uniform(0.6, 1))}
    with soundfile.SoundFile(back, "w", rate, 1, **quality) as file:
        for first in range(0, len(there), rate):  # libsndfile's encoders overflow their stack on whole songs
            file.write(there[first : first + rate])
    back.seek(0)
    found = soxr.resample(soundfile.read(back, dtype="float32")[0], rate, RATE)[: len(samples)]
    found = np.pad(found, (0, len(samples) - len(found)))
    return np.roll(found, -_lag(samples, found))


def _lag(samples: np.ndarray, found: np.ndarray) -> int:
    """By how many samples the second is late."""
    n = min(len(samples), 8 * RATE)
    alike = fftconvolve(found[:n], samples[:n][::-1])
    return int(alike.argmax()) - (n - 1)
