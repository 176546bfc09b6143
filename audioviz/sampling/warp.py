"""Camera motion: a picture or a latent is zoomed, turned, shifted, tilted and approached before it is sampled again.

The picture hangs before the viewer, at distance 1, as a plane or, with a depth map, as a relief. In this order it is
zoomed and turned by `angle`, as by a lens; tilted, then panned about its own axes through the middle; and moved
sideways by `shift`, nearer by `dolly`.
"""

import math
from functools import partial
from typing import Any

import numpy as np
import torch
from scipy.linalg import expm, logm
from torch import Tensor
from torch.nn.functional import affine_grid

from audioviz.sampling.grids import rays_of, sample_at, seen_at, turned
from audioviz.sampling.parallax import parallax
from audioviz.transfer import to_device

FOV = 70.0  # degrees, of a camera at rest
_STEEPEST = 80.0  # degrees that a picture is turned out of the plane at most: at 90 there is nothing to see
_HORIZON = 1e-3  # of the distance of the middle: what is farther is seen at that


def warp(
    picture: Tensor,
    *,
    zoom: float = 1.0,
    angle: float = 0.0,
    shift_x: float = 0.0,
    shift_y: float = 0.0,
    tilt: float = 0.0,
    pan: float = 0.0,
    dolly: float = 0.0,
    fov: float = FOV,
    depth: Tensor | None = None,
    wrap: bool = False,
    part: float = 1.0,
) -> Tensor:
    """The picture as the camera sees it after it has moved.

    Parameters
    ----------
    picture : float, shape (B, C, H, W)
    zoom : float > 0
        Size of things afterwards, about the middle: 1.02 is two per cent nearer.
    angle : degrees
        Turn of the picture, clockwise.
    shift_x, shift_y : float
        Way of the picture to the right and down, in widths and heights of the frame.
    tilt : degrees, at most 80
        About its horizontal axis: the upper edge goes away from the viewer, the lower one comes nearer.
    pan : degrees, at most 80
        About its upright axis: the right edge goes away, the left one comes nearer.
    dolly : float
        Way of the viewer towards the picture, in its distance at each moment: the distance becomes exp(-dolly). Without
        depth it is a zoom by exp(dolly).
    fov : degrees, between 0 and 180
        Field of view along the longer side: how strong the perspective of tilt and pan is.
    depth : float in 0..1, shape (1, 1, H, W), optional
        1 is near. Grey, 0.5, is as far as the picture without depth, white two thirds of that, black twice.
    wrap : bool
        What comes in from outside is what went out on the other side, in place of a mirror image.
    part : float
        How much of the move is made, see `move_part`.

    Returns
    -------
    float, shape (B, C, H, W). Unmoved, the picture itself.
    """
    flat, deep = (zoom, angle, shift_x, shift_y), (tilt, pan, dolly)
    if part == 0 or (flat == (1, 0, 0, 0) and deep == (0, 0, 0)):
        return picture
    height, width = picture.shape[-2:]
    if depth is None and part == 1 and deep == (0, 0, 0):
        return sample_at(picture, _affine_grid(picture, zoom, angle, shift_x, shift_y), wrap=wrap)
    focal = max(height, width) / 2 / math.tan(math.radians(fov) / 2)  # pixels
    shift = shift_x * width / focal, shift_y * height / focal
    pose = _pose(zoom, angle if part == 1 else _short_way(angle), shift, tilt, pan, dolly)
    if depth is not None and ((shift_x, shift_y) != (0, 0) or deep != (0, 0, 0)):
        return parallax(picture, depth, _power(pose, part), focal, partial(sample_at, wrap=wrap))
    homography = np.column_stack((pose[:3, :2], pose[:3, 2] + pose[:3, 3]))
    return sample_at(picture, _plane_grid(picture, _power(homography, part), focal), wrap=wrap)


def move_part(move: dict[str, Any], part: float) -> dict[str, Any]:
    """A part of a move, by the keywords of `warp`: half of it by 0.5, its way back by -1.

    Parts of a move are on the way of the whole: warped by 0.3 of it and then by 0.7, a picture is where it is by all of
    it. With depth each part is seen from where the depth was measured.

    Examples
    --------
    >>> from audioviz.sampling.warp import move_part
    >>> move_part({"zoom": 1.2, "tilt": 3.0}, 0.5)
    {'zoom': 1.2, 'tilt': 3.0, 'part': 0.5}
    """
    return move | {"part": move.get("part", 1.0) * part}


def _affine_grid(picture: Tensor, zoom: float, angle: float, shift_x: float, shift_y: float) -> Tensor:
    """Where each place comes from in the plane, in units of half a frame: shape (B, H, W, 2)."""
    height, width = picture.shape[-2:]
    cos, sin = (f(math.radians(angle)) / zoom for f in (math.cos, math.sin))
    aspect = height / width  # rotation is rigid in pixels
    back = torch.tensor([[cos, sin * aspect], [-sin / aspect, cos]], dtype=torch.float64)
    shift = torch.tensor([[2 * shift_x], [2 * shift_y]], dtype=torch.float64)
    theta = to_device(torch.cat((back, -back @ shift), 1).to(picture.dtype), picture.device)
    return affine_grid(theta.expand(len(picture), -1, -1), list(picture.shape), align_corners=False)


def _pose(zoom: float, angle: float, shift: tuple[float, float], tilt: float, pan: float, dolly: float) -> np.ndarray:
    """The move of points in space before the viewer, whose axes go right, down and away: float64, shape (4, 4).

    The middle of the picture lies at (0, 0, 1); shift is in these units too.
    """
    cos, sin = (f(math.radians(angle)) * zoom for f in (math.cos, math.sin))
    lens = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    cos, sin = _turn(tilt)
    tilted = np.array([[1, 0, 0], [0, cos, sin], [0, -sin, cos]])
    cos, sin = _turn(pan)
    panned = np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]])
    turned = panned @ tilted
    middle = np.array([0.0, 0.0, 1.0])
    pose = np.eye(4)
    pose[:3, :3] = turned @ lens
    pose[:3, 3] = middle - turned @ middle + np.array([*shift, math.exp(-dolly) - 1])
    return pose


def _turn(degrees: float) -> tuple[float, float]:
    radians = math.radians(min(max(degrees, -_STEEPEST), _STEEPEST))
    return math.cos(radians), math.sin(radians)


def _short_way(angle: float) -> float:
    """The angle between -180 and 180 degrees, without these: half a turn has no parts."""
    return (math.remainder(angle, 360)) * (1 - 1e-9)


def _power(matrix: np.ndarray, part: float) -> np.ndarray:
    """A part of a transformation: those of two parts, one after the other, are that of their sum.

    What turns so far that there is no way to it, such as half a turn and a tilt at once, is a jump halfway.
    """
    if part == 1:
        return matrix
    way = np.asarray(logm(matrix), np.complex128)
    if np.abs(way.imag).max() > 1e-6:
        return np.linalg.matrix_power(matrix, math.floor(part + 0.5))
    return expm(part * way.real)


def _plane_grid(picture: Tensor, homography: np.ndarray, focal: float) -> Tensor:
    """Where each place comes from by a homography of rays, in units of half a frame: shape (1, H, W, 2)."""
    x, y, z = turned(rays_of(picture, focal), np.linalg.inv(homography))
    return seen_at(x, y, z, picture, focal, nearest=_HORIZON)
