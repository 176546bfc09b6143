"""Chunks of frames and the song's own sound become one video file, which appears only when it is whole."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from audioviz.clock import Clock
from audioviz.errors import EncodeError
from audioviz.ffmpeg import Ffmpeg, input_file, reader_ended
from audioviz.files import part_of, put, remove
from audioviz.video.encode import RAW_TIME_BASE
from audioviz.video.formats import Codec, Container, format_of
from audioviz.video.gif import PALETTES, last_delay, write_with_comment
from audioviz.video.packets import ivf_stream
from audioviz.video.probe import METADATA_KEY, VideoInfo, probe, probe_sound
from audioviz.video.sound import EXACT, SOUNDS, Take, can_copy, starts_alike, write_sound

_PARAMETER_SETS = {"h264": "6-9", "hevc": "32-35"}  # of raw streams: types of units
_BT709 = ("-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709")
_TAGS = {"h265": ("-tag:v", "hvc1"), "av1": _BT709, "vp9": _BT709, "prores": (*_BT709, "-tag:v", "apch")}


def mux(
    chunks: Sequence[Path],
    song: Path,
    out: Path,
    *,
    clock: Clock,
    start: Fraction | float = 0,
    metadata: str | None = None,
    codec: str | None = None,
) -> VideoInfo:
    """Join chunks of frames and a song into a video, replacing an earlier one only by the whole new one.

    What the container can hold (AAC and MP3 in an MP4, Opus and Vorbis in a WebM) is copied when the whole song is
    wanted, and the copy is heard from the same sample on and ends within half a frame of the picture. Any other sound
    is encoded once, from the song's file, to AAC, to Opus, or in a MOV to PCM: cut and padded to the picture's length
    to the sample, with the song's own rate and channels where the codec can have them. A GIF has no sound.

    Parameters
    ----------
    chunks : sequence of Path
        Files that VideoWriter wrote, T frames in all.
    song : Path
        The song's file.
    out : Path
        The video to write; its ending tells the container.
    clock : Clock
        Exact fps, and T.
    start : seconds
        Where in the song the picture starts.
    metadata : str, optional
        JSON to embed in the file; `probe` returns it.
    codec : str, optional
        Of the chunks: see `audioviz.video.formats`; that of the container if not given.

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
    container, encoding = format_of(out, codec)
    part = part_of(out)
    join = _Join(chunks, clock, metadata, container, encoding, part)
    try:
        try:
            take = Take(Path(song), Fraction(start), clock.duration)
            info = _join_silent(join) if container.muxer == "gif" else _join(join, take)
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


@dataclass(frozen=True)
class _Join:
    """What is joined, and into what."""

    chunks: Sequence[Path]
    clock: Clock
    metadata: str | None
    container: Container
    codec: Codec
    part: Path

    def check(self, said: str) -> None:
        if said:
            raise EncodeError(
                f"ffmpeg cannot join picture and sound in {self.part.parent}: {said}. Free space or memory, "
                "then start the same render again"
            )


def _join(join: _Join, take: Take) -> VideoInfo:
    sound, kind = probe_sound(take.song), SOUNDS[join.container.muxer]
    half_frame = 1 / join.clock.fps / 2
    if can_copy(sound, take, kind, half_frame=half_frame):
        try:
            info = _write_video(join, take.song)
            if _fits(info, join, half_frame) and starts_alike(take, join.part, sound):
                return info
        except EncodeError:
            pass  # this kind of the codec does not go into the container, or the disk is full: the next try will say
    with tempfile.TemporaryDirectory() as folder:
        # By itself, first, so that the picture, which is copied quickly, has no encoder to wait for: see _stamper.
        encoded = Path(folder, "sound")
        join.check(write_sound(take, encoded, sound, kind, muxer=join.container.muxer))
        info = _write_video(join, encoded)
    if not _fits(info, join, half_frame):
        raise _misfit(info, join)
    return info


def _join_silent(join: _Join) -> VideoInfo:
    """Write the GIF and measure it."""
    whole = replace(join, part=part_of(join.part))
    try:
        last = last_delay(join.clock, ticks=join.container.ticks)
        arguments = ["-f", "nut", "-i", "pipe:0", "-lavfi", PALETTES, "-fps_mode", "passthrough", *EXACT]
        _pour(whole, [*arguments, "-final_delay", str(last), "-f", "gif", "-y", f"file:{whole.part}"])
        write_with_comment(whole.part, join.part, f"{METADATA_KEY}={join.metadata or ''}")
    finally:
        remove(whole.part)
    info = probe(join.part)
    if not _fits_picture(info, join):
        raise _misfit(info, join)
    return info


def _misfit(info: VideoInfo, join: _Join) -> EncodeError:
    return EncodeError(
        f"the video is not what it should be: {info.frames} frames at {info.fps} fps and "
        f"{info.sound_seconds:.3f} s of sound, expected {join.clock.frames} at {join.clock.fps} and "
        f"{float(join.clock.duration):.3f} s; start the same render again with --no-resume"
    )


def _write_video(join: _Join, sound: Path) -> VideoInfo:
    """Write picture and sound as they are, and measure the file."""
    with tempfile.TemporaryDirectory() as folder:
        tags = Path(folder, "tags.ffmeta")
        escaped = re.sub(r"([=;#\\\n])", r"\\\1", join.metadata or "")
        entry = "" if join.metadata is None else f"{METADATA_KEY}={escaped}\n"
        tags.write_bytes(f";FFMETADATA1\n{entry}".encode())
        fps, raw = join.clock.fps, join.codec.muxer in _PARAMETER_SETS
        lasting = f"setts=duration=1/TB*{fps.denominator}/{fps.numerator}"  # which neither NUT nor IVF keeps
        arguments = ["-f", "nut" if raw else "ivf", *(("-c:v", "prores") if join.codec.name == "prores" else ())]
        arguments += ["-i", "pipe:0", *input_file(sound), "-f", "ffmetadata", "-i", f"file:{tags}"]
        arguments += ["-map", "0:v:0", "-map", "1:a:0", "-map_metadata", "2", "-map_chapters", "-1"]
        arguments += ["-c:v", "copy", "-bsf:v", lasting, "-c:a", "copy", *EXACT, *_TAGS.get(join.codec.name, ())]
        arguments += [*join.container.options, "-f", join.container.muxer, "-y", f"file:{join.part}"]
        remove(join.part)
        _pour(join, arguments)
    return probe(join.part)


def _pour(join: _Join, arguments: Sequence[str]) -> None:
    """Run an ffmpeg that reads the frames of the chunks, each with its time."""
    if join.codec.muxer not in _PARAMETER_SETS:
        with Ffmpeg(arguments, stdin=subprocess.PIPE) as joiner:
            with _ended_early():
                for piece in ivf_stream(join.chunks, join.clock.fps):
                    joiner.stdin.write(piece)
                joiner.stdin.close()
            join.check(joiner.wait())
        return
    with _stamper(join) as stamper, Ffmpeg(arguments, stdin=stamper.stdout) as joiner:
        stamper.stdout.close()  # the joiner has it, and its end shall show
        with _ended_early():
            for chunk in join.chunks:
                with chunk.open("rb") as frames:
                    shutil.copyfileobj(frames, stamper.stdin)
            stamper.stdin.close()
        join.check(joiner.wait() or stamper.wait())


@contextmanager
def _ended_early() -> Iterator[None]:
    """Let an ffmpeg that ends before it has read all say why itself."""
    try:
        yield
    except OSError as error:
        if not reader_ended(error):
            raise


def _stamper(join: _Join) -> Ffmpeg:
    """An ffmpeg that passes raw frames on, each with its time.

    A raw stream has none, so each frame gets its own by its number; the parameter sets at the head of each chunk go,
    since MP4 keeps them in its own header. It is a process of its own because whoever joins picture and sound holds
    back the one that is ahead, by the times that they come with: where the picture comes without, the order in which
    the two lie in the file is left to chance.
    """
    fps, muxer = join.clock.fps, join.codec.muxer
    ticks = Fraction(RAW_TIME_BASE) / fps
    number = f"N*{ticks.numerator}/{ticks.denominator}"
    units = f"filter_units=remove_types={_PARAMETER_SETS[muxer]}"
    stamp = f"{units},setts=pts={number}:dts={number}:time_base=1/{fps.numerator}"
    arguments = ["-f", muxer, "-framerate", str(fps), "-i", "pipe:0", "-c:v", "copy", "-bsf:v", stamp]
    return Ffmpeg([*arguments, "-f", "nut", "pipe:1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _fits(info: VideoInfo, join: _Join, half_frame: Fraction) -> bool:
    return (
        _fits_picture(info, join)
        and info.rate is not None
        and abs(info.sound_seconds - join.clock.duration) <= half_frame + Fraction(1, info.rate)
    )


def _fits_picture(info: VideoInfo, join: _Join) -> bool:
    clock, ticks = join.clock, join.container.ticks
    if ticks:  # in which its length is rounded
        return info.frames == clock.frames and abs(info.picture_seconds - clock.duration) <= Fraction(1, ticks)
    return info.frames == clock.frames and info.fps == clock.fps
