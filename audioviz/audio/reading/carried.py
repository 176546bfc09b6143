"""The sound that a video carries: what was heard, also where ffmpeg reads the file otherwise or not at all."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import zip_longest
from pathlib import Path

import numpy as np
import soundfile

from audioviz.audio.reading.blocks import mended
from audioviz.audio.reading.decode import check_file, open_ffmpeg, open_libsndfile, open_stream
from audioviz.errors import EncodeError, InputError

_ALIKE = 0.01  # power of the difference between two decoders of one sound, as a part of its own


@contextmanager
def sound_for_ffmpeg(path: Path) -> Iterator[Path]:
    """A file of which ffmpeg makes what `open_stream` reads: the file itself, or for a while a WAV of what was read.

    Raises
    ------
    InputError
        If the file is not there any more.
    EncodeError
        If there is no room for that.
    """
    check_file(path)
    if _ffmpeg_agrees(path):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        heard, stream = Path(folder, "heard.wav"), open_stream(path)
        try:
            with (
                closing(stream.blocks),
                soundfile.SoundFile(heard, "w", stream.rate, stream.channels, "FLOAT", format="RF64") as file,
            ):
                for block in mended(stream.blocks, Counter()):
                    file.write(block)
        except (OSError, soundfile.LibsndfileError) as error:
            raise EncodeError(
                f"the sound of {path} cannot be written to {folder} ({error!s:.100}): free space"
            ) from error
        yield heard


def _ffmpeg_agrees(path: Path) -> bool:
    """Whether ffmpeg reads the same sound as `open_stream` in a file."""
    own = open_libsndfile(path)
    if own is None:
        return True
    with closing(own.blocks):
        try:
            other = open_ffmpeg(path)
        except InputError:
            return False
        with closing(other.blocks):
            if (own.rate, own.channels) != (other.rate, other.channels):
                return False
            power = off = 0.0
            nothing = np.zeros((0, own.channels), np.float32)
            for block, same in zip_longest(own.blocks, other.blocks, fillvalue=nothing):
                longer = max(len(block), len(same))
                block, same = (np.pad(sound, ((0, longer - len(sound)), (0, 0))) for sound in (block, same))
                power, off = power + float(np.vdot(block, block)), off + float(np.vdot(block - same, block - same))
            return off <= _ALIKE * power
