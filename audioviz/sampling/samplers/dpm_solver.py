"""DPM-Solver itself: single steps of order 1 to 3 in log sigma, their number or their size chosen for you."""

import math
from itertools import pairwise

import torch
from torch import Tensor

from audioviz.sampling.denoiser import BoundDenoiser
from audioviz.sampling.noise import Noise


def dpm_fast(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
    """Steps of third order as far as the number of model calls goes, even in log sigma; ends at the last sigma above 0.

    Source
    ------
    Lu et al., NeurIPS 2022 (DPM-Solver), section 3.4 (DPM-Solver-fast).
    """
    calls, start, end = _span(sigmas)
    full, rest = divmod(calls, 3)
    orders = [3] * (full - 1) + [2, 1] if rest == 0 else [3] * full + [rest]
    ends = torch.linspace(start, end, len(orders) + 1).tolist()
    for order, (t, after) in zip(orders, pairwise(ends)):
        x = _STEPS[order](_slopes(denoiser), x, t, after)
    return x


def dpm_adaptive(
    denoiser: BoundDenoiser,
    x: Tensor,
    sigmas: Tensor,
    noise: Noise,
    *,
    relative: float = 0.05,
    absolute: float = 0.0078,
    first: float = 0.05,
    safety: float = 0.81,
) -> Tensor:
    """Steps of third order whose size keeps their difference from the second order small; a batch shares one size.

    Source
    ------
    Lu et al., NeurIPS 2022 (DPM-Solver), appendix C (DPM-Solver-12 and -23, algorithm 3).
    """
    _, t, end = _span(sigmas)
    h, lower = math.copysign(first, end - t), x
    while abs(end - t) > 1e-5:
        after = _float32(t + h) if abs(h) < abs(end - t) else end
        slopes = _slopes(denoiser)
        low = _second(slopes, x, t, after, share=1 / 3)
        high = _third(slopes, x, t, after)
        tolerance = (torch.maximum(low.abs(), lower.abs()) * relative).clamp_min(absolute)
        error = ((low - high) / tolerance).square().mean().sqrt().item()
        if not math.isfinite(error):
            return high
        factor = 1 + math.atan((error + 1e-8) ** (-1 / 3) - 1)
        if factor >= safety:
            x, lower, t = high, low, after
        h *= factor
    return x


def _span(sigmas: Tensor) -> tuple[int, float, float]:
    """The number of steps, and -log sigma at the first sigma and at the last above 0."""
    last = sigmas[-1] if sigmas[-1] > 0 else sigmas[-2]
    return len(sigmas) - 1, -sigmas[0].log().item(), -last.log().item()


def _float32(t: float) -> float:
    """t as the original holds it: the whole timesteps that the model is fed can hang on its last digit."""
    return torch.tensor(t).item()


def _slopes(denoiser: BoundDenoiser):
    """The predicted noise at x and t = -log sigma; asked twice at one t it is computed once."""
    known = {}

    def slope(x: Tensor, t: float) -> Tensor:
        if t not in known:
            sigma = math.exp(-t)
            known[t] = (x - denoiser(x, sigma)) / sigma
        return known[t]

    return slope


def _first(slope, x: Tensor, t: float, after: float) -> Tensor:
    return x - slope(x, t) * (math.exp(-after) * math.expm1(after - t))


def _second(slope, x: Tensor, t: float, after: float, *, share: float = 0.5) -> Tensor:
    part = _float32(t + share * (after - t))
    change = slope(_first(slope, x, t, part), part) - slope(x, t)
    return _first(slope, x, t, after) - change * (math.exp(-after) / (2 * share) * math.expm1(after - t))


def _third(slope, x: Tensor, t: float, after: float) -> Tensor:
    h = after - t
    one, two = _float32(t + h / 3), _float32(t + h * 2 / 3)
    change = slope(_first(slope, x, t, one), one) - slope(x, t)
    x_two = _first(slope, x, t, two) - change * (math.exp(-two) * 2 * (math.expm1(two - t) / (two - t) - 1))
    change = slope(x_two, two) - slope(x, t)
    return _first(slope, x, t, after) - change * (math.exp(-after) * 1.5 * (math.expm1(h) / h - 1))


_STEPS = {1: _first, 2: _second, 3: _third}
