"""Frame difference: how much the picture changes from frame to frame."""

from collections.abc import Iterable

import numpy as np

from audioviz.colours import LUMA

CELLS = 64  # across the shorter side, at least; finer detail is grain more than motion
_LUMA = np.array(LUMA, np.float32)


def difference_energy(frames: Iterable[np.ndarray]) -> np.ndarray:
    """Energy of the difference between neighbouring frames.

    Parameters
    ----------
    frames : iterable of uint8, shape (H, W, 3)
        T frames, read once and not kept.

    Returns
    -------
    float64, shape (T,): the mean square, over the picture, of the change in luma, where white is 1. Frame k is compared
    with frame k - 1; frame 0 is 0.
    """
    energy, before = [], None
    for frame in frames:
        cells = _cell_luma(frame)
        energy.append(0.0 if before is None else float(np.mean((cells - before) ** 2)))
        before = cells
    return np.array(energy)


def _cell_luma(frame: np.ndarray) -> np.ndarray:
    """Mean luma of square cells, 0..1."""
    luma = frame @ _LUMA / 255  # H W
    side = max(1, min(luma.shape) // CELLS)
    height, width = (length // side for length in luma.shape)
    cut = luma[: height * side, : width * side]
    return cut.reshape(height, side, width, side).mean(axis=(1, 3))
