"""Keys of frames: what the latent of each depends on, with all the frames before it, as one digest."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from audioviz.rendering.frame_table import FrameTable
from audioviz.schedule.columns import EFFECTS, NEUTRAL, SEEDS


class Chain:
    """The keys of the rows of a table, computed as far as they are asked for.

    Parameters
    ----------
    table : FrameTable
    runs : ranges of rows that need none before them, in order
    identity : str
        What all latents depend on besides: the model, its settings, the guides.
    """

    def __init__(self, table: FrameTable, runs: Sequence[range], identity: str) -> None:
        self.runs = runs
        self._starts = [run.start for run in runs]
        columns = _columns(table)
        self._identity = "\n".join([identity, *columns]).encode()
        self._rows = np.ascontiguousarray(np.stack(list(columns.values()), axis=1))  # T, columns
        self._effects = np.stack([_effect(table, name) for name in EFFECTS], axis=1)
        self._known: dict[int, list[bytes]] = {}  # by the start of a run: the keys of its rows so far
        self._hashes: dict[int, Any] = {}

    def run_of(self, row: int) -> range:
        """The run that a row belongs to."""
        return self.runs[int(np.searchsorted(self._starts, row, side="right")) - 1]

    def key(self, row: int) -> bytes:
        """That of the latent of a row."""
        start = self.run_of(row).start
        known = self._known.setdefault(start, [])
        digest = self._hashes.setdefault(start, hashlib.sha256(self._identity))
        for i in range(start + len(known), row + 1):
            digest.update(self._rows[i])
            known.append(digest.digest())
        return known[row - start]

    def picture_key(self, row: int, finish: str) -> str:
        """That of the finished picture of a row, where `finish` tells what is made of all of them."""
        return hashlib.sha256(self.key(row) + self._effects[row].tobytes() + finish.encode()).hexdigest()[:32]


def _columns(table: FrameTable) -> dict[str, np.ndarray]:
    """All that a row's latent depends on by itself, as columns of 64 bits."""
    columns = {name: _bits(values, whole=name in SEEDS) for name, values in table.columns.items()}
    columns["frame"] = _bits(np.asarray(table.part), whole=True)
    texts = [(prompt.text, prompt.negative, prompt.way) for prompt in table.prompts]
    before = np.array([_number(text, negative) for text, negative, _ in texts], np.uint64)
    after = np.array([_number(*text) for text in texts], np.uint64)
    columns["prompt"] = before[table.prompt_before]
    columns["weight"] = _bits(table.weight)
    ways = np.array([_number(way) for *_, way in texts], np.uint64)[table.prompt_before]
    columns["next prompt"] = np.where(table.weight > 0, after[table.prompt_after] ^ ways, 0).astype(np.uint64)
    columns |= {f"mix {text}": _bits(steps) for text, steps in table.mix.items()}
    for name in EFFECTS:  # all of them, so that one that begins to act changes no row where it rests
        columns[f"in the loop {name}"] = _bits(np.where(table.columns["in_loop"], _effect(table, name), 0.0))
    return dict(sorted(columns.items()))


def _effect(table: FrameTable, name: str) -> np.ndarray:
    return table.effects[name] if name in table.effects else np.full(len(table), NEUTRAL[name])


def _bits(values: np.ndarray, *, whole: bool = False) -> np.ndarray:
    return values.astype(np.uint64) if whole else values.astype(np.float64).view(np.uint64)


def _number(*texts: str) -> int:
    return int.from_bytes(hashlib.sha256("\0".join(texts).encode()).digest()[:8])
