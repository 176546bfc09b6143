"""Pictures that Pillow reads, told by their content, as what they mean: depth, alpha, palette, profile, orientation."""

import io
import weakref
from bisect import bisect_right
from contextlib import suppress
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps, ImageSequence

from audioviz.clock import Clock
from audioviz.errors import InputError

_MOVING = ("GIF", "PNG", "WEBP", "AVIF", "FLI")  # formats whose frames follow in time; pages and layers do not
_NO_PICTURES = ("MPEG", "HDF5", "GRIB", "BUFR")  # which Pillow names and cannot draw
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"mif1")
_WHITES = {"I": (65535, 2**32 - 1), "F": (1, 255, 65535)}  # what white may be in 32 bits: the least that holds all
_AS_BROWSERS = 100  # milliseconds that a frame lasts whose file says 10 or less


def image_moves(file: Path) -> bool | None:
    """Whether the frames of a picture follow each other in time; None for what Pillow does not know, such as a video.

    Raises
    ------
    InputError
        If it needs a plugin that is not installed.
    """
    with suppress(ImportError):
        from pillow_heif import register_heif_opener  # pyright: ignore[reportMissingImports]  (who has it)

        register_heif_opener()
    with file.open("rb") as opened:
        head = opened.read(12)
    if head[:3] == b"\0\0\1" and head[3:4] >= b"\xb0":
        return None  # MPEG, which looks like a Targa picture
    try:
        with Image.open(file) as image:
            if image.format in _NO_PICTURES:
                return None
            return image.format in _MOVING and getattr(image, "n_frames", 1) > 1
    except Image.DecompressionBombError as error:
        raise unreadable(file, error) from error
    except (OSError, ValueError, SyntaxError):
        if head[4:8] == b"ftyp" and head[8:] in _HEIC:
            raise InputError(f"{file}: a HEIC picture: pip install pillow-heif, or save it as PNG or JPEG") from None
        return None


def load_picture(file: Path, *, size: tuple[int, int] | None = None, background: int = 255) -> np.ndarray:
    """An image: uint8, shape (height, width, 3), in a size if one is given.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    try:
        with Image.open(file) as image:
            return _fitted(image, size, background)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise unreadable(file, error) from error


class Animation:
    """The frames of a GIF, APNG, WebP or AVIF at a clock's times; it begins again when it is over."""

    def __init__(self, file: Path, size: tuple[int, int], clock: Clock, start: Fraction, background: int = 255):
        self._file, self._size, self._background = file, size, background
        self._step, self._start = 1 / clock.fps, start
        self._ends = frame_ends(file)
        self._image = Image.open(file)
        weakref.finalize(self, self._image.close)
        self._shown, self._picture = -1, np.empty(0)

    def __call__(self, k: int) -> np.ndarray:
        # half a frame further: what begins then belongs to the nearer frame, as everywhere
        seconds = (self._start + (k + Fraction(1, 2)) * self._step) % self._ends[-1]
        number = bisect_right(self._ends, seconds)
        if number != self._shown:
            self._image.seek(number)
            self._shown, self._picture = number, _fitted(self._image, self._size, self._background)
        return self._picture


def frame_ends(file: Path) -> list[Fraction]:
    """When each frame of a moving picture is over, seconds.

    Raises
    ------
    InputError
        If one of them cannot be read.
    """
    try:
        with Image.open(file) as image:
            lasting = [_milliseconds(frame) for frame in ImageSequence.Iterator(image)]
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise unreadable(file, error) from error
    return list(accumulate(Fraction(t) / 1000 for t in lasting))


def flat(pixels: np.ndarray, background: int) -> np.ndarray:
    """RGBA, uint8 (height, width, 4), over a grey from 0 to 255: uint8 (height, width, 3)."""
    alpha = pixels[..., 3:].astype(np.uint16)
    if (alpha == 255).all():
        return np.ascontiguousarray(pixels[..., :3])
    return ((pixels[..., :3] * alpha + background * (255 - alpha) + 127) // 255).astype(np.uint8)


def _milliseconds(frame: Image.Image) -> float:
    """How long a frame is shown; WebP and AVIF tell it when its pixels are read."""
    frame.load()
    shown = frame.info.get("duration", 0)
    return shown if shown > 10 else _AS_BROWSERS


def _fitted(image: Image.Image, size: tuple[int, int] | None, background: int) -> np.ndarray:
    whole = _to_rgb(ImageOps.exif_transpose(image), background)
    return np.array(whole if size is None else ImageOps.fit(whole, size, Image.Resampling.LANCZOS))


def _to_rgb(image: Image.Image, background: int) -> Image.Image:
    """Eight bits of sRGB, without alpha."""
    if image.mode.startswith("I;16") or image.mode in _WHITES:
        values = np.nan_to_num(np.asarray(image).astype(np.float64))
        if image.mode == "I":
            values %= 2**32  # Pillow takes them as signed
        whites = _WHITES.get(image.mode, (65535,))
        white = next((white for white in whites if values.max() <= white), values.max())
        return Image.fromarray((values.clip(0) / white * 255).round().astype(np.uint8)).convert("RGB")
    if "A" in image.mode or "a" in image.mode or "transparency" in image.info:
        return Image.fromarray(flat(np.asarray(image.convert("RGBA")), background))
    profile = image.info.get("icc_profile")
    if profile and image.mode in ("RGB", "CMYK"):
        with suppress(ImageCms.PyCMSError, OSError):
            own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if "sRGB" not in ImageCms.getProfileDescription(own):
                image = ImageCms.profileToProfile(image, own, ImageCms.createProfile("sRGB"), outputMode="RGB") or image
    return image.convert("RGB")


def unreadable(file: Path, said: object) -> InputError:
    """What is said of a file that is neither an image nor a video, by what its name promises."""
    kind = "an image" if file.suffix.lower() in Image.registered_extensions() else "a video"
    return InputError(f"{file}: cannot be read as {kind} ({said!s:.100}); expected an image or a video")
