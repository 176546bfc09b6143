"""UniPC: a predictor and a corrector of the same form, at one model call a step."""

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
    return _uni_pc(denoiser, x, sigmas, lambda h: h)


def uni_pc_bh2(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
    """UniPC of third order with B(h) = exp(h) - 1; its last sigma is 0.001 in place of 0.

    Source
    ------
    As for uni_pc.
    """
    return _uni_pc(denoiser, x, sigmas, torch.expm1)


def _uni_pc(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, scale) -> Tensor:
    """In variance-preserving form and float32 as the original: near sigma 0 its 1 - alpha^2 has few digits left.

    `scale` gives B of a step -h in log(alpha / std).
    """
    s = sigmas.clone()
    s[-1] = s[-1] or 0.001
    steps = len(s) - 1
    grown = (1 + s**2).sqrt()
    x = x / grown[0]
    log_alpha = 0.5 * torch.log(1 / (s * s + 1))
    alpha, variance = log_alpha.exp(), 1 - (2 * log_alpha).exp()
    std, times = variance.sqrt(), log_alpha - 0.5 * variance.log()
    if steps == 1:
        return x / alpha[-1]  # the original makes no step where there is only one

    def picture(x: Tensor, i: int) -> Tensor:
        grown_x = x * grown[i]
        return (x - (grown_x - denoiser(grown_x, s[i].item())) / s[i] * std[i]) / alpha[i]

    max_order = min(3, steps - 1)
    seen = [picture(x, 0)]  # newest first
    for i in range(1, steps + 1):
        order = min(i, max_order, steps + 1 - i)
        last = times[i - 1]
        h = last - times[i]
        base = x * (std[i] / std[i - 1]) - seen[0] * (alpha[i] * torch.expm1(h))
        ratios = (times[i - order : i - 1].flip(0) - last) / -h  # negative: they lie behind
        changes = [(older - seen[0]) / ratio for older, ratio in zip(seen[1:], ratios)]
        x = base - _mix(_weights(h, ratios, scale(h)), changes) * (alpha[i] * scale(h))
        if i < steps:
            new = picture(x, i)
            weights = _weights(h, torch.cat((ratios, torch.ones(1))), scale(h))
            x = base - _mix(weights, [*changes, new - seen[0]]) * (alpha[i] * scale(h))
            seen = [new, *seen[:2]]
    return x / alpha[-1]


def _mix(weights: Tensor, changes: list[Tensor]) -> Tensor | float:
    return sum((change * weight for weight, change in zip(weights, changes)), 0.0)


def _weights(h: Tensor, ratios: Tensor, scale: Tensor) -> Tensor:
    """Solution of the order conditions: sum over m of w_m r_m^(k-1) = k! phi_(k+1)(h) h^k / B(h)."""
    if len(ratios) < 2:
        return torch.full((len(ratios),), 0.5)  # the paper's own choice, exact in the limit of small steps
    phi, factorial, wanted = torch.expm1(h) / h - 1, 1, []
    for k in range(1, len(ratios) + 1):
        wanted.append(phi * factorial / scale)
        factorial *= k + 1
        phi = phi / h - 1 / factorial
    return torch.linalg.solve(torch.vander(ratios, increasing=True).T, torch.stack(wanted))
