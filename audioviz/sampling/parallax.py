"""Camera motion in a picture whose depth is known: near things move past far ones, and what they uncover is filled.

The picture is projected forward at first, in fine points of its relief, for the depth of each place afterwards alone;
by that each place is looked up in the picture, so that colours are sampled once and stay sharp.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt, maximum_filter, minimum_filter
from torch import Tensor
from torch.nn.functional import interpolate, max_pool2d

from audioviz.sampling.grids import rays_of, seen_at, turned

_FARTHEST = 0.5  # 1 / distance of black; white is nearer by 1
_EDGE = 0.1  # depth between neighbours from which there is an edge
_HIDES = 0.3  # depth by which what comes in from outside, mirrored, is too near for its place
_AROUND = 16  # pixels in which the far side is looked for at least
_LEAST = 1e-3  # 1 / distance of what is behind the viewer, or at him
_FINEST = 4  # points a side of a pixel


def parallax(
    picture: Tensor, depth: Tensor, pose: np.ndarray, focal: float, sample: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    """The picture after a move, as its depth has it.

    Parameters
    ----------
    picture : float, shape (B, C, H, W)
    depth : float in 0..1, shape (1, 1, H, W)
        1 is near; distances are 1 / (0.5 + depth).
    pose : float, shape (4, 4)
        How points move before the viewer, see warp.py.
    focal : float, pixels
    sample : function
        Of a picture and a grid, (1, H, W, 2): what is seen there, also outside of it.

    Returns
    -------
    float, shape (B, C, H, W)
    """
    turn, way = pose[:3, :3], pose[:3, 3].tolist()
    before = _clean_edges(depth.float()) + _FARTHEST
    nearness = _nearness_after(picture, before, turn, way, focal)
    known = nearness > 0
    if not known.any():
        known, nearness = torch.ones_like(known), torch.ones_like(nearness)
    row, column = _nearest(known)
    nearness = nearness[row, column]
    x, y = rays_of(picture, focal)
    back = np.linalg.inv(turn)
    right, down, on = (ray - nearness * step for ray, step in zip(turned((x, y), back), back @ way, strict=True))
    grid = seen_at(right, down, on, picture, focal, nearest=_LEAST)
    seen = sample(picture, grid)
    nearer, outside = sample(before, grid)[0, 0] - nearness / on, (grid[0].abs() > 1).any(-1)
    uncovered = ~known & torch.where(outside, nearer > _HIDES, nearer.abs() > _EDGE / 2)
    if not uncovered.any():
        return seen
    away = torch.stack(torch.broadcast_tensors(y * way[2] - way[1], x * way[2] - way[0]), -1)[uncovered]
    away = away / away.norm(dim=-1, keepdim=True).clamp(min=_LEAST**2)
    source = _behind(nearness, known, uncovered, away, torch.stack((row, column), -1)[uncovered])
    filled = seen.clone()
    filled[:, :, uncovered] = seen[:, :, source[:, 0], source[:, 1]]
    return filled


def _clean_edges(depth: Tensor) -> Tensor:
    """The depth without values between near and far at its edges; near things are a pixel wider, as theirs blend."""
    high, low = max_pool2d(depth, 5, 1, 2), -max_pool2d(-depth, 5, 1, 2)
    edge = high - low > _EDGE
    depth = torch.where(edge, torch.where(depth > low + 0.3 * (high - low), high, low), depth)
    return torch.where(edge, max_pool2d(depth, 3, 1, 1), depth)


def _nearness_after(picture: Tensor, nearness: Tensor, turn: np.ndarray, way: list[float], focal: float) -> Tensor:
    """1 / distance of what is seen at each place after the move, the nearest of all that comes there; 0 for nothing.

    Parameters
    ----------
    nearness : float32, shape (1, 1, H, W)
        Before the move.

    Returns
    -------
    float32, shape (H, W)
    """
    height, width = picture.shape[-2:]
    growth = np.linalg.norm(turn, 2) / max(1 - abs(way[2]) * (1 + _FARTHEST), 0.25)
    finer = min(max(math.ceil(1.5 * growth), 2), _FINEST)
    sharp = interpolate(nearness, scale_factor=finer, mode="nearest")
    smooth = interpolate(nearness, scale_factor=finer, mode="bilinear", align_corners=False)
    points = torch.where((sharp - smooth).abs() < 0.3 * _EDGE, smooth, sharp)[0, 0]
    rays = turned(rays_of(picture, focal, finer=finer), turn)
    x, y, z = (ray + points * step for ray, step in zip(rays, way, strict=True))
    column, row = torch.floor(x / z * focal + width / 2), torch.floor(y / z * focal + height / 2)
    inside = (z > _LEAST) & (column >= 0) & (column < width) & (row >= 0) & (row < height)
    place = torch.where(inside, row * width + column, height * width).long()
    after = torch.zeros(height * width + 1, device=picture.device)
    return after.scatter_reduce(0, place.view(-1), (points / z).view(-1), "amax")[:-1].view(height, width)


def _nearest(wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Row and column of the wanted place that is nearest to each: int64, shape (H, W) each."""
    if wanted.all():
        height, width = wanted.shape
        row, column = np.indices((height, width))
    else:
        near = distance_transform_edt(~wanted.cpu().numpy(), return_distances=False, return_indices=True)
        row, column = np.asarray(near)
    return torch.from_numpy(row).long().to(wanted.device), torch.from_numpy(column).long().to(wanted.device)


def _behind(nearness: Tensor, known: Tensor, uncovered: Tensor, away: Tensor, nearest: Tensor) -> Tensor:
    """What each place that a near thing has uncovered is filled with: the far side beyond it, mirrored at its edge.

    Parameters
    ----------
    nearness : float32, shape (H, W)
        1 / distance, where it is known.
    known, uncovered : bool, shape (H, W)
    away : float32, shape (n, 2)
        The direction, down and right, in which the far side lies from each of the n places that are uncovered.
    nearest : int64, shape (n, 2)
        Row and column of the nearest known place, for where nothing lies there.

    Returns
    -------
    int64, shape (n, 2)
        Row and column of a known place for each.
    """
    widest = math.ceil(np.asarray(distance_transform_edt(uncovered.cpu().numpy())).max())
    reach = max(2 * widest + 2, _AROUND)
    there = torch.where(known, nearness, math.inf)
    near = maximum_filter(torch.where(known, nearness, 0).cpu().numpy(), 2 * reach + 1)
    far = minimum_filter(there.cpu().numpy(), 2 * reach + 1)
    limit, place = torch.from_numpy((near + far) / 2).to(known.device)[uncovered], uncovered.nonzero()
    last = torch.tensor(known.shape, device=known.device) - 1

    def beyond(step: Tensor) -> tuple[Tensor, Tensor]:
        to = torch.round(place + step[:, None] * away).long()
        inside = to.clamp(min=torch.zeros_like(last), max=last)
        return inside, (inside == to).all(-1) & (there[inside[:, 0], inside[:, 1]] <= limit)

    step = torch.zeros(len(place), device=known.device)
    found = torch.zeros(len(place), device=known.device, dtype=torch.bool)
    for _ in range(2 * reach):
        step = torch.where(found, step, step + 1)
        found |= beyond(step)[1]
        if found.all():
            break
    edge, (mirrored, fits) = beyond(step)[0], beyond(2 * step - 1)
    source = torch.where(fits[:, None], mirrored, edge)
    return torch.where(found[:, None], source, nearest)
