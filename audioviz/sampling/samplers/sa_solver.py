"""SA-Solver: a stochastic Adams predictor and corrector in log sigma."""

import math
from itertools import pairwise

import torch
from torch import Tensor

from audioviz.sampling.denoiser import BoundDenoiser
from audioviz.sampling.noise import Noise
from audioviz.sampling.sigmas import sigma_at


def sa_solver(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
    """Predictor of third order, corrector of fourth; stochastic over the middle three fifths of the timesteps.

    Source
    ------
    Xue et al., NeurIPS 2023 (SA-Solver), algorithm 1.
    """
    return _sa_solver(denoiser, x, sigmas, noise, evaluate_again=False)


def sa_solver_pece(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
    """SA-Solver with a second model call after each correction.

    Source
    ------
    As for sa_solver.
    """
    return _sa_solver(denoiser, x, sigmas, noise, evaluate_again=True)


def _sa_solver(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, noise: Noise, *, evaluate_again: bool) -> Tensor:
    s = sigmas.tolist()
    last = len(denoiser.sigmas) - 1
    quiet_below, quiet_above = sigma_at(denoiser.sigmas, torch.tensor([0.2, 0.8]) * last).tolist()
    seen = []  # denoised pictures, oldest first
    corrected = predicted = x
    added, tau = 0.0, 0.0
    for i, (sigma, after) in enumerate(pairwise(s)):
        denoised = denoiser(predicted, sigma)
        seen = [*seen[-3:], denoised]
        left = len(s) - 1 - i  # steps from here to the end, where a step to 0 lowers the order
        order = min(4, len(seen), left if s[-1] == 0 else 4)
        if i == 0 or (after == 0 and not evaluate_again):
            corrected = predicted
        else:
            corrected = _step(corrected, seen[-order:], s[i - order + 1 : i + 1], s[i - 1], sigma, tau) + added
            if evaluate_again:
                denoised = seen[-1] = denoiser(corrected, sigma)
        if after == 0:
            return denoised
        tau = 1.0 if after < sigma and quiet_below <= after <= quiet_above else 0.0
        order = min(3, len(seen), left - 1 if s[-1] == 0 else 3)
        added = noise(sigma, after) * (after * math.sqrt(1 - (after / sigma) ** 2)) if tau else 0.0
        predicted = _step(corrected, seen[-order:], s[i - order + 1 : i + 1], sigma, after, tau) + added
    return predicted


def _step(x: Tensor, seen: list[Tensor], nodes: list[float], sigma: float, after: float, tau: float) -> Tensor:
    """The exponential step from sigma to after, the denoised picture a polynomial in log sigma through those seen."""
    s, t = torch.tensor((sigma, after))  # in float32: a step that rises far shows the rounding of the original
    x = x * (t / s * (-(tau**2) * (s.log() - t.log())).exp())
    for weight, denoised in zip(_weights(nodes, sigma, after, 1 + tau**2), seen):
        x = x + denoised * weight
    return x


def _weights(nodes: list[float], sigma: float, after: float, rate: float) -> list[float]:
    """rate times the integral of exp(rate (u - end)) l_j(u) over the step, l_j the Lagrange polynomials on the nodes.

    u is -log sigma. By parts, in float32 and about u = 0 as in the original: where steps are tiny its rounding shows.
    """
    start, end, u = (-torch.tensor(s).log() for s in (sigma, after, nodes))
    powers = torch.arange(len(nodes), dtype=torch.float32)
    ends = end**powers - start**powers * (rate * (start - end)).exp()
    parts = torch.tensor(
        [
            [math.perm(k, k - j) / (-rate) ** (k - j) if j <= k else 0.0 for j in range(len(nodes))]
            for k in range(len(nodes))
        ]
    )
    weights = torch.linalg.solve(torch.vander(u, increasing=True).T, parts @ ends)
    return (after * end.exp() * weights).tolist()  # the factor is 1 but for its rounding
