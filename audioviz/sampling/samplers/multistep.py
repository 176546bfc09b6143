"""Multistep samplers: they remember the steps before, and so gain an order without another model call."""

import math
from collections import deque
from functools import lru_cache
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from audioviz.sampling.denoiser import BoundDenoiser
from audioviz.sampling.noise import Noise
from audioviz.sampling.samplers.one_step import ancestral


def dpmpp_2m(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
    """DPM-Solver++(2M): the denoised picture carried on straight in log sigma, by the midpoint rule.

    Source
    ------
    Lu et al., arXiv 2211.01095, algorithm 2.
    """
    previous, h_last = None, math.nan
    times = -sigmas.log()  # in float32: a step that rises far shows the rounding of the original
    for (sigma, after), (time, end) in zip(pairwise(sigmas.tolist()), pairwise(times)):
        denoised = denoiser(x, sigma)
        h = end - time
        aim = denoised
        if previous is not None and after > 0:
            aim = denoised + (denoised - previous) * (h / h_last / 2).item()
        x = x * ((-end).exp() / (-time).exp()).item() - aim * torch.expm1(-h).item()
        previous, h_last = denoised, h
    return x


def res_multistep(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
    """The refined exponential solver of second order: the denoised picture carried on straight, by its exact weights.

    Source
    ------
    Zhang et al., arXiv 2308.02157.
    """
    return _res(denoiser, x, sigmas, lambda sigma, after: (after, 0.0), noise)


def res_multistep_ancestral(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
    """res_multistep down too far, and fresh noise up again.

    Source
    ------
    As for res_multistep; the noise as in Song et al., ICLR 2021, equation 16.
    """
    return _res(denoiser, x, sigmas, ancestral, noise)


def _res(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, split, noise: Noise) -> Tensor:
    previous, h_last = None, math.nan
    for sigma, after in pairwise(sigmas.tolist()):
        down, up = split(sigma, after)
        denoised = denoiser(x, sigma)
        h = math.log(sigma / down) if down > 0 else math.inf
        x = torch.lerp(denoised, x, down / sigma)
        if previous is not None and down > 0:
            x = x + (denoised - previous) * ((1 + math.expm1(-h) / h) * h / h_last)
        if up > 0:
            x = x + noise(sigma, after) * up
        previous, h_last = denoised, h
    return x


def gradient_estimation(
    denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, noise: Noise, *, gamma: float = 2.0
) -> Tensor:
    """Euler steps along a slope that is pushed on by how it changed.

    Source
    ------
    Permenter & Yuan, ICML 2024, algorithm 2.
    """
    last = None
    for sigma, after in pairwise(sigmas.tolist()):
        denoised = denoiser(x, sigma)
        slope = (x - denoised) / sigma
        x = torch.lerp(denoised, x, after / sigma)
        if last is not None and after > 0:
            x = x + (slope - last) * ((gamma - 1) * (after - sigma))
        last = slope
    return x


def lms(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
    """Adams-Bashforth of fourth order over sigma, for uneven steps.

    Source
    ------
    Hairer, Norsett & Wanner, Solving ODEs I, III.5; Katherine Crowson's LMS sampler for Karras' form.
    """
    weights = _lms_weights(tuple(sigmas.tolist()))
    return _adams(denoiser, x, sigmas, 4, lambda s, i, order: weights[i])


def ipndm_v(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
    """Adams-Bashforth of fourth order over sigma, for uneven steps.

    Source
    ------
    Zhang & Chen, ICLR 2023 (DEIS), section 3.4, with the weights of uneven steps.
    """
    return _adams(denoiser, x, sigmas, 4, lambda s, i, order: _uneven_weights(s[max(i - 3, 0) : i + 1][::-1], s[i + 1]))


def ipndm(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
    """Adams-Bashforth of fourth order over sigma, with the weights of even steps.

    Source
    ------
    Zhang & Chen, ICLR 2023 (DEIS), equation 22; Liu et al., ICLR 2022 (PNDM).
    """
    return _adams(denoiser, x, sigmas, 4, lambda s, i, order: [w * (s[i + 1] - s[i]) for w in _EVEN_WEIGHTS[order]])


def deis(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
    """Adams-Bashforth of third order over the time of a variance-preserving process.

    Source
    ------
    Zhang & Chen, ICLR 2023 (DEIS), equation 15 (tAB).
    """
    weights = _deis_weights(tuple(sigmas.tolist()))
    return _adams(denoiser, x, sigmas, 3, lambda s, i, order: weights[i])


def _adams(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, max_order: int, weights) -> Tensor:
    """Steps along a weighted sum of the last slopes, newest first; the last step, to 0, is Euler's."""
    s = sigmas.tolist()
    slopes = deque(maxlen=max_order)
    for i, (sigma, after) in enumerate(pairwise(s)):
        denoised = denoiser(x, sigma)
        slopes.appendleft((x - denoised) / sigma)
        if len(slopes) == 1 or after == 0:
            x = torch.lerp(denoised, x, after / sigma)
        else:
            x = x + sum(slope * weight for weight, slope in zip(weights(s, i, len(slopes)), slopes))
    return x


@lru_cache(maxsize=64)
def _lms_weights(sigmas: tuple[float, ...]) -> list[list[float]]:
    """For each step the integrals of the Lagrange polynomials in sigma, newest node first."""
    weights = []
    for i, end in enumerate(sigmas[1:]):
        start = sigmas[i]
        nodes = [sigma - start for sigma in sigmas[max(i - 3, 0) : i + 1][::-1]]
        basis = [np.poly1d([other for other in nodes if other != node], r=True) for node in nodes]
        weights.append([float(p.integ()(end - start) / p(node)) for p, node in zip(basis, nodes)])
    return weights


def _uneven_weights(nodes: list[float], end: float) -> list[float]:
    """Weights of two to four slopes, newest first, for a step from the first node to `end`.

    They are Newton's form of Adams-Bashforth, but for three slips of the original: the part `second` has a bracket in a
    wrong place, `third` a wrong sign, and the last weight h1 / h2 for h2 / h3.
    """
    h, h1, *more = (a - b for a, b in pairwise([end, *nodes]))
    weights = [1 + h / h1 / 2, -h / h1 / 2]
    if len(nodes) > 2:
        h2 = more[0]
        second = (1 - h**2 / (3 * h1 * (h1 + h2))) / 2
        weights = [weights[0] + second, weights[1] - (1 + h1 / h2) * second, h1 / h2 * second]
        if len(nodes) > 3:
            h3 = more[1]
            third = (
                h
                * (h + h1)
                * (h + h1 + h2)
                / (h1 * (h1 + h2) * (h1 + h2 + h3))
                * ((1 - h / (3 * (h + h1))) / 2 + (1 - h / (2 * (h + h1))) * h / (6 * (h + h1 + h2)))
            )
            older = h1 * (h1 + h2) / (h2 * (h2 + h3))
            parts = (1, -(1 + h1 / h2 + older), h1 / h2 + older * (1 + h2 / h3), -older * h1 / h2)
            weights = [weight + third * part for weight, part in zip([*weights, 0.0], parts)]
    return [weight * h for weight in weights]


@lru_cache(maxsize=64)
def _deis_weights(sigmas: tuple[float, ...]) -> list[list[float]]:
    """For each step the integrals of the Lagrange polynomials in time against dsigma, as means over 10,000 points."""
    points = 10_000
    low, high, first = math.log1p(0.002**2), math.log1p(80.0**2), 1e-3
    spread = 2 * (low / first - high) / (first - 1)
    base = high - spread / 2
    times = [(math.sqrt(base**2 + 2 * spread * math.log1p(sigma**2)) - base) / spread for sigma in sigmas]
    weights = []
    for i, (time, after) in enumerate(pairwise(times)):
        nodes = times[max(i - 2, 0) : i + 1][::-1]
        if len(nodes) == 1 or sigmas[i + 1] == 0:
            weights.append([])
            continue
        at = np.linspace(time, after, points)
        log_var = spread * at**2 / 2 + base * at  # log(1 + sigma^2)
        sigma_slope = (spread * at + base) / 2 * np.exp(log_var) / np.sqrt(np.expm1(log_var))
        weights.append(
            [
                float(
                    np.mean(
                        sigma_slope
                        * np.prod([(at - other) / (node - other) for other in nodes if other != node], axis=0)
                    )
                )
                * (after - time)
                for node in nodes
            ]
        )
    return weights


_EVEN_WEIGHTS = {2: (3 / 2, -1 / 2), 3: (23 / 12, -16 / 12, 5 / 12), 4: (55 / 24, -59 / 24, 37 / 24, -9 / 24)}
