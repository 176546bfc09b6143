"""CFG++: each step aims at the guided picture, but keeps the noise that the negative alone predicts.

Here `denoiser.pair(x, sigma)` gives the guided and the unconditional picture.

Source: Chung et al., ICLR 2025 (CFG++), carried over to each sampler.
"""

import math
from itertools import pairwise

from torch import Tensor

from audioviz.sampling.denoiser import BoundDenoiser
from audioviz.sampling.noise import Noise
from audioviz.sampling.samplers.one_step import ancestral, middle_of


def euler_cfg_pp(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
    """CFG++ with euler's steps."""
    for sigma, after in pairwise(sigmas.tolist()):
        guided, plain = denoiser.pair(x, sigma)
        x = guided + (x - plain) * (after / sigma)
    return x


def euler_ancestral_cfg_pp(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
    """CFG++ with euler_ancestral's steps."""
    for sigma, after in pairwise(sigmas.tolist()):
        guided, plain = denoiser.pair(x, sigma)
        down, up = ancestral(sigma, after)
        x = guided + (x - plain) * (down / sigma)
        if after > 0:
            x = x + noise(sigma, after) * up
    return x


def dpmpp_2s_ancestral_cfg_pp(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
    """CFG++ with dpmpp_2s_ancestral's steps."""
    for sigma, after in pairwise(sigmas.tolist()):
        guided, plain = denoiser.pair(x, sigma)
        down, up = ancestral(sigma, after)
        if down == 0:
            x = guided
        else:
            middle = middle_of(sigma, down)
            halfway, plain = denoiser.pair(guided + (x - plain) * (middle / sigma), middle)
            x = halfway + (x + guided - plain - halfway) * (down / sigma)
        if after > 0:
            x = x + noise(sigma, after) * up
    return x


def dpmpp_2m_cfg_pp(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
    """CFG++ with dpmpp_2m's steps."""
    last, h_last = None, math.nan
    for sigma, after in pairwise(sigmas.tolist()):
        guided, plain = denoiser.pair(x, sigma)
        h = math.log(sigma / after) if after > 0 else math.inf
        x = guided + (x - plain) * (after / sigma)
        if last is not None and after > 0:
            x = x + (guided - last) * (-math.expm1(-h) * h / h_last / 2)
        last, h_last = plain, h
    return x


def res_multistep_cfg_pp(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
    """CFG++ with res_multistep's steps."""
    return _res(denoiser, x, sigmas, lambda sigma, after: (after, 0.0), noise)


def res_multistep_ancestral_cfg_pp(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, noise: Noise) -> Tensor:
    """CFG++ with res_multistep_ancestral's steps."""
    return _res(denoiser, x, sigmas, ancestral, noise)


def _res(denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, split, noise: Noise) -> Tensor:
    last, h_last = None, math.nan
    for sigma, after in pairwise(sigmas.tolist()):
        guided, plain = denoiser.pair(x, sigma)
        down, up = split(sigma, after)
        h = math.log(sigma / down) if down > 0 else math.inf
        if last is None or down == 0:
            x = guided + (x - plain) * (down / sigma)
        else:
            x = (x + guided - plain) * (down / sigma) + plain * (1 - down / sigma)
            x = x + (plain - last) * ((1 + math.expm1(-h) / h) * h / h_last)
        if up > 0:
            x = x + noise(sigma, after) * up
        last, h_last = plain, h
    return x


def gradient_estimation_cfg_pp(
    denoiser: BoundDenoiser, x: Tensor, sigmas: Tensor, noise: Noise, *, gamma: float = 2.0
) -> Tensor:
    """CFG++ with gradient_estimation's steps."""
    last = None
    for sigma, after in pairwise(sigmas.tolist()):
        guided, plain = denoiser.pair(x, sigma)
        slope = (x - plain) / sigma
        x = guided + slope * after
        if last is not None and after > 0:
            x = x + (slope - last) * ((gamma - 1) * (after - sigma))
        last = slope
    return x
