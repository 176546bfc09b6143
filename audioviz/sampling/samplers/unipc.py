"""UniPC: a predictor and a corrector of the same form, at one model call a step."""

import math

import numpy as np
import torch
from torch import Tensor

from audioviz.sampling.denoiser import BoundDenoiser
from audioviz.sampling.noise import Noise


def uni_pc(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
    """UniPC of third order with B(h) = h; its last sigma is 0.001 in place of 0.

    Source
    ------
    Zhao et al., NeurIPS 2023 (UniPC), algorithms 1 and 2, predicting the picture.
    """
    return _uni_pc(denoiser, x, sigmas, lambda h: -h)


def uni_pc_bh2(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
    """UniPC of third order with B(h) = exp(h) - 1; its last sigma is 0.001 in place of 0.

    Source
    ------
    As for uni_pc.
    """
    return _uni_pc(denoiser, x, sigmas, lambda h: math.expm1(-h))


def _uni_pc(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, scale) -> Tensor:
    s = sigmas.tolist()
    s[-1] = s[-1] or 0.001
    steps = len(s) - 1
    if steps == 1:
        # the original makes no step where there is only one; it just moves x from one sigma's scale to the other's
        return x * math.sqrt((1 + s[1] ** 2) / (1 + s[0] ** 2))
    max_order = min(3, steps - 1)
    seen, at = [denoiser(x, s[0])], [s[0]]  # denoised pictures and their sigmas, newest first
    for i in range(1, steps + 1):
        order = min(i, max_order, steps + 1 - i)
        h = math.log(at[0] / s[i])
        base = torch.lerp(seen[0], x, s[i] / at[0])
        ratios = [math.log(at[0] / older) / h for older in at[1:order]]  # negative: they lie behind
        changes = [(older - seen[0]) / ratio for older, ratio in zip(seen[1:], ratios)]
        x = base - _mix(_weights(h, ratios, scale(h)), changes, scale(h))
        if i < steps:
            denoised = denoiser(x, s[i])
            x = base - _mix(_weights(h, [*ratios, 1.0], scale(h)), [*changes, denoised - seen[0]], scale(h))
            seen, at = [denoised, *seen[:2]], [s[i], *at[:2]]
    return x


def _mix(weights: list[float], changes: list[Tensor], scale: float) -> Tensor | float:
    return scale * sum(weight * change for weight, change in zip(weights, changes))


def _weights(h: float, ratios: list[float], scale: float) -> list[float]:
    """Solution of the order conditions: sum over m of w_m r_m^(k-1) = k! phi_(k+1)(-h) h^k / B(h)."""
    if len(ratios) < 2:
        return [0.5] * len(ratios)  # the paper's own choice, exact in the limit of small steps
    phi, factorial, wanted = math.expm1(-h) / -h - 1, 1, []
    for k in range(1, len(ratios) + 1):
        wanted.append(phi * factorial / scale)
        factorial *= k + 1
        phi = phi / -h - 1 / factorial
    matrix = np.array([[ratio**k for ratio in ratios] for k in range(len(ratios))])
    return np.linalg.solve(matrix, wanted).tolist()
