"""The loop over the chunks of a render: latents that are sampled, or were kept, become pictures in the work folder."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from logging import Logger
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from audioviz.rendering.finish import Finisher
from audioviz.rendering.log import resident_megabytes
from audioviz.sampling.frame import NotFinite
from audioviz.transfer import Arrival, is_finite, settle, to_device
from audioviz.video.chunks import Latents

SLOW_DECODING = 0.05  # seconds a frame, from which kept work has what was decoded, so that an edit is quick,
MOST_DECODED = 512 * 2**20  # if a chunk's is no more than so many bytes

Watch = Callable[[int, np.ndarray], None]  # is shown each picture, uint8 (H, W, 3), and its number in the video


class Chunks(Protocol):
    """Where the chunks of a render are kept, as `Work` keeps them; its methods are as there."""

    def missing(self) -> Iterator[range]:
        """The frames of each chunk to make."""
        ...

    def kept(self) -> Latents | None:
        """The latents of this one, if they are there."""
        ...

    def before(self) -> tuple[np.ndarray | None, dict[str, np.ndarray]]:
        """The latent before it, and the state."""
        ...

    def write(self, picture: np.ndarray) -> None:
        """Take its next picture."""
        ...

    def finish_chunk(self, latents: Latents | None, state: Mapping[str, np.ndarray] | None = None) -> None:
        """Keep it."""
        ...


def make_pictures(
    sampled: Iterator[Tensor],
    finisher: Finisher,
    work: Chunks,
    log: Logger,
    bar: tqdm,
    *,
    part: range,
    keep_decoded: bool,
    watch: Watch | None = None,
) -> float | None:
    """Make the pictures that are missing, of latents that were kept or else are sampled.

    Parameters
    ----------
    sampled : iterator of Tensor
        The latents that are still to be sampled.
    part : range
        The frames of the song, to name one that fails.
    keep_decoded : bool
        Whether the work is to hold what takes long to decode, too.
    watch : function of a frame's number in the video and its picture, optional
        Called when a picture was written.

    Returns
    -------
    Seconds that each frame took of those that were sampled; None if none was.

    Raises
    ------
    ModelError
        If the model gave values that are not numbers.
    PicturesSpoilt
        If the autoencoder did, and will give others.
    """
    seconds, count, stopped = 0.0, 0, -1
    for span in work.missing():
        if span.start != stopped:
            finisher.restart(*work.before())
        began, stopped, kept = time.monotonic(), span.stop, work.kept()
        if kept is None:
            try:
                made = _sample_chunk(
                    span, sampled, finisher, work, bar, part=part, keep_decoded=keep_decoded, watch=watch
                )
            except NotFinite as error:
                if finisher.sound.all():
                    raise
                raise finisher.spoilt(f"frame {error.frame}", sure=False) from error  # made of a picture that is none
        else:
            made = None
            _finish_chunk(span, kept, finisher, work, bar, part=part, watch=watch)
        work.finish_chunk(made, finisher.state)
        took = time.monotonic() - began
        if kept is None:
            seconds, count = seconds + took, count + len(span)
        log.info(
            "%s %d to %d of %d, %.2f frames a second, %d MB resident",
            "frames" if kept is None else "pictures of frames",
            span.start,
            span.stop,
            len(part),
            len(span) / took,
            resident_megabytes(),
        )
    return seconds / count if count else None


@dataclass(frozen=True, eq=False)
class _Row:
    """A row whose pictures are being made.

    Parameters
    ----------
    latent : float, shape (1, C, h, w)
    frames : numbers of its pictures in the video
    arrival : Arrival
        Three flags: whether the latent is finite, whether its picture is, and all else that the autoencoder made so
        far, such as pictures between frames; the latent as it is kept, and the pictures.
    decoded : Arrival, optional
        The latent's picture, if that is kept.
    """

    latent: Tensor
    frames: list[int]
    arrival: Arrival
    decoded: Arrival | None


def _row(
    i: int, latent: Tensor, decoded: Tensor, sound: Tensor, finisher: Finisher, *, keep_decoded: bool = False
) -> _Row:
    kept = latent.half()
    pictures = dict(finisher.pictures(i, kept, decoded))
    flags = torch.stack((is_finite(latent), sound, finisher.sound))
    arrival = Arrival((flags, kept, *pictures.values()))
    return _Row(latent, list(pictures), arrival, Arrival((decoded,)) if keep_decoded else None)


def _sample_chunk(
    span: range,
    sampled: Iterator[Tensor],
    finisher: Finisher,
    work: Chunks,
    bar: tqdm,
    *,
    part: range,
    keep_decoded: bool,
    watch: Watch | None,
) -> Latents:
    """Write the pictures of a chunk that is sampled, and give its latents; with what was decoded, if that is kept."""
    slow = False

    def rows() -> Iterator[_Row]:
        nonlocal slow
        for frames in _groups(span, finisher.at_once):
            latents = list(islice(sampled, len(frames)))
            if frames.start == span.start and keep_decoded:
                decoded, seconds = _timed(finisher, latents[0])
                slow = seconds > SLOW_DECODING and len(span) * decoded.numel() <= MOST_DECODED
            for i, latent, decoded in zip(frames, latents, finisher.decode(latents)):
                yield _row(i, latent, *decoded, finisher, keep_decoded=slow)

    shown: list[Tensor] = []
    pictures: np.ndarray | None = None
    latent = torch.empty(0)
    for i, row in zip(span, late(rows(), finisher.device)):
        (finite, sound, all_sound), kept, *levels = row.arrival.wait()
        if not finite:
            raise NotFinite(part[i])
        _check_pictures(sound, all_sound, part[i], finisher)
        latent = row.latent
        shown.append(kept)
        if row.decoded is not None:
            (decoded,) = row.decoded.wait()
            pictures = np.empty((len(span), *decoded.shape), np.uint8) if pictures is None else pictures
            pictures[i - span.start] = decoded.numpy()
        _write(row.frames, levels, finisher, work, bar, watch)
    return Latents(torch.cat(shown).numpy(), latent.cpu().numpy(), pictures)


def _timed(finisher: Finisher, latent: Tensor) -> tuple[Tensor, float]:
    """The picture of a latent, and the seconds that it takes to decode."""
    settle(finisher.device)
    began = time.monotonic()
    picture, _ = finisher.decode([latent])[0]
    settle(finisher.device)
    return picture, time.monotonic() - began


def _finish_chunk(
    span: range, kept: Latents, finisher: Finisher, work: Chunks, bar: tqdm, *, part: range, watch: Watch | None
) -> None:
    """Write the pictures of a chunk whose latents were kept."""

    def rows() -> Iterator[_Row]:
        for frames in _groups(span, finisher.at_once):
            here = slice(frames.start - span.start, frames.stop - span.start)
            latents = to_device(torch.from_numpy(kept.shown[here]), finisher.device).split(1)
            if kept.decoded is None:
                decoded = finisher.decode(latents)
            else:
                pictures = to_device(torch.from_numpy(kept.decoded[here]), finisher.device)
                decoded = [(picture, torch.ones((), dtype=torch.bool, device=picture.device)) for picture in pictures]
            for i, latent, pair in zip(frames, latents, decoded):
                yield _row(i, latent, *pair, finisher)

    for i, row in zip(span, late(rows(), finisher.device)):
        (_, sound, all_sound), _, *levels = row.arrival.wait()
        _check_pictures(sound, all_sound, part[i], finisher)
        _write(row.frames, levels, finisher, work, bar, watch)


def _check_pictures(sound: Tensor, all_sound: Tensor, frame: int, finisher: Finisher) -> None:
    """Raise PicturesSpoilt, or what `Finisher.spoilt` raises, if the picture of a frame, or another, has no numbers."""
    if not sound:
        raise finisher.spoilt(f"frame {frame}", sure=True)
    if not all_sound:
        raise finisher.spoilt(f"a picture between frames {frame - 1} and {frame}", sure=False)


def _groups(span: range, length: int) -> Iterator[range]:
    """The frames of a chunk, as many as are decoded at once."""
    return (span[k : k + length] for k in range(0, len(span), length))


def late(rows: Iterator[_Row], device: torch.device) -> Iterator[_Row]:
    """The rows, on a CUDA device each when the next one is asked for, so that it is never idle."""
    before = None
    for row in rows:
        if device.type != "cuda":
            yield row
            continue
        if before is not None:
            yield before
        before = row
    if before is not None:
        yield before


def _write(
    frames: list[int], pictures: list[Tensor], finisher: Finisher, work: Chunks, bar: tqdm, watch: Watch | None
) -> None:
    for frame, picture in zip(frames, pictures, strict=True):
        finished = finisher.finished(frame, picture.numpy())
        work.write(finished)
        if watch is not None:
            watch(frame, finished)
    bar.update()
