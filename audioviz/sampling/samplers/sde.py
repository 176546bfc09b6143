"""SDE samplers, of the stochastic equation: exponential steps in log sigma, and noise between them."""

import math
from itertools import pairwise

import torch
from torch import Tensor

from audioviz.sampling.denoiser import BoundDenoiser
from audioviz.sampling.noise import Noise
from audioviz.sampling.samplers.one_step import ancestral, middle_of


def dpmpp_sde(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
    """SDE-DPM-Solver++ of second order in single steps: ancestral steps half way, and all the way.

    Source
    ------
    Lu et al., arXiv 2211.01095; its form by Katherine Crowson.
    """
    for sigma, after in pairwise(sigmas.tolist()):
        denoised = denoiser(x, sigma)
        if after == 0:
            return denoised
        middle = middle_of(sigma, after)
        down, up = ancestral(sigma, middle)
        halfway = torch.lerp(denoised, x, down / sigma) + noise(sigma, middle) * up
        denoised = denoiser(halfway, middle)
        down, up = ancestral(sigma, after)
        x = torch.lerp(denoised, x, down / sigma) + noise(sigma, after) * up
    return x


def dpmpp_2m_sde(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
    """SDE-DPM-Solver++(2M), its correction by the midpoint rule.

    Source
    ------
    Lu et al., arXiv 2211.01095, algorithm of the SDE solvers in the appendix.
    """
    return _sde_2m(denoiser, x, sigmas, noise, lambda h: -math.expm1(-h) / 2)


def dpmpp_2m_sde_heun(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
    """SDE-DPM-Solver++(2M), its correction by the exact weights.

    Source
    ------
    As for dpmpp_2m_sde.
    """
    return _sde_2m(denoiser, x, sigmas, noise, _phi_2)


def _sde_2m(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, noise: Noise, correction) -> Tensor:
    """`correction` is the weight of the slope, as a function of twice the step in log sigma."""
    previous, h_last = None, math.nan
    for sigma, after in pairwise(sigmas.tolist()):
        denoised = denoiser(x, sigma)
        if after == 0:
            return denoised
        h = math.log(sigma / after)
        x = torch.lerp(denoised, x, math.exp(-2 * h))
        if previous is not None:
            x = x + (denoised - previous) * (correction(2 * h) * h / h_last)
        x = x + noise(sigma, after) * (after * math.sqrt(-math.expm1(-2 * h)))
        previous, h_last = denoised, h
    return x


def dpmpp_3m_sde(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
    """SDE-DPM-Solver++(3M).

    Source
    ------
    Lu et al., arXiv 2211.01095, carried on to third order as in its equation for DPM-Solver++(3).
    """
    first, second, h_1, h_2 = None, None, math.nan, math.nan  # the steps before, newest first
    for sigma, after in pairwise(sigmas.tolist()):
        denoised = denoiser(x, sigma)
        if after == 0:
            return denoised
        h = math.log(sigma / after)
        x = torch.lerp(denoised, x, math.exp(-2 * h))
        if first is not None:
            slope = (denoised - first) * (h / h_1)
            if second is not None:
                bend = (slope - (first - second) * (h / h_2)) * (h / (h_1 + h_2))
                slope = slope + bend * (h_1 / h)
                x = x - bend * (_phi_2(2 * h) / (2 * h) - 0.5)
            x = x + slope * _phi_2(2 * h)
        x = x + noise(sigma, after) * (after * math.sqrt(-math.expm1(-2 * h)))
        first, second, h_1, h_2 = denoised, first, h, h_1
    return x


def seeds_2(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
    """SEEDS-2: an exponential step half way and all the way, their noise the parts of one path.

    Source
    ------
    Gonzalez et al., NeurIPS 2023 (SEEDS), algorithm 2.
    """
    for sigma, after in pairwise(sigmas.tolist()):
        denoised = denoiser(x, sigma)
        if after == 0:
            return denoised
        half, middle = math.sqrt(after / sigma), middle_of(after, sigma)
        parts = [noise(sigma, middle), noise(middle, after)]
        halfway = _noised(torch.lerp(denoised, x, half**2), sigma, half, parts[:1])
        denoised = denoiser(halfway, middle)
        x = _noised(torch.lerp(denoised, x, half**4), sigma, half, parts)
    return x


def seeds_3(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
    """SEEDS-3: exponential steps of one third, two thirds and all the way, their noise the parts of one path.

    Source
    ------
    Gonzalez et al., NeurIPS 2023 (SEEDS), algorithm 3.
    """
    for sigma, after in pairwise(sigmas.tolist()):
        denoised = denoiser(x, sigma)
        if after == 0:
            return denoised
        third = (after / sigma) ** (1 / 3)
        h = 2 * math.log(sigma / after)
        parts = [noise(sigma, after) for _ in range(3)]
        slope = denoiser(_noised(torch.lerp(denoised, x, third**2), sigma, third, parts[:1]), sigma * third) - denoised
        x_2 = torch.lerp(denoised, x, third**4) + slope * (2 * _phi_2(h * 2 / 3))
        slope = denoiser(_noised(x_2, sigma, third, parts[:2]), sigma * third**2) - denoised
        x = _noised(torch.lerp(denoised, x, third**6) + slope * (1.5 * _phi_2(h)), sigma, third, parts)
    return x


def _noised(x: Tensor, sigma: float, ratio: float, parts: list[Tensor]) -> Tensor:
    """x after as many steps down by `ratio` as there are parts of unit noise, each of which decays in later steps."""
    for i, part in enumerate(parts):
        left = ratio ** (len(parts) - 1 - i)
        x = x + part * (sigma * ratio ** len(parts) * left * math.sqrt(1 - ratio**2))
    return x


def er_sde(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, noise: Noise, *, points: int = 200) -> Tensor:
    """The extended reverse-time equation (ER-SDE-5) to third order, its integrals by sums.

    Source
    ------
    Cui et al., arXiv 2309.06169 (ER-SDE-Solvers), algorithm 3.
    """
    s = sigmas.tolist()
    previous, last_slope = None, None
    for i, (sigma, after) in enumerate(pairwise(s)):
        denoised = denoiser(x, sigma)
        if after == 0:
            return denoised
        ratio = _er_scale(after) / _er_scale(sigma)
        x = x * ratio + denoised * (1 - ratio)
        if previous is not None:
            step = sigma - after
            at = [after + step * j / points for j in range(points)]
            slope = (denoised - previous) / (sigma - s[i - 1])
            area = sum(1 / _er_scale(a) for a in at) * step / points
            x = x + slope * (area * _er_scale(after) - step)
            if last_slope is not None:
                moment = sum((a - sigma) / _er_scale(a) for a in at) * step / points
                bend = (slope - last_slope) / ((sigma - s[i - 2]) / 2)
                x = x + bend * (step**2 / 2 + moment * _er_scale(after))
            last_slope = slope
        x = x + noise(sigma, after) * math.sqrt(max(after**2 - (sigma * ratio) ** 2, 0.0))
        previous = denoised
    return x


def _er_scale(sigma: float) -> float:
    return sigma * (math.exp(sigma**0.3) + 10)


def _phi_2(h: float) -> float:
    """Weight of a slope in an exponential step of h: 1 - (1 - exp(-h)) / h."""
    return 1 + math.expm1(-h) / h
