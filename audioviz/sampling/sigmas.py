"""Noise schedules as sigma tables: which noise levels a sampler visits, by the names that users know.

A table descends from its first sigma to 0: float32, shape (n + 1,), on the CPU. A model's sigmas are float64, but the
arithmetic on them is float32 on purpose: the model is fed the nearest whole timestep, and a sigma half way between two
must fall to the same side as it does in the original system.
"""

from collections.abc import Callable
from numbers import Integral

import numpy as np
import torch
from torch import Tensor

from audioviz.errors import InputError, nearest

Schedule = Callable[[Tensor, int], Tensor]


def sigmas_for(
    scheduler: str | Schedule, model_sigmas: Tensor, steps: int, denoise: float = 1.0, *, drop_penultimate: bool = False
) -> Tensor:
    """The sigmas that a run of `steps` steps visits.

    Below a denoise of 1 this is the end of a longer table, so that a run always costs `steps` steps.

    Parameters
    ----------
    scheduler : name, or a function of (model_sigmas, steps)
    model_sigmas : float64, shape (timesteps,)
        The training sigmas, ascending, as `denoiser.sigmas` holds them.
    steps : int > 0
    denoise : float in [0, 1]
        At 0 the table is empty.
    drop_penultimate : bool
        Leave out the last sigma above 0, as samplers want that take a half step.

    Returns
    -------
    float32, shape (n + 1,), descending to 0. n is `steps`, but for ddim_uniform and beta, which may differ by what
    their rules say.

    Raises
    ------
    InputError
        If the scheduler is not known, or steps or denoise are out of range.
    """
    if not isinstance(steps, Integral) or steps < 1:
        raise InputError(f"steps is {steps!r}: expected a whole number, at least 1")
    if not 0 <= denoise <= 1:
        raise InputError(f"denoise is {denoise!r}: expected a number from 0 to 1")
    rule = scheduler_for(scheduler)
    if denoise == 0:
        return torch.empty(0)
    total = steps if denoise > 0.9999 else int(steps / denoise)
    table = rule(model_sigmas, total + drop_penultimate)
    if drop_penultimate:
        table = torch.cat((table[:-2], table[-1:]))
    return table if denoise > 0.9999 else table[-(steps + 1) :]


def scheduler_for(scheduler: str | Schedule) -> Schedule:
    """The rule of this name, or a function of the same form as it is.

    Raises
    ------
    InputError
        If no scheduler has this name.
    """
    if callable(scheduler):
        return scheduler
    if scheduler not in SCHEDULERS:
        hint = nearest(scheduler, SCHEDULERS)
        raise InputError(f"scheduler {scheduler!r} is not known{hint}: expected one of {', '.join(SCHEDULERS)}")
    return SCHEDULERS[scheduler]


def sigma_at(model_sigmas: Tensor, timesteps: Tensor) -> Tensor:
    """The sigma at fractional timesteps: linear between neighbours in log sigma."""
    logs = model_sigmas.log().float()
    low, weight = timesteps.floor().long(), timesteps.frac()
    return ((1 - weight) * logs[low] + weight * logs[timesteps.ceil().long()]).exp()


def simple(model_sigmas: Tensor, steps: int) -> Tensor:
    """Every (timesteps / steps)th training sigma, from the largest."""
    stride = len(model_sigmas) / steps
    return _to_zero(torch.stack([model_sigmas[-(1 + int(i * stride))] for i in range(steps)]))


def ddim_uniform(model_sigmas: Tensor, steps: int) -> Tensor:
    """Every (timesteps // steps)th training sigma, from the second smallest; its top lies below the largest.

    Source
    ------
    Song et al., ICLR 2021 (DDIM), section 4.2.
    """
    return _to_zero(model_sigmas[1 :: max(len(model_sigmas) // steps, 1)].flip(0))


def normal(model_sigmas: Tensor, steps: int) -> Tensor:
    """Even in timesteps, from the last to the first."""
    return _to_zero(sigma_at(model_sigmas, torch.linspace(len(model_sigmas) - 1, 0, steps)))


def sgm_uniform(model_sigmas: Tensor, steps: int) -> Tensor:
    """Even in timesteps, with the first timestep left to the final 0."""
    return _to_zero(sigma_at(model_sigmas, torch.linspace(len(model_sigmas) - 1, 0, steps + 1)[:-1]))


def karras(model_sigmas: Tensor, steps: int, *, rho: float = 7.0) -> Tensor:
    """Even in the rho-th root of sigma.

    Source
    ------
    Karras et al., NeurIPS 2022, equation 5.
    """
    low, high = (model_sigmas[i].float().item() ** (1 / rho) for i in (0, -1))
    return _to_zero((high + torch.linspace(0, 1, steps) * (low - high)) ** rho)


def exponential(model_sigmas: Tensor, steps: int) -> Tensor:
    """Even in log sigma."""
    low, high = (np.log(model_sigmas[i].float().item()) for i in (0, -1))
    return _to_zero(torch.linspace(high, low, steps).exp())


def beta(model_sigmas: Tensor, steps: int, *, alpha: float = 0.6) -> Tensor:
    """Training sigmas at the quantiles of a beta distribution, dense at both ends; may be shorter than `steps`.

    Source
    ------
    Lee et al., arXiv 2407.12173 (beta sampling).
    """
    from scipy.stats import beta as beta_distribution  # a quarter of a second to import, for this rule alone

    quantiles = beta_distribution.ppf(1 - np.linspace(0, 1, steps, endpoint=False), alpha, alpha)
    timesteps = np.rint(quantiles * (len(model_sigmas) - 1)).astype(int)
    distinct = np.flatnonzero(np.diff(timesteps, prepend=-1))
    return _to_zero(model_sigmas[timesteps[distinct]])


def linear_quadratic(model_sigmas: Tensor, steps: int, *, threshold: float = 0.025) -> Tensor:
    """Small even steps to `threshold` of the way over half of the steps, then a parabola that goes on as steeply.

    Source
    ------
    Polyak et al., arXiv 2410.13720 (Movie Gen), section 3.4.2.
    """
    linear = steps // 2
    curved = steps - linear
    slope = threshold / linear if linear else 0.0
    bend = (1 - slope * steps) / curved**2
    way = [slope * i + bend * max(i - linear, 0) ** 2 for i in range(steps)]
    return _to_zero(torch.tensor([1 - w for w in way]) * model_sigmas[-1].float())


def kl_optimal(model_sigmas: Tensor, steps: int) -> Tensor:
    """Even in the arc tangent of sigma.

    Source
    ------
    Sabour, Fidler & Kreis, ICML 2024 (Align Your Steps), equation 12.
    """
    share = torch.arange(steps, dtype=torch.float) / max(steps - 1, 1)
    low, high = (model_sigmas[i].float().atan() for i in (0, -1))
    return _to_zero((share * low + (1 - share) * high).tan())


def _to_zero(sigmas: Tensor) -> Tensor:
    return torch.cat((sigmas.float(), torch.zeros(1)))


SCHEDULERS: dict[str, Schedule] = {
    "simple": simple,
    "ddim_uniform": ddim_uniform,
    "normal": normal,
    "sgm_uniform": sgm_uniform,
    "karras": karras,
    "exponential": exponential,
    "beta": beta,
    "linear_quadratic": linear_quadratic,
    "kl_optimal": kl_optimal,
}
