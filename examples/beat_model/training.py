"""Training of the network: excerpts of the pool, varied as they are drawn, and a loss that forgives milliseconds."""

import math
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from beat_model.network import NAMES, Network
from beat_model.pool import Heard, load, songs_in

TRUTHS = ("beats", "downbeats", "kick", "snare", "hat")  # in the order of `NAMES`
NEAR = (2, 2, 1, 1, 1)  # steps by which an activation may be beside its event
WEIGHT = (6.0, 6.0, 2.5, 2.5, 1.5)  # of a step that holds an event against one that does not
EXCERPT, BATCH = 4096, 6  # steps: 48 s
RATE, WARM = 2e-3, 200
FREE = -1  # a step that nothing is learned from


class Excerpts(torch.utils.data.IterableDataset):
    """Endless excerpts from one seed: steps (T, 80), and targets (5, T) of 1, 0 and `FREE`."""

    def __init__(self, songs: list[Heard], weights: np.ndarray, seed: int):
        self.songs, self.weights, self.seed = songs, weights / weights.sum(), seed

    def __iter__(self):
        rng = np.random.default_rng(self.seed)
        while True:
            yield excerpt(self.songs[rng.choice(len(self.songs), p=self.weights)], rng)


def excerpt(song: Heard, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """A part of a song at another tempo, register, colour and level."""
    speed = drawn_speed(rng)
    wanted = round(EXCERPT * speed)
    first = int(rng.integers(0, max(1, len(song.steps) - wanted + 1)))
    at = first + np.arange(EXCERPT) * speed
    x = stretched(song.steps, at)
    past = at > len(song.steps) - 1
    x[past] = 0
    return torch.from_numpy(coloured(x, rng)), torch.from_numpy(_targets(song, first, speed, past))


def drawn_speed(rng: np.random.Generator) -> float:
    """By what the tempo of a song is changed."""
    return np.exp(rng.uniform(-0.2, 0.2)) if rng.random() < 0.7 else 1.0


def stretched(steps: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Steps at places between them, the last one beyond their end: float32."""
    low = np.minimum(at.astype(int), len(steps) - 2)
    share = np.clip(at - low, 0, 1).astype(np.float32)[:, None]
    return steps[low].astype(np.float32) * (1 - share) + steps[low + 1].astype(np.float32) * share


def coloured(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another equaliser, level, noise and pitch, in the logarithm of power; 1 is three decades."""
    bands = x.shape[1]
    if rng.random() < 0.5:
        x = np.roll(x, rng.integers(-3, 4), axis=1)
    points = rng.normal(0, 0.1, 6) if rng.random() < 0.7 else np.zeros(6)
    gain = np.interp(np.linspace(0, 5, bands), np.arange(6), points) + rng.normal(0, 0.06)
    power = 10 ** (3 * (np.clip(x, 0, None) + gain[None].astype(np.float32)))
    if rng.random() < 0.3:
        power += 10 ** (3 * rng.uniform(0.0, 0.8)) * rng.exponential(size=power.shape).astype(np.float32)
    if rng.random() < 0.15:
        cut = int(rng.integers(4, 30))
        power[:, slice(0, cut) if rng.random() < 0.5 else slice(bands - cut, bands)] *= 1e-3
    return (np.log10(power + 1.0) / 3).astype(np.float32)


def _targets(song: Heard, first: int, speed: float, past: np.ndarray) -> np.ndarray:
    target = np.zeros((len(NAMES), EXCERPT), np.float32)
    for row, (name, near) in enumerate(zip(TRUTHS, NEAR)):
        if name not in song.known:
            target[row] = FREE
            continue
        if name == "hat":
            _mark(target[row], song.events["unsure"], first, speed, near + 2, FREE)
        _mark(target[row], song.events[name], first, speed, 2 * near, FREE)
        _mark(target[row], song.events[name], first, speed, 0, 1)
    unclear = (first + np.arange(EXCERPT) * speed < song.clear[0]) | (
        first + np.arange(EXCERPT) * speed > song.clear[1]
    )
    target[:, unclear | past] = FREE
    return target


def _mark(row: np.ndarray, events: np.ndarray, first: int, speed: float, near: int, value: float) -> None:
    places = np.round((events - first) / speed).astype(int)
    for shift in range(-near, near + 1):
        inside = places + shift
        row[inside[(inside >= 0) & (inside < len(row))]] = value


def loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Cross-entropy; of an event the highest activation nearby counts, and what lies beside it is free.

    Source
    ------
    The forgiving loss: Foscarin, Schlüter & Widmer, "Beat This! Accurate beat tracking without DBN postprocessing",
    ISMIR 2024.
    """
    total = logits.new_zeros(())
    for row, (near, weight) in enumerate(zip(NEAR, WEIGHT)):
        here, wanted = logits[:, row], target[:, row]
        best = functional.max_pool1d(here[:, None], 2 * near + 1, 1, near)[:, 0]
        hit, miss = (wanted == 1).to(here.dtype), (wanted == 0).to(here.dtype)
        known = (hit + miss).sum().clamp_min(1)
        total = total + (weight * functional.softplus(-best) * hit + functional.softplus(here) * miss).sum() / known
    return total


def train(
    folder: Path,
    state: Path,
    *,
    seconds: float,
    steps: int,
    weights: dict[str, float],
    begin: dict[str, np.ndarray],
    rate: float,
    seed: int = 0,
    half: bool = False,
) -> None:
    """Train on the songs of a folder, going on from what a state file holds, for so many steps in all or seconds now.

    Parameters
    ----------
    weights : dict of the beginning of a song's name to how often it is drawn
    begin : dict of name to array
        Weights that it begins with; drawn where there are none.
    rate : float
        The highest learning rate.
    """
    paths = songs_in(folder)
    songs = [load(path) for path in paths]
    often = drawn_often(paths, weights)
    torch.manual_seed(seed)
    network = Network()
    if begin:
        network.load_state_dict({name: torch.from_numpy(value) for name, value in begin.items()})
    fit(
        network,
        lambda step: torch.utils.data.DataLoader(Excerpts(songs, often, seed + step), BATCH),
        lambda network, x, target: loss(network(x).float(), target),
        state,
        steps=steps,
        seconds=seconds,
        rate=rate,
        half=half,
    )


def drawn_often(paths: list[Path], weights: dict[str, float]) -> np.ndarray:
    """How often each song is drawn: float64, shape (songs,)."""
    return np.array([next((w for start, w in weights.items() if path.name.startswith(start)), 1.0) for path in paths])


def fit(
    network: nn.Module,
    batches: Callable[[int], Iterable[tuple[torch.Tensor, ...]]],
    loss: Callable[..., torch.Tensor],
    state: Path,
    *,
    steps: int,
    seconds: float,
    rate: float,
    half: bool = False,
) -> None:
    """Train a network, going on from what a state file holds, and keep it there with the average of its weights.

    Parameters
    ----------
    batches : function of the step that it begins with to what is drawn
    loss : function of the network and a batch
    steps, seconds
        In all, and now.
    rate : float
        The highest learning rate.
    """
    optimiser = torch.optim.AdamW(network.parameters(), rate, betas=(0.9, 0.98), weight_decay=1e-2)
    average = {name: value.clone() for name, value in network.state_dict().items()}
    step = 0
    if state.exists():
        kept = torch.load(state, weights_only=True)
        network.load_state_dict(kept["network"])
        optimiser.load_state_dict(kept["optimiser"])
        average, step = kept["average"], kept["step"]
    began, recent = time.monotonic(), []
    for batch in batches(step):
        if step >= steps or time.monotonic() - began > seconds:
            break
        for group in optimiser.param_groups:
            fallen = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / steps))
            group["lr"] = rate * min(1, (step + 1) / WARM) * fallen
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            value = loss(network, *batch)
        optimiser.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        step += 1
        with torch.no_grad():
            for name, weight in network.state_dict().items():
                average[name].lerp_(weight, 1 - min(0.998, step / (step + 10)))
        recent.append(value.item())
        if step % 100 == 0:
            print(f"step {step}, loss {np.mean(recent):.4f}, {time.monotonic() - began:.0f} s", flush=True)
            recent = []
        if step % 500 == 0:
            _keep(state, network, optimiser, average, step)
    _keep(state, network, optimiser, average, step)


def _keep(state: Path, network: nn.Module, optimiser: torch.optim.Optimizer, average: dict, step: int) -> None:
    part = state.with_suffix(".part")
    torch.save(
        {"network": network.state_dict(), "optimiser": optimiser.state_dict(), "average": average, "step": step}, part
    )
    part.replace(state)
