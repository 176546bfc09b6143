"""The pool of drawn pictures: what is at each index, and chunks of it on disk."""
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .drawings import MOODS, PALETTES, PATTERNS, draw

CHUNK = 500
NAMES = {"pattern": tuple(PATTERNS), "palette": tuple(PALETTES), "mood": tuple(MOODS)}


@dataclass(frozen=True)
class Label:
    """What a picture shows."""
    pattern: str
    palette: str
    mood: str


def label_at(index: int) -> Label:
    """Every pattern meets every palette equally often; one picture in three is dark or bright."""
    patterns, palettes = NAMES["pattern"], NAMES["palette"]
    turn = index // len(patterns)
    mood = ("", "dark", "", "", "bright", "")[turn // len(palettes) % 6]
    return Label(patterns[index % len(patterns)], palettes[turn % len(palettes)], mood)


def picture_at(index: int, *, seed: int) -> np.ndarray:
    """The picture at an index, uint8 (H, W, 3): the same for the same seed, whatever was drawn before."""
    label = label_at(index)
    return draw(label.pattern, label.palette, np.random.default_rng((seed, index)), mood=label.mood)


def draw_pool(folder: Path, *, count: int, seed: int) -> None:
    """Draw pictures 0..count into chunk files, leaving those that are already there."""
    folder.mkdir(parents=True, exist_ok=True)
    for start in range(0, count, CHUNK):
        path = folder / f"pictures-{start:06d}.npy"
        if not path.exists():
            chunk = np.stack([picture_at(start + offset, seed=seed) for offset in range(CHUNK)])
            np.save(path.with_suffix(".part.npy"), chunk)
            path.with_suffix(".part.npy").rename(path)
            print(f"drew {start + CHUNK} of {count} pictures", flush=True)


def chunks(folder: Path) -> Iterator[np.ndarray]:
    """The chunks in order, each uint8 (CHUNK, H, W, 3), read lazily from disk."""
    for path in sorted(folder.glob("pictures-??????.npy")):
        yield np.load(path, mmap_mode="r")
