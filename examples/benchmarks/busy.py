"""What is left of a render's speed while other programs keep every core busy."""

import os
import statistics
import subprocess
import sys
from contextlib import ExitStack

from frames import SONG

ROUNDS, SECONDS = 5, 3.0
AS_USUAL = {"GOMP_SPINCOUNT": "300000", "KMP_BLOCKTIME": "200"}  # what OpenMP's libraries do when nothing is said
RENDER = """
import sys, tempfile, time
from pathlib import Path
import audioviz as av
from audioviz.project import Look
from audioviz.rendering.render import load_model_of
model = load_model_of(Look())
song = av.load_song(sys.argv[1], fps=12, duration=float(sys.argv[2]))
schedule = av.load_schedule("pulse")(song)
with tempfile.TemporaryDirectory() as folder:
    for name in ("warm", "timed"):
        begin = time.perf_counter()
        av.render(song, schedule, out=Path(folder, f"{name}.mp4"), model=model, progress=False)
print(len(schedule) / (time.perf_counter() - begin))
"""
LOOP = [sys.executable, "-c", "while True: pass"]


def measure() -> list[tuple[str, str]]:
    """Rows of (what, figure)."""
    rounds = [(rate(), rate(**AS_USUAL), rate(beside=os.cpu_count() or 1)) for _ in range(ROUNDS)]
    alone, usual, beside = (statistics.median(found) for found in zip(*rounds, strict=True))
    kept = statistics.median(busy / quiet for quiet, _, busy in rounds)
    price = statistics.median(quiet / spinning for quiet, spinning, _ in rounds)
    return [
        (
            f"frames a second, encoding too, alone and beside {os.cpu_count()} busy loops",
            f"{alone:.1f} and {beside:.1f}, {kept:.0%}",
        ),
        ("alone with threads that spin as OpenMP's do by default", f"{usual:.1f}; ours has {price:.1%} of that"),
    ]


def rate(*, beside: int = 0, **environment: str) -> float:
    """Frames a second of a render in a process of its own, beside so many endless loops."""
    with ExitStack() as loops:
        for _ in range(beside):
            loops.callback(subprocess.Popen(LOOP).kill)
        done = subprocess.run(
            [sys.executable, "-c", RENDER, str(SONG), str(SECONDS)],
            check=True,
            capture_output=True,
            text=True,
            env=os.environ | environment,
        )
    return float(done.stdout)
