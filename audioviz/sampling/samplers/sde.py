"""Samplers of the stochastic equation: a deterministic step in log sigma and the noise of one Brownian path."""

import math
from itertools import pairwise

from torch import Tensor


def dpmpp_2m_sde(denoiser, x: Tensor, sigmas: Tensor, noise) -> Tensor:
    """SDE-DPM-Solver++(2M), its correction by the midpoint rule.

    Source
    ------
    Lu et al., arXiv 2211.01095, appendix on the SDE solvers.
    """
    return _sde_2m(denoiser, x, sigmas, noise, lambda h: -math.expm1(-h) / 2)


def dpmpp_2m_sde_heun(denoiser, x: Tensor, sigmas: Tensor, noise) -> Tensor:
    """SDE-DPM-Solver++(2M), its correction by the exact weights.

    Source
    ------
    As for dpmpp_2m_sde.
    """
    return _sde_2m(denoiser, x, sigmas, noise, lambda h: 1 + math.expm1(-h) / h)


def _sde_2m(denoiser, x: Tensor, sigmas: Tensor, noise, correction) -> Tensor:
    """`correction` is the weight of the slope, as a function of twice the step in log sigma."""
    previous, h_last = None, None
    for sigma, after in pairwise(sigmas.tolist()):
        denoised = denoiser(x, sigma)
        if after == 0:
            return denoised
        h = math.log(sigma / after)
        x = x * (after / sigma * math.exp(-h)) - denoised * math.expm1(-2 * h)
        if previous is not None:
            x = x + (denoised - previous) * (correction(2 * h) * h / h_last)
        x = x + noise(sigma, after) * (after * math.sqrt(-math.expm1(-2 * h)))
        previous, h_last = denoised, h
    return x
