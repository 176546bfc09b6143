"""Features on demand, such as chroma, pitch and loudness: the file is read once more, and the result is kept."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from numbers import Real

import numpy as np
from scipy.ndimage import gaussian_filter1d

from audioviz.audio.hearing import pitch
from audioviz.audio.hearing.curves import frame_means, scale
from audioviz.audio.hearing.loudness import WINDOW as MOMENT
from audioviz.audio.hearing.loudness import channel_weights, k_weighting, power_to_lufs
from audioviz.audio.hearing.spectrum import (
    HOP,
    NOTES_HOP,
    NOTES_WINDOW,
    WINDOW,
    Sliding,
    mean_squares,
    mel_filters,
    note_bins,
    note_filters,
    squares,
)
from audioviz.audio.reading.blocks import (
    RATE,
    in_chunks,
    mended,
    mono,
    part,
    resampled,
    with_surroundings,
    without_offset,
)
from audioviz.audio.reading.cache import cache_key, recall, remember
from audioviz.audio.reading.decode import check_unchanged, open_stream
from audioviz.clock import Clock
from audioviz.curve import Curve
from audioviz.errors import InputError

_STEP = 32  # samples of the file, on which the power of a band is kept
_LOUDNESS_STEP = 256
_FLUX_HOP = 4 * HOP
_QUIET = 1e-6  # power against the loudest frame: silence
_NOTHING = 1e-9  # mean square, too
_BASS = 0.03  # power of the bass notes among the others: the drum there has a note too
# between the edges of a band, and against them: narrower filters ring for seconds
_NARROWEST_HZ, _NARROWEST = 1.0, 0.005
_NOTES = (40, 52, 108)  # MIDI: lowest that the window tells from its neighbours, lowest of the chords, end
_NO_NOTE = 1e-5  # power of the strongest pitch class against all that sounds: it is but a trace of what is no note
_TURN = 0.25  # seconds, standard deviation: how slowly the hue turns
_VOICED = 0.7  # from here on there is a pitch
_STEADY = 8  # power of the certainty by which pitches are weighed within a frame


@dataclass(frozen=True, eq=False)
class Series:
    """Columns measured in equal steps: row i holds for `step` samples from first + i * step on, `rate` a second."""

    values: np.ndarray  # float32 >= 0, shape (n, m)
    rate: int
    step: int
    first: int

    def on(self, clock: Clock, *, at_least: float = 0.0) -> np.ndarray:
        """The mean over each frame: shape (T, m)."""
        return np.stack(
            [
                frame_means(column, clock, step=self.step, first=self.first, rate=self.rate, at_least=at_least)
                for column in self.values.T
            ],
            axis=1,
        )


@dataclass(frozen=True, eq=False)
class Sound:
    """The song's samples on their way in: float32 blocks of shape (n, channels), at the rate of the file."""

    rate: int
    channels: int
    blocks: Iterator[np.ndarray]

    def mono(self) -> Iterator[np.ndarray]:
        """One channel at the rate of the file."""
        return without_offset(mono(self.blocks), self.rate)

    def analysed(self) -> Iterator[np.ndarray]:
        """Mono chunks at the rate of the analysis."""
        return in_chunks(resampled(self.mono(), self.rate))


def measure(song, name: str) -> dict[str, Curve | tuple[Curve, ...]]:
    """What a song has under this name when it is asked for, and what is found along with it."""
    return _MEASURES[name](song)


def _cached_series(song, listen: Callable[..., Series], *settings: float) -> Series:
    """What `listen(sound, *settings)` finds in a song, from the cache if it is there.

    Raises
    ------
    InputError
        If the file is not any more what was loaded.
    """
    key = cache_key(f"{song.sha256} {listen.__name__} {settings}", song.start + song.before, song.duration)
    found = recall(key) if song.cache else None
    if found is None:
        with _sound(song) as sound:
            series = listen(sound, *settings)
        if song.cache:
            remember(key, {"rate": series.rate, "step": series.step, "first": series.first}, {"values": series.values})
        return series
    facts, arrays = found
    return Series(arrays["values"], **facts)


@contextmanager
def _sound(song) -> Iterator[Sound]:
    check_unchanged(song.path, song.sha256)
    stream, tally = open_stream(song.path), Counter()
    first = round((song.start + song.before) * stream.rate)
    last = first + max(1, round(song.duration * stream.rate))
    with closing(stream.blocks):
        blocks = part(stream.blocks, first, last, tally, channels=stream.channels)
        yield Sound(stream.rate, stream.channels, mended(_at_least_one(blocks, stream.channels), tally))


def _at_least_one(blocks: Iterator[np.ndarray], channels: int) -> Iterator[np.ndarray]:
    """The blocks, or a silent sample where there are none: a stem may end before the part begins."""
    yield next(blocks, np.zeros((1, channels), np.float32))
    yield from blocks


def band(song, low: float, high: float) -> Curve:
    """The level between two frequencies: see `Song.band`."""
    if not (isinstance(low, Real) and isinstance(high, Real) and 0 <= low < high):
        raise InputError(f"band({low!r}, {high!r}): expected two frequencies in Hz, the lower one first")
    if low >= song.rate / 2:
        raise InputError(f"band({low}, {high}): the file holds nothing above {song.rate / 2:g} Hz")
    if high - low < (least := max(_NARROWEST_HZ, _NARROWEST * low)):
        raise InputError(f"band({low}, {high}): expected frequencies that are at least {least:g} Hz apart")
    return _band_levels(_cached_series(song, band_power, float(low), float(high)), song.clock)[0]


def mel(song, bands: int) -> tuple[Curve, ...]:
    """The levels of bands spaced as the ear hears: see `Song.mel`."""
    if not (isinstance(bands, Real) and 1 <= bands <= 128 and bands % 1 == 0):
        raise InputError(f"mel({bands!r}): expected 1 to 128 bands")
    return _band_levels(_cached_series(song, mel_power, int(bands)), song.clock)


def _band_levels(series: Series, clock: Clock) -> tuple[Curve, ...]:
    """The columns but the last, which is the whole of which they are parts."""
    *columns, whole = np.sqrt(series.on(clock)).T
    return tuple(Curve(scale(column, whole=whole), clock) for column in columns)


def chroma_and_hue(song) -> dict[str, tuple[Curve, ...] | Curve]:
    """How strong each pitch class is, and the strongest as an angle that turns smoothly and rests in silence."""
    levels = _cached_series(song, pitch_classes).on(song.clock)
    top = np.percentile(levels.max(axis=1), 98)
    levels = np.clip(levels / top, 0, 1) if top > 0 else np.zeros_like(levels)
    toward = levels.max(axis=1) * np.exp(2j * np.pi * levels.argmax(axis=1) / 12)
    width = _TURN * float(song.clock.fps)
    mean = gaussian_filter1d(toward.real, width, mode="nearest") + 1j * gaussian_filter1d(
        toward.imag, width, mode="nearest"
    )
    hue = _hold_last(np.angle(mean) / (2 * np.pi) % 1, np.abs(mean) > 1e-3)
    return {"chroma": tuple(Curve(column, song.clock) for column in levels.T), "hue": Curve(hue, song.clock)}


def pitch_and_voiced(song) -> dict[str, Curve]:
    """The pitch in Hz, held where there is none, and how surely there is one."""
    weighted, weight, sure = _cached_series(song, pitches).on(song.clock).T
    octaves = np.divide(weighted, weight, out=np.zeros_like(weight), where=weight > 0)
    found = sure >= _VOICED
    hz = _hold_last(2**octaves, found) if found.any() else np.zeros_like(sure)
    return {"pitch": Curve(hz, song.clock), "voiced": Curve(np.clip(sure, 0, 1), song.clock)}


def loudness(song) -> dict[str, Curve]:
    """Momentary loudness, LUFS."""
    power = _cached_series(song, weighted_power).on(song.clock, at_least=MOMENT)[:, 0]
    return {"loudness": Curve(power_to_lufs(power), song.clock)}


def flux(song) -> dict[str, Curve]:
    """How quickly the spectrum changes."""
    change = _cached_series(song, spectral_flux).on(song.clock)[:, 0]
    return {"flux": Curve(scale(change, whole=change), song.clock)}


def silence(song) -> dict[str, Curve]:
    """1 where nothing sounds, else 0."""
    power = _cached_series(song, mono_power).on(song.clock)[:, 0]
    return {"silence": Curve(power <= max(_NOTHING, _QUIET * power.max()), song.clock)}


def _hold_last(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """What is not known is as it was last, and before the first as that."""
    places = np.flatnonzero(known)
    if not len(places):
        return np.zeros_like(values)
    return values[places[np.maximum(np.searchsorted(places, np.arange(len(values)), side="right") - 1, 0)]]


def band_power(sound: Sound, low: float, high: float) -> Series:
    """Power between two frequencies, filtered forwards and backwards so that nothing is late; and of the whole."""
    from scipy.signal import butter, sosfiltfilt

    top = high < 0.499 * sound.rate
    edges, kind = ((low, high), "bandpass") if low > 0 and top else (low, "highpass") if low > 0 else (high, "lowpass")
    passing = butter(3, edges, kind, fs=sound.rate, output="sos") if low > 0 or top else None
    around = round(sound.rate * max(0.1, 4 / (high - low)))  # samples on each side in which the filter settles
    found = []
    for chunk in with_surroundings(in_chunks(sound.mono()), around):
        here = slice(around, len(chunk) - around)
        inside = chunk if passing is None else sosfiltfilt(passing, chunk, padlen=0)
        found.append(np.stack([mean_squares(inside[here], _STEP), mean_squares(chunk[here], _STEP)], axis=1))
    return Series(np.concatenate(found).astype(np.float32), sound.rate, _STEP, 0)


def mel_power(sound: Sound, bands: int) -> Series:
    """Power in mel bands, and of all together."""
    weights = mel_filters(bands).T
    weights = np.concatenate([weights, weights.sum(axis=1, keepdims=True)], axis=1)
    return _windowed_series(sound, WINDOW, HOP, lambda bins: squares(bins) @ weights)


def pitch_classes(sound: Sound) -> Series:
    """Amplitude in the twelve pitch classes from C on, above the weakest; 0 where what sounds is none of the notes."""
    lowest, split, end = _NOTES
    note = note_bins()
    inside = (note > lowest - 0.5) & (note < end - 0.5)
    bass, above = np.split(note_filters(_NOTES) * inside[:, None], 2, axis=1)
    ranges = np.stack([note < lowest - 0.5, (note > lowest - 0.5) & (note < split), np.ones(len(note))], axis=1)

    def classes(bins: np.ndarray) -> np.ndarray:
        power = squares(bins)
        deeper, deep, whole = (power @ ranges.astype(np.float32)).T
        found = (
            power @ above + _BASS * (power @ bass) * (deep > deeper)[:, None]
        )  # a deeper tone spills over into the bass
        level = np.sqrt(np.where(found.max(axis=1) > _NO_NOTE * whole, found.T, 0).T)
        return level - level.min(axis=1, keepdims=True)  # drums sound in all of them

    return _windowed_series(sound, NOTES_WINDOW, NOTES_HOP // 2, classes)


def spectral_flux(sound: Sound) -> Series:
    """By how much the amplitudes rise from each window to the next, all together.

    `librosa.onset.onset_strength` finds the same, in 1.3 times the time.
    """
    last = np.zeros((1, WINDOW // 2 + 1), np.float32)

    def rise(bins: np.ndarray) -> np.ndarray:
        nonlocal last
        levels = np.concatenate([last, np.sqrt(squares(bins))])
        last = levels[-1:]
        return np.maximum(0, np.diff(levels, axis=0)).sum(axis=1, keepdims=True)

    return replace(_windowed_series(sound, WINDOW, _FLUX_HOP, rise), first=-_FLUX_HOP)


def pitches(sound: Sound) -> Series:
    """Octaves above 1 Hz times their weight, the weight, and the certainty."""
    held, found = np.zeros(pitch.SIZE // 2, np.float32), []
    for chunk in chain(sound.analysed(), [np.zeros(pitch.SIZE, np.float32)]):
        held = np.concatenate([held, chunk])
        count = max(0, (len(held) - pitch.SIZE) // pitch.HOP + 1)
        if count:
            found.append(pitch.track_pitch(held))
            held = held[count * pitch.HOP :]
    hz, sure = np.concatenate(found).T
    weight = sure**_STEADY
    return Series(np.stack([weight * np.log2(hz), weight, sure], axis=1), RATE, pitch.HOP, -pitch.HOP // 2)


def weighted_power(sound: Sound) -> Series:
    """Power behind the K filter, summed over the channels."""
    from scipy.signal import sosfilt

    stages, weights = k_weighting(sound.rate), channel_weights(sound.channels)
    state, found = np.zeros((2, 2, sound.channels)), []
    for chunk in in_chunks(sound.blocks):
        heard, state = sosfilt(stages, chunk, axis=0, zi=state)
        found.append(sum(weight * mean_squares(side, _LOUDNESS_STEP) for weight, side in zip(weights, heard.T)))
    return Series(np.concatenate(found).astype(np.float32)[:, None], sound.rate, _LOUDNESS_STEP, 0)


def mono_power(sound: Sound) -> Series:
    """Power of the mean of the channels."""
    power = np.concatenate([mean_squares(chunk, _STEP) for chunk in in_chunks(sound.mono())])
    return Series(power[:, None], sound.rate, _STEP, 0)


def _windowed_series(sound: Sound, size: int, hop: int, measure_of_bins: Callable[[np.ndarray], np.ndarray]) -> Series:
    sliding = Sliding(size, hop, measure_of_bins)
    for chunk in sound.analysed():
        sliding.feed(chunk)
    return Series(sliding.finish(), RATE, hop, -hop // 2)


_MEASURES = {
    "chroma": chroma_and_hue,
    "hue": chroma_and_hue,
    "pitch": pitch_and_voiced,
    "voiced": pitch_and_voiced,
    "loudness": loudness,
    "flux": flux,
    "silence": silence,
}
