"""Training of the second look: hits as the trained network first hears them, songs varied, and what each truly is."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from audioviz.audio.hearing.hits import find_hits, surroundings
from beat_model.network import MELS, Hits, Network
from beat_model.pool import Heard, load, songs_in
from beat_model.training import FREE, coloured, drawn_often, drawn_speed, fit, stretched

DRUMS = ("kick", "snare", "hat")
VERSIONS = 3  # of each song, the first as it is
NEAR = 4.3  # steps: 50 ms between a hit and its truth
BATCH = 1024  # hits
RATE = 2e-3
_FEWEST = 20  # hits of a song that is learned from


def fill(learned: Path, folder: Path, network: Network) -> None:
    """Keep what is seen of the hits of each song of a pool, in several versions, and what they are."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in songs_in(learned):
        for version in range(VERSIONS):
            kept = folder / f"{path.stem}.{version}.npz"
            if kept.exists():
                continue
            song = load(path)
            if "kick" not in song.known or sum(len(song.events[drum]) for drum in DRUMS) < _FEWEST:
                break
            rng = np.random.default_rng([zlib.crc32(path.stem.encode()), version]) if version else None
            part = kept.with_suffix(".part.npz")
            np.savez(part, **seen(song, network, rng))
            part.replace(kept)


def seen(song: Heard, network: Network, rng: np.random.Generator | None) -> dict[str, np.ndarray]:
    """Of each hit `sound`, `place` and `guess` as `surroundings` has them, and `labels` (n, 3) of 1, 0 and `FREE`."""
    steps, speed = song.steps.astype(np.float32), 1.0
    if rng is not None:
        speed = drawn_speed(rng)
        steps = coloured(stretched(steps, np.arange(int(len(steps) / speed)) * speed), rng)
    with torch.no_grad():
        features = network.features(torch.from_numpy(steps)[None])
        logits = network.out(features)[0, 2:].T.numpy()
    hits = find_hits(1 / (1 + np.exp(-logits)))
    sound, place, guess = surroundings(steps, features[0].T.numpy(), logits, hits)
    found = {"sound": sound, "place": place, "guess": guess}
    return {name: value.astype(np.float16) for name, value in found.items()} | {"labels": labels(song, hits * speed)}


def labels(song: Heard, at: np.ndarray) -> np.ndarray:
    """What hits at these places are: the nearest to a true one is it, and others nearby may be or not."""
    found = np.zeros((len(at), len(DRUMS)), np.int8)
    for column, drum in zip(found.T, DRUMS):
        if drum == "hat":
            column[_nearest(at, song.events["unsure"]) <= NEAR] = FREE
        column[_nearest(at, song.events[drum]) <= NEAR] = FREE
        if len(at) and len(song.events[drum]):
            apart = np.abs(at[:, None] - song.events[drum])
            column[apart.argmin(axis=0)[apart.min(axis=0) <= NEAR]] = 1
    found[(at < song.clear[0]) | (at > song.clear[1])] = FREE
    return found


def _nearest(at: np.ndarray, events: np.ndarray) -> np.ndarray:
    return np.abs(at[:, None] - events).min(axis=1) if len(events) else np.full(len(at), np.inf)


@dataclass(frozen=True, eq=False)
class Pool:
    """The hits of many songs, each array with a row for a hit, as `seen` tells; `often` is how often each is drawn."""

    sound: np.ndarray
    place: np.ndarray
    guess: np.ndarray
    labels: np.ndarray
    weight: np.ndarray  # of each drum: hits of a drum that a song has few of weigh more, as in `judge`
    often: np.ndarray


def gathered(folder: Path, weights: dict[str, float]) -> Pool:
    """All that `fill` kept."""
    paths = songs_in(folder)
    songs = [dict(np.load(path)) for path in paths]
    wholes = {name: np.concatenate([song[name] for song in songs]) for name in ("sound", "place", "guess", "labels")}
    counts = [len(song["labels"]) for song in songs]
    rare = [200 / (100 + np.maximum((song["labels"] == 1).sum(axis=0), 20)) for song in songs]
    often = np.repeat(drawn_often(paths, weights), counts)
    return Pool(**wholes, weight=np.repeat(rare, counts, axis=0), often=often.cumsum() / often.sum())


def batches(pool: Pool, seed: int) -> Iterator[tuple[torch.Tensor, ...]]:
    """Endless batches of hits of any songs, each through another equaliser: the arrays of `Pool` but the last."""
    rng, bands = np.random.default_rng(seed), np.linspace(0, 5, MELS)
    colours = np.stack([np.interp(bands, np.arange(6), one) for one in np.eye(6)])
    while True:
        drawn = np.searchsorted(pool.often, rng.random(BATCH))
        hits = (
            part[drawn].astype(np.float32) for part in (pool.sound, pool.place, pool.guess, pool.labels, pool.weight)
        )
        sound, *others = hits
        gain = rng.normal(0, 0.08, (BATCH, 6)) @ colours + rng.normal(0, 0.06, (BATCH, 1))
        sound = np.maximum(sound + gain.astype(np.float32)[:, :, None], 0)
        yield tuple(map(torch.from_numpy, (sound, *others)))


def loss(network: Hits, sound, place, guess, wanted, weight) -> torch.Tensor:
    """Cross-entropy where drums are known."""
    weight = weight * (wanted != FREE)
    each = binary_cross_entropy_with_logits(network(sound, place, guess), wanted.clamp_min(0), reduction="none")
    return (each * weight).sum() / weight.sum()


def train(folder: Path, state: Path, *, seconds: float, steps: int, weights: dict[str, float], seed: int = 0) -> None:
    """Train on the hits of a folder, going on from what a state file holds, for so many steps in all or seconds now."""
    pool = gathered(folder, weights)
    torch.manual_seed(seed)
    fit(Hits(), lambda step: batches(pool, seed + step), loss, state, steps=steps, seconds=seconds, rate=RATE)
