"""Audio decoding to a stream of blocks: libsndfile where it reads the format, the ffmpeg binary for the rest."""

import hashlib
import re
import struct
import subprocess
import tempfile
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import numpy as np
import soundfile

from audioviz.errors import InputError
from audioviz.ffmpeg import input_file

BLOCK = 16384  # frames a block: small, because libsndfile drops the whole block in which a damaged FLAC breaks off
RATES = range(2_000, 768_001)
FORMATS = "WAV, FLAC, OGG, Opus, MP3, M4A or AAC"
_SLACK = 0.1  # seconds that a coded file may end before the length that it names: padding of the coder
_FROM_VORBIS = {  # where the channels of all other formats, L R C and the bass first, stand in its order
    3: [0, 2, 1],
    5: [0, 2, 1, 3, 4],
    6: [0, 2, 1, 5, 3, 4],
    7: [0, 2, 1, 6, 5, 3, 4],
    8: [0, 2, 1, 7, 5, 6, 3, 4],
}
_AU_HEADER = struct.Struct(">4sIIIII")  # magic, offset of the data, bytes, encoding, rate, channels
_UNKNOWN_SIZE = 0xFFFFFFFF  # what a writer to a pipe puts for a length that it does not know


@dataclass(frozen=True, eq=False)
class Stream:
    """Sound on its way in.

    Parameters
    ----------
    rate : int
        Sample rate, Hz.
    channels : int
    blocks : generator of float32 arrays, shape (n, channels)
        Read once, in order, each of at most `BLOCK` frames; closing it closes the file.
    notes : list of str
        What the user should be told; complete when the blocks have been read.
    """

    rate: int
    channels: int
    blocks: Generator[np.ndarray, None, None]
    notes: list[str]


def check_file(path: Path) -> None:
    """Raise an InputError if there is no file that can be read here, or it is a folder or empty."""
    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder: give one sound file ({FORMATS})")
        if path.exists() and not path.is_file():
            raise InputError(f"{path} is not a regular file: give one sound file ({FORMATS})")
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}): give the path of a sound file ({FORMATS})"
        ) from error
    if empty:
        raise InputError(f"{path} is empty: give a sound file ({FORMATS})")


def check_unchanged(path: Path, sha256: str) -> None:
    """Raise an InputError if a file is not any more what was loaded."""
    check_file(path)
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            raise InputError(f"{path} has changed since it was loaded: load it again")


def open_stream(path: Path) -> Stream:
    """Open a file that `check_file` lets pass.

    Raises
    ------
    InputError
        If it is not sound that can be decoded, or its header cannot be true.
    """
    return open_libsndfile(path) or open_ffmpeg(path)


def _check_header(path: Path, rate: int, channels: int) -> None:
    if rate not in RATES or channels < 1:
        raise InputError(
            f"{path}: its header says {rate} samples a second in {channels} channels; expected "
            f"{RATES[0]} to {RATES[-1]} a second: convert it again from its source"
        )


def open_libsndfile(path: Path) -> Stream | None:
    """None where libsndfile does not read the file, and where it does so badly.

    soundfile seeks after each block, which garbles MP3; libsndfile calls good Opus of other encoders malformed.
    """
    with path.open("rb") as file:
        head = file.read(3)
    if head == b"ID3" or head[0] == 0xFF or path.suffix.lower() == ".mp3":
        return None
    try:
        file = soundfile.SoundFile(path)
    except soundfile.LibsndfileError:
        return None
    if file.subtype == "OPUS":
        file.close()
        return None
    _check_header(path, file.samplerate, file.channels)
    order = _FROM_VORBIS.get(file.channels) if file.subtype == "VORBIS" else None
    notes = _short_wav(path) if file.format in ("WAV", "WAVEX") else _short_ogg(path)

    def blocks() -> Generator[np.ndarray, None, None]:
        done = 0
        with file:
            try:
                while len(block := file.read(BLOCK, dtype="float32", always_2d=True)):
                    done += len(block)
                    yield block if order is None else block[:, order]
            except soundfile.LibsndfileError:
                pass  # a damaged end: the count below tells
            notes.extend(_cut_short(done / file.samplerate, file.frames / file.samplerate))

    return Stream(file.samplerate, file.channels, blocks(), notes)


def open_ffmpeg(path: Path) -> Stream:
    from imageio_ffmpeg import get_ffmpeg_exe

    log = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the process); no pipe: a full one would stop ffmpeg
    process = subprocess.Popen(
        [
            get_ffmpeg_exe(),
            "-nostdin",
            "-hide_banner",
            "-nostats",
            "-v",
            "level+info",
            *input_file(path),
            "-map",
            "0:a:0",
            "-c:a",
            "pcm_f32be",
            "-f",
            "au",
            "pipe:1",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=log,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),  # of Windows, where we may have none ourselves
    )
    sound = cast(IO[bytes], process.stdout)  # never None: it is a pipe
    header = sound.read(_AU_HEADER.size)
    try:
        if len(header) < _AU_HEADER.size:
            raise InputError(f"{path} is not sound that can be decoded: give a whole {FORMATS} file")
        _, offset, _, _, rate, channels = _AU_HEADER.unpack(header)
        _check_header(path, rate, channels)
    except InputError:
        _close(process, sound, log)
        raise
    sound.read(offset - _AU_HEADER.size)
    notes = _short_ogg(path)

    def blocks() -> Generator[np.ndarray, None, None]:
        done = 0
        try:
            while data := sound.read(BLOCK * channels * 4):
                block = np.frombuffer(data, ">f4", len(data) // (4 * channels) * channels).astype(np.float32)
                done += len(block) // channels
                yield block.reshape(-1, channels)
            process.wait()
            log.seek(0)
            notes.extend(_short_by_log(log.read().decode(errors="replace"), done / rate))
        finally:
            _close(process, sound, log)

    return Stream(rate, channels, blocks(), notes)


def _close(process: subprocess.Popen[bytes], sound: IO[bytes], log: IO[bytes]) -> None:
    sound.close()
    process.kill()
    process.wait()
    log.close()


def _short_by_log(log: str, seconds: float) -> list[str]:
    """A note if ffmpeg met errors, or promised more sound than came; a guess from the bit rate is no promise."""
    promise = re.search(r"Duration: (\d+):(\d+):([\d.]+)", log)
    if promise and "Estimating duration" not in log and not re.search(r"Video: (?!.*attached pic)", log):
        hours, minutes, rest = promise.groups()
        promised = int(hours) * 3600 + int(minutes) * 60 + float(rest)
        if short := _cut_short(seconds, promised):
            return short
    return [f"damaged: used as far as it decodes, {seconds:.2f} s"] if "[error]" in log else []


def _cut_short(seconds: float, promised: float) -> list[str]:
    """A note if more is missing than the padding that encoders count or not."""
    if seconds >= promised - _SLACK:
        return []
    return [f"cut short: its header promises {promised:.2f} s, used as far as it decodes, {seconds:.2f} s"]


def _short_wav(path: Path) -> list[str]:
    """A note if the data chunk of a RIFF file is longer than the file; libsndfile shortens it in silence."""
    end = path.stat().st_size
    with path.open("rb") as file:
        riff, _, wave = struct.unpack("<4sI4s", file.read(12).ljust(12))
        if riff != b"RIFF" or wave != b"WAVE":
            return []
        bytes_a_second = 0
        while len(head := file.read(8)) == 8:
            name, size = struct.unpack("<4sI", head)
            here = file.tell()
            if name == b"fmt ":
                bytes_a_second = struct.unpack("<8xI", file.read(12).ljust(12, b"\0"))[0]
            if name == b"data":
                short = size != _UNKNOWN_SIZE and here + size > end and bytes_a_second
                return _cut_short((end - here) / bytes_a_second, size / bytes_a_second) if short else []
            file.seek(here + size + size % 2)
    return []


def _short_ogg(path: Path) -> list[str]:
    """A note if the last page of an Ogg file is not marked as the end of its stream."""
    with path.open("rb") as file:
        if file.read(4) != b"OggS":
            return []
        file.seek(max(0, path.stat().st_size - 65536))  # a page is at most 65307 bytes
        tail = file.read()
    page = tail.rfind(b"OggS")
    if page >= 0 and page + 5 < len(tail) and tail[page + 5] & 4:
        return []
    return ["cut short: its last page is missing; used as far as it decodes"]
