"""Analysis of a song: onsets, tempo, beats, downbeats, sections, series; all before a frame rate is chosen."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from audioviz.audio.hearing.activations import NAMES, activations, log_mel
from audioviz.audio.hearing.beat_this import BeatThis
from audioviz.audio.hearing.beats import USUAL_METRES, track_beats
from audioviz.audio.hearing.drums import DRUMS, find_drums
from audioviz.audio.hearing.grid import Grid
from audioviz.audio.hearing.hpss import percussive_and_harmonic
from audioviz.audio.hearing.onsets import attack_times, onset_strength, pick_onsets
from audioviz.audio.hearing.pins import pinned, read_pins
from audioviz.audio.hearing.segmentation import find_sections
from audioviz.audio.hearing.spectrum import FINE, Spectrum, transform
from audioviz.audio.hearing.structure import SOUND_BANDS, sound_of
from audioviz.audio.reading.blocks import RATE

_SILENCE = 1e-9  # mean square: below -90 dB of full scale there is nothing but rounding
_FAINT = 1e-6  # power against the loudest: before and after all that is louder, there are no beats
_EDGE = 0.05  # seconds that a beat may lie outside of it, or of the song once it is moved
_NONE = np.zeros(0)
_POINTS = 2000  # of the waveform for plots


@dataclass(frozen=True, eq=False)
class Analysis:
    """What a Song is made of, on any clock.

    Parameters
    ----------
    tempo : float
        Beats a minute, 0.0 if none.
    tempo_confidence : float in [0, 1]
    other_tempi : tuple of float
        What it may be instead.
    beats_per_bar : int
        4 if there is nothing to tell by.
    beats, downbeats, onsets : float64, shape (n,)
        Seconds.
    drums : dict of `kick`, `snare`, `hat` to two float64 arrays of shape (n,)
        Seconds and strengths.
    sections, kinds : float64 and int64, shape (k,)
        Where each part begins, seconds, and the number of its kind.
    series : dict of name to float32 array
        What `curves.curves_on_clock` takes.
    pulse : float32, shape (2, steps)
        Activations of beats and downbeats, which the beat grid is decoded from.
    sound : float16, shape (steps / 4, 20)
        In bands, whose changes tell of bars.
    waveform : float32, shape (2, points)
        Lowest and highest sample of equal stretches.
    """

    tempo: float
    tempo_confidence: float
    other_tempi: tuple[float, ...]
    beats_per_bar: int
    beats: np.ndarray
    downbeats: np.ndarray
    onsets: np.ndarray
    drums: dict[str, tuple[np.ndarray, np.ndarray]]
    sections: np.ndarray
    kinds: np.ndarray
    series: dict[str, np.ndarray]
    pulse: np.ndarray
    sound: np.ndarray
    waveform: np.ndarray


def analyse(blocks: Iterable[np.ndarray], *, tracker: BeatThis | None = None) -> Analysis:
    """Listen to mono blocks at `spectrum.RATE`, each float32 of shape (n,); at least one sample in all.

    Parameters
    ----------
    tracker : BeatThis, optional
        Whose pulse is taken in place of our own network's.
    """
    spectrum = transform(blocks if tracker is None else tracker.overheard(blocks))
    if spectrum.power.max() < _SILENCE:
        return _silence(spectrum)
    peaks = pick_onsets(onset_strength(spectrum.mel, floor=1e-5))
    steps = log_mel(spectrum.mel)
    events = activations(steps)
    own = events[:, [NAMES.index("beat"), NAMES.index("downbeat")]].T.copy()
    heard = replace(
        _silence(spectrum),
        onsets=attack_times(peaks, spectrum),
        drums=find_drums(events, peaks, spectrum),
        series=_series(spectrum, onset_strength(spectrum.mel, floor=1e-2), peaks),
        pulse=own if tracker is None else tracker.pulse(len(events)),
        sound=sound_of(steps),
    )
    heard = with_grid(heard, Grid())
    sections, kinds = find_sections(spectrum, heard.beats, heard.downbeats)
    return replace(heard, sections=sections, kinds=kinds)


def with_grid(heard: Analysis, grid: Grid) -> Analysis:
    """The same with the beats and bars that the user's corrections leave: nothing is listened to again.

    Raises
    ------
    InputError
        If the first downbeat lies outside of the beats, or a pin does not fit them.
    """
    power = heard.series["power"]
    beat, downbeat = heard.pulse
    metre = grid.beats_per_bar if grid.first_downbeat is None else None  # bars that are counted move no beat
    found = track_beats(
        beat,
        downbeat,
        heard.onsets,
        sound=heard.sound,
        bounds=grid.bounds,
        beats=grid.beats,
        beats_per_bar=metre,
    )
    sounding = np.flatnonzero(power > _FAINT * power.max()) * FINE / RATE
    inside = np.zeros(0, bool)
    if len(found.seconds):
        last = min(sounding[-1] + _EDGE, (len(power) - 1) * FINE / RATE)
        inside = (found.seconds > sounding[0] - _EDGE) & (found.seconds < last)
    known = replace(
        heard,
        tempo=found.tempo,
        tempo_confidence=found.confidence,
        other_tempi=found.other_tempi,
        beats_per_bar=grid.beats_per_bar or found.beats_per_bar,
    )
    return _corrected(known, found.seconds[inside], found.down[inside], grid)


def _corrected(heard: Analysis, beats: np.ndarray, down: np.ndarray, grid: Grid) -> Analysis:
    """With beats moved by offset and pins, bars from the first downbeat on, and sections that begin with these bars."""
    end = (len(heard.series["power"]) - 1) * FINE / RATE
    moved = grid.placed(beats + grid.beat_offset / 1000)
    inside = (moved >= -_EDGE) & (moved <= end)
    beats = moved[inside].clip(0)
    first = grid.first_of(beats)
    counted = np.arange(len(beats)) - (first or 0)
    down = down[inside] if first is None else (counted >= 0) & (counted % heard.beats_per_bar == 0)
    if pins := read_pins(grid.pins):
        moved = pinned(beats, pins, end=end)
        inside = (moved >= -_EDGE) & (moved <= end)
        beats, down = moved[inside].clip(0), down[inside]
    downbeats = beats[down]
    sections = heard.sections if np.array_equal(downbeats, heard.downbeats) else _on_bars(heard.sections, downbeats)
    return replace(heard, beats=beats, downbeats=downbeats, sections=sections)


def _on_bars(starts: np.ndarray, downbeats: np.ndarray) -> np.ndarray:
    """Each start but the first at the nearest downbeat, if it is less than a bar away and nearest to no other start."""
    if len(starts) < 2 or len(downbeats) < 2:
        return starts
    nearest = np.abs(starts[:, None] - downbeats).argmin(axis=1)
    near = np.abs(downbeats[nearest] - starts) < np.median(np.diff(downbeats))
    alone = np.bincount(nearest)[nearest] == 1
    return np.concatenate([starts[:1], np.where(near & alone, downbeats[nearest], starts)[1:]])


def _silence(spectrum: Spectrum) -> Analysis:
    hops = np.zeros(len(spectrum.mel), np.float32)
    names = (*spectrum.bands, "percussive", "harmonic", "pitch", "weight", "onset")
    return Analysis(
        tempo=0.0,
        tempo_confidence=0.0,
        other_tempi=(),
        beats_per_bar=USUAL_METRES[0],
        beats=_NONE,
        downbeats=_NONE,
        onsets=_NONE,
        drums=dict.fromkeys(DRUMS, (_NONE, _NONE)),
        sections=np.zeros(1),
        kinds=np.zeros(1, np.int64),
        series={"power": np.zeros_like(spectrum.power), **dict.fromkeys(names, hops)},
        pulse=np.zeros((2, 1), np.float32),
        sound=np.zeros((0, SOUND_BANDS), np.float16),
        waveform=_waveform(spectrum.outline),
    )


def _series(spectrum: Spectrum, loudness: np.ndarray, peaks: np.ndarray) -> dict[str, np.ndarray]:
    percussive, harmonic = percussive_and_harmonic(spectrum.mel)
    amplitude = np.sqrt(spectrum.mel)
    rise = np.maximum(0, loudness - uniform_filter1d(loudness, 41))
    top = np.percentile(maximum_filter1d(rise, 7)[peaks], 90) if len(peaks) else 0
    return {
        "power": spectrum.power,
        **spectrum.bands,
        "percussive": percussive,
        "harmonic": harmonic,
        "pitch": amplitude @ np.linspace(0, 1, amplitude.shape[1], dtype=np.float32),
        "weight": amplitude.sum(axis=1),
        "onset": np.minimum(rise / top, 1) if top > 0 else np.zeros_like(rise),
    }


def _waveform(outline: np.ndarray) -> np.ndarray:
    every = -(-outline.shape[1] // _POINTS)
    low, high = np.pad(outline, ((0, 0), (0, -outline.shape[1] % every)), mode="edge").reshape(2, -1, every)
    return np.stack([low.min(axis=1), high.max(axis=1)])
