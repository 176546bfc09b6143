"""Time and memory against the length of a song: small pictures of one step each, so that nothing hides what grows."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import soundfile

SONG = Path(__file__).parents[1] / "song.ogg"
MINUTES = (1, 2, 4, 8)
RENDER = """
import sys, time, resource
import audioviz as av
path, out = sys.argv[1:]
begin = time.perf_counter()
song = av.load_song(path, fps="3/2")
heard = time.perf_counter()
schedule = av.load_schedule("drift")(song)
model = av.load_model("embedded")
ready = time.perf_counter()
av.render(song, schedule, out=out, model=model, size=(64, 64), steps=1, progress=False)
rendered = time.perf_counter()
megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(len(schedule), heard - begin, rendered - ready, megabytes)
"""


def measure() -> list[tuple[str, str]]:
    """Rows of (what, figure)."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for minutes in MINUTES:
            song = Path(folder) / "song.wav"
            write_song(song, seconds=60 * minutes)
            told = subprocess.run(
                [sys.executable, "-c", RENDER, str(song), str(Path(folder) / "x.mp4")],
                check=True,
                text=True,
                stdout=subprocess.PIPE,
                env=os.environ | {"AUDIOVIZ_CACHE": folder},
            ).stdout
            frames, heard, rendered, memory = map(float, told.split())
            rows.append(
                (
                    f"{minutes} minutes of song, {frames:.0f} frames of 64x64, one step each",
                    f"analysis {heard:.1f} s, render {rendered:.1f} s: {1000 * rendered / frames:.2f} ms a frame; "
                    f"{memory:.0f} MB at most",
                )
            )
    return rows


def write_song(path: Path, *, seconds: int) -> None:
    """The example song, again and again, as stereo WAV."""
    music, rate = soundfile.read(SONG, dtype="float32")
    with soundfile.SoundFile(path, "w", rate, 2) as file:
        while (rest := seconds * rate - file.tell()) > 0:
            file.write(music[:rest])
