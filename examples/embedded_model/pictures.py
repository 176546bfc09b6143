"""The pools of drawn scenes on disk, and the pictures that are painted from them."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from audioviz.models.plain.text import PlainTokenizer, load_tokenizer

from .captions import caption
from .drawings import sketch
from .labels import Label, finish_at, kind_at, label_at
from .paint import paint

CHUNK = 32  # scenes in a file
TURNS = 2  # pictures that are painted from each scene
WORDINGS = 3  # captions of each picture


def scene_at(index: int, *, seed: int):
    """The scene at an index: the same for the same seed, whatever was drawn before."""
    pattern, view = kind_at(index)
    return sketch(pattern, np.random.default_rng((seed, index)), view=view)


def draw_pool(folder: Path, *, count: int, seed: int, tokenizer: Path, workers: int = 1) -> None:
    """Draw the scenes 0..count into chunk files, leaving those that are already there."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {start: folder / f"scenes-{start:06d}.safetensors" for start in range(0, count, CHUNK)}
    missing = {start: path for start, path in paths.items() if not path.exists()}
    if not missing:
        return
    with get_context("spawn").Pool(workers) as pool:
        for path in pool.imap(partial(draw_chunk, seed=seed, tokenizer=tokenizer), missing.items()):
            if workers == 1 or path.stem.endswith("00"):
                print(f"drew {path.name}", flush=True)


def draw_chunk(place: tuple[int, Path], *, seed: int, tokenizer: Path) -> Path:
    """Draw one chunk file, whole or not at all.

    It holds tone and light, float16 (CHUNK, SIZE, SIZE), and the tokens of captions of what is painted from them,
    int32 (TURNS, CHUNK, WORDINGS, tokens).
    """
    start, path = place
    indices = range(start, start + CHUNK)
    scenes = [scene_at(index, seed=seed) for index in indices]
    fields = {
        name: torch.from_numpy(np.stack([getattr(scene, name) for scene in scenes])).half()
        for name in ("tone", "light")
    }
    read = load_tokenizer(tokenizer)
    fields["tokens"] = torch.stack(
        [
            torch.stack(
                [tokens_of(label_at(i, finish_at(i, seed=seed, turn=turn)), read, (seed, i, turn)) for i in indices]
            )
            for turn in range(TURNS)
        ]
    ).int()
    part = path.with_suffix(f".{os.getpid()}")  # two processes may draw one file; both draw the same
    save_file(fields, part)
    part.rename(path)
    return path


def tokens_of(label: Label, read: PlainTokenizer, key: tuple[int, ...]) -> torch.Tensor:
    """The tokens of some captions of a label, (WORDINGS, tokens)."""
    return torch.cat([read(caption(label, np.random.default_rng((*key, wording)))[0]) for wording in range(WORDINGS)])


def files_of(folder: Path) -> dict[int, Path]:
    """The chunk files that are there, by the index of their first scene."""
    return {int(path.stem.removeprefix("scenes-")): path for path in sorted(folder.glob("scenes-??????.safetensors"))}


def loaded(paths: list[Path]) -> Iterator[tuple[int, dict[str, torch.Tensor]]]:
    """The fields of chunk files, read ahead, and the index of each one's first scene."""
    with ThreadPoolExecutor(2) as readers:
        for path, fields in zip(paths, readers.map(load_file, paths)):
            yield int(path.stem.removeprefix("scenes-")), fields


def painted(
    start: int, fields: dict[str, torch.Tensor], *, seed: int, turn: int, device: torch.device
) -> tuple[torch.Tensor, list[Label]]:
    """The scenes of a chunk file, painted: float32 (CHUNK, 3, SIZE, SIZE) in 0..1 on the device, and their labels."""
    indices = range(start, start + len(fields["tone"]))
    finishes = [finish_at(index, seed=seed, turn=turn) for index in indices]
    pictures = paint(fields["tone"].to(device), fields["light"].to(device), finishes)
    return pictures, [label_at(index, finish) for index, finish in zip(indices, finishes)]
