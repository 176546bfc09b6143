"""Camera motion: a picture or a latent is zoomed, turned and shifted before it is sampled again."""

import math

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, pad

_REACH = 2  # cells around a place that bicubic sampling looks at


def warp(
    picture: Tensor,
    *,
    zoom: float = 1.0,
    angle: float = 0.0,
    shift_x: float = 0.0,
    shift_y: float = 0.0,
    wrap: bool = False,
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
    wrap : bool
        What comes in from outside is what went out on the other side, in place of a mirror image.

    Returns
    -------
    float, shape (B, C, H, W). Unmoved, the picture itself.
    """
    if (zoom, angle, shift_x, shift_y) == (1, 0, 0, 0):
        return picture
    height, width = picture.shape[-2:]
    cos, sin = (f(math.radians(angle)) / zoom for f in (math.cos, math.sin))
    # from each place afterwards to where it came from, in units of half a frame; rotation is rigid in pixels
    aspect = height / width
    back = torch.tensor([[cos, sin * aspect], [-sin / aspect, cos]], dtype=torch.float64)
    shift = torch.tensor([[2 * shift_x], [2 * shift_y]], dtype=torch.float64)
    theta = torch.cat((back, -back @ shift), 1).to(picture.device, picture.dtype)
    grid = affine_grid(theta.expand(len(picture), -1, -1), list(picture.shape), align_corners=False)
    if wrap:
        grid = (grid + 1) % 2 - 1
        picture = pad(picture, 4 * (_REACH,), mode="circular")
        grid = grid * torch.tensor([width / (width + 2 * _REACH), height / (height + 2 * _REACH)]).to(grid)
    return grid_sample(picture, grid, mode="bicubic", padding_mode="reflection", align_corners=False)
