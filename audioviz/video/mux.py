"""Chunks of frames and the song's own sound become one MP4, which appears only when it is whole."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from audioviz.clock import Clock
from audioviz.errors import EncodeError
from audioviz.ffmpeg import Ffmpeg, input_file, reader_ended
from audioviz.files import part_of, put, remove
from audioviz.video.encode import RAW_TIME_BASE
from audioviz.video.probe import METADATA_KEY, Sound, VideoInfo, probe, probe_sound

AAC_RATES = (7350, 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
AAC_CHANNELS = 8
AAC_BITRATE = 128_000  # of each channel
COPIED = {"aac": 0, "mp3": 16000}  # codecs that MP4 holds as they are, from which sample rate on
COMPARED_SECONDS = 60
EXACT = ("-fflags", "+bitexact", "-flags:a", "+bitexact")  # nothing of the moment or the machine in the file


@dataclass(frozen=True)
class _Take:
    """The part of the song that belongs to the picture, seconds."""

    song: Path
    start: Fraction
    duration: Fraction


def mux(
    chunks: Sequence[Path],
    song: Path,
    out: Path,
    *,
    clock: Clock,
    start: Fraction | float = 0,
    metadata: str | None = None,
) -> VideoInfo:
    """Join chunks of frames and a song into an MP4 (fast start), replacing an earlier one only by the whole new one.

    AAC and MP3 are copied when the whole song is wanted, and the copy is heard from the same sample on and ends within
    half a frame of the picture. Any other sound is encoded to AAC once, from the song's file: cut and padded
    to the picture's length to the sample, with the song's own rate and channels where AAC can have them.

    Parameters
    ----------
    chunks : sequence of Path
        Files that VideoWriter wrote, T frames in all.
    song : Path
        The song's file.
    out : Path
        The MP4 to write.
    clock : Clock
        Exact fps, and T.
    start : seconds
        Where in the song the picture starts.
    metadata : str, optional
        JSON to embed in the file; `probe` returns it.

    Returns
    -------
    VideoInfo, measured from the new file.

    Raises
    ------
    InputError
        If the song cannot be read.
    EncodeError
        If the file cannot be written, or is not what it should be; what stood at `out` is untouched.
    """
    out = Path(out).resolve()
    take = _Take(Path(song), Fraction(start), clock.duration)
    part = part_of(out)
    try:
        try:
            info = _join(chunks, take, part, clock, metadata)
            with part.open("r+b") as file:  # Windows brings to the disk only what may be written
                os.fsync(file.fileno())
            put(part, out)
        finally:
            remove(part)
    except OSError as error:
        raise EncodeError(
            f"{error.filename or out} failed ({error.strerror}): free space or restore rights there, "
            "then start the same render again"
        ) from error
    return info


def _join(chunks: Sequence[Path], take: _Take, part: Path, clock: Clock, metadata: str | None) -> VideoInfo:
    sound = probe_sound(take.song)
    half_frame = 1 / clock.fps / 2
    if _can_copy(sound, take, half_frame):
        try:
            info = _run(chunks, take, part, ["-c:a", "copy"], clock, metadata)
            if _fits(info, clock, half_frame) and _starts_alike(take, part, sound):
                return info
        except EncodeError:
            pass  # this kind of the codec does not go into MP4, or the disk is full, which the next try will say
    with tempfile.TemporaryDirectory() as folder:
        # By itself, first, so that the picture, which is copied quickly, has no encoder to wait for: see _stamper.
        encoded = Path(folder, "sound.m4a")
        _write_sound(take, encoded, _encode(sound, take), part)
        info = _run(chunks, replace(take, song=encoded), part, ["-c:a", "copy"], clock, metadata)
    if not _fits(info, clock, half_frame):
        raise EncodeError(
            f"the video is not what it should be: {info.frames} frames at {info.fps} fps and "
            f"{info.sound_seconds:.3f} s of sound, expected {clock.frames} at {clock.fps} and "
            f"{float(clock.duration):.3f} s; start the same render again with --no-resume"
        )
    return info


def _can_copy(sound: Sound, take: _Take, half_frame: Fraction) -> bool:
    whole = take.start == 0 and abs(sound.seconds - take.duration) <= half_frame
    return whole and sound.rate >= COPIED.get(sound.codec, sound.rate + 1)


def _encode(sound: Sound, take: _Take) -> list[str]:
    rate = next((rate for rate in AAC_RATES if rate >= sound.rate), AAC_RATES[-1])
    channels = min(sound.channels, 2) if sound.channels > AAC_CHANNELS else sound.channels
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
    filters += [f"atrim=start_sample={first}:end_sample={end}", "asetpts=N", f"apad=whole_len={end - first}"]
    return ["-af", ",".join(filters), "-c:a", "aac", "-b:a", str(AAC_BITRATE * max(channels, 2))]


def _write_sound(take: _Take, file: Path, options: list[str], part: Path) -> None:
    """Encode the sound of the picture into a file."""
    arguments = [*input_file(take.song), "-map", "0:a:0", "-map_metadata", "-1", "-map_chapters", "-1", *options]
    with Ffmpeg([*arguments, *EXACT, "-f", "mp4", "-y", f"file:{file}"]) as ffmpeg:
        _check(ffmpeg.wait(), part)


def _check(said: str, part: Path) -> None:
    if said:
        raise EncodeError(
            f"ffmpeg cannot join picture and sound in {part.parent}: {said}. Free space or memory, "
            "then start the same render again"
        )


def _run(
    chunks: Sequence[Path], take: _Take, part: Path, sound: list[str], clock: Clock, metadata: str | None
) -> VideoInfo:
    """Write the MP4 and measure it."""
    with tempfile.TemporaryDirectory() as folder:
        tags = Path(folder, "tags.ffmeta")
        entry = "" if metadata is None else f"{METADATA_KEY}=" + re.sub(r"([=;#\\\n])", r"\\\1", metadata) + "\n"
        tags.write_bytes(f";FFMETADATA1\n{entry}".encode())
        lasting = f"setts=duration=1/TB*{clock.fps.denominator}/{clock.fps.numerator}"  # which NUT does not keep
        arguments = ["-f", "nut", "-i", "pipe:0", *input_file(take.song), "-f", "ffmetadata", "-i", f"file:{tags}"]
        arguments += ["-map", "0:v:0", "-map", "1:a:0", "-map_metadata", "2", "-map_chapters", "-1"]
        arguments += ["-c:v", "copy", "-bsf:v", lasting, *sound, *EXACT, "-movflags", "+faststart+use_metadata_tags"]
        arguments += ["-f", "mp4", "-y", f"file:{part}"]
        remove(part)
        with _stamper(clock) as stamper, Ffmpeg(arguments, stdin=stamper.stdout) as joiner:
            stamper.stdout.close()  # the joiner has it, and its end shall show
            try:
                for chunk in chunks:
                    with chunk.open("rb") as frames:
                        shutil.copyfileobj(frames, stamper.stdin)
                stamper.stdin.close()
            except OSError as error:
                if not reader_ended(error):  # else ffmpeg says why
                    raise
            _check(joiner.wait() or stamper.wait(), part)
    return probe(part)


def _stamper(clock: Clock) -> Ffmpeg:
    """An ffmpeg that passes raw frames on, each with its time.

    A raw stream has none, so each frame gets its own by its number; the parameter sets at the head of each chunk go,
    since MP4 keeps them in its own header. It is a process of its own because whoever joins picture and sound holds
    back the one that is ahead, by the times that they come with: where the picture comes without, the order in which
    the two lie in the file is left to chance.
    """
    ticks = Fraction(RAW_TIME_BASE) / clock.fps
    number = f"N*{ticks.numerator}/{ticks.denominator}"
    stamp = f"filter_units=remove_types=6-9,setts=pts={number}:dts={number}:time_base=1/{clock.fps.numerator}"
    arguments = ["-f", "h264", "-framerate", str(clock.fps), "-i", "pipe:0", "-c:v", "copy", "-bsf:v", stamp]
    return Ffmpeg([*arguments, "-f", "nut", "pipe:1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _fits(info: VideoInfo, clock: Clock, half_frame: Fraction) -> bool:
    return (
        info.frames == clock.frames
        and info.fps == clock.fps
        and info.rate is not None
        and abs(info.sound_seconds - clock.duration) <= half_frame + Fraction(1, info.rate)
    )


def _starts_alike(take: _Take, part: Path, sound: Sound) -> bool:
    """Whether the copy, decoded, starts with the very samples that the song starts with."""
    samples = round(min(COMPARED_SECONDS, take.duration / 2) * sound.rate)
    return _decoded(take.song, samples) == _decoded(part, samples)


def _decoded(path: Path, samples: int) -> str:
    arguments = [
        *input_file(path),
        "-map",
        "0:a:0",
        "-af",
        f"asetpts=N,atrim=end_sample={samples}",
        "-f",
        "md5",
        "pipe:1",
    ]
    with Ffmpeg(arguments, stdout=subprocess.PIPE) as ffmpeg:
        return ffmpeg.stdout.read().decode()
