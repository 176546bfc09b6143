"""Effects of film and screens: glitch, scanlines, grain, trails."""

import math

import numpy as np
import torch
from torch import Tensor

from audioviz.effects.colour import brightness
from audioviz.effects.ground import gaussian, luma, uniform
from audioviz.transfer import to_device

_BANDS = 24  # that a glitch tears the picture into,
_BLOCKS = 20  # and pieces that it puts elsewhere
_LINES = 128  # scan lines in a height
_GRAIN = 0.1, 1 / 900  # deviation of middle grey at strength 1, and heights of sigma of a grain
_LONGEST = 0.98  # what is left of a white in the frame before at strength 1,
_DARKS = 0.15  # and how long, against that, a black lives


def glitch(picture: Tensor, strength: float, bits: np.random.PCG64) -> Tensor:
    """A broken stream: bands torn aside, colours apart in them, and pieces from elsewhere.

    Parameters
    ----------
    picture : float32 in 0..1, shape (B, 3, H, W)
    strength : float in 0..1
        More breaks and goes farther as it rises; at 1 nearly everything, by up to a third of the height.
    bits : numpy.random.PCG64
        Of the frame.

    Source
    ------
    Torn lines of a video recorder, and displaced macroblocks of datamoshing.

    Examples
    --------
    >>> plan = av.Schedule(glitch=av.curves.at(song.snares, 0.7).decay(0.1))
    """
    height, width = picture.shape[-2:]
    edges, order, way = uniform(bits, 3 * _BANDS).reshape(3, -1)
    torn = (2 * way - 1) * np.maximum(strength - order, 0)  # of each band, from that strength on
    band = np.searchsorted(np.sort(edges[1:]), (np.arange(height) + 0.5) / height)
    torn = to_device(torch.from_numpy(torn[band][:, None].astype(np.float32)), picture.device) * height
    y = torch.arange(height, device=picture.device)[:, None].repeat(1, width)
    x = torch.arange(width, device=picture.device) - (0.35 * torn).round().long()
    for order, top, left, high, wide, down, right in uniform(bits, 7 * _BLOCKS).reshape(-1, 7):
        if (far := strength - order) > 0:
            top, left = int(top * height), int(left * width)
            bottom, end = top + int((0.02 + 0.08 * high) * height), left + int((0.1 + 0.5 * wide) * height)
            y[top:bottom, left:end] += round((down - 0.5) * far * height)
            x[top:bottom, left:end] += round((right - 0.5) * far * height)
    apart = (0.08 * torn + 0.01 * strength * height).round().long()
    rows = y.remainder(height) * width
    channels = [picture[:, c].flatten(1)[:, rows + (x + (c - 1) * apart).remainder(width)] for c in range(3)]
    return torch.stack(channels, 1)


def scanlines(picture: Tensor, strength: float) -> Tensor:
    """The lines of a tube: gaps between them, narrower where the beam is bright, and as much more light on them.

    Parameters
    ----------
    picture : float32 in 0..1, shape (B, 3, H, W)
    strength : float in 0..1
        1 leaves a fifth of their light to the gaps. There are some 128 lines, each of whole pixels.

    Source
    ------
    Beams that widen with brightness: themaister's crt-geom shader of libretro.

    Examples
    --------
    >>> plan = av.Schedule(scanlines=0.5)
    """
    height = picture.shape[-2]
    period = max(2, round(height / _LINES))
    phase = torch.arange(height, device=picture.device)[:, None].remainder(period) / period
    gap = 0.5 - 0.5 * torch.cos(2 * math.pi * phase)
    return brightness(picture, 0.6 * strength) * (1 - 0.8 * strength * gap * (1 - 0.5 * luma(picture)))


def grain(picture: Tensor, strength: float, bits: np.random.PCG64) -> Tensor:
    """Film grain: another in each frame, strongest in middle tones, alike in all colours.

    Parameters
    ----------
    picture : float32 in 0..1, shape (B, 3, H, W)
    strength : float >= 0
        1 is a standard deviation of a tenth on middle grey; film has 0.1 to 0.4.
    bits : numpy.random.PCG64
        Of the frame.

    Source
    ------
    Grain by brightness, added and not multiplied: Norkin & Birkbeck, DCC 2018 (film grain of AV1).

    Examples
    --------
    >>> plan = av.Schedule(grain=0.25)
    """
    height, width = picture.shape[-2:]
    pixels = height * width
    pair = bits.random_raw(-(-pixels // 4)).view(np.uint8)[: 2 * pixels].reshape(2, 1, 1, height, width)
    noise = to_device(torch.from_numpy(np.add(*pair, dtype=np.float32)), picture.device)
    noise = (noise - 255) / (255 / 6**0.5)  # the sum of two bytes, with deviation 1
    deviation, size = _GRAIN
    if size * height > 0.4:  # a grain is larger than a pixel
        noise = gaussian(noise, size) * max(1.0, 2 * math.pi**0.5 * size * height)
    tone = luma(picture)
    return (picture + strength * deviation * (0.3 + 2.8 * tone * (1 - tone)) * noise).clamp(0, 1)


def trails(picture: Tensor, strength: float, before: Tensor | None) -> Tensor:
    """Echo of earlier frames: what is bright leaves a tail that fades behind its motion.

    Parameters
    ----------
    picture : float32 in 0..1, shape (B, 3, H, W)
    strength : float in 0..1
        How much of a white is left from frame to frame, and less of what is darker, so that darks stay dark: 0.5 is a
        ghost, 0.9 a long tail. What is new and bright, such as a hit, is there at once.
    before : as picture, or None
        The frame before as it was shown; None, and without effect, in the first.

    Source
    ------
    The brighter of the new picture and the faded one: Echo of After Effects with its operator Maximum.

    Examples
    --------
    >>> plan = av.Schedule(trails=0.6 + 0.3 * song.harmonic)
    """
    if before is None:
        return picture
    before = before.to(picture)
    left = (_LONGEST * strength) ** (1 / (_DARKS + (1 - _DARKS) * before.amax(1, keepdim=True)))
    return torch.maximum(picture, left * before)
