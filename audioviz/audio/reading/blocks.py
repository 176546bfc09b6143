"""Blocks of samples on their way: cut to the wanted part, mended, mixed to mono, resampled."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import cast

import numpy as np
import soxr

RATE = 22_050  # Hz: every file is analysed at this rate
_CHUNK = 2**18  # samples that are analysed at a time: a multiple of all hops
_LOUDEST = 1e6  # a sample beyond this is damage, not sound
_CANCELLED = 0.02  # power of the mean of the channels against what is expected of channels that have nothing in common
_OFFSET_HZ = 5.0  # slower than any sound; a bass of 40 Hz keeps 98% of its power
_FADE = 1024  # samples in which one mix gives way to another, so that nothing clicks


def part(
    blocks: Iterable[np.ndarray], first: int, last: float, tally: Counter[str], *, channels: int
) -> Iterator[np.ndarray]:
    """The samples from first to last, silent where first is below 0; tallies those decoded and those kept."""
    for at in range(first, int(min(0, last)), _CHUNK):
        silence = np.zeros((int(min(_CHUNK, -at, last - at)), channels), np.float32)
        tally["kept"] += len(silence)
        yield silence
    for block in blocks:
        here = tally["decoded"]
        tally["decoded"] += len(block)
        wanted = block[max(0, first - here) : int(min(len(block), max(0, last - here)))]
        tally["kept"] += len(wanted)
        if len(wanted):
            yield wanted
        if tally["decoded"] >= last:
            return


def mended(blocks: Iterable[np.ndarray], tally: Counter[str]) -> Iterator[np.ndarray]:
    """Samples that cannot be sound become 0 and are tallied as damaged."""
    for block in blocks:
        sound = np.abs(block) < _LOUDEST  # false for NaN
        if sound.all():
            yield block
        else:
            tally["damaged"] += int(np.count_nonzero(~sound))
            yield np.where(sound, block, 0)


def mono(blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """The mean of the channels, or in blocks where they cancel each other one of them: (n, channels) becomes (n,)."""
    before = None
    for block in blocks:
        weights = np.full(block.shape[1], 1 / block.shape[1], np.float32)
        mixed = block @ weights
        if mixed @ mixed < _CANCELLED * weights[0] ** 2 * np.vdot(block, block):
            power = np.einsum("ij,ij->j", block, block)
            same_channel = before is not None and before.max() == 1 and power[before.argmax()] >= power.max() / 2
            weights = before if same_channel else np.eye(len(power), dtype=np.float32)[power.argmax()]
            mixed = block @ weights
        if before is not None and (weights != before).any():
            fade = np.linspace(0, 1, min(_FADE, len(block)), dtype=np.float32)
            mixed[: len(fade)] = fade * mixed[: len(fade)] + (1 - fade) * (block[: len(fade)] @ before)
        before = weights
        yield mixed


def without_offset(blocks: Iterable[np.ndarray], rate: int) -> Iterator[np.ndarray]:
    """Mono blocks without their DC offset, and all that is slower than sound; from the first sample on."""
    from scipy.signal import butter, lfilter, lfilter_zi

    b, a = cast("tuple[np.ndarray, np.ndarray]", butter(1, _OFFSET_HZ, "highpass", fs=rate))
    state = None
    for block in blocks:
        state = lfilter_zi(b, a) * np.median(block[: rate // 40 + 1]) if state is None else state  # 25 ms
        level, state = lfilter(b, a, block, zi=state)
        yield level.astype(np.float32)


def resampled(blocks: Iterator[np.ndarray], rate: int) -> Iterator[np.ndarray]:
    """The same sound at `spectrum.RATE`, without delay: at least one sample, unless there was none."""
    if rate == RATE:
        yield from blocks
        return
    resampler = soxr.ResampleStream(rate, RATE, 1, dtype="float32")
    fed = made = 0
    for block in blocks:
        ready = resampler.resample_chunk(block)
        fed, made = fed + len(block), made + len(ready)
        yield ready
    if fed:
        rest = resampler.resample_chunk(np.zeros(0, np.float32), last=True)
        yield rest if made + len(rest) else np.zeros(1, np.float32)


def with_surroundings(chunks: Iterator[np.ndarray], around: int) -> Iterator[np.ndarray]:
    """Each chunk with so many samples of those before and after it, zeros beyond the ends."""
    held, waiting = None, 0
    for chunk in chunks:
        if held is None:
            held = _silence(around, chunk)
        held, ready = np.concatenate([held, chunk]), waiting
        waiting += len(chunk)
        if ready and len(held) >= 2 * around + ready:
            yield held[: 2 * around + ready]
            held, waiting = held[ready:], waiting - ready
    if held is not None:
        yield np.concatenate([held, _silence(around, held)])


def _silence(samples: int, like: np.ndarray) -> np.ndarray:
    """Zeros in as many channels as those of a block."""
    return np.zeros((samples, *like.shape[1:]), np.float32)


def in_chunks(blocks: Iterable[np.ndarray], *, size: int = _CHUNK) -> Iterator[np.ndarray]:
    """The same samples in chunks of a size; the last may be shorter."""
    held, count = [], 0
    for block in blocks:
        held.append(block)
        count += len(block)
        if count >= size:
            whole = np.concatenate(held)
            ready = count - count % size
            yield from np.split(whole[:ready], range(size, ready, size))
            held, count = [whole[ready:]], count - ready
    if count:
        yield np.concatenate(held)
