"""A corpus of damaged and hostile files, the same every time, and what becomes of each: an AudiovizError or a result.

`python -m tests.fuzz` shows what became of each kind; tests/test_fuzz.py fails if one is broken.
"""

import io
import json
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import soundfile
from mido import Message, MetaMessage, MidiFile
from safetensors.numpy import save

import audioviz as av
from audioviz.errors import AudiovizError
from audioviz.insight.report import describe_manifest
from audioviz.schedule import schedule_to_csv, schedule_to_json
from audioviz.schedule.prompts import to_prompts
from audioviz.video.chunks import PicturePlan, read_latents
from audioviz.video.work import Work
from tests.songs import made_song

SOUNDS, DOCUMENTS = 160, 160
HANG_SECONDS = 10
EXTREMES = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\x01\0\0\0")
ODD = (
    None,
    True,
    -1,
    0,
    2**64,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "x",
    "9" * 5000,
    "../../outside/x",
    "\0",
    "\ud800",
    [],
    {},
    [[[[]]]],
    {"": None},
    "__import__('os')",
    [0.5] * 100,
    ["nan"],
    "0:(0.5)",
    "8s",
    "-1f",
    "1e999s",
)
SONG = made_song(seconds=1)


@dataclass(frozen=True)
class Case:
    """A file's content, and what is done with the path that it is written to."""

    name: str
    content: bytes
    use: Callable[[Path], object]


def corpus() -> Iterator[Case]:
    """All cases, those of each kind spread evenly."""
    chance = random.Random(20)
    sounds, documents = list(whole_sounds().items()), list(whole_documents())
    for number in range(SOUNDS):
        suffix, content = sounds[number % len(sounds)]
        yield Case(f"sound {number}.{suffix}", damaged(content, chance), hear)
    for number in range(DOCUMENTS):
        name, content, use, change = documents[number % len(documents)]
        yield Case(f"{number} {name}", change(content, chance), use)


def whole_sounds() -> dict[str, bytes]:
    """A third of a second of sound in each format, by suffix."""
    t = np.arange(7350) / 22050
    samples = np.c_[np.sin(2 * np.pi * 220 * t), np.sin(2 * np.pi * 330 * t)] * 0.5
    sounds = {}
    with tempfile.TemporaryDirectory() as name:
        for suffix in ("wav", "flac"):
            soundfile.write(Path(name, f"x.{suffix}"), samples, 22050)
        for suffix in ("ogg", "mp3", "m4a"):
            subprocess.run(
                [
                    imageio_ffmpeg.get_ffmpeg_exe(),
                    "-v",
                    "error",
                    "-i",
                    f"{name}/x.wav",
                    "-bitexact",
                    f"{name}/x.{suffix}",
                ],
                check=True,
            )
        for path in sorted(Path(name).iterdir()):
            sounds[path.suffix[1:]] = path.read_bytes()
    return sounds


def whole_documents() -> Iterator[tuple[str, bytes, Callable, Callable]]:
    """Name, content, use and damage of each kind of document."""
    schedule = av.load_schedule("pulse")(SONG).with_prompts({0: "neon nebula", 0.5: "gold mandala"}, negative="mud")
    yield "schedule.json", schedule_to_json(schedule).encode(), plan, changed
    yield "schedule.csv", schedule_to_csv(schedule).encode(), plan, damaged_text
    deforum = {
        "strength_schedule": "0:(0.65), 5:(0.5+0.1*sin(2*3.14*t/15))",
        "seed": 7,
        "fps": 12,
        "max_frames": 12,
        "prompts": {"0": "a cat --neg a dog", "6": "a bird"},
        "zoom": "0:(1.02)",
    }
    yield "deforum.json", json.dumps(deforum).encode(), plan, changed
    parseq = {
        "options": {"bpm": 120, "output_fps": 12},
        "keyframes": [{"frame": 0}],
        "rendered_frames": [
            {
                "frame": k,
                "strength": 0.6,
                "scale": 7,
                "noise": 0.04,
                "seed": k,
                "zoom": 1,
                "deforum_prompt": "a cat --neg a dog",
            }
            for k in range(12)
        ],
    }
    yield "parseq.json", json.dumps(parseq).encode(), plan, changed
    yield (
        "prompts",
        json.dumps({"0s": "neon nebula", "6f": "gold mandala", "0.9": "fire"}).encode(),
        read_prompts,
        changed,
    )
    yield (
        "words.lrc",
        b"[ti:x]\n[offset:+50]\n[00:00.10]one <00:00.2>light\n[00:00.50][00:00:80] two\n",
        sing,
        damaged_text,
    )
    yield "song.mid", midi(), play, damaged
    chunk = {
        "frames": 12,
        "digest": "0" * 64,
        "latents": "1" * 64,
        "finish": "2" * 64,
        "pictures": "3" * 64,
        "state": "",
    }
    manifest = {"format": "audioviz work 2", "identity": {"model": "x"}, "finish": {}, "chunks": [chunk, chunk]}
    yield "manifest", json.dumps(manifest).encode(), resume, changed
    yield (
        "embedded manifest",
        json.dumps(
            {"model": "x", "versions": {"torch": "2"}, "schedule": {"prompts": [{"seconds": 0, "prompt": "x"}]}}
        ).encode(),
        show,
        changed,
    )
    latents = {"shown": np.zeros((12, 4, 2, 2), np.float16), "last": np.zeros((1, 4, 2, 2), np.float32)}
    yield "latents", save(latents), read_latents, damaged


def midi() -> bytes:
    """A MIDI file with a tempo change, a few notes and a controller."""
    file, content = MidiFile(), io.BytesIO()
    track = file.add_track("drums")
    track += [MetaMessage("set_tempo", tempo=400_000), Message("control_change", control=1, value=64)]
    for _ in range(4):
        track += [Message("note_on", note=36, time=120), Message("note_off", note=36, time=60)]
    file.save(file=content)
    return content.getvalue()


def damaged(content: bytes, chance: random.Random) -> bytes:
    """Cut, flip, overwrite, repeat or insert; the head, where formats name their lengths, most often."""
    data = bytearray(content)
    head = chance.choice((16, 64, 256, len(data)))
    for _ in range(chance.choice((1, 1, 2, 8))):
        if not data:
            break
        place = chance.randrange(min(head, len(data)))
        kind = chance.randrange(6)
        if kind == 0:
            del data[chance.randrange(len(data)) :]
        elif kind == 1:
            data[place] ^= 1 << chance.randrange(8)
        elif kind == 2:
            data[place : place + 4] = chance.choice(EXTREMES)
        elif kind == 3:
            data[place:place] = chance.randbytes(chance.choice((1, 7, 400)))
        elif kind == 4:
            data[place:place] = data[place : place + 500]
        else:
            del data[place : place + chance.choice((1, 4, 100))]
    return bytes(data)


def damaged_text(content: bytes, chance: random.Random) -> bytes:
    """A few numbers or words of a text replaced by odd ones, or damage to its bytes."""
    if chance.random() < 0.3:
        return damaged(content, chance)
    words = re.findall(rb"[-\w.]+|[^-\w.]", content)
    for _ in range(chance.choice((1, 3))):
        words[chance.randrange(len(words))] = str(chance.choice(ODD)).encode(errors="replace")
    return b"".join(words)


def changed(content: bytes, chance: random.Random) -> bytes:
    """JSON with a few of its values replaced by odd ones, renamed or removed, or damage to its bytes."""
    if chance.random() < 0.2:
        return damaged(content, chance)
    document = json.loads(content)
    for _ in range(chance.choice((1, 1, 3))):
        place = document
        while True:
            key = chance.choice(list(place) if isinstance(place, dict) else range(len(place))) if place else None
            if key is None or not isinstance(place[key], (dict, list)) or chance.random() < 0.3:
                break
            place = place[key]
        kind = chance.randrange(4)
        if key is None or kind < 2:
            if key is not None:
                place[key] = deepcopy(chance.choice(ODD))
        elif kind == 2:
            del place[key]
        elif isinstance(place, dict):
            place[str(chance.choice(ODD))] = place.pop(key)
        else:
            place.insert(key, deepcopy(chance.choice(ODD)))
    return json.dumps(document).encode()


def hear(path: Path) -> None:
    av.load_song(path, fps=12, cache=False)


def plan(path: Path) -> None:
    av.load_schedule(path)(SONG)


def read_prompts(path: Path) -> None:
    try:
        value = json.loads(path.read_bytes())
    except ValueError:
        return  # JSON is the caller's own here
    if isinstance(value, dict):
        to_prompts(value, SONG.clock)


def sing(path: Path) -> None:
    to_prompts([str(path)], SONG.clock)


def play(path: Path) -> None:
    part = av.load_midi(path, SONG)
    part.held, part.velocity, part.controller(1)


def resume(path: Path) -> None:
    folder = path.with_name(f"{path.name}.audioviz")
    folder.mkdir()
    shutil.copy(path, folder / "manifest.json")
    digests = [str(k) for k in range(SONG.clock.frames)]
    with Work.open(
        path.with_name(f"{path.name}.mp4"),
        clock=SONG.clock,
        identity={"model": "x"},
        digests=digests,
        pictures=PicturePlan((64, 64), SONG.clock.fps),
        chunk=12,
    ) as work:
        work.discard()


def show(path: Path) -> None:
    assert all(line.isprintable() for line in describe_manifest(path.read_text(errors="replace")))


@contextmanager
def alarm(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in a block that takes longer."""

    def ring(number, frame) -> None:
        raise TimeoutError(f"longer than {seconds} s")

    if not hasattr(signal, "SIGALRM"):  # as on Windows, where nobody measures
        yield
        return
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def run(case: Case, folder: Path) -> str:
    """What became of a case, in a word; anything but a result or an AudiovizError in one line is raised."""
    path = folder / case.name.replace(" ", "-")
    path.write_bytes(case.content)
    try:
        with alarm(HANG_SECONDS), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            case.use(path)
    except AudiovizError as error:
        assert "\n" not in str(error), str(error)
        return "refused"
    finally:
        path.unlink()
    assert not list(folder.iterdir()), "something was left behind"
    return "taken"


def main() -> None:
    tally, broken = {}, 0
    for case in corpus():
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as name:
            try:
                word = run(case, Path(name))
            except Exception as error:  # all of them are to be seen
                word, broken = "broken", broken + 1
                print(f"{case.name}: {type(error).__name__}: {error} ({case.content[:80]!r})")
        kind = re.sub(r"^(sound )?\d+[. ]", "", case.name), word
        count, seconds = tally.get(kind, (0, 0.0))
        tally[kind] = count + 1, seconds + time.monotonic() - began
    for (kind, word), (count, seconds) in sorted(tally.items()):
        print(f"{kind:20} {word:8} {count:4} {seconds:6.1f} s")
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
