"""Samplers that remember the steps before, and so gain an order without another model call."""

import math
from itertools import pairwise

import torch
from torch import Tensor


def dpmpp_2m(denoiser, x: Tensor, sigmas: Tensor, noise) -> Tensor:
    """DPM-Solver++(2M): the denoised picture carried on straight in log sigma.

    Source
    ------
    Lu et al., arXiv 2211.01095, algorithm 2.
    """
    previous, h_last = None, None
    for sigma, after in pairwise(sigmas.tolist()):
        denoised = denoiser(x, sigma)
        h = math.log(sigma / after) if after > 0 else math.inf
        aim = denoised
        if previous is not None and after > 0:
            aim = denoised + (denoised - previous) * (h / h_last / 2)
        x = torch.lerp(aim, x, after / sigma)
        previous, h_last = denoised, h
    return x
