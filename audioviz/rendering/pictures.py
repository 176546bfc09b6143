"""Input images and videos: one image for all frames, or the frames of a video at the times of the song."""

import hashlib
import subprocess
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from audioviz.clock import Clock
from audioviz.errors import InputError
from audioviz.ffmpeg import Ffmpeg, input_file
from audioviz.files import user_path
from audioviz.rendering.stills import Animation, flat, frame_ends, image_moves, load_picture, unreadable
from audioviz.timeline import song_begin, timeline_of


@dataclass(frozen=True, eq=False)
class Pictures:
    """An input picture for each frame.

    Parameters
    ----------
    at : function of a frame's number
        Its picture: uint8, shape (height, width, 3). Frames are asked for in order, or once more the one before.
    moves : bool
        They differ from frame to frame.
    sha256 : of the file, hex
    """

    at: Callable[[int], np.ndarray]
    moves: bool
    sha256: str


def load_pictures(
    file: str | Path,
    *,
    size: tuple[int, int],
    clock: Clock,
    song: Path | None = None,
    start: float | Fraction = 0,
    background: int = 255,
) -> Pictures:
    """The pictures of a file in a size; what is wider or higher is cut off around the middle.

    Parameters
    ----------
    file : an image, or a video that ffmpeg reads
        Told by what it holds: one picture is an image, several are a video. Before the first picture of a video there
        is the first; after the last one it begins again.
    size : (width, height), pixels
    clock : Clock
        Whose frames the video is shown at.
    song : Path, optional
        The file of the song, beside whose sound the video is placed; by default its own sound is the song.
    start : seconds
        Where the clock begins in the song.
    background : int, 0 to 255
        The grey behind what is transparent.

    Raises
    ------
    InputError
        If there is no such file, or it cannot be read.
    """
    file = user_path(file)
    if not file.is_file():
        raise InputError(f"{file}: there is no such file; expected an image or a video")
    with file.open("rb") as opened:
        sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
    moves = image_moves(file)
    if moves is None and _frames(file)[0] != 1:
        own = timeline_of(file)
        zero = song_begin(file, song) if song else own.origin + own.delay
        skipped, within = divmod(Fraction(start), 1 / clock.fps)
        video = _Video(file, size, clock, zero + within, skipped, background)
        video(0)  # what is wrong with it is said now
        return Pictures(video, True, sha256)
    if moves:
        return Pictures(Animation(file, size, clock, Fraction(start), background), True, sha256)
    read = _only_picture if moves is None else load_picture
    picture = read(file, size=size, background=background)
    return Pictures(lambda k: picture, False, sha256)


def check_pictures(file: Path, *, what: str, still: bool = False) -> None:
    """Refuse a file that holds no pictures or is cut short, or holds several where one is expected.

    Raises
    ------
    InputError
        In one line, beginning with what the file is for.
    """
    if not file.is_file():
        raise InputError(f"{what} {file}: there is no such file; expected an image or a video")
    moves = image_moves(file)
    frames = 2
    try:
        if moves is None:
            frames, said = _frames(file)
            if not frames:
                raise unreadable(file, said)
        elif moves:
            frame_ends(file)
        else:
            frames = 1
            load_picture(file)
    except InputError as error:
        raise InputError(f"{what} {error}") from error
    if still and frames > 1:
        raise InputError(f"{what} {file}: expected an image, white where frames are drawn")


class _Video:
    """The frames of a video, read as they are asked for: the first where the clock begins at `zero` of its times."""

    def __init__(self, file: Path, size: tuple[int, int], clock: Clock, zero: Fraction, skipped: int, background: int):
        self._file, self._size, self._clock, self._background = file, size, clock, background
        self._zero, self._skipped = zero, skipped
        self._ffmpeg: Ffmpeg | None = None
        self._pictures: deque[np.ndarray] = deque(maxlen=2)  # of the frames up to _next - 1
        self._fresh, self._next = True, 0

    def __call__(self, k: int) -> np.ndarray:
        k += self._skipped
        if self._ffmpeg is None or k < self._next - len(self._pictures):
            self._ffmpeg = self._start(f":start_time={float(self._zero)!r}")
            self._next = 0
            self._pictures.clear()
        while self._next <= k:
            self._pictures.append(self._read(self._ffmpeg))
            self._next += 1
        return self._pictures[k - self._next]

    def _start(self, begin: str) -> Ffmpeg:
        if self._ffmpeg is not None:
            self._ffmpeg.close()
        self._fresh = True
        ffmpeg = _reader(self._file, self._size, f"fps={self._clock.fps}{begin},")
        weakref.finalize(self, ffmpeg.close)  # also when Python ends, while its threads still run
        return ffmpeg

    def _read(self, ffmpeg: Ffmpeg) -> np.ndarray:
        picture = _read_picture(ffmpeg, self._size, self._background)
        if picture is not None:
            self._fresh = False
            return picture
        said = ffmpeg.wait()
        if said or self._fresh:
            raise unreadable(self._file, said or "it has no picture")
        self._ffmpeg = self._start("")  # it is over, and begins again
        return self._read(self._ffmpeg)


def _reader(file: Path, size: tuple[int, int], filters: str) -> Ffmpeg:
    """An ffmpeg that writes the frames of a file as RGBA, upright, with square pixels, cut to a size."""
    width, height = size
    scale = f"scale=w='max({width},ceil({height}*dar))':h='max({height},ceil({width}/dar))':flags=lanczos+accurate_rnd"
    filters += f"{scale},format=rgba,crop={width}:{height},setsar=1"
    arguments = ["-copyts", *input_file(file), "-map", "0:V:0", "-vf", filters, "-fps_mode", "passthrough"]
    return Ffmpeg([*arguments, "-f", "rawvideo", "pipe:1"], stdout=subprocess.PIPE)


def _read_picture(ffmpeg: Ffmpeg, size: tuple[int, int], background: int) -> np.ndarray | None:
    width, height = size
    raw = ffmpeg.stdout.read(width * height * 4)
    whole = len(raw) == width * height * 4
    return flat(np.frombuffer(raw, np.uint8).reshape(height, width, 4), background) if whole else None


def _only_picture(file: Path, size: tuple[int, int], background: int) -> np.ndarray:
    """The picture of a file of one, which ffmpeg alone reads."""
    with _reader(file, size, "") as ffmpeg:
        picture = _read_picture(ffmpeg, size, background)
        if picture is None:
            raise unreadable(file, ffmpeg.wait())
        return picture


def _frames(file: Path) -> tuple[int, str]:
    """How many frames ffmpeg reads in a file: 0, 1, or 2 for all that move; and what it says where there are none."""
    arguments = [*input_file(file), "-map", "0:V:0", "-frames:v", "2", "-fps_mode", "passthrough", "-f", "framecrc"]
    with Ffmpeg([*arguments, "pipe:1"], stdout=subprocess.PIPE) as ffmpeg:
        frames = sum(not line.startswith(b"#") for line in ffmpeg.stdout)
        return frames, ffmpeg.wait() or "it has no picture"
