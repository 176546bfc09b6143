"""Input images and videos: one image for all frames, or the frames of a video at the song's own rate."""

import hashlib
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from audioviz.clock import Clock
from audioviz.errors import InputError
from audioviz.video.ffmpeg import Ffmpeg

IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")


@dataclass(frozen=True, eq=False)
class Pictures:
    """An input picture for each frame.

    Parameters
    ----------
    at : function of a frame's number
        Its picture: uint8, shape (height, width, 3). Frames are asked for in order.
    moves : bool
        They differ from frame to frame.
    sha256 : of the file, hex
    """

    at: Callable[[int], np.ndarray]
    moves: bool
    sha256: str


def load_pictures(file: str | Path, *, size: tuple[int, int], clock: Clock) -> Pictures:
    """The pictures of a file in a size; what is wider or higher is cut off around the middle.

    Parameters
    ----------
    file : an image, or a video that ffmpeg reads
        A video that is shorter than the song begins again.
    size : (width, height), pixels
    clock : Clock
        Whose frames the video is shown at.

    Raises
    ------
    InputError
        If there is no such file, or it cannot be read.
    """
    file = Path(file)
    if not file.is_file():
        raise InputError(f"{file}: there is no such file; expected an image or a video")
    with file.open("rb") as opened:
        sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
    if file.suffix.lower() in IMAGES:
        picture = load_picture(file, size=size)
        return Pictures(lambda k: picture, False, sha256)
    video = _Video(file, size, clock)
    video(0)  # what is wrong with it is said now
    return Pictures(video, True, sha256)


def load_picture(file: Path, *, size: tuple[int, int] | None = None) -> np.ndarray:
    """An image: uint8, shape (height, width, 3), in a size if one is given.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    try:
        with Image.open(file) as image:
            whole = ImageOps.exif_transpose(image).convert("RGB")
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{file}: cannot be read as an image ({error!s:.100})") from error
    return np.array(whole if size is None else ImageOps.fit(whole, size, Image.Resampling.LANCZOS))


class _Video:
    """The frames of a video, read as they are asked for."""

    def __init__(self, file: Path, size: tuple[int, int], clock: Clock):
        self._file, self._size, self._clock = file, size, clock
        self._ffmpeg: Ffmpeg | None = None
        self._picture: np.ndarray | None = None  # of frame _next - 1
        self._fresh, self._next = True, 0

    def __call__(self, k: int) -> np.ndarray:
        if self._ffmpeg is None or k < self._next - 1:
            self._ffmpeg = self._start()
            self._next, self._picture = 0, None
        while self._picture is None or self._next <= k:
            self._picture = self._read(self._ffmpeg)
            self._next += 1
        return self._picture

    def _start(self) -> Ffmpeg:
        if self._ffmpeg is not None:
            self._ffmpeg.close()
        width, height = self._size
        cut = f"fps={self._clock.fps},scale={width}:{height}:force_original_aspect_ratio=increase,crop={width}:{height}"
        self._fresh = True
        return Ffmpeg(
            ["-i", str(self._file), "-an", "-vf", cut, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
            stdout=subprocess.PIPE,
        )

    def _read(self, ffmpeg: Ffmpeg) -> np.ndarray:
        width, height = self._size
        assert ffmpeg.stdout is not None  # it was asked for a pipe
        raw = ffmpeg.stdout.read(width * height * 3)
        if len(raw) == width * height * 3:
            self._fresh = False
            return np.frombuffer(raw, np.uint8).reshape(height, width, 3)
        said = ffmpeg.wait()
        if said or self._fresh:
            raise InputError(
                f"{self._file}: cannot be read as a video ({said or 'it has no picture'}); expected an image or a video"
            )
        self._ffmpeg = self._start()  # it is over, and begins again
        return self._read(self._ffmpeg)

    def __del__(self) -> None:
        if self._ffmpeg is not None:
            self._ffmpeg.close()
