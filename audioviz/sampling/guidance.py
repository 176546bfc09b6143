"""Classifier-free guidance: the one place where what a model denoises for several texts becomes one picture."""

import math

import torch
from torch import Tensor

from audioviz.errors import InputError
from audioviz.sampling.conditioning import Guidance
from audioviz.sampling.denoiser import Denoiser


def guided(denoiser: Denoiser, x: Tensor, sigma: Tensor, guidance: Guidance, cfg: float) -> Tensor:
    """Denoised x, float32, shape (B, C, H, W): from the negative to each positive, as strongly as that is.

    Without a negative, at cfg 1, and by models that are told the guidance scale, it is the weighted mean of all
    positives, and the negative is not run.

    Parameters
    ----------
    denoiser : Denoiser
    x : float32, shape (B, C, H, W)
    sigma : float32, shape (B,)
    guidance : Guidance
    cfg : float
        Guidance scale.

    Raises
    ------
    InputError
        If a mean is wanted of strengths that come to nothing.

    Source
    ------
    Ho & Salimans, arXiv 2207.12598; several positives as in Liu et al., ECCV 2022 (composable diffusion), with the
    strengths of the AUTOMATIC1111 web interface.
    """
    drawn = [(text, strength) for text, strength in guidance.positives if strength]
    total = math.fsum(strength for _, strength in drawn)
    negative = None if cfg == 1 or denoiser.distilled else guidance.negative
    if not drawn or (negative is None and total <= 0):
        raise InputError(f"the strengths that AND joins come to {total:g}: expected more than 0")
    texts = [text for text, _ in drawn]
    if negative is None:
        predictions = denoiser(x, sigma, texts, control=guidance.control, cfg=cfg)
        return _over(_sum(predictions, drawn), total)
    *predictions, unwanted = denoiser(x, sigma, [*texts, negative], control=guidance.control, cfg=cfg)
    wanted = _sum(predictions, drawn)
    found = unwanted + (wanted - (unwanted if total == 1 else unwanted * total)) * cfg
    return rescaled(found, _over(wanted, total), x, sigma, denoiser.rescale) if denoiser.rescale else found


def guided_pair(denoiser: Denoiser, x: Tensor, sigma: Tensor, guidance: Guidance, cfg: float) -> tuple[Tensor, Tensor]:
    """Denoised x with the guidance, and by the negative alone, for samplers that steer by the two apart (CFG++).

    Raises
    ------
    InputError
        If there is no negative, or the strengths come to nothing.

    Source
    ------
    Chung et al., ICLR 2025 (CFG++).
    """
    if guidance.negative is None:
        raise InputError("this sampler needs a negative conditioning: it steers by the two apart")
    drawn = [(text, strength) for text, strength in guidance.positives if strength]
    total = math.fsum(strength for _, strength in drawn)
    if total <= 0:
        raise InputError(f"the strengths that AND joins come to {total:g}: expected more than 0")
    texts = [*(text for text, _ in drawn), guidance.negative]
    *predictions, unwanted = denoiser(x, sigma, texts, control=guidance.control, cfg=1.0)
    return torch.lerp(unwanted, _over(_sum(predictions, drawn), total), cfg), unwanted


def rescaled(found: Tensor, wanted: Tensor, x: Tensor, sigma: Tensor, strength: float) -> Tensor:
    """Guided x (B, C, H, W) whose velocity has the deviation of the positive's, as far as the strength, 0..1, says.

    Models whose training ends in pure noise otherwise give pictures that are burnt.

    Source
    ------
    Lin et al., WACV 2024 (common diffusion noise schedules), section 3.4.
    """
    level = (sigma * sigma + 1)[:, None, None, None]
    at_rest = x / level  # where the velocity is zero
    ratio = (at_rest - wanted).std((1, 2, 3), keepdim=True) / (at_rest - found).std((1, 2, 3), keepdim=True)
    return at_rest - (at_rest - found) * torch.lerp(torch.ones_like(ratio), ratio, strength)


def _sum(predictions, drawn) -> Tensor:
    first, *others = (one if strength == 1 else one * strength for one, (_, strength) in zip(predictions, drawn))
    return sum(others, first)


def _over(together: Tensor, total: float) -> Tensor:
    return together if total == 1 else together / total
