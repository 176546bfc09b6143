"""Noise: every random number that sampling uses, who draws it, and from which seed.

All draws are made on the CPU, so they are the same on every machine, and none touches a global generator.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from audioviz.transfer import to_device

Noise = Callable[[float, float], Tensor]
_SEEDS = 2**64


@dataclass(frozen=True)
class Draw:
    """A place in a random stream: the draw that follows `skip` others from the generator of this seed."""

    seed: int
    skip: int = 0

    def __call__(self, shape: tuple[int, ...]) -> Tensor:
        """Standard normal values: float32, on the CPU; each earlier draw had the same shape."""
        generator = torch.Generator("cpu").manual_seed(int(self.seed) % _SEEDS)
        for _ in range(self.skip):
            torch.randn(shape, generator=generator)
        return torch.randn(shape, generator=generator)

    def after(self, draws: int) -> "Draw":
        """The place in the same stream so many draws on."""
        return Draw(self.seed, self.skip + draws)


def injected(seed: int, frame: int, purpose: str) -> Draw:
    """The stream of its own that a frame's injected noise has, so that equal seeds do not burn one pattern in.

    Source
    ------
    O'Neill, HMC-CS-2014-0905, through numpy.random.SeedSequence, whose values are fixed for good.
    """
    key = np.random.SeedSequence([int(seed) % _SEEDS, frame, *purpose.encode()])
    return Draw(int(key.generate_state(1, np.uint64)[0]))


def cuda_randn(seed: int, shape: tuple[int, ...]) -> Tensor:
    """The first standard normal values that a CUDA generator of this seed draws, computed anywhere: float32.

    Source
    ------
    Salmon et al., SC 2011 (Philox 4x32-10); Box & Muller, 1958; in the layout of cuRAND, one counter for each value.
    """
    count = math.prod(shape)
    counter = [np.zeros(count, np.uint64) for _ in range(4)]
    counter[2] = np.arange(count, dtype=np.uint64)
    low = np.uint64(0xFFFFFFFF)
    key = [seed % _SEEDS & 0xFFFFFFFF, seed % _SEEDS >> 32]
    for _ in range(10):
        first, second = counter[0] * np.uint64(0xD2511F53), counter[2] * np.uint64(0xCD9E8D57)
        counter = [
            second >> np.uint64(32) ^ counter[1] ^ np.uint64(key[0]),
            second & low,
            first >> np.uint64(32) ^ counter[3] ^ np.uint64(key[1]),
            first & low,
        ]
        key = [(key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF]
    radius, turn = ((word.astype(np.float64) + 0.5) / 2**32 for word in counter[:2])
    normal = np.sqrt(-2 * np.log(radius)) * np.sin(2 * np.pi * turn)
    return torch.from_numpy(normal.astype(np.float32)).reshape(shape)


def fresh(seed: int, x: Tensor, sigmas: Tensor) -> Noise:
    """Independent noise in each step, whatever the sigmas: the stream of the seed after this one."""
    generator = torch.Generator("cpu").manual_seed((int(seed) + 1) % _SEEDS)
    return lambda sigma, after: to_device(torch.randn(x.shape, generator=generator), x.device)


def brownian(seed: int, x: Tensor, sigmas: Tensor) -> Noise:
    """Noise that hangs together over all steps: the increments of one Brownian path over sigma, of unit variance.

    The path is that of torchsde's BrownianTree, to the seed of each node, without its bookkeeping.

    Source
    ------
    Li et al., AISTATS 2020 (virtual Brownian tree); O'Neill, as for `injected`.
    """
    positive = sigmas[sigmas > 0].tolist()
    low, high = (round(end, 6) for end in (min(positive), max(positive)))  # the tree knows six decimals
    generator = torch.Generator("cpu")
    entropy = np.zeros(26, np.uint32)  # words of the seed, and at their end a node's place: SeedSequence's spawn_key
    entropy[:2] = int(seed) % 2**32, int(seed) % _SEEDS >> 32

    def draw(*place: int) -> Tensor:
        entropy[24 : 24 + len(place)] = place
        key = np.random.SeedSequence(entropy[: 24 + len(place)], pool_size=24).generate_state(1)
        return torch.randn(x.shape, generator=generator.manual_seed(int(key[0])))

    path = {low: torch.zeros(x.shape), high: draw() * (high - low) ** 0.5}

    def value(sigma: float) -> Tensor:
        """The path at sigma: the range is halved until its middle is sigma, and each middle drawn between the ends."""
        sigma = round(max(low, min(high, sigma)), 6)
        start, end, branch, depth = low, high, 0, 0
        while sigma not in path:
            middle = round(0.5 * (start + end), 6)
            if middle not in path:
                left, right, whole = middle - start, end - middle, end - start
                path[middle] = torch.lerp(path[start], path[end], left / whole)
                path[middle].add_(draw(branch, depth), alpha=(left * right / whole) ** 0.5)
            start, end, branch = (start, middle, 2 * branch) if sigma < middle else (middle, end, 2 * branch + 1)
            depth += 1
        return path[sigma]

    def increment(sigma: float, after: float) -> Tensor:
        return to_device((value(after) - value(sigma)) / abs(after - sigma) ** 0.5, x.device)

    return increment
