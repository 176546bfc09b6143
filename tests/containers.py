"""Real containers whose streams begin at different times, with a flash and a click at the same moments."""

import subprocess
from pathlib import Path

import numpy as np
import soundfile
from imageio_ffmpeg import get_ffmpeg_exe

RATE, LENGTH = 48000, 4.0
AT = (0.88, 2.12, 3.0)  # seconds on the timeline that a player shows, frames of 25 a second
CODED = {".webm": ("libvpx", "libopus"), ".ts": ("libx264", "aac"), ".mkv": ("libx264", "libvorbis")}


def ffmpeg(*arguments: object) -> None:
    command = [get_ffmpeg_exe(), "-v", "error", "-y", *map(str, arguments)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def clicks(begin: float = 0.0, length: float = LENGTH) -> np.ndarray:
    """The sound of the timeline from a moment on, a burst at each moment: float32 (n,)."""
    samples = np.zeros(round((length - begin) * RATE), np.float32)
    for at in AT:
        first = round((at - begin) * RATE)
        if 0 <= first < len(samples):
            samples[first : first + 480] = 0.8 * np.sin(np.arange(480))[: len(samples) - first]
    return samples


def container(path: Path, *, picture: float = 0.0, sound: float | None = 0.0, rate: int = 25, more: tuple = ()) -> Path:
    """A file whose pictures and sound begin at these seconds; without sound if that is None."""
    lit = "+".join(f"between(t,{at - picture - 0.001},{at - picture + 0.1})" for at in AT)
    film = f"color=black:s=32x32:r={rate}:d={LENGTH - picture},drawbox=c=white:t=fill:enable='{lit}'"
    video, audio = CODED.get(path.suffix, ("libx264", "aac"))
    inputs = ["-itsoffset", picture, "-f", "lavfi", "-i", film]
    if sound is not None:
        wav = path.with_suffix(".source.wav")
        soundfile.write(wav, clicks(sound), RATE)
        inputs += ["-itsoffset", sound, "-i", wav]
    ffmpeg(*inputs, "-c:v", video, "-c:a", audio, "-pix_fmt", "yuv420p", "-preset", "ultrafast", *more, path)
    return path


def heard_at(samples: np.ndarray, rate: int) -> list[float]:
    """The seconds at which clicks begin in decoded samples, shape (n,)."""
    loud = np.flatnonzero(np.abs(samples) > 0.2)
    return [float(first) / rate for first in loud[np.diff(loud, prepend=-rate) > rate / 10]]
