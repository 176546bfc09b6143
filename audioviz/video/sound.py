"""The song's own sound for a video: copied where its container can hold it, else encoded once, cut to the sample."""

import subprocess
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from audioviz.ffmpeg import Ffmpeg, input_file
from audioviz.video.probe import Sound

COMPARED_SECONDS = 60
EXACT = ("-fflags", "+bitexact", "-flags:a", "+bitexact")  # nothing of the moment or the machine in the file
PCM_BYTES = 3  # of a sample in 24 bits
_LAYOUTS = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")


@dataclass(frozen=True)
class SoundFormat:
    """The sound in a container.

    Parameters
    ----------
    encoder : str
        ffmpeg's.
    rates : tuple of int
        Hz that the encoder takes, in rising order; any if empty.
    most : int
        Channels, of which there may be so many; more are mixed to two. 0 is any number.
    bitrate : int
        Bits a second for each channel, where there is a choice.
    layouts : bool
        The encoder knows one layout for a number of channels alone.
    copied : mapping of codec to hz
        What the container holds as it is, from which sample rate on.
    """

    encoder: str
    rates: tuple[int, ...] = ()
    most: int = 0
    bitrate: int = 0
    layouts: bool = False
    copied: dict[str, int] = field(default_factory=dict)


_AAC_RATES = (7350, 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
SOUNDS = {  # of a container, by its muxer; a GIF has none
    "mp4": SoundFormat("aac", _AAC_RATES, most=8, bitrate=128_000, copied={"aac": 0, "mp3": 16000}),
    "mov": SoundFormat("pcm_s24le"),  # as editors expect it
    "webm": SoundFormat("libopus", (48000,), most=8, bitrate=96_000, layouts=True, copied={"opus": 0, "vorbis": 0}),
}


def sound_bytes(muxer: str, *, rate: int, channels: int) -> float:
    """About what a second of a song's sound takes in a video, of a container by its muxer; 0 in a GIF."""
    kind = SOUNDS.get(muxer)
    if kind is None:
        return 0
    if not kind.bitrate:
        return PCM_BYTES * rate * channels
    return kind.bitrate * (channels if 2 < channels <= kind.most else 2) / 8


@dataclass(frozen=True)
class Take:
    """The part of the song that belongs to the picture, seconds."""

    song: Path
    start: Fraction
    duration: Fraction


def can_copy(sound: Sound, take: Take, kind: SoundFormat, *, half_frame: Fraction) -> bool:
    """Whether the whole song is wanted, in a codec that the container holds."""
    whole = take.start == 0 and abs(sound.seconds - take.duration) <= half_frame
    return whole and sound.rate >= kind.copied.get(sound.codec, sound.rate + 1)


def write_sound(take: Take, file: Path, sound: Sound, kind: SoundFormat, *, muxer: str) -> str:
    """Encode the sound of the picture into a file: an empty string if all went well, else ffmpeg's last word."""
    arguments = [*input_file(take.song), "-map", "0:a:0", "-map_metadata", "-1", "-map_chapters", "-1"]
    arguments += _encode(sound, take, kind)
    with Ffmpeg([*arguments, *EXACT, "-f", muxer, "-y", f"file:{file}"]) as ffmpeg:
        return ffmpeg.wait()


def _encode(sound: Sound, take: Take, kind: SoundFormat) -> list[str]:
    rate = next((rate for rate in kind.rates if rate >= sound.rate), kind.rates[-1] if kind.rates else sound.rate)
    channels = min(sound.channels, 2) if kind.most and sound.channels > kind.most else sound.channels
    first, end = round(take.start * rate), round((take.start + take.duration) * rate)
    # Times are counted from the song's samples, as the analysis counts them, not taken from its container.
    filters = [f"aresample={rate}", f"asettb=1/{rate}", "asetpts=N"]
    if channels < sound.channels:
        filters.append(
            "pan=stereo|"
            + "|".join(
                f"c{side}<" + "+".join(f"c{channel}" for channel in range(side, sound.channels, 2)) for side in (0, 1)
            )
        )
    elif kind.layouts:
        filters.append(f"aformat=channel_layouts={_LAYOUTS[channels - 1]}")
    filters += [f"atrim=start_sample={first}:end_sample={end}", "asetpts=N", f"apad=whole_len={end - first}"]
    bitrate = ["-b:a", str(kind.bitrate * max(channels, 2))] if kind.bitrate else []
    return ["-af", ",".join(filters), "-c:a", kind.encoder, *bitrate]


def starts_alike(take: Take, copy: Path, sound: Sound) -> bool:
    """Whether the copy, decoded, starts with the very samples that the song starts with."""
    samples = round(min(COMPARED_SECONDS, take.duration / 2) * sound.rate)
    return _decoded(take.song, samples) == _decoded(copy, samples)


def _decoded(path: Path, samples: int) -> str:
    cut = f"asetpts=N,atrim=end_sample={samples}"
    arguments = [*input_file(path), "-map", "0:a:0", "-af", cut, "-f", "md5", "pipe:1"]
    with Ffmpeg(arguments, stdout=subprocess.PIPE) as ffmpeg:
        return ffmpeg.stdout.read().decode()
