"""Memory of a render: what lies on the GPU, and whether pictures come in tiles, settled once before its first frame.

All pictures of a video are of one kind, so that one that was interrupted is equal to the byte. Where an earlier part of
the same render has settled it, that holds. Where memory ends in mid-video, the render stops, and goes on when it is
started again with more memory; before a chunk is finished nothing is lost, and the video is begun anew in tiles.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from audioviz.errors import AudiovizWarning, ModelError, is_out_of_memory
from audioviz.models.autoencoder import Autoencoder
from audioviz.models.memory.footprint import RESERVE
from audioviz.models.model import Model
from audioviz.video.manifest import read_manifest
from audioviz.video.work import MANIFEST, work_folder


def make_room(model: Model, size: tuple[int, int], *, batch: int = 1, tiled: bool | None = None) -> None:
    """Settle where the parts of a model lie, and whether its pictures come in tiles, for (width, height) pixels.

    Parameters
    ----------
    batch : int
        Frames that are sampled together.
    tiled : bool, optional
        What is settled already.
    """
    autoencoder, placement = model.autoencoder, model.placement
    autoencoder.tiled = bool(tiled)
    if placement is None or placement.device.type != "cuda":
        return
    wanted = placement.footprint(size, batch=batch)
    before = placement.describe()
    placement.settle(wanted)
    said = placement.describe()
    if said and said != before:
        warnings.warn(said, AudiovizWarning, stacklevel=2)
    if tiled is None and wanted.usual > placement.free:
        autoencoder.tiled = True
        warnings.warn("the GPU has little memory left: pictures are decoded in tiles", AudiovizWarning, stacklevel=2)


def has_room_for_graphs(model: Model, size: tuple[int, int], *, batch: int = 1) -> bool:
    """Whether a call, a decoding and an encoding have room beside each other, as their CUDA graphs keep what they take.

    To be asked after `make_room`, with the same (width, height) pixels and batch.
    """
    placement = model.placement
    if placement is None or placement.device.type != "cuda":
        return True
    wanted = placement.footprint(size, batch=batch)
    picture = wanted.tiles if model.autoencoder.tiled else wanted.whole
    return wanted.call + 2 * picture + RESERVE <= placement.free


def settled_tiles(out: Path, model: Model, size: tuple[int, int]) -> bool | None:
    """Whether the work that is kept for an output, of this model and size, has its pictures in tiles; None for none."""
    kept = read_manifest(work_folder(out) / MANIFEST)
    if kept is None or not kept.chunks:
        return None
    alike = kept.identity.get("model_sha256") == model.digest and kept.identity.get("size") == list(size)
    tiled = kept.identity.get("tiled")
    return tiled if alike and isinstance(tiled, bool) else None


def is_work_kept(out: Path) -> bool:
    """Whether a chunk of an output is finished."""
    kept = read_manifest(work_folder(out) / MANIFEST)
    return kept is not None and bool(kept.chunks)


@contextmanager
def pictures_of_one_kind(autoencoder: Autoencoder) -> Iterator[None]:
    """Inside of it an autoencoder does not go over to tiles; it raises NoRoomForPictures."""
    autoencoder.steady = True
    try:
        yield
    finally:
        autoencoder.steady = False


@contextmanager
def out_of_memory_explained(where: str, *, batch: int = 1) -> Iterator[None]:
    """Turn the out-of-memory errors of torch and Python inside the block into one line.

    Parameters
    ----------
    where : str
        Such as `at 512x512`.
    batch : int
        Frames that are sampled together.

    Raises
    ------
    ModelError
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        lower = "--batch or --size" if batch > 1 else "--size"
        raise ModelError(
            f"out of memory {where}: lower {lower}, choose a smaller --model or --dtype float16, or close other "
            "programs, then start the same render again"
        ) from error
