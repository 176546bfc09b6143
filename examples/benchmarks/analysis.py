"""The analysis of a three-minute song against the plain librosa chain, each as a whole cold process.

Both start from nothing, import what they need, and read the same stereo file of 44.1 kHz. The smallest time of the runs
is taken, since whatever else the machine does only adds to it.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from growth import write_song

SECONDS, RUNS = 180, 2
OURS = "from audioviz.command.main import main; main()"
CHAIN = """
import sys, librosa
y, sr = librosa.load(sys.argv[1])
librosa.effects.hpss(y)
onset = librosa.onset.onset_strength(y=y, sr=sr)
librosa.beat.beat_track(onset_envelope=onset, sr=sr)
librosa.feature.rms(y=y)
librosa.feature.melspectrogram(y=y, sr=sr)
"""


def measure() -> list[tuple[str, str]]:
    """Rows of (what, figure)."""
    with tempfile.TemporaryDirectory() as folder:
        song = Path(folder) / "song.wav"
        write_song(song, seconds=SECONDS)
        chain = [sys.executable, "-c", CHAIN, str(song)]
        ours = [sys.executable, "-c", OURS, "analyze", str(song)]
        run(chain, Path(folder))  # so that its compiled functions are on the disk, and the files of both in memory
        caches = [Path(folder, f"cache{n}") for n in range(RUNS)]
        measured = [(run(ours, cache), run(ours, cache), run(chain, cache)) for cache in caches]
    (cold, memory), (again, _), (plain, theirs) = (min(column) for column in zip(*measured))
    return [
        (f"analysis of {SECONDS} s of song, the whole command", f"{cold:.2f} s, {memory:.0f} MB; again {again:.2f} s"),
        ("the same by plain librosa", f"{plain:.2f} s, {theirs:.0f} MB"),
        ("ratio", f"{cold / plain:.2f}"),
    ]


def run(command: list[str], cache: Path) -> tuple[float, float]:
    """Seconds and peak memory in MB of one whole process."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=os.environ | {"AUDIOVIZ_CACHE": str(cache)})
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{command[:3]} failed")
    return time.perf_counter() - started, usage.ru_maxrss / 1024
