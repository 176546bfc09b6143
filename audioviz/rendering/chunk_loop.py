"""The loop over the chunks of a render: latents that are sampled, or were kept, become pictures in the work folder."""

import time
from collections.abc import Iterator
from itertools import islice
from logging import Logger

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from audioviz.rendering.finish import Finisher
from audioviz.rendering.log import resident_megabytes
from audioviz.video.chunks import Latents
from audioviz.video.work import Work

SLOW_DECODING = 0.05  # seconds a frame, from which kept work has what was decoded, so that an edit is quick,
MOST_DECODED = 512 * 2**20  # if a chunk's is no more than so many bytes


def make_pictures(
    sampled: Iterator[Tensor], finisher: Finisher, work: Work, log: Logger, bar: tqdm, *, keep_decoded: bool
) -> float | None:
    """Make the pictures that are missing, of latents that were kept or else are sampled.

    Parameters
    ----------
    sampled : iterator of Tensor
        The latents that are still to be sampled.
    keep_decoded : bool
        Whether the work is to hold what takes long to decode, too.

    Returns
    -------
    Seconds that each frame took of those that were sampled; None if none was.
    """
    seconds, count, stopped = 0.0, 0, 0
    for span in work.missing():
        if span.start != stopped:
            finisher.restart(*work.before())
        began, stopped, kept = time.monotonic(), span.stop, work.kept()
        if kept is None:
            made = _sample_chunk(span, sampled, finisher, work, bar, keep_decoded=keep_decoded)
        else:
            made = None
            _finish_chunk(span, kept, finisher, work, bar)
        work.finish_chunk(made, finisher.state)
        took = time.monotonic() - began
        if kept is None:
            seconds, count = seconds + took, count + len(span)
        log.info(
            "%s %d to %d of %d, %.2f frames a second, %d MB resident",
            "frames" if kept is None else "pictures of frames",
            span.start,
            span.stop,
            bar.total,
            len(span) / took,
            resident_megabytes(),
        )
    return seconds / count if count else None


def _sample_chunk(
    span: range, sampled: Iterator[Tensor], finisher: Finisher, work: Work, bar: tqdm, *, keep_decoded: bool
) -> Latents:
    """Write the pictures of a chunk that is sampled, and give its latents; with what was decoded, if that is kept."""
    shown, latents = [], torch.empty(0)
    decoded: np.ndarray | None = None
    for frames in _parts(span, finisher.at_once):
        latents = torch.cat(list(islice(sampled, len(frames))))
        shown.append(latents.half().cpu())
        began = time.monotonic()
        pictures = finisher.decode(shown[-1])
        slow = keep_decoded and time.monotonic() - began > SLOW_DECODING * len(frames)
        if frames.start == span.start and slow and len(span) * pictures[0].nbytes <= MOST_DECODED:
            decoded = np.empty((len(span), *pictures.shape[1:]), np.uint8)
        if decoded is not None:
            decoded[frames.start - span.start : frames.stop - span.start] = pictures
        _write(frames, shown[-1], pictures, finisher, work, bar)
    return Latents(torch.cat(shown).numpy(), latents[-1:].float().cpu().numpy(), decoded)


def _finish_chunk(span: range, kept: Latents, finisher: Finisher, work: Work, bar: tqdm) -> None:
    """Write the pictures of a chunk whose latents were kept."""
    for frames in _parts(span, finisher.at_once):
        here = slice(frames.start - span.start, frames.stop - span.start)
        latents = torch.from_numpy(kept.shown[here])
        pictures = finisher.decode(latents) if kept.decoded is None else kept.decoded[here]
        _write(frames, latents, pictures, finisher, work, bar)


def _parts(span: range, length: int) -> Iterator[range]:
    """A chunk's frames, as many as are decoded at once."""
    return (span[k : k + length] for k in range(0, len(span), length))


def _write(frames: range, latents: Tensor, pictures: np.ndarray, finisher: Finisher, work: Work, bar: tqdm) -> None:
    for i, latent, picture in zip(frames, latents.split(1), pictures):
        for finished in finisher.pictures(i, latent, picture):
            work.write(finished)
        bar.update()
