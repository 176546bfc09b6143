"""Time the analysis of a three-minute song against the plain librosa chain, each as a whole cold process.

    python examples/benchmarks/analysis.py [RUNS]

Both start from nothing, import what they need, and read the same stereo file of 44.1 kHz. The smallest time of the runs
is taken, since whatever else the machine does only adds to it.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import soundfile

SONG = Path(__file__).parents[1] / "song.ogg"
SECONDS = 180
CHAIN = """
import sys, librosa
y, sr = librosa.load(sys.argv[1])
librosa.effects.hpss(y)
onset = librosa.onset.onset_strength(y=y, sr=sr)
librosa.beat.beat_track(onset_envelope=onset, sr=sr)
librosa.feature.rms(y=y)
librosa.feature.melspectrogram(y=y, sr=sr)
"""


def run(command: list[str], cache: Path) -> tuple[float, float]:
    """Seconds and peak memory in MB of one whole process."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=os.environ | {"AUDIOVIZ_CACHE": str(cache)})
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{command[:3]} failed")
    return time.perf_counter() - started, usage.ru_maxrss / 1024


def write_song(path: Path) -> None:
    """The example song, again and again for three minutes."""
    music, rate = soundfile.read(SONG, dtype="float32")
    with soundfile.SoundFile(path, "w", rate, 2) as file:
        while (rest := SECONDS * rate - file.tell()) > 0:
            file.write(music[:rest])


def main(runs: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        song = Path(folder) / "song.wav"
        write_song(song)
        ours = [sys.executable, "-c", "from audioviz.cli import main; main()", "analyze", str(song)]
        chain = [sys.executable, "-c", CHAIN, str(song)]
        run(chain, Path(folder))  # so that its compiled functions are on the disk, and the files of both in memory
        caches = [Path(folder, f"cache{n}") for n in range(runs)]
        measured = [(run(ours, cache), run(ours, cache), run(chain, cache)) for cache in caches]
        (cold, memory), (again, _), (plain, theirs) = (min(column) for column in zip(*measured))
        print(f"audioviz analyze  {cold:6.2f} s  {memory:5.0f} MB\n  second run      {again:6.2f} s\n"
              f"librosa chain     {plain:6.2f} s  {theirs:5.0f} MB\nratio             {cold / plain:6.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
