"""The samplers by name: each a function `(denoiser, x, sigmas, noise) -> x`."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from audioviz.errors import InputError
from audioviz.sampling.noise import Noise, brownian, fresh
from audioviz.sampling.samplers import cfg_pp, dpm_solver, multistep, one_step, sa_solver, sde, unipc

Run = Callable[[Callable, Tensor, Tensor, Noise], Tensor]


@dataclass(frozen=True)
class Sampler:
    """A sampler, and what it wants of the frame around it."""

    run: Run
    noise: Callable[[int, Tensor, Tensor], Noise] = fresh  # from (seed, x, sigmas)
    drop_penultimate: bool = False  # takes half steps, and leaves out the last sigma above 0
    first_order: bool = False       # its steps are Euler's, and can be undone as such
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
    "euler": Sampler(one_step.euler, first_order=True),
    "euler_ancestral": Sampler(one_step.euler_ancestral),
    "heun": Sampler(one_step.heun),
    "dpm_2": Sampler(one_step.dpm_2, drop_penultimate=True),
    "dpm_2_ancestral": Sampler(one_step.dpm_2_ancestral, drop_penultimate=True),
    "lms": Sampler(multistep.lms),
    "dpmpp_2s_ancestral": Sampler(one_step.dpmpp_2s_ancestral),
    "dpmpp_sde": Sampler(sde.dpmpp_sde, brownian),
    "dpmpp_sde_gpu": Sampler(sde.dpmpp_sde, brownian),
    "dpmpp_2m": Sampler(multistep.dpmpp_2m),
    "dpmpp_2m_sde": Sampler(sde.dpmpp_2m_sde, brownian),
    "dpmpp_2m_sde_gpu": Sampler(sde.dpmpp_2m_sde, brownian),
    "dpmpp_2m_sde_heun": Sampler(sde.dpmpp_2m_sde_heun, brownian),
    "dpmpp_2m_sde_heun_gpu": Sampler(sde.dpmpp_2m_sde_heun, brownian),
    "dpmpp_3m_sde": Sampler(sde.dpmpp_3m_sde, brownian),
    "dpmpp_3m_sde_gpu": Sampler(sde.dpmpp_3m_sde, brownian),
    "ddpm": Sampler(one_step.euler_ancestral),
    "lcm": Sampler(one_step.lcm),
    "ipndm": Sampler(multistep.ipndm),
    "ipndm_v": Sampler(multistep.ipndm_v),
    "deis": Sampler(multistep.deis),
    "res_multistep": Sampler(multistep.res_multistep),
    "res_multistep_ancestral": Sampler(multistep.res_multistep_ancestral),
    "gradient_estimation": Sampler(multistep.gradient_estimation),
    "er_sde": Sampler(sde.er_sde),
    "seeds_2": Sampler(sde.seeds_2),
    "seeds_3": Sampler(sde.seeds_3),
    "heunpp2": Sampler(one_step.heunpp2),
    "dpm_fast": Sampler(dpm_solver.dpm_fast),
    "dpm_adaptive": Sampler(dpm_solver.dpm_adaptive),
    "euler_cfg_pp": Sampler(cfg_pp.euler_cfg_pp),
    "euler_ancestral_cfg_pp": Sampler(cfg_pp.euler_ancestral_cfg_pp),
    "dpmpp_2s_ancestral_cfg_pp": Sampler(cfg_pp.dpmpp_2s_ancestral_cfg_pp),
    "dpmpp_2m_cfg_pp": Sampler(cfg_pp.dpmpp_2m_cfg_pp),
    "res_multistep_cfg_pp": Sampler(cfg_pp.res_multistep_cfg_pp),
    "res_multistep_ancestral_cfg_pp": Sampler(cfg_pp.res_multistep_ancestral_cfg_pp),
    "gradient_estimation_cfg_pp": Sampler(cfg_pp.gradient_estimation_cfg_pp),
    "sa_solver": Sampler(sa_solver.sa_solver),
    "sa_solver_pece": Sampler(sa_solver.sa_solver_pece),
    "uni_pc": Sampler(unipc.uni_pc, drop_penultimate=True),
    "uni_pc_bh2": Sampler(unipc.uni_pc_bh2, drop_penultimate=True),
    "ddim": Sampler(one_step.euler, first_order=True, mask_seed=1),
}
