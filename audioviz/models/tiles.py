"""Tiles: pictures decoded and encoded in overlapping pieces, so that the memory they take does not grow with them."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

MOST_PIXELS = 576  # a side of a tile at most: a picture of 1024 x 1024 is four of them
OVERLAP_PIXELS = 128  # of two neighbours, at least
FEWEST_CELLS = 8  # of a side that is divided

Span = tuple[int, int]


def in_tiles(work: Callable[[Tensor], Tensor], x: Tensor, *, factor: int, encodes: bool = False) -> Tensor:
    """What `work` makes of a batch of latents or pictures, tile by tile, with one sent softly into the next.

    Parameters
    ----------
    work : function of a tensor
        Decoding: latents (B, C, H, W) to pictures (B, 3, H * factor, W * factor); or encoding, the other way round.
    x : float, shape (B, C, H, W) or (B, 3, H * factor, W * factor)
    factor : int
        Pixels a latent cell, each way.
    encodes : bool

    Returns
    -------
    float32, on the device of x
    """
    given, made = (factor, 1) if encodes else (1, factor)
    rows, columns = spans((x.shape[2] // given, x.shape[3] // given), factor=factor)
    whole = torch.empty(0)
    for (top, bottom), down in zip(rows, ramps(rows, made, x.device)):
        for (left, right), across in zip(columns, ramps(columns, made, x.device)):
            tile = work(x[..., top * given : bottom * given, left * given : right * given]).float()
            if not len(whole):
                sides = rows[-1][1] * made, columns[-1][1] * made
                whole = torch.zeros(*tile.shape[:2], *sides, device=x.device)
            place = whole[..., top * made : bottom * made, left * made : right * made]
            place.addcmul_(tile, down[:, None] * across)
    return whole


def spans(cells: tuple[int, int], *, factor: int) -> tuple[list[Span], list[Span]]:
    """Where the tiles of (H, W) cells begin and end, down and across; there are always several, all of one size."""
    counts = [_count(side, factor) for side in cells]
    if max(counts) == 1:
        counts = [2 if side >= FEWEST_CELLS else 1 for side in cells]
    down, across = (_divided(side, count, factor) for side, count in zip(cells, counts))
    return down, across


def tile_cells(cells: tuple[int, int], *, factor: int) -> tuple[int, int]:
    """Height and width of a tile of a picture of (H, W) cells, in cells."""
    down, across = spans(cells, factor=factor)
    return down[0][1] - down[0][0], across[0][1] - across[0][0]


def ramps(parts: list[Span], scale: int, device: torch.device) -> list[Tensor]:
    """How much each of overlapping spans counts at each of its places: float32; at any place they come to 1 together.

    The outer quarters of an overlap, where a tile lacks its neighbours, do not count; between them falls a squared
    cosine.

    Parameters
    ----------
    parts : spans, of which each overlaps its neighbours alone
    scale : int
        Places in a cell.
    device : torch.device
    """
    weights = [torch.ones((stop - start) * scale, device=device) for start, stop in parts]
    for (_, stop), (start, _), before, after in zip(parts, parts[1:], weights, weights[1:]):
        length = (stop - start) * scale
        along = (torch.arange(length, device=device) + 0.5) / length
        rise = ((2 * along - 0.5).clamp(0, 1) * (math.pi / 2)).sin().square()
        before[len(before) - length :] = 1 - rise
        after[:length] = rise
    return weights


def _count(side: int, factor: int) -> int:
    overlap, most = OVERLAP_PIXELS // factor, MOST_PIXELS // factor
    return max(1, -(-(side - overlap) // (most - overlap)))


def _divided(side: int, count: int, factor: int) -> list[Span]:
    """Spans of one length, evenly laid over a side of so many cells."""
    overlap = min(OVERLAP_PIXELS // factor, side // 4)
    length = -(-(side + (count - 1) * overlap) // count)
    starts = [round(i * (side - length) / max(1, count - 1)) for i in range(count)]
    return [(start, start + length) for start in starts]
