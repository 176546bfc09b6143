"""audioviz.video: memory does not grow with the length of the video."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

RENDER = """
import json, os, re, sys, threading, time
from fractions import Fraction
from pathlib import Path
import numpy as np
from audioviz.clock import Clock
from audioviz.insight.difference import difference_energy
from audioviz.video.mux import mux
from audioviz.video.probe import read_frames
from audioviz.video.chunks import Latents, PicturePlan
from audioviz.video.work import Work

# rusage would count the memory of the process that started us, or ffmpeg, as well.
def peak(process):
    try:
        return int(re.search(r"VmHWM:\\s+(\\d+)", (process / "status").read_text())[1])
    except (OSError, TypeError):
        return 0  # it has just ended

def is_ffmpeg(child):
    try:
        return os.readlink(f"/proc/{child}/exe") != os.readlink("/proc/self/exe")  # equal just before it becomes one
    except OSError:
        return False

def watch():
    while True:
        for children in Path("/proc/self/task").glob("*/children"):
            ffmpegs.extend(peak(Path("/proc", child)) for child in children.read_text().split() if is_ffmpeg(child))
        ffmpegs[:] = [max(ffmpegs)]
        time.sleep(0.02)

ffmpegs = [0]
threading.Thread(target=watch, daemon=True).start()
folder, frames = Path(sys.argv[1]), int(sys.argv[2])
clock = Clock(Fraction(60), frames)
rng = np.random.default_rng(0)
picture = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
pictures = PicturePlan((64, 48), clock.fps, digests=[""] * frames)
options = dict(clock=clock, identity={}, digests=[""] * frames, pictures=pictures, chunk=250)
with Work.open(folder / "out.mp4", **options) as work:
    for span in work.missing():
        for k in span:
            work.write(np.roll(picture, k, axis=1))
        shown = np.zeros((len(span), 4, 6, 8), np.float16)
        work.finish_chunk(Latents(shown, np.zeros((1, 4, 6, 8), np.float32)))
    mux(work.chunks(), folder / "song.wav", folder / "out.mp4", clock=clock)
    work.discard()
assert len(difference_energy(read_frames(folder / "out.mp4"))) == frames
print(json.dumps([peak(Path("/proc/self")), ffmpegs[0]]))
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="the system does not tell the most memory of ffmpeg")
def test_five_times_as_many_frames_take_the_same_memory(tmp_path):
    soundfile.write(tmp_path / "song.wav", np.random.default_rng(0).normal(0, 0.1, 22050 * 42), 22050)
    peaks = []
    for frames in (500, 2500):
        done = subprocess.run(
            [sys.executable, "-c", RENDER, str(tmp_path), str(frames)], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        peaks.append(json.loads(done.stdout))
    (ours, ffmpegs), (ours_later, ffmpegs_later) = peaks
    assert ours_later <= 1.1 * ours, peaks
    assert ffmpegs_later <= 1.1 * ffmpegs, peaks
