"""Unsampling: where on the way to pure noise does this latent come from?"""

from itertools import pairwise

from torch import Tensor


def invert(denoiser, x: Tensor, sigmas: Tensor, *, rounds: int = 3) -> Tensor:
    """The noisy x that deterministic sampling along `sigmas` takes to this one.

    Parameters
    ----------
    denoiser : callable (x, sigma) -> denoised x
    x : float32, shape (B, C, H, W)
        Clean, in the model's scaled latent space.
    sigmas : float32, shape (n + 1,)
        Descending to 0.
    """
    slope = 0.0
    for after, sigma in pairwise(reversed(sigmas.tolist())):
        clean = x
        for _ in range(rounds):
            x = clean + slope * (sigma - after)
            slope = (x - denoiser(x, sigma)) / sigma
        x = clean + slope * (sigma - after)
    return x
