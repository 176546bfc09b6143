"""Effects of a lens: blur, sharpen, pixelate, glow, chroma."""

from torch import Tensor

from audioviz.effects.ground import enlarged, gaussian, look, luma, places, screen, shrunk

_BLUR = 0.05  # heights of sigma at strength 1
_SHARPEN = 1 / 200  # heights of sigma: the size of what is made clearer
_PIXELATE = 1 / 12  # heights of a block at strength 1
_GLOW_ROWS = 256  # on which light is spread at most
_KNEE = 0.3  # brightness from which on a place glows,
_HALOES = (1 / 64, 1 / 14)  # and heights of sigma of its two haloes
_CHROMA = 0.04  # how much larger red is than green, and green than blue, at strength 1


def blur(picture: Tensor, strength: float) -> Tensor:
    """Out of focus: a Gaussian blur.

    Parameters
    ----------
    picture : float32 in 0..1, shape (B, 3, H, W)
    strength : float >= 0
        1 is a sigma of a twentieth of the height.

    Source
    ------
    Separable, on a smaller picture where sigma is wide: Burt & Adelson, IEEE Trans. Communications 31, 1983.

    Examples
    --------
    >>> plan = av.Schedule(blur=0.5 * (1 - song.rms))
    """
    return gaussian(picture, _BLUR * strength)


def sharpen(picture: Tensor, strength: float) -> Tensor:
    """Unsharp masking, of brightness alone, so that colours get no fringes.

    Parameters
    ----------
    picture : float32 in 0..1, shape (B, 3, H, W)
    strength : float >= 0
        How often fine detail is added once more: 1 is what image editors call 100 %.

    Source
    ------
    Unsharp Mask of GIMP and Photoshop.

    Examples
    --------
    >>> plan = av.Schedule(sharpen=0.6)
    """
    brightness = luma(picture)
    return (picture + strength * (brightness - gaussian(brightness, _SHARPEN))).clamp(0, 1)


def pixelate(picture: Tensor, strength: float) -> Tensor:
    """Large square pixels.

    Parameters
    ----------
    picture : float32 in 0..1, shape (B, 3, H, W)
    strength : float >= 0
        1 is blocks of a twelfth of the height, 0.5 of half that.

    Source
    ------
    Pixelize of GIMP: each block is one colour, here the mean under a Gaussian as wide as the block.

    Examples
    --------
    >>> plan = av.Schedule(pixelate=song.snare.decay(0.2))
    """
    block = _PIXELATE * strength
    x, y = ((place / block).round() * block for place in places(picture))
    return look(gaussian(picture, block / 12**0.5), x, y)


def glow(picture: Tensor, strength: float) -> Tensor:
    """Bloom: highlights spill a soft light around them, near and far.

    Parameters
    ----------
    picture : float32 in 0..1, shape (B, 3, H, W)
    strength : float >= 0
        0.3 is a veil, 1 a strong one, 2 a dream.

    Source
    ------
    Jimenez, Next Generation Post Processing in Call of Duty, SIGGRAPH 2014: a soft knee, and Gaussian haloes of several
    widths from small pictures; laid on as by `screen`, so that nothing burns out.

    Examples
    --------
    >>> plan = av.Schedule(glow=0.3 + 0.7 * song.onset.decay(0.3))
    """
    light = shrunk(picture, _GLOW_ROWS)
    light = light * ((light.amax(1, keepdim=True) - _KNEE) / (1 - _KNEE)).clamp(0, 1).square()
    near, far = (gaussian(light, sigma) for sigma in _HALOES)
    halo = enlarged(near + far, *picture.shape[-2:])
    return screen(picture, halo.mul_(0.9 * strength).clamp_(0, 1))


def chroma(picture: Tensor, strength: float) -> Tensor:
    """Chromatic aberration: red is larger and blue smaller than green, as behind a cheap lens; none in the middle.

    Parameters
    ----------
    picture : float32 in 0..1, shape (B, 3, H, W)
    strength : float >= 0
        At 1 red and blue are a twenty-fifth of the height apart at the upper edge, and more in the corners.

    Source
    ------
    Lateral chromatic aberration, as in Brown, Photogrammetric Engineering 32, 1966, its linear term.

    Examples
    --------
    >>> plan = av.Schedule(chroma=song.kick.decay(0.2))
    """
    x, y = places(picture)
    out, larger = picture.clone(), 1 + _CHROMA * strength
    out[:, :1] = look(picture[:, :1], x / larger, y / larger)
    out[:, 2:] = look(picture[:, 2:], x * larger, y * larger)
    return out
