"""Codecs, and the containers that hold them: MP4, MOV, WebM, GIF."""

import subprocess
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path

from audioviz.errors import InputError
from audioviz.ffmpeg import Ffmpeg, ffmpeg_version

# The same bytes on every machine: these encoders depend on the number of their threads, or not even on that, but not on
# their timing, and swscale rounds alike on every processor when asked to. No B-frames, and nothing that is reordered,
# so that frame k of a chunk is shown at k / fps; no scene cuts, so that a chunk holds no keyframes but those that its
# own length asks for. H.264, H.265, AV1 and VP9 are set to about the same quality: 35.5 dB on what the built-in model
# draws.
X264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "17", "-threads", "2", "-bf", "0", "-sc_threshold", "0")
_LOSSLESS = ("-c:v", "libx264rgb", "-preset", "ultrafast", "-qp", "0", *X264[6:])
_X265 = ("-c:v", "libx265", "-preset", "superfast", "-crf", "19", "-x265-params")
_X265_PARAMETERS = "pools=2:frame-threads=1:bframes=0:scenecut=0:open-gop=0:info=0:log-level=error"
_AV1 = ("-c:v", "libsvtav1", "-preset", "8", "-crf", "14", "-svtav1-params", "lp=2:scd=0")
_VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "5", "-crf", "16", "-b:v", "0", "-threads", "2")
_PRORES = ("-c:v", "prores_ks", "-profile:v", "hq", "-vendor", "apl0", "-threads", "2")


def _bt709(pixels: str) -> str:
    return (
        "scale=out_color_matrix=bt709:out_range=limited"
        ":flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp+bitexact,"
        f"format={pixels},setparams=range=limited:color_primaries=bt709:color_trc=bt709:colorspace=bt709"
    )


@dataclass(frozen=True)
class Codec:
    """How frames are encoded.

    Parameters
    ----------
    name : str
        What users call it.
    options : tuple of str
        ffmpeg's, for the encoder.
    muxer : str
        ffmpeg's, for the file of a chunk: a raw stream, or IVF.
    filters : str
        What makes the encoder's pictures of RGB.
    raw_bytes : float
        Of a pixel in such a picture: none is larger when it is encoded.
    """

    name: str
    options: tuple[str, ...]
    muxer: str
    filters: str = field(default=_bt709("yuv420p"), repr=False)
    raw_bytes: float = 1.5

    @property
    def ending(self) -> str:
        """Of the name of a chunk's file."""
        return "prores" if self.muxer == "rawvideo" else self.muxer

    @property
    def encoder(self) -> str:
        """ffmpeg's name of the encoder."""
        return self.options[1]


@dataclass(frozen=True)
class Container:
    """A kind of file.

    Parameters
    ----------
    muxer : str
        ffmpeg's.
    codecs : tuple of str
        That it may hold; the first if the user names none.
    options : tuple of str
        ffmpeg's, for the muxer.
    ticks : int
        Of a second, that its times are counted in; 0 where they can be exact.
    """

    muxer: str
    codecs: tuple[str, ...]
    options: tuple[str, ...] = ()
    ticks: int = 0


H264 = Codec("h264", X264, "h264")
CODECS = {
    codec.name: codec
    for codec in (
        H264,
        Codec("h265", (*_X265, _X265_PARAMETERS), "hevc"),
        Codec("av1", _AV1, "ivf"),
        Codec("vp9", (*_VP9, "-tile-columns", "1", "-row-mt", "0", "-lag-in-frames", "0"), "ivf"),
        Codec("prores", _PRORES, "rawvideo", _bt709("yuv422p10le"), 4),
        Codec("gif", _LOSSLESS, "h264", "format=rgb24", 3),  # each frame gets its palette when they are joined
    )
}
CONTAINERS = {
    ".mp4": Container("mp4", ("h264", "h265", "av1"), ("-movflags", "+faststart+use_metadata_tags")),
    ".mov": Container("mov", ("prores",), ("-movflags", "+faststart+use_metadata_tags")),
    ".webm": Container("webm", ("vp9", "av1"), ("-cues_to_front", "1"), ticks=1000),
    ".gif": Container("gif", ("gif",), ticks=100),
}


def ending_for(codec: str | None) -> str:
    """The ending of a video's name that goes with a codec, where the user gives no name: `.mp4` if not asked."""
    return next(ending for ending, container in CONTAINERS.items() if (codec or "h264") in container.codecs)


def format_of(path: Path, codec: str | None = None) -> tuple[Container, Codec]:
    """The container that a file's name asks for, and the codec in it.

    Raises
    ------
    InputError
        If the name ends in something else, or the container does not hold the codec.
    """
    container = CONTAINERS.get(path.suffix.lower())
    if container is None:
        raise InputError(f"output {path}: expected a name that ends in {', '.join(CONTAINERS)}")
    if codec is not None and codec not in container.codecs:
        others = [ending for ending, other in CONTAINERS.items() if codec in other.codecs]
        raise InputError(
            f"output {path}: {path.suffix} holds {', '.join(container.codecs)}, but not {codec}; expected a name that "
            f"ends in {' or '.join(others)}, or another --codec"
        )
    return container, CODECS[codec or container.codecs[0]]


def describe_format(container: Container, codec: Codec, size: tuple[int, int], fps: Fraction) -> str:
    """What a video is, in one line, with what its container cannot do."""
    width, height = size
    shown = f"{width}x{height} at {fps} fps"
    if container.muxer != "gif":
        return f"{container.muxer.upper()}, {codec.name}: {shown}"
    exact = (container.ticks / fps).denominator == 1
    return f"GIF: {shown}, without sound" + ("" if exact else ", each frame to the nearest hundredth of a second")


def check_encoder(codec: Codec) -> None:
    """Raise InputError if the ffmpeg binary lacks the encoder of a codec."""
    if codec.encoder not in _encoders():
        raise InputError(
            f"codec {codec.name}: {ffmpeg_version()} has no {codec.encoder}; reinstall imageio-ffmpeg, set "
            "IMAGEIO_FFMPEG_EXE to an ffmpeg that has it, or render .mp4 without --codec"
        )


@cache
def _encoders() -> frozenset[str]:
    with Ffmpeg(["-encoders"], stdout=subprocess.PIPE) as ffmpeg:
        lines = ffmpeg.stdout.read().decode(errors="replace").splitlines()
    return frozenset(line.split()[1] for line in lines if line.startswith(" V") and len(line.split()) > 1)
