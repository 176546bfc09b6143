"""Audio reactivity of a finished video: how well its frame difference follows the kicks and the loudness."""

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from audioviz.audio.load import load_song
from audioviz.audio.song import Events, Song
from audioviz.clock import Clock
from audioviz.insight.difference import difference_energy
from audioviz.schedule import curves
from audioviz.video.photosensitive import Flashing, FlashMeter
from audioviz.video.probe import VideoInfo, probe, read_frames, read_metadata

RING_SECONDS = 0.15  # how long a kick is heard
PASSAGE_SECONDS = 4.0


@dataclass(frozen=True)
class Reaction:
    """Measures of audio reactivity; those that need kicks are NaN in a song without."""

    kicks: int
    correlation: float  # of the change between frames with the envelope of the kicks
    hits: float  # part of the kicks that have a local maximum of the change within one frame
    loud_to_quiet: float  # change between frames in the loudest passage, against that in the quietest


def reaction(
    energy: np.ndarray, kicks: np.ndarray, envelope: np.ndarray, loudness: np.ndarray, *, passage: int
) -> Reaction:
    """Measure the energy of the difference between neighbouring frames against the sound.

    Parameters
    ----------
    energy : float, shape (T,)
    kicks : int, shape (n,)
        Frames.
    envelope : float, shape (T,)
        Of the kicks.
    loudness : float, shape (T,)
    passage : int
        Frames in a passage.
    """
    passage = min(passage, len(energy))
    window = np.ones(passage) / passage
    change, level = (np.convolve(values, window, mode="valid") for values in (energy, loudness))
    quiet, loud = change[np.argmin(level)], change[np.argmax(level)]
    ratio = loud / quiet if quiet > 0 else float("inf") if loud > 0 else float("nan")
    kicks = kicks[(kicks > 0) & (kicks < len(energy))]  # nothing comes before the first frame
    if len(kicks) == 0 or np.ptp(energy) == 0 or np.ptp(envelope) == 0:
        return Reaction(len(kicks), float("nan"), float("nan"), ratio)
    near = _near_peaks(energy)[kicks].mean()
    return Reaction(len(kicks), float(np.corrcoef(energy, envelope)[0, 1]), float(near), float(ratio))


def _near_peaks(energy: np.ndarray) -> np.ndarray:
    """Whether each frame has a local maximum of the change within one frame: bool, shape (T,)."""
    padded = np.pad(energy, 1, constant_values=-1)
    peaks = (padded[1:-1] > padded[:-2]) & (padded[1:-1] >= padded[2:])
    return np.convolve(peaks, np.ones(3), mode="same") > 0


def measure_video(path: Path) -> tuple[VideoInfo, Reaction | None, list[Flashing]]:
    """Probe a video, measure its picture against its own sound, if it has one, and find where it flashes too often.

    Of a video with more frames than were sampled (`smooth`) the change is that of the frames which were sampled, so
    that it can be compared with the same video without: the way that the picture goes from one of them to the next,
    over all frames between. For hits its own frames count.

    Raises
    ------
    InputError
        If it is no video.
    """
    info = probe(path)
    sampled, meter = sampled_fps(info), FlashMeter(info.fps)
    energy = difference_energy(meter.watch(read_frames(path)))
    if info.rate is None:
        return info, None, meter.found
    song = load_song(path, fps=info.fps)
    found = _measured(energy, song, info.fps)
    if sampled < info.fps:
        found = replace(_measured(energy, song, sampled), kicks=found.kicks, hits=found.hits)
    return info, found, meter.found


def measure_pictures(path: Path, song: Song) -> Reaction:
    """The reaction of a video to the song that it was made for, a frame of the one for each of the other.

    Raises
    ------
    InputError
        If it is no video.
    """
    return _measured(difference_energy(read_frames(path)), song, song.clock.fps)


def measure_film(path: Path, song: Song, *, sampled: Fraction) -> tuple[Reaction, list[tuple[float, bool]]]:
    """The reaction of a video to the song that it was made for, and whether each kick is seen, by its seconds.

    Parameters
    ----------
    song : Song
        A frame for each of the video's.
    sampled : Fraction
        Frames a second that were sampled, as for `measure_video`.

    Raises
    ------
    InputError
        If it is no video.
    """
    energy = difference_energy(read_frames(path))
    found = _measured(energy, song, song.clock.fps)
    if sampled < song.clock.fps:
        found = replace(_measured(energy, song, sampled), kicks=found.kicks, hits=found.hits)
    near, frames = _near_peaks(energy), song.kicks.frames
    inside = (frames > 0) & (frames < len(energy))
    return found, list(zip(song.kicks.seconds[inside].tolist(), near[frames[inside]].tolist()))


def _measured(energy: np.ndarray, song: Song, fps: Fraction) -> Reaction:
    """The reaction of a video to its song, of whose frames there are so many a second.

    Where that is fewer than the song has, each of its frames has all that was shown, and heard, since the one before.
    """
    energy = energy[: song.clock.frames]
    since = np.array([math.ceil(k * fps / song.clock.fps) for k in range(len(energy))])
    frames = np.bincount(since)
    kicks = np.unique(since[np.asarray(song.kicks)[np.asarray(song.kicks) < len(energy)]])
    clock = Clock(fps, len(frames))
    return reaction(
        np.bincount(since, np.sqrt(energy)) ** 2,
        kicks,
        np.asarray(curves.at(Events.at(kicks / float(fps), clock), 1.0).decay(RING_SECONDS)),
        np.bincount(since, np.asarray(song.rms)[: len(energy)]) / frames,
        passage=max(1, round(PASSAGE_SECONDS * fps)),
    )


def sampled_fps(info: VideoInfo) -> Fraction:
    """Frames a second that its manifest says were sampled for a video; its own where it says nothing."""
    try:
        sampled = Fraction(read_metadata(info.metadata)["schedule"]["fps"])
    except (ValueError, KeyError, TypeError, ZeroDivisionError):
        return info.fps
    return sampled if 0 < sampled <= info.fps else info.fps
