"""Sinusoidal embeddings of timesteps and guidance scales, as networks read them."""

import math

import torch
from torch import Tensor


def guidance_scale_embedding(scales: Tensor, width: int) -> Tensor:
    """Embedding of guidance scales (B,) for distilled UNets, which are told them: float32, shape (B, width).

    Source
    ------
    Luo et al. (LCM), arXiv 2310.04378, section 4.2.
    """
    return sinusoidal_embedding((scales - 1) * 1000.0, width, shift=1)


def sinusoidal_embedding(values: Tensor, width: int, *, shift: float, cosine_first: bool = False) -> Tensor:
    """Sinusoidal embedding of values (B,), sines and cosines at falling frequencies: float32, shape (B, width).

    Parameters
    ----------
    values : float, shape (B,)
    width : int, even
    shift : float
        1 where the last frequency is 1 / 10000, 0 where that would be the next.
    cosine_first : bool
        Cosines before sines.

    Source
    ------
    Ho et al., NeurIPS 2020 (DDPM), as diffusers computes it.
    """
    half = width // 2
    steps = -math.log(10000) * torch.arange(half, dtype=torch.float32, device=values.device) / (half - shift)
    angles = values[:, None].float() * steps.exp()
    parts = angles.sin(), angles.cos()
    return torch.cat(parts[::-1] if cosine_first else parts, -1)
