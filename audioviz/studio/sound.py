"""Samples of the song for playback, decoded once into a file of the user's cache, and its peaks."""

import io
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audioviz.audio.reading.blocks import in_chunks, mended, mono
from audioviz.audio.reading.cache import drop_oldest, recall, remember
from audioviz.audio.reading.decode import open_stream
from audioviz.audio.song import Song
from audioviz.files import create, part_of, put, remove, user_cache

SAMPLES_PER_POINT = (256, 2048, 16384)  # of the levels of peaks: fine, middle, coarse
MOST_BYTES = 2 * 2**30  # that the folder may hold: some twenty songs
_FULL = 2**15  # of a sample of 1: what 16-bit files are read as comes out as it was
_CHUNK = 2**18  # samples that are decoded at a time: a multiple of all points


@dataclass(frozen=True)
class Sound:
    """Samples in a file: int16, little-endian, interleaved; its first is that which the beats are counted from.

    Parameters
    ----------
    path : Path
    rate, channels : int
        Samples a second, and 1 or 2: of more channels there is the mix that is analysed.
    """

    path: Path
    rate: int
    channels: int

    def samples(self, first: int, count: int) -> bytes:
        """So many samples of each channel from one on, fewer where the song ends.

        Raises
        ------
        OSError
            If the file is gone.
        """
        size = 2 * self.channels
        with self.path.open("rb") as file:
            file.seek(first * size)
            return file.read(count * size)


def sound_of(song: Song) -> Sound:
    """Where the samples of a song lie, once they are `decoded`."""
    channels = song.channels if song.channels <= 2 else 1
    return Sound(user_cache() / "sound" / f"{song.sha256}.pcm", song.rate, channels)


def peaks_of(song: Song) -> list[np.ndarray]:
    """Lowest and highest sample of each point, one after the other, for each level: int8, flat, -127..127.

    They are kept beside the analysis, so that the second time nothing is decoded.
    """
    key, facts = f"{song.sha256}-peaks", {"samples_per_point": list(SAMPLES_PER_POINT)}
    kept = recall(key)
    if kept is not None and kept[0] == facts:
        return [kept[1][f"{k}"] for k in range(len(SAMPLES_PER_POINT))]
    levels = decoded(song)
    remember(key, facts, {f"{k}": level for k, level in enumerate(levels)})
    return levels


def decoded(song: Song) -> list[np.ndarray]:
    """Decode a song into the file of its `sound_of`, and give its peaks, as `peaks_of`.

    Where that file cannot be written, such as on a full disk, the peaks are there all the same.
    """
    stream = open_stream(song.path)
    blocks = mended(stream.blocks, Counter())
    if stream.channels > 2:
        blocks = (block[:, None] for block in mono(blocks))
    lows, highs = [], []
    with closing(stream.blocks):
        for chunk in _written(_whole_numbers(in_chunks(blocks, size=_CHUNK)), sound_of(song).path):
            starts = range(0, len(chunk), SAMPLES_PER_POINT[0])
            lows.append(np.minimum.reduceat(chunk.min(1), starts))
            highs.append(np.maximum.reduceat(chunk.max(1), starts))
    low, high = np.concatenate(lows), np.concatenate(highs)
    return [_level(low, high, points // SAMPLES_PER_POINT[0]) for points in SAMPLES_PER_POINT]


def _whole_numbers(chunks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    for chunk in chunks:
        yield np.clip(np.rint(chunk * _FULL), -_FULL, _FULL - 1).astype("<i2")


def _written(chunks: Iterator[np.ndarray], path: Path) -> Iterator[np.ndarray]:
    """The chunks, which go to a file on their way; it is there when it is whole."""
    part = part_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = create(part)
    except OSError:
        yield from chunks
        return
    whole = True
    with file, io.BufferedWriter(file) as buffered:
        for chunk in chunks:
            try:
                buffered.write(chunk.tobytes()) if whole else None
            except OSError:
                whole = False
            yield chunk
    with suppress(OSError):
        if not whole:
            remove(part)
            return
        put(part, path)
        drop_oldest(path.parent, MOST_BYTES)


def used(path: Path) -> None:
    """Take note that a file of samples is in use, so that it is not the oldest."""
    with suppress(OSError):
        os.utime(path)


def _level(low: np.ndarray, high: np.ndarray, points: int) -> np.ndarray:
    starts = range(0, len(low), points)
    pairs = np.stack([np.minimum.reduceat(low, starts), np.maximum.reduceat(high, starts)], axis=1)
    return np.rint(pairs.ravel() * (127 / _FULL)).astype(np.int8)
