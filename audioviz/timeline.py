"""Where the streams of a file begin on its own timeline, so that what belongs together is shown and heard together.

Containers give each stream a start of its own: edit lists, priming of the coder, a cut at a keyframe. A song counts
from the first sample that is decoded; what goes with it, pictures or stems, is placed by the times of its file.
"""

import re
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from audioviz.ffmpeg import Ffmpeg, input_file

_MATROSKA = b"\x1aE\xdf\xa3"
_MP4 = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
_NO_TIMES = (b"RIFF....WAVE", b"RF64....WAVE", b"FORM....AIF[FC]", b"fLaC")  # which begin with their first sample
_OWN_CLOCK = 10  # seconds: whoever starts later kept the clock of a live stream
_ALIKE = Fraction(1, 1000)  # seconds: copied sounds are as long to the sample, and Matroska counts in thousandths
_SLACK = Fraction(1, 20)  # seconds that a coder adds before and after a sound


@dataclass(frozen=True)
class Timeline:
    """Times as a file has them, seconds: where a player shows 0:00, and where its sound begins, if it has one."""

    origin: Fraction
    sound: Fraction | None

    @property
    def delay(self) -> Fraction:
        """Seconds that a player shows the file before its sound begins."""
        return Fraction(0) if self.sound is None else self.sound - self.origin


def timeline_of(path: Path) -> Timeline:
    """The timeline of a file: that of an MP4 or Matroska file begins at 0, any other where its first stream does."""
    with path.open("rb") as file:
        head = file.read(12)
    if any(re.match(kind, head, re.DOTALL) for kind in _NO_TIMES):
        return Timeline(Fraction(0), Fraction(0))
    sound = _start(path, ["-map", "0:a:0?", "-c:a", "pcm_s16le"])
    picture = _start(path, ["-map", "0:V:0?", "-c:v", "copy"])
    first = min((start for start in (sound, picture) if start is not None), default=Fraction(0))
    if picture is not None and picture - first <= _SLACK:
        first = picture  # what is before it is the coder's priming
    own_zero = head[:4] == _MATROSKA or head[4:8] in _MP4
    return Timeline(Fraction(0) if own_zero and first < _OWN_CLOCK else first, sound)


def song_begin(path: Path, song: Path) -> Fraction:
    """The time in a file, as the file has it, at which the first sample of a song belongs.

    Both files are shown from their 0:00 on. But where a file holds the song's own sound, the two sounds begin together:
    in the song's file itself, and in one whose sound begins elsewhere and is as long, as when the song was taken out of
    a video by a program that keeps no times.
    """
    own, heard = timeline_of(path), timeline_of(song)
    placed = own.origin + heard.delay
    if own.sound is None or own.sound == placed or path.samefile(song):
        return placed if own.sound is None else own.sound
    slack = _SLACK if abs(own.sound - placed) > _SLACK else _ALIKE
    return own.sound if abs(_sound_seconds(path) - _sound_seconds(song)) <= slack else placed


def sound_before(path: Path, song: Path) -> Fraction:
    """Seconds of the sound of a file that come before the first sample of a song; negative if it begins later."""
    own = timeline_of(path).sound
    return Fraction(0) if own is None else song_begin(path, song) - own


def _start(path: Path, stream: list[str]) -> Fraction | None:
    """The time of what is first in a stream; None if there is no such stream."""
    tick = Fraction(1)
    for line in _packets(path, [*stream, "-frames", "1"]):
        if header := re.fullmatch(r"#tb 0: (\S+)", line):
            tick = Fraction(header[1])
        elif not line.startswith("#"):
            return int(line.split(",")[2]) * tick
    return None


def _sound_seconds(path: Path) -> Fraction:
    """The length of the first stream of sound, decoded."""
    rate, samples = 1, 0
    for line in _packets(path, ["-map", "0:a:0", "-c:a", "pcm_s16le"]):
        if header := re.fullmatch(r"#sample_rate 0: (\d+)", line):
            rate = int(header[1])
        elif not line.startswith("#"):
            samples += int(line.split(",")[3])
    return Fraction(samples, rate)


def _packets(path: Path, stream: list[str]) -> list[str]:
    """The lines of ffmpeg's framecrc: headers, and each packet with its times; none for a file that cannot be read."""
    arguments = ["-copyts", *input_file(path), *stream, "-f", "framecrc", "pipe:1"]
    with Ffmpeg(arguments, stdout=subprocess.PIPE) as ffmpeg:
        return ffmpeg.stdout.read().decode().splitlines()
