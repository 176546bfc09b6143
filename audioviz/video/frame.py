"""Sizes of a finished video: what `--frame` and `--upscale` ask for, and the size that is sampled for it."""

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from audioviz.errors import InputError

SHORT, LONG = 1080, 1920  # pixels at most of the shorter and the longer side of a frame
LARGEST = 16384  # pixels of a side that encoders take
NAMES = {"square": Fraction(1), "wide": Fraction(16, 9), "vertical": Fraction(9, 16)}
GRID = 16  # parts of a model's own side; sizes in whole parts suit its networks, which halve a picture several times
EXPECTED = "2x, a size such as 1920x1080, or the .safetensors file of a network, also with one of them: FILE:2x"


@dataclass(frozen=True)
class Upscale:
    """What `--upscale` asks for.

    Parameters
    ----------
    network : Path, optional
        The file of a network; Lanczos if not given.
    factor : Fraction, optional
    size : (width, height), optional; pixels
        At most one of the two; with none, the network's own factor.
    """

    network: Path | None = None
    factor: Fraction | None = None
    size: tuple[int, int] | None = None


def read_upscale(text: str) -> Upscale:
    """`2x`, `1920x1080`, a file, or a file with one of them: `4x.safetensors:2x`.

    Raises
    ------
    InputError
    """
    if (plain := _factor_or_size(text)) and not Path(text).is_file():
        return plain
    file, colon, rest = text.rpartition(":")
    if colon and not Path(text).is_file() and (found := _factor_or_size(rest)):
        return Upscale(Path(file), found.factor, found.size)
    if not text.strip() or not (Path(text).suffix or Path(text).is_file()):
        raise InputError(f"{text!r:.60}, expected {EXPECTED}")
    return Upscale(Path(text))


def _factor_or_size(text: str) -> Upscale | None:
    if found := re.fullmatch(r"(\d{1,2}(?:\.\d{1,3})?)[xX]", text, re.ASCII):
        factor = Fraction(found[1])
        if not 1 <= factor <= 16:
            raise InputError(f"{text!r}, expected a factor from 1x to 16x")
        return Upscale(factor=factor)
    if found := re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", text, re.ASCII):
        width, height = int(found[1]), int(found[2])
        if width % 2 or height % 2 or not 16 <= min(width, height) <= max(width, height) <= LARGEST:
            raise InputError(f"{text!r}, expected an even width and an even height, of 16 to {LARGEST} pixels")
        return Upscale(size=(width, height))
    return None


def read_frame(text: str) -> tuple[int, int]:
    """The exact width and height, pixels, of `square`, `wide`, `vertical` or a ratio such as `2.39:1`.

    The largest even size of that shape whose shorter side is at most 1080 and whose longer one at most 1920.

    Raises
    ------
    InputError

    Examples
    --------
    >>> from audioviz.video.frame import read_frame
    >>> read_frame("vertical"), read_frame("2.39:1"), read_frame("4:5")
    ((1080, 1920), (1920, 804), (1080, 1350))
    """
    ratio = NAMES.get(text)
    if ratio is None:
        found = re.fullmatch(r"(\d{1,4}(?:\.\d{1,4})?):(\d{1,4}(?:\.\d{1,4})?)", text, re.ASCII)
        sides = [Fraction(side) for side in found.groups()] if found else []
        if not all(sides) or not sides or not Fraction(1, 4) <= (ratio := sides[0] / sides[1]) <= 4:
            raise InputError(
                f"{text!r:.60}, expected {', '.join(NAMES)}, or width:height, such as 2.39:1, from 1:4 to 4:1"
            )
    long = min(LONG, SHORT * max(ratio, 1 / ratio))
    short = long / max(ratio, 1 / ratio)
    width, height = (long, short) if ratio >= 1 else (short, long)
    return _even(width), _even(height)


def _even(pixels: Fraction | int) -> int:
    return 2 * round(Fraction(pixels, 2))


def sampled_size(shape: tuple[int, int], *, side: int, step: int) -> tuple[int, int]:
    """The size nearest to a shape that suits a model.

    Parameters
    ----------
    shape : (width, height)
        Of which the ratio counts.
    side : int
        Pixels of the square that the model makes best.
    step : int
        Pixels that each side has to be a multiple of.

    Returns
    -------
    (width, height), pixels: about as many as in that square
    """
    ratio, grid = shape[0] / shape[1], step * math.ceil(side / GRID / step)
    least = max(grid, grid * math.ceil(4 * step / grid))

    def cost(size: tuple[int, int]) -> float:
        width, height = size
        return abs(math.log(width / height / ratio)) + abs(math.log(width * height / side**2)) / 4

    sides = range(least, 4 * side + 1, grid)
    return min(((width, height) for width in sides for height in sides), key=cost)


def exact_size(upscale: str | None, frame: str | None) -> tuple[int, int] | None:
    """The width and height, pixels, that are asked for; None where they follow from what is sampled."""
    if frame is not None:
        return read_frame(frame)
    return read_upscale(upscale).size if upscale else None


def finished_size(sampled: tuple[int, int], upscale: str | None, frame: str | None, *, own: int = 1) -> tuple[int, int]:
    """Width and height of the finished pictures, pixels; `own` is the factor of the network, if there is one."""
    exact = exact_size(upscale, frame)
    if exact or not upscale:
        return exact or sampled
    factor = read_upscale(upscale).factor
    width, height = (_even(side * (own if factor is None else factor)) for side in sampled)
    return width, height
