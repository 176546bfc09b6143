"""Single-step samplers: they remember nothing, and each step starts from x alone.

Here and in the other families x has the shape (B, C, H, W), `sigmas` the shape (n + 1,), and `denoiser(x, sigma)` and
`noise(sigma, after)` give tensors of the shape of x. `after` is the sigma that a step leads to.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor

from audioviz.sampling.denoiser import BoundDenoiser
from audioviz.sampling.noise import Noise

TCD_ETA = 0.3  # the part of the way to pure noise that each step forgets


def ancestral(sigma: float, after: float) -> tuple[float, float]:
    """How far a step goes down, and the standard deviation of the noise that brings it up to `after` again.

    In float32 as in the original, whose last digits decide which timestep is nearest.
    """
    if after > sigma:
        return 0.0, after  # a step that rises forgets x altogether; some samplers leave out the noise too
    s, t = torch.tensor(sigma), torch.tensor(after)
    up = (t**2 * (s**2 - t**2) / s**2) ** 0.5
    return ((t**2 - up**2) ** 0.5).item(), up.item()


def middle_of(sigma: float, after: float) -> float:
    """The sigma half way in logarithm, in float32 and counted from the first as in the original.

    A Brownian path shows the last digit, and so does the nearest timestep.
    """
    start, end = torch.tensor([sigma, after]).log()
    return (start + 0.5 * (end - start)).exp().item()


def euler(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
    """Euler's method for the probability-flow equation; for epsilon models it is DDIM.

    Source
    ------
    Karras et al., NeurIPS 2022, algorithm 2 without its correction; Song et al., ICLR 2021 (DDIM).
    """
    for sigma, after in pairwise(sigmas.tolist()):
        x = torch.lerp(denoiser(x, sigma), x, after / sigma)
    return x


def euler_ancestral(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
    """Euler steps that go down too far and come up again with fresh noise; DDPM's own sampling.

    Source
    ------
    Ho et al., NeurIPS 2020 (DDPM); Song et al., ICLR 2021, equation 16 with eta = 1.
    """
    for sigma, after in pairwise(sigmas.tolist()):
        down, up = ancestral(sigma, after)
        x = torch.lerp(denoiser(x, sigma), x, down / sigma)
        if down > 0:
            x = x + noise(sigma, after) * up
    return x


def heun(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
    """Heun's second-order method: the mean of the slopes at both ends of a step.

    Source
    ------
    Karras et al., NeurIPS 2022, algorithm 1.
    """
    for sigma, after in pairwise(sigmas.tolist()):
        slope = (x - denoiser(x, sigma)) / sigma
        end = x + slope * (after - sigma)
        if after > 0:
            slope = (slope + (end - denoiser(end, after)) / after) / 2
            end = x + slope * (after - sigma)
        x = end
    return x


def heunpp2(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
    """Heun++: the slopes of two steps ahead, weighted by their sigmas against the largest.

    Source
    ------
    Wang et al., arXiv 2306.08527 (Heun++ of second order).
    """
    s = sigmas.tolist()
    for i, (sigma, after) in enumerate(pairwise(s)):
        slopes = [(x - denoiser(x, sigma)) / sigma]
        ahead = x
        for here, there in pairwise(s[i : i + 3]):
            if there == s[-1]:
                break
            ahead = ahead + slopes[-1] * (there - here)
            slopes.append((ahead - denoiser(ahead, there)) / there)
        shares = [there / (len(slopes) * s[0]) for there in s[i + 1 : i + len(slopes)]]
        slope = slopes[0] * (1 - sum(shares))
        for share, later in zip(shares, slopes[1:]):
            slope = slope + later * share
        x = x + slope * (after - sigma)
    return x


def dpm_2(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
    """The midpoint method, with the middle taken in log sigma.

    Source
    ------
    Karras et al., NeurIPS 2022, algorithm 3; Lu et al., NeurIPS 2022 (DPM-Solver-2).
    """
    for sigma, after in pairwise(sigmas.tolist()):
        x = _midpoint(denoiser, x, sigma, after)
    return x


def dpm_2_ancestral(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
    """The midpoint method down too far, and fresh noise up again.

    Source
    ------
    As for dpm_2, with the noise of Song et al., ICLR 2021, equation 16.
    """
    for sigma, after in pairwise(sigmas.tolist()):
        down, up = ancestral(sigma, after)
        x = _midpoint(denoiser, x, sigma, down)
        if down > 0:
            x = x + noise(sigma, after) * up
    return x


def _midpoint(denoiser: BoundDenoiser, x: Tensor, sigma: float, after: float) -> Tensor:
    denoised = denoiser(x, sigma)
    if after == 0:
        return denoised
    middle = middle_of(after, sigma)
    halfway = torch.lerp(denoised, x, middle / sigma)
    return x + (halfway - denoiser(halfway, middle)) * ((after - sigma) / middle)


def dpmpp_2s_ancestral(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
    """DPM-Solver++(2S) down too far, and fresh noise up again.

    Source
    ------
    Lu et al., arXiv 2211.01095, algorithm 1; the noise as in Song et al., ICLR 2021, equation 16.
    """
    for sigma, after in pairwise(sigmas.tolist()):
        down, up = ancestral(sigma, after)
        denoised = denoiser(x, sigma)
        if down > 0:
            middle = middle_of(sigma, down)
            denoised = denoiser(torch.lerp(denoised, x, middle / sigma), middle)
        x = torch.lerp(denoised, x, down / sigma)
        if after > 0:  # a step that rises, too, adds its noise
            x = x + noise(sigma, after) * up
    return x


def lcm(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
    """Denoise in one go, and noise again to the next level: for consistency models.

    Source
    ------
    Song et al., ICML 2023 (consistency models), algorithm 1; Luo et al., arXiv 2310.04378.
    """
    for sigma, after in pairwise(sigmas.tolist()):
        x = denoiser(x, sigma)
        if after > 0:
            x = x + noise(sigma, after) * after
    return x


def tcd(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
    """Down past the next level, by `TCD_ETA`, and up again with fresh noise: for trajectory consistency models.

    Source
    ------
    Zheng et al., arXiv 2402.19159, algorithm 4 (strategic stochastic sampling), with the eta of its authors' page.
    """
    levels = denoiser.sigmas
    for sigma, after in pairwise(sigmas.tolist()):
        down = after
        if after > 0:
            timestep = int((levels.log() - math.log(after)).abs().argmin())
            earlier = math.floor((1 - TCD_ETA) * timestep)
            down = min(levels[earlier].item(), after) if earlier < timestep else after
        x = torch.lerp(denoiser(x, sigma), x, down / sigma)
        if after > down:
            x = x + noise(sigma, after) * (after**2 - down**2) ** 0.5
    return x
