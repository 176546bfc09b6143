"""Interpolation of latents: three functions of (a, b, t) that give `a` at t = 0 and `b` at t = 1, and are never NaN."""

import math

import torch
from torch import Tensor


def blend(a: Tensor, b: Tensor, t: float) -> Tensor:
    """Straight from a to b, both (B, C, H, W)."""
    return torch.lerp(a, b, t)


def cosine(a: Tensor, b: Tensor, t: float) -> Tensor:
    """Straight from a to b, both (B, C, H, W), slow at either end."""
    return torch.lerp(a, b, (1 - math.cos(math.pi * t)) / 2)


def slerp(a: Tensor, b: Tensor, t: float) -> Tensor:
    """From a to b, both (B, C, H, W), along the arc between two whole latents; straight where they span none.

    Source
    ------
    Shoemake, SIGGRAPH 1985, without bringing the two to one length.
    """
    if t in (0, 1):
        return b if t else a
    whole = (1, 2, 3)
    dot, squares = (a * b).sum(whole, keepdim=True), (a * a).sum(whole, keepdim=True) * (b * b).sum(whole, keepdim=True)
    angle = torch.acos((dot / squares.clamp_min(torch.finfo(a.dtype).tiny).sqrt()).clamp(-1, 1))
    has_arc = (torch.sin(angle) > 1e-3) & (squares > 0)
    angle = torch.where(has_arc, angle, 1.0)
    arc = (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
    return torch.where(has_arc, arc, torch.lerp(a, b, t))


MODES = {"blend": blend, "slerp": slerp, "cosine": cosine}
