"""Frames become H.264, or what another codec makes of them, while the next ones are made."""

import os
import subprocess
import threading
from fractions import Fraction
from pathlib import Path
from queue import SimpleQueue

import numpy as np

from audioviz.errors import EncodeError, InputError
from audioviz.ffmpeg import Ffmpeg, ffmpeg_version
from audioviz.files import create
from audioviz.video.formats import H264, Codec
from audioviz.video.frame import LARGEST

QUEUED_FRAMES = 8
KEYFRAME_SECONDS = 5
GIF_FPS = 50  # its frames last hundredths of a second, and browsers show one of a hundredth for a tenth
# ffmpeg counts the time of a raw H.264 stream in 1/1200000 s.
RAW_TIME_BASE = 1_200_000


class VideoWriter:
    """Frames of one size, streamed into a file of a codec alone (bt709, limited range) that starts with a keyframe.

    A thread feeds ffmpeg, so `write` waits only when the encoder is QUEUED_FRAMES behind. As a context manager it
    closes the file, or, after an exception, drops the encoder and leaves an incomplete file.

    Parameters
    ----------
    path : Path
        The file to write; replaced if it is there.
    fps : Fraction
        Frames per second, exact.
    size : (width, height)
        Pixels, both even.
    codec : Codec
        H.264 in yuv420p if not given.

    Raises
    ------
    InputError
        If the size is odd or fps cannot be written exactly.
    EncodeError
        If the file cannot be created or ffmpeg cannot be started.
    """

    def __init__(self, path: Path, *, fps: Fraction, size: tuple[int, int], codec: Codec = H264):
        check_format(fps, size, codec)
        self._path = path
        self._shape = (size[1], size[0], 3)
        self._count = 0
        # Two SimpleQueues for one bounded Queue, which can lose a wake-up, or its lock, when Ctrl-C comes at a bad
        # moment.
        self._frames: SimpleQueue[bytes | None] = SimpleQueue()
        self._room: SimpleQueue[None] = SimpleQueue()
        for _ in range(QUEUED_FRAMES):
            self._room.put(None)
        self._broken = threading.Event()
        try:
            self._file = create(path)
        except OSError as error:
            raise EncodeError(
                f"{path} cannot be written ({error.strerror}): free space or choose another "
                "folder, then start the same render again"
            ) from error
        keyframe_distance = str(max(1, round(KEYFRAME_SECONDS * fps)))
        try:
            self._ffmpeg = Ffmpeg(
                [
                    "-f",
                    "rawvideo",
                    "-pix_fmt",
                    "rgb24",
                    "-s",
                    f"{size[0]}x{size[1]}",
                    "-framerate",
                    str(fps),
                    "-i",
                    "pipe:0",
                    "-filter_threads",
                    "1",
                    "-vf",
                    codec.filters,
                    *codec.options,
                    "-g",
                    keyframe_distance,
                    "-f",
                    codec.muxer,
                    "pipe:1",
                ],
                stdin=subprocess.PIPE,
                stdout=self._file,
            )
        except EncodeError:
            self._file.close()
            raise
        self._feeder = threading.Thread(target=self._feed, daemon=True)
        self._feeder.start()

    def _feed(self) -> None:
        while (frame := self._frames.get()) is not None:  # which means the end
            if not self._broken.is_set():
                try:
                    self._ffmpeg.stdin.write(frame)
                except OSError:
                    self._broken.set()  # go on making room, so that `write` cannot hang
            self._room.put(None)

    def write(self, frame: np.ndarray) -> None:
        """Hand over the next frame: uint8, shape (H, W, 3). It is copied, so the caller may use its memory again.

        Raises
        ------
        InputError
            If the frame is of another shape or type.
        EncodeError
            If ffmpeg ended, for instance because the disk is full.
        """
        if frame.shape != self._shape or frame.dtype != np.uint8:
            raise InputError(
                f"frame {self._count} is {frame.dtype} of shape {frame.shape}: expected uint8 of shape {self._shape}"
            )
        if self._broken.is_set():
            self._fail(self._ffmpeg.wait())
        self._room.get()
        self._frames.put(frame.tobytes())
        self._count += 1

    def close(self) -> None:
        """Finish the stream and bring it to the disk.

        Raises
        ------
        EncodeError
            If ffmpeg failed or the disk is full.
        """
        try:
            self._frames.put(None)
            self._feeder.join()
            try:
                self._ffmpeg.stdin.close()
            except OSError:
                self._broken.set()
            said = self._ffmpeg.wait()
            if said or self._broken.is_set():
                self._fail(said)
            os.fsync(self._file.fileno())
        except OSError as error:
            self._fail(str(error.strerror))
        finally:
            self.abort()

    def abort(self) -> None:
        """End the encoder at once; the file stays as far as it is written. Harmless after close."""
        self._broken.set()
        self._ffmpeg.close()
        if self._feeder.is_alive():
            self._frames.put(None)
            self._feeder.join()
        self._file.close()

    def _fail(self, said: str) -> None:
        self.abort()
        raise EncodeError(
            f"ffmpeg stopped while it wrote {self._path}: {said or 'it closed its input'}. Free space or "
            "memory, then start the same render again"
        )

    def __enter__(self) -> "VideoWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()


def encoder_name(codec: Codec = H264) -> str:
    """All that the bytes of an encoded frame depend on besides the frame: the encoder's version and its options."""
    return " ".join((ffmpeg_version(), *codec.options, str(KEYFRAME_SECONDS), codec.filters))


def check_format(fps: Fraction, size: tuple[int, int], codec: Codec = H264) -> None:
    """Raise InputError unless frames of this size (width, height) and rate can be written exactly."""
    if codec.name == "gif" and fps > GIF_FPS:
        raise InputError(
            f"fps {fps}: a GIF shows {GIF_FPS} frames a second at most; give {GIF_FPS} or less, by --fps or by --smooth"
        )
    width, height = size
    if max(size) > LARGEST:
        raise InputError(f"size {width}x{height} cannot be encoded: a side of a video has {LARGEST} pixels at most")
    if width < 2 or height < 2 or width % 2 or height % 2:
        raise InputError(f"size {width}x{height} cannot be encoded: video needs an even width and an even height")
    if fps.numerator > RAW_TIME_BASE:
        raise InputError(f"fps {fps} cannot be written exactly: give a simpler fraction, such as 24000/1001")
