"""The pools of drawn pictures: what is at each index, and chunks of it on disk."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from .canvas import SIZE
from .drawings import MODIFIERS, PALETTES, PATTERNS, draw

CHUNK = 500
NAMES = {"pattern": tuple(PATTERNS), "palette": tuple(PALETTES), "modifier": MODIFIERS}


@dataclass(frozen=True)
class Label:
    """What a picture shows; "" where it is not told."""

    pattern: str
    palette: str
    modifier: str


def label_at(index: int) -> Label:
    """Every pattern meets every palette equally often; every other picture has a modifier."""
    patterns, palettes = NAMES["pattern"], NAMES["palette"]
    turn, pattern = divmod(index, len(patterns))
    round_, place = divmod(turn, len(palettes))
    turned = round_ + 3 * place + 7 * pattern  # neighbours differ
    modifier = MODIFIERS[turned // 2 % len(MODIFIERS)] if turned % 2 else ""
    return Label(patterns[pattern], palettes[(place + 3 * pattern) % len(palettes)], modifier)


def picture_at(index: int, *, seed: int) -> np.ndarray:
    """The picture at an index, uint8 (SIZE, SIZE, 3): the same for the same seed, whatever was drawn before."""
    label = label_at(index)
    return draw(label.pattern, label.palette, np.random.default_rng((seed, index)), modifier=label.modifier)


def reduced_at(index: int, *, seed: int, factor: int) -> np.ndarray:
    """The picture at an index, each block of factor x factor pixels made one."""
    side = SIZE // factor
    picture = picture_at(index, seed=seed)
    if factor == 1:
        return picture
    return picture.reshape(side, factor, side, factor, 3).mean((1, 3)).round().astype(np.uint8)


def draw_pool(folder: Path, *, count: int, seed: int, factor: int = 1, workers: int = 1) -> None:
    """Draw pictures 0..count into chunk files, leaving those that are already there."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {start: folder / f"pictures-{start:06d}.npy" for start in range(0, count, CHUNK)}
    missing = {start: path for start, path in paths.items() if not path.exists()}
    with get_context("spawn").Pool(workers) as pool:
        for path in pool.imap(partial(draw_chunk, seed=seed, factor=factor), missing.items()):
            print(f"drew {path.name}", flush=True)


def draw_chunk(place: tuple[int, Path], *, seed: int, factor: int) -> Path:
    """Draw one chunk file, whole or not at all."""
    start, path = place
    part = path.with_suffix(".part.npy")
    np.save(part, np.stack([reduced_at(start + offset, seed=seed, factor=factor) for offset in range(CHUNK)]))
    part.rename(path)
    return path


def chunks(folder: Path) -> Iterator[np.ndarray]:
    """The chunks in order, each uint8 (CHUNK, H, W, 3), read lazily from disk."""
    for path in sorted(folder.glob("pictures-??????.npy")):
        yield np.load(path, mmap_mode="r")
