"""Every random number that sampling uses: who draws it, and from which seed.

All draws are made on the CPU, so they are the same on every machine, and none touches a global generator.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torchsde
from torch import Tensor

Noise = Callable[[float, float], Tensor]
_SEEDS = 2 ** 64


@dataclass(frozen=True)
class Draw:
    """A place in a random stream: the draw that follows `skip` others from the generator of this seed."""

    seed: int
    skip: int = 0

    def __call__(self, shape: tuple[int, ...]) -> Tensor:
        """Standard normal values: float32, on the CPU; each earlier draw had the same shape."""
        generator = torch.Generator("cpu").manual_seed(self.seed % _SEEDS)
        for _ in range(self.skip):
            torch.randn(shape, generator=generator)
        return torch.randn(shape, generator=generator)


def injected(seed: int, frame: int, purpose: str) -> Draw:
    """The stream of its own that a frame's injected noise has, so that equal seeds do not burn one pattern in.

    Source
    ------
    O'Neill, HMC-CS-2014-0905, through numpy.random.SeedSequence, whose values are fixed for good.
    """
    key = np.random.SeedSequence([seed % _SEEDS, frame, *purpose.encode()])
    return Draw(int(key.generate_state(1, np.uint64)[0]))


def fresh(seed: int, x: Tensor, sigmas: Tensor) -> Noise:
    """Independent noise in each step, whatever the sigmas: the stream of the seed after this one."""
    generator = torch.Generator("cpu").manual_seed((seed + 1) % _SEEDS)
    return lambda sigma, after: torch.randn(x.shape, generator=generator).to(x.device)


def brownian(seed: int, x: Tensor, sigmas: Tensor) -> Noise:
    """Noise that hangs together over all steps: the increments of one Brownian path over sigma, of unit variance.

    Source
    ------
    Li et al., AISTATS 2020 (virtual Brownian tree), through torchsde.
    """
    positive = sigmas[sigmas > 0].tolist()
    low, high = (round(end, 6) for end in (min(positive), max(positive)))  # the tree knows six decimals
    path = torchsde.BrownianTree(low, torch.zeros(x.shape), high, entropy=seed % _SEEDS) if low < high else None

    def increment(sigma: float, after: float) -> Tensor:
        first, last = sorted((sigma, after))
        step = path(max(first, low), min(last, high)) * ((1 if sigma < after else -1) / (last - first) ** 0.5)
        return step.to(x.device)

    return increment
