"""Effects on the colours of each pixel: hue, saturation, contrast, brightness, invert, posterize, flash, strobe,
vignette."""

import math

import torch
from torch import Tensor

from audioviz.effects.ground import luma, places
from audioviz.transfer import to_device

_EXPOSED = 6.0  # more light of its colour in a flash of strength 1
_FALL_OFF = 2.0  # squared tangent of the angle that the corner is seen at, at strength 1


def hue(picture: Tensor, turns: float) -> Tensor:
    """Colours turned round the wheel.

    Parameters
    ----------
    picture : float32 in 0..1, shape (B, 3, H, W)
    turns : float
        1 is once round, as `song.hue` counts: 1/3 makes red green, and green blue.

    Source
    ------
    Haeberli, Matrix Operations for Image Processing, 1993: a rotation about the grey axis.

    Examples
    --------
    >>> plan = av.Schedule(hue=song.hue)
    """
    cos, sin = math.cos(2 * math.pi * turns), math.sin(2 * math.pi * turns)
    same, next_, last = cos + (1 - cos) / 3, (1 - cos) / 3 - sin / 3**0.5, (1 - cos) / 3 + sin / 3**0.5
    red, green, blue = picture.split(1, 1)
    turned = [
        same * a + next_ * b + last * c for a, b, c in ((red, green, blue), (green, blue, red), (blue, red, green))
    ]
    return torch.cat(turned, 1).clamp(0, 1)


def saturation(picture: Tensor, strength: float) -> Tensor:
    """Colours stronger or paler.

    Parameters
    ----------
    picture : float32 in 0..1, shape (B, 3, H, W)
    strength : float >= -1
        -1 is grey, 1 twice as far from it.

    Source
    ------
    saturate() of W3C Filter Effects: a mix with luma.

    Examples
    --------
    >>> plan = av.Schedule(saturation=song.rms - 0.5)
    """
    return torch.lerp(luma(picture).expand_as(picture), picture, 1 + strength).clamp(0, 1)


def contrast(picture: Tensor, strength: float) -> Tensor:
    """Darks darker and lights lighter along an S, which clips neither.

    Parameters
    ----------
    picture : float32 in 0..1, shape (B, 3, H, W)
    strength : float >= -1
        -1 is even grey; middle tones have 1 + strength times the contrast.

    Source
    ------
    contrast() of W3C Filter Effects below 0; above, a curve of Schlick's, both ways from the middle.

    Examples
    --------
    >>> plan = av.Schedule(contrast=0.6 * song.onset.decay(0.2))
    """
    if strength < 0:
        return torch.lerp(torch.full_like(picture, 0.5), picture, 1 + strength)
    return 0.5 + 0.5 * _raised(2 * picture - 1, strength)


def brightness(picture: Tensor, strength: float) -> Tensor:
    """Brighter, with highlights that roll off, or darker.

    Parameters
    ----------
    picture : float32 in 0..1, shape (B, 3, H, W)
    strength : float >= -1
        -1 is black; darks have 1 + strength times their light.

    Source
    ------
    brightness() of W3C Filter Effects below 0; above, a curve of Schlick's.

    Examples
    --------
    >>> plan = av.Schedule(brightness=0.4 * song.low.decay(0.3))
    """
    return picture * (1 + strength) if strength < 0 else _raised(picture, strength)


def _raised(levels: Tensor, gain: float | Tensor) -> Tensor:
    """Levels in -1..1, those near 0 times 1 + gain, and 1 still 1.

    Source
    ------
    Schlick, Fast Alternatives to Perlin's Bias and Gain Functions, Graphics Gems IV, 1994.
    """
    return levels * (1 + gain) / (1 + gain * levels.abs())


def invert(picture: Tensor, strength: float) -> Tensor:
    """The negative.

    Parameters
    ----------
    picture : float32 in 0..1, shape (B, 3, H, W)
    strength : float in 0..1
        How far to it; 0.5 is grey.

    Source
    ------
    invert() of W3C Filter Effects.

    Examples
    --------
    >>> plan = av.Schedule(invert=av.curves.at(song.downbeats, 1.0))
    """
    return torch.lerp(picture, 1 - picture, strength)


def posterize(picture: Tensor, strength: float) -> Tensor:
    """Few levels of each colour.

    Parameters
    ----------
    picture : float32 in 0..1, shape (B, 3, H, W)
    strength : float in 0..1
        The distance of the levels: 0.25 are five, 1 are two. Between such, one is faded into the next.

    Source
    ------
    Posterize of GIMP.

    Examples
    --------
    >>> plan = av.Schedule(posterize=0.4 * song.percussive)
    """
    steps, part = divmod(1 / strength, 1)
    coarse = (picture * steps).round() / steps
    return torch.lerp(coarse, (picture * (steps + 1)).round() / (steps + 1), part)


def vignette(picture: Tensor, strength: float) -> Tensor:
    """Darker towards the corners.

    Parameters
    ----------
    picture : float32 in 0..1, shape (B, 3, H, W)
    strength : float >= 0
        1 leaves a ninth of their light to the corners, 0.3 two fifths.

    Source
    ------
    The cosine-fourth law of lenses: Slussareff, J. Phys. USSR 4, 1941.

    Examples
    --------
    >>> plan = av.Schedule(vignette=0.4)
    """
    height, width = picture.shape[-2:]
    x, y = places(picture)
    corner = 0.25 * (1 + (width / height) ** 2)
    return picture / (1 + _FALL_OFF * strength / corner * (x.square() + y.square())).square()


def flash(picture: Tensor, strength: float, colour: int) -> Tensor:
    """A flash of light: the picture is overexposed in a colour, until that alone is left.

    Parameters
    ----------
    picture : float32 in 0..1, shape (B, 3, H, W)
    strength : float in 0..1
        1 is the colour alone, 0.5 a quarter of it over four times the light.
    colour : 0xRRGGBB

    Source
    ------
    "Dip to white" of video editors, with the highlights first, as film does it, so that a weak flash is no fog.

    Examples
    --------
    >>> plan = av.Schedule(flash=av.curves.at(song.snares, 0.8).decay(0.15), flash_colour=0xFFF4E0)
    """
    channels = [(colour >> shift & 255) / 255 for shift in (16, 8, 0)]
    light = to_device(torch.tensor(channels), picture.device)[:, None, None]
    return torch.lerp(_raised(picture, _EXPOSED * strength * light), light, strength**2)


def strobe(picture: Tensor, strength: float) -> Tensor:
    """Black frames.

    Parameters
    ----------
    picture : float32 in 0..1, shape (B, 3, H, W)
    strength : float in 0..1
        1 is black.

    Source
    ------
    A stroboscope: dark between its flashes.

    Examples
    --------
    >>> plan = av.Schedule(strobe=av.curves.where(song.low > 0.8, np.arange(len(song.low)) % 4 > 1, 0))
    """
    return picture * (1 - strength)
