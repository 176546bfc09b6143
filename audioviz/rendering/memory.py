"""Out of memory: pictures are decoded in tiles, then the user is told what to lower."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from audioviz.errors import AudiovizWarning, ModelError
from audioviz.models import Model
from audioviz.models.placement import tile_if_needed
from audioviz.pixels import signed_to_unit


def make_room(model: Model, size: tuple[int, int]) -> None:
    """Let a model on a GPU decode in tiles if it has too little room for whole pictures of (width, height) pixels."""
    where = model.denoiser.device
    if where.type == "cuda" and tile_if_needed(model.autoencoder.module, size, torch.cuda.mem_get_info(where)[0]):
        warnings.warn("the GPU has little memory left: pictures are decoded in tiles", AudiovizWarning, stacklevel=2)


def decode(model: Model, latent: Tensor) -> Tensor:
    """The picture of a latent, float32 (1, 3, H, W) in 0..1, as by `to_picture`."""
    return signed_to_unit(to_picture(model, latent))


def to_picture(model: Model, latent: Tensor) -> Tensor:
    """The picture of a latent, float32 (1, 3, H, W), -1..1 or a little beyond.

    In tiles from the first time on that memory does not suffice for whole pictures.
    """
    try:
        return model.autoencoder.decode(latent)
    except (MemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error) or getattr(model.autoencoder.module, "use_tiling", True):
            raise
    # not inside the except block: its traceback would hold on to what filled the memory
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    warnings.warn(
        "out of memory while a picture was decoded: decoding in tiles from here on", AudiovizWarning, stacklevel=2
    )
    model.autoencoder.module.enable_tiling()
    return model.autoencoder.decode(latent)


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
        if not _is_out_of_memory(error):
            raise
        lower = "--batch or --size" if batch > 1 else "--size"
        raise ModelError(
            f"out of memory {where}: lower {lower}, choose a smaller --model or --dtype float16, or close other "
            "programs, then start the same render again"
        ) from error


def _is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out; torch has no exception of its own for that of the CPU."""
    words = ("DefaultCPUAllocator", "not enough memory", "out of memory")
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or any(word in str(error) for word in words)
