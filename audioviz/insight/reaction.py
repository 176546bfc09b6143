"""Audio reactivity of a finished video: how well its frame difference follows the kicks and the loudness."""

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
    padded = np.pad(energy, 1, constant_values=-1)
    peaks = (padded[1:-1] > padded[:-2]) & (padded[1:-1] >= padded[2:])
    near = np.convolve(peaks, np.ones(3), mode="same") > 0
    return Reaction(len(kicks), float(np.corrcoef(energy, envelope)[0, 1]), float(near[kicks].mean()), float(ratio))


def measure_video(path: Path) -> tuple[VideoInfo, Reaction | None, list[Flashing]]:
    """Probe a video, measure its picture against its own sound, if it has one, and find where it flashes too often.

    Of a video with more frames than were sampled (`smooth`) the change is measured over the time of a sampled frame, as
    the way that the picture goes in it: from each of its n frames on, and the mean of those. For hits its own frames
    count.

    Raises
    ------
    InputError
        If it is no video.
    """
    info = probe(path)
    span, meter = shown_for_one(info), FlashMeter(info.fps)
    energy = difference_energy(meter.watch(read_frames(path)))
    if info.rate is None:
        return info, None, meter.found
    song = load_song(path, fps=info.fps)
    energy = energy[: song.clock.frames]
    kicks = np.asarray(song.kicks)
    found = _measured(energy, kicks, song, 0, 1)
    if span > 1:
        way = np.convolve(np.sqrt(energy), np.ones(span))[: len(energy)] ** 2
        parts = [_measured(way[k::span], kicks, song, k, span) for k in range(span)]
        means = {name: np.mean([getattr(part, name) for part in parts]) for name in ("correlation", "loud_to_quiet")}
        found = replace(found, **{name: float(mean) for name, mean in means.items()})
    return info, found, meter.found


def _measured(energy: np.ndarray, kicks: np.ndarray, song: Song, first: int, step: int) -> Reaction:
    """The reaction of every step-th frame of a video from the first on: a kick belongs to the next that is shown."""
    clock = Clock(song.clock.fps / step, len(energy))
    kicks = -(-(kicks - first) // step)
    kicks = kicks[(kicks >= 0) & (kicks < len(energy))]
    envelope = Events.at(kicks / float(clock.fps), clock)
    return reaction(
        energy,
        kicks,
        np.asarray(curves.at(envelope, 1.0).decay(RING_SECONDS)),
        np.asarray(song.rms)[first::step][: len(energy)],
        passage=max(1, round(PASSAGE_SECONDS * clock.fps)),
    )


def shown_for_one(info: VideoInfo) -> int:
    """Frames of a video that its manifest says were made of each that was sampled; 1 of a video without."""
    try:
        sampled = Fraction(read_metadata(info.metadata)["schedule"]["fps"])
    except (ValueError, KeyError, TypeError, ZeroDivisionError):
        return 1
    return max(1, round(info.fps / sampled)) if 0 < sampled <= info.fps else 1
