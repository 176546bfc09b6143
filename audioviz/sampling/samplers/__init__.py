"""The samplers by name: each a function `(denoiser, x, sigmas, noise) -> x`."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from audioviz.errors import InputError
from audioviz.sampling.noise import Noise, brownian, fresh
from audioviz.sampling.samplers import multistep, one_step, sde

Run = Callable[[Callable, Tensor, Tensor, Noise], Tensor]


@dataclass(frozen=True)
class Sampler:
    """A sampler, and what it wants of the frame around it."""

    run: Run
    noise: Callable[[int, Tensor, Tensor], Noise] = fresh  # from (seed, x, sigmas)
    drop_penultimate: bool = False  # takes half steps, and leaves out the last sigma above 0
    mask_seed: int = 0              # added to the seed of the noise outside a mask


def sampler_for(sampler: str | Run | Sampler) -> Sampler:
    """The sampler of this name; a function of the same form counts as one.

    Raises
    ------
    InputError
        If no sampler has this name.
    """
    if isinstance(sampler, Sampler):
        return sampler
    if callable(sampler):
        return Sampler(sampler)
    if sampler not in SAMPLERS:
        raise InputError(f"sampler {sampler!r} is not known: expected one of {', '.join(SAMPLERS)}")
    return SAMPLERS[sampler]


SAMPLERS: dict[str, Sampler] = {
    "euler": Sampler(one_step.euler),
    "euler_ancestral": Sampler(one_step.euler_ancestral),
    "heun": Sampler(one_step.heun),
    "dpm_2": Sampler(one_step.dpm_2, drop_penultimate=True),
    "dpm_2_ancestral": Sampler(one_step.dpm_2_ancestral, drop_penultimate=True),
    "dpmpp_2s_ancestral": Sampler(one_step.dpmpp_2s_ancestral),
    "dpmpp_2m": Sampler(multistep.dpmpp_2m),
    "dpmpp_2m_sde": Sampler(sde.dpmpp_2m_sde, brownian),
    "dpmpp_2m_sde_gpu": Sampler(sde.dpmpp_2m_sde, brownian),
    "dpmpp_2m_sde_heun": Sampler(sde.dpmpp_2m_sde_heun, brownian),
    "dpmpp_2m_sde_heun_gpu": Sampler(sde.dpmpp_2m_sde_heun, brownian),
    "ddpm": Sampler(one_step.euler_ancestral),
    "lcm": Sampler(one_step.lcm),
    "ddim": Sampler(one_step.euler, mask_seed=1),
}
