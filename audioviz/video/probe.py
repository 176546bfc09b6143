"""What a finished video holds, measured from its packets, and its frames again.

moviepy's reader is not used: it takes fps as ffmpeg prints it, rounded to two decimals, and repeats the last frame when
one is missing.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from audioviz.errors import InputError
from audioviz.ffmpeg import Ffmpeg, input_file

METADATA_KEY = "audioviz"
_NO_TIME = -(2**63)  # of a frame whose container has none but the order that frames are decoded in
_NAMED_LAYOUTS = {
    "mono": 1,
    "stereo": 2,
    "downmix": 2,
    "quad": 4,
    "quad(side)": 4,
    "hexagonal": 6,
    "octagonal": 8,
    "cube": 8,
    "hexadecagonal": 16,
}


@dataclass(frozen=True)
class Sound:
    """One stream of sound: the codec's name, and what a decoder hears: samples per second, channels, length."""

    codec: str
    rate: int
    channels: int
    seconds: Fraction


@dataclass(frozen=True)
class VideoInfo:
    """What is in a video file. The sound's fields are None, or 0 seconds, where there is no sound."""

    picture_seconds: float
    sound_seconds: float
    fps: Fraction  # exact where all frames last alike, or the manifest tells
    frames: int
    size: tuple[int, int]  # width, height
    audio_codec: str | None
    rate: int | None  # hz
    channels: int | None
    metadata: str | None = field(repr=False)  # what `mux` embedded


@dataclass
class _Stream:
    """The header of a stream and the extent of its packets: ticks of its time base, and bytes."""

    fields: dict[str, str]
    packets: int = 0
    start: int = 0
    end: int = 0
    size: int = 0


def probe(path: Path) -> VideoInfo:
    """Measure a video file: the picture by its packets, the sound by decoding it.

    Raises
    ------
    InputError
        If it is missing, or holds no video.
    """
    picture = _stream(path, ["-map", "0:V:0", "-c", "copy"])
    if picture is None or picture.end == picture.start:  # such as the cover of a song
        raise InputError(f"{path} holds no video: give a file such as audioviz renders")
    tick = Fraction(picture.fields["tb"])
    seconds = (picture.end - picture.start) * tick
    width, height = picture.fields["dimensions"].split("x")
    sound, metadata = _sound(path), _metadata(path)
    told = _told_fps(metadata)
    if told and abs(picture.packets / told - seconds) <= tick:  # WebM and GIF round the times of frames
        seconds = picture.packets / told
    return VideoInfo(
        picture_seconds=float(seconds),
        fps=picture.packets / seconds,
        frames=picture.packets,
        size=(int(width), int(height)),
        sound_seconds=float(sound.seconds) if sound else 0.0,
        audio_codec=sound.codec if sound else None,
        rate=sound.rate if sound else None,
        channels=sound.channels if sound else None,
        metadata=metadata,
    )


def probe_sound(path: Path) -> Sound:
    """Measure the first stream of sound in any file, as far as it decodes.

    Raises
    ------
    InputError
        If the file is missing or holds no sound.
    """
    sound = _sound(path)
    if sound is None:
        raise InputError(f"{path} holds no sound: give a song, such as a WAV, FLAC, OGG, MP3, M4A or Opus file")
    return sound


def read_frames(path: Path, *, size: tuple[int, int] | None = None) -> Iterator[np.ndarray]:
    """The frames of a video, one after another.

    Parameters
    ----------
    path : Path
        The video file.
    size : (width, height), optional
        Scale each frame to so many pixels.

    Yields
    ------
    uint8, shape (H, W, 3).

    Raises
    ------
    InputError
        If the file is missing, holds no video, or is damaged.
    """
    width, height = size or probe(path).size
    arguments = [
        "-noautorotate",  # as `probe` measures it
        *input_file(path),
        "-map",
        "0:V:0",
        "-fps_mode",
        "passthrough",
        "-vf",
        f"scale={width}:{height}:flags=area+accurate_rnd+full_chroma_int+bitexact",
        "-f",
        "rawvideo",
        "-pix_fmt",
        "rgb24",
        "pipe:1",
    ]
    with Ffmpeg(arguments, stdout=subprocess.PIPE) as ffmpeg:
        frame = np.empty((height, width, 3), np.uint8)
        while ffmpeg.stdout.readinto(frame.data) == frame.nbytes:
            yield frame
            frame = np.empty_like(frame)
        said = ffmpeg.wait()
        if said:
            raise InputError(f"{path} cannot be read to its end: {said}")


def _stream(path: Path, choice: list[str]) -> _Stream | None:
    """Header and extent of one stream, packet by packet; None if there is no such stream or nothing in it."""
    stream = _Stream({})
    with Ffmpeg([*input_file(path), *choice, "-f", "framecrc", "pipe:1"], stdout=subprocess.PIPE) as ffmpeg:
        for line in map(bytes.decode, ffmpeg.stdout):
            if header := re.fullmatch(r"#(\w+) 0: (.*)\n", line):
                stream.fields[header[1]] = header[2]
            elif not line.startswith("#"):
                _, dts, pts, duration, size = map(int, line.split(",")[:5])
                pts = dts if pts == _NO_TIME else pts
                stream.start = min(stream.start, pts) if stream.packets else pts
                stream.packets += 1
                stream.end = max(stream.end, pts + duration)
                stream.size += size
        said = ffmpeg.wait()
    if stream.packets:
        return stream
    if said and not re.search("does not contain any stream|matches no streams", said):
        raise InputError(f"{path} cannot be read: {said}")
    return None


def _sound(path: Path) -> Sound | None:
    packed = _stream(path, ["-map", "0:a:0?", "-vn", "-c", "copy", "-frames:a", "1"])
    if packed is None:
        return None
    heard = _stream(path, ["-map", "0:a:0", "-c:a", "pcm_s16le"])
    if heard is None:
        return None
    rate, channels = int(heard.fields["sample_rate"]), _channels(heard.fields["channel_layout_name"])
    return Sound(packed.fields["codec_id"], rate, channels, Fraction(heard.size, 2 * channels * rate))


def _channels(layout: str) -> int:
    """The number of channels in ffmpeg's name of a layout: `stereo`, `5.1(side)`, `3 channels`."""
    if layout in _NAMED_LAYOUTS:
        return _NAMED_LAYOUTS[layout]
    number = re.match(r"[\d.]+", layout)
    return sum(int(part) for part in number[0].split(".") if part) if number else 0


def _metadata(path: Path) -> str | None:
    with Ffmpeg([*input_file(path), "-f", "ffmetadata", "pipe:1"], stdout=subprocess.PIPE) as ffmpeg:
        text = ffmpeg.stdout.read().decode(errors="replace")
    # WebM makes the key large, GIF has comments alone, without keys. Possessive, for a manifest is long and each point
    # to come back to would take memory.
    pattern = rf"^(?:{METADATA_KEY}|{METADATA_KEY.upper()}|comment={METADATA_KEY}\\)=((?:[^\\\n]++|\\.)*+)"
    found = re.search(pattern, text, re.MULTILINE | re.DOTALL)
    return re.sub(r"\\(.)", r"\1", found[1], flags=re.DOTALL) if found else None


def read_metadata(metadata: str | None) -> dict[str, Any]:
    """What `mux` embedded, which anyone may have written: the record that it is, or an empty one."""
    try:
        found = json.loads(metadata or "")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _told_fps(metadata: str | None) -> Fraction | None:
    told = str(read_metadata(metadata).get("fps"))
    return Fraction(told) if re.fullmatch(r"[1-9]\d{0,8}(/[1-9]\d{0,8})?", told, re.ASCII) else None
