"""The chain of effects, in a fixed order, each at rest at 0, or so near to it that nothing can be seen."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from audioviz.effects import colour, focus, motion, screen
from audioviz.effects.ground import random_bits

EFFECTS: dict[str, Callable[..., Tensor]] = {
    "mirror": motion.mirror,
    "ripple": motion.ripple,
    "roll": motion.roll,
    "shake": motion.shake,
    "punch": motion.punch,
    "blur": focus.blur,
    "sharpen": focus.sharpen,
    "pixelate": focus.pixelate,
    "hue": colour.hue,
    "saturation": colour.saturation,
    "contrast": colour.contrast,
    "brightness": colour.brightness,
    "invert": colour.invert,
    "posterize": colour.posterize,
    "glow": focus.glow,
    "chroma": focus.chroma,
    "glitch": screen.glitch,
    "vignette": colour.vignette,
    "flash": colour.flash,
    "scanlines": screen.scanlines,
    "grain": screen.grain,
    "trails": screen.trails,
    "strobe": colour.strobe,
}
RANDOM = ("shake", "glitch", "grain")
WHITE = 0xFFFFFF
LEAST = 1e-4  # strength from which an effect acts: the tail of a hit is never quite 0, and nothing of it can be seen


@torch.no_grad()
def apply(picture: Tensor, values: Mapping[str, Any], *, seed: int, frame: int, before: Tensor | None = None) -> Tensor:
    """A frame with its effects.

    Parameters
    ----------
    picture : float32 in 0..1, shape (1, 3, H, W)
    values : mapping of column to number
        The strength of each effect, and `flash_colour`; what is missing rests, and other columns are not looked at.
    seed, frame : int
        What random effects draw from, each with its own stream.
    before : as picture, optional
        The frame before with its effects, for `trails`.

    Returns
    -------
    float32 in 0..1, shape (1, 3, H, W), on the picture's device. With all at rest, the picture itself.

    Examples
    --------
    >>> import torch
    >>> from audioviz.effects import apply
    >>> picture = torch.rand(1, 3, 64, 64)
    >>> flashed = apply(picture, {"flash": 0.5, "grain": 0.2}, seed=7, frame=12)
    >>> apply(picture, {"flash": 0.0}, seed=7, frame=13) is picture
    True
    """
    for name, effect in EFFECTS.items():
        strength = float(values.get(name, 0))
        if abs(strength) < LEAST:
            continue
        if name in RANDOM:
            picture = effect(picture, strength, random_bits(seed, frame, name))
        elif name == "flash":
            picture = effect(picture, strength, int(values.get("flash_colour", WHITE)))
        elif name == "trails":
            picture = effect(picture, strength, before)
        else:
            picture = effect(picture, strength)
    return picture
