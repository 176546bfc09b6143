"""Frames of VP9, AV1 and ProRes, read from the files of chunks and passed on with their exact times.

IVF is used both ways: 32 bytes of header, then frames, each after its size and its time. VideoWriter writes VP9 and AV1
in it; ProRes frames stand in the file of a chunk one after the other, each beginning with its size.

Source
------
https://wiki.multimedia.cx/index.php/IVF, and SMPTE RDD 36 for the head of a ProRes frame.
"""

import struct
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from audioviz.errors import EncodeError

_HEADER = struct.Struct("<4sHH4sHHIIII")  # DKIF, version, its size, codec, width, height, ticks a second as a fraction
_FRAME = struct.Struct("<IQ")  # bytes, and ticks


def ivf_stream(chunks: Sequence[Path], fps: Fraction) -> Iterator[bytes]:
    """All frames of some chunks as one IVF file, whose ticks are frames.

    Raises
    ------
    EncodeError
        If a chunk ends in the middle of a frame.
    """
    count = 0
    for path in chunks:
        with path.open("rb") as file:
            for header, frame in _frames(file, path):
                if count == 0:
                    codec, width, height = header
                    yield _HEADER.pack(
                        b"DKIF", 0, _HEADER.size, codec, width, height, fps.numerator, fps.denominator, 0, 0
                    )
                yield _FRAME.pack(len(frame), count) + frame
                count += 1


def _frames(file: BinaryIO, path: Path) -> Iterator[tuple[tuple[bytes, int, int], bytes]]:
    """Codec, width and height, and each frame."""
    start = file.read(4)
    if start == b"DKIF":
        header = _HEADER.unpack(start + file.read(_HEADER.size - 4))[3:6]
        while head := file.read(_FRAME.size):
            size = _FRAME.unpack(_whole(head, _FRAME.size, path))[0]
            yield header, _whole(file.read(size), size, path)
        return
    while start:
        size = int.from_bytes(_whole(start, 4, path), "big")
        frame = start + _whole(file.read(size - 4), size - 4, path)
        yield (b"apch", *struct.unpack_from(">HH", frame, 16)), frame
        start = file.read(4)


def _whole(part: bytes, size: int, path: Path) -> bytes:
    if len(part) < size:
        raise EncodeError(f"{path} is damaged: start the same render again with --no-resume")
    return part
