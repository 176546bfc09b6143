"""Audio reactivity of a finished video: how well the change of its picture follows the kicks and the loudness."""

import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from audioviz.audio.load import load_song
from audioviz.audio.song import Events, Song
from audioviz.clock import Clock
from audioviz.insight.difference import difference_energy
from audioviz.schedule import curves
from audioviz.video.photosensitive import Flashing, FlashMeter
from audioviz.video.probe import VideoInfo, probe, read_frames

RING_SECONDS = 0.15  # how long a kick is heard
INSTANTS = 48  # a second, at which change is compared with sound
PASSAGE_SECONDS = 4.0


@dataclass(frozen=True)
class Reaction:
    """Measures of audio reactivity; those that need kicks are NaN in a song without."""

    kicks: int
    correlation: float  # of the change of the picture within a twelfth of a second with the envelope of the kicks
    hits: float  # part of the kicks that have a local maximum of the change between frames within one frame
    loud_to_quiet: float  # mean square of the change in the loudest passage, against that in the quietest


def reaction(energy: np.ndarray, fps: Fraction, kicks: Events, loudness: np.ndarray) -> Reaction:
    """Measure the energy of the difference between neighbouring frames against the sound.

    Change and sound are compared on one clock, whatever the frame rate, so that films of several rates compare.

    Parameters
    ----------
    energy : float, shape (T,)
    fps : Fraction
        Frames a second.
    kicks : Events
    loudness : float, shape (T,)
    """
    change = change_at_instants(energy, fps)
    clock = Clock(Fraction(INSTANTS), len(change))
    passage = min(round(PASSAGE_SECONDS * INSTANTS), len(change))
    frames = np.arange(len(change)) * fps.numerator // (INSTANTS * fps.denominator)  # that are shown then
    window = np.ones(passage) / passage
    mean, level = (np.convolve(values, window, mode="valid") for values in (change**2, np.asarray(loudness)[frames]))
    quiet, loud = mean[np.argmin(level)], mean[np.argmax(level)]
    ratio = loud / quiet if quiet > 0 else float("inf") if loud > 0 else float("nan")
    seen = kicks.frames[(kicks.frames > 0) & (kicks.frames < len(energy))]  # nothing comes before the first frame
    envelope = np.asarray(curves.at(Events.at(kicks.seconds, clock), 1.0).decay(RING_SECONDS))
    if len(seen) == 0 or np.ptp(change) == 0 or np.ptp(envelope) == 0:
        return Reaction(len(seen), float("nan"), float("nan"), ratio)
    near = _near_peaks(energy)[seen].mean()
    return Reaction(len(seen), float(np.corrcoef(change, envelope)[0, 1]), float(near), float(ratio))


def change_at_instants(energy: np.ndarray, fps: Fraction) -> np.ndarray:
    """How much the picture has changed in the last twelfth of a second, or the last frame where that is longer.

    That is the length of the way that it went over all frames meanwhile: what goes there and back again has changed.

    Parameters
    ----------
    energy : float, shape (T,)
        Of the difference between each frame and the one before.
    fps : Fraction
        Frames a second.

    Returns
    -------
    float, shape (n,), at INSTANTS of each second; as a root mean square, where white is 1
    """
    way = np.concatenate([[0.0], np.cumsum(np.sqrt(energy))])
    count = max(1, int(len(energy) * INSTANTS / fps))
    recent = max(fps / 12, Fraction(1))  # frames
    step = fps / INSTANTS
    shown = [math.floor(k * step) + 1 for k in range(count)]
    before = [max(0, math.floor(k * step - recent) + 1) for k in range(count)]
    return way[shown] - way[before]


def _near_peaks(energy: np.ndarray) -> np.ndarray:
    """Whether each frame has a local maximum of the change within one frame: bool, shape (T,)."""
    padded = np.pad(energy, 1, constant_values=-1)
    peaks = (padded[1:-1] > padded[:-2]) & (padded[1:-1] >= padded[2:])
    return np.convolve(peaks, np.ones(3), mode="same") > 0


def measure_video(path: Path) -> tuple[VideoInfo, Reaction | None, list[Flashing]]:
    """Probe a video, measure its picture against its own sound, if it has one, and find where it flashes too often.

    Raises
    ------
    InputError
        If it is no video.
    """
    info = probe(path)
    meter = FlashMeter(info.fps)
    energy = difference_energy(meter.watch(read_frames(path)))
    found = None if info.rate is None else _measured(energy, load_song(path, fps=info.fps))
    return info, found, meter.found


def measure_pictures(path: Path, song: Song) -> Reaction:
    """The reaction of a video to the song that it was made for, a frame of the one for each of the other.

    Raises
    ------
    InputError
        If it is no video.
    """
    return _measured(difference_energy(read_frames(path)), song)


def measure_film(path: Path, song: Song) -> tuple[Reaction, list[tuple[float, bool]]]:
    """The reaction of a video to the song that it was made for, and whether each kick is seen, by its seconds.

    Parameters
    ----------
    song : Song
        A frame for each of the video's.

    Raises
    ------
    InputError
        If it is no video.
    """
    energy = difference_energy(read_frames(path))
    near, frames = _near_peaks(energy), song.kicks.frames
    inside = (frames > 0) & (frames < len(energy))
    seen = near[frames[inside]].tolist()
    return _measured(energy, song), list(zip(song.kicks.seconds[inside].tolist(), seen))


def _measured(energy: np.ndarray, song: Song) -> Reaction:
    energy = energy[: song.clock.frames]
    return reaction(energy, song.clock.fps, song.kicks, np.asarray(song.rms)[: len(energy)])
