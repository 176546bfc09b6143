"""Effects that move a picture: mirror, ripple, roll, shake, punch."""

import math

import numpy as np
import torch
from torch import Tensor

from audioviz.effects.ground import look, places, uniform

_RING = 0.14  # heights from one ring to the next,
_RIPPLE = 0.02, 0.25  # and what it does at strength 1: heights that it moves the picture, and part of light
_SHAKE = 0.05, 2.0  # the farthest at strength 1: heights, and degrees


def mirror(picture: Tensor, axes: float) -> Tensor:
    """Kaleidoscope.

    Parameters
    ----------
    picture : float32 in 0..1, shape (B, 3, H, W)
    axes : float >= 0
        Mirrors through the middle: 1 mirrors the right half to the left, 2 a quarter into all four, 6 is the toy.
        Between whole numbers the picture of one is faded into that of the next; below 1 fades it in.

    Source
    ------
    Brewster, A Treatise on the Kaleidoscope, 1819: angles are folded into a wedge of pi / axes.

    Examples
    --------
    >>> plan = av.Schedule(mirror=av.curves.where(song.low > 0.5, 6, 0))
    """
    lower, part = int(axes), axes - int(axes)
    folded = _fold(picture, lower)
    return folded if part == 0 else torch.lerp(folded, _fold(picture, lower + 1), part)


def _fold(picture: Tensor, axes: int) -> Tensor:
    if axes == 0:
        return picture
    x, y = places(picture)
    radius, wedge = torch.hypot(x, y), math.pi / axes
    angle = torch.atan2(x, -y).abs()  # from straight up, to both sides
    angle = wedge - torch.remainder(angle, 2 * wedge).sub(wedge).abs()
    return look(picture, radius * angle.sin(), -radius * angle.cos())


def ripple(picture: Tensor, strength: float) -> Tensor:
    """Rings on water, as of a drop in the middle.

    Parameters
    ----------
    picture : float32 in 0..1, shape (B, 3, H, W)
    strength : float >= 0
        1 moves the picture by a fiftieth of its height to and fro, with light on the crests. Rings run outwards as it
        falls and inwards as it rises, so a hit that decays is a drop.

    Source
    ------
    Radial sine displacement, as GIMP's Waves.

    Examples
    --------
    >>> plan = av.Schedule(ripple=song.kick.decay(0.5))
    """
    x, y = places(picture)
    radius = torch.hypot(x, y)
    phase = 2 * math.pi * (radius / _RING + strength)
    far, light = (most * strength for most in _RIPPLE)
    away = far * torch.sin(phase) / (radius + 0.25 * _RING)  # at rest in the middle, which has no direction
    return (look(picture, x + away * x, y + away * y) * (1 + light * torch.cos(phase))).clamp(0, 1)


def roll(picture: Tensor, degrees: float) -> Tensor:
    """A turn of the finished picture, clockwise; its edges are mirrored.

    Parameters
    ----------
    picture : float32 in 0..1, shape (B, 3, H, W)
    degrees : float

    Source
    ------
    Keys, IEEE Trans. ASSP 29, 1981 (cubic convolution), through torch's grid_sample.

    Examples
    --------
    >>> plan = av.Schedule(roll=5 * av.curves.oscillate("sine", beats=8))
    """
    return _turned(picture, degrees, 0.0, 0.0)


def shake(picture: Tensor, strength: float, bits: np.random.PCG64) -> Tensor:
    """A camera that is hit: the picture jumps to another place in each frame, and turns a little.

    Parameters
    ----------
    picture : float32 in 0..1, shape (B, 3, H, W)
    strength : float >= 0
        1 is half to a whole twentieth of the height, in any direction, and up to two degrees.
    bits : numpy.random.PCG64
        Of the frame.

    Source
    ------
    Eiserloh, Math for Game Programmers: Juicing Your Cameras With Math, GDC 2016: translation and roll together.

    Examples
    --------
    >>> plan = av.Schedule(shake=song.kick.decay(0.15))
    """
    direction, far, turn = uniform(bits, 3)
    reach = _SHAKE[0] * strength * (0.5 + 0.5 * far)
    direction *= 2 * math.pi
    degrees = _SHAKE[1] * strength * (2 * turn - 1)
    return _turned(picture, degrees, reach * math.cos(direction), reach * math.sin(direction))


def _turned(picture: Tensor, degrees: float, right: float, down: float) -> Tensor:
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    x, y = places(picture)
    x, y = x - right, y - down
    return look(picture, cos * x + sin * y, cos * y - sin * x, mode="bicubic").clamp(0, 1)


def punch(picture: Tensor, strength: float) -> Tensor:
    """Zoom blur: the picture rushes at you, and stays sharp in the middle.

    Parameters
    ----------
    picture : float32 in 0..1, shape (B, 3, H, W)
    strength : float >= 0
        How much nearer the nearest of its copies is: at 0.5 they are from 1 to 1.5 times as large.

    Source
    ------
    Radial blur in passes of two copies, each pass twice as far as the last: Kawase, Frame Buffer Postprocessing Effects
    in DOUBLE-S.T.E.A.L., GDC 2003 (light streaks).

    Examples
    --------
    >>> plan = av.Schedule(punch=av.curves.at(song.kicks, 0.4).decay(0.12))
    """
    height, width = picture.shape[-2:]
    farthest = math.hypot(height, width) / 2 * strength / (1 + strength)  # pixels that the corner moves
    passes = min(6, max(1, math.ceil(math.log2(farthest + 1) - 1)))  # copies some two pixels apart
    x, y = places(picture)
    for step in range(passes):
        nearer = (1 + strength) ** (-(2**step) / (2**passes - 1))
        picture = torch.lerp(picture, look(picture, nearer * x, nearer * y), 0.5)
    return picture
