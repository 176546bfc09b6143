"""The samplers by name: each a function `(denoiser, x, sigmas, noise) -> x`."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from audioviz.errors import InputError, nearest
from audioviz.sampling.denoiser import BoundDenoiser
from audioviz.sampling.noise import Noise, brownian, fresh
from audioviz.sampling.samplers import cfg_pp, dpm_solver, multistep, one_step, sa_solver, sde, unipc

Run = Callable[[BoundDenoiser, Tensor, Tensor, Noise], Tensor]


@dataclass(frozen=True)
class Sampler:
    """A sampler, and what it wants of the frame around it."""

    run: Run
    noise: Callable[[int, Tensor, Tensor], Noise] = fresh  # from (seed, x, sigmas)
    drop_penultimate: bool = False  # takes half steps, and leaves out the last sigma above 0
    first_order: bool = False  # its steps are Euler's, and can be undone as such
    mask_seed: int = 0  # added to the seed of the noise outside a mask
    flow: bool = False  # right for flow matching too, where the latent fades as the noise comes in
    rises: bool = True  # has an answer where sigma rises, as in the original nodes' unsampling
    global_draws: int = 0  # draws that the original makes in each step from torch's global generator, and does not use


def sampler_for(sampler: str | Run | Sampler, *, flow: bool = False) -> Sampler:
    """The sampler of this name; a function of the same form counts as one.

    Parameters
    ----------
    flow : bool
        The model is one of flow matching. Samplers that follow the probability-flow equation serve it as they are: in
        its sigmas, too, the slope is (x - denoised) / sigma. Those that add noise, or take x apart, do not.

    Raises
    ------
    InputError
        If no sampler has this name, or it does not serve such a model.
    """
    if callable(sampler):
        return Sampler(sampler, flow=True)
    name, kind = (sampler.run.__name__, sampler) if isinstance(sampler, Sampler) else (sampler, SAMPLERS.get(sampler))
    if kind is None:
        raise InputError(
            f"sampler {name!r} is not known{nearest(name, SAMPLERS)}: expected one of {', '.join(SAMPLERS)}"
        )
    if flow and not kind.flow:
        good = ", ".join(name for name, one in SAMPLERS.items() if one.flow)
        raise InputError(f"sampler {name} does not serve models of flow matching (SD3, Flux): use one of {good}")
    return kind


SAMPLERS: dict[str, Sampler] = {
    "euler": Sampler(one_step.euler, first_order=True, flow=True),
    "euler_ancestral": Sampler(one_step.euler_ancestral),
    "heun": Sampler(one_step.heun, flow=True),
    "dpm_2": Sampler(one_step.dpm_2, drop_penultimate=True, flow=True),
    "dpm_2_ancestral": Sampler(one_step.dpm_2_ancestral, drop_penultimate=True),
    "lms": Sampler(multistep.lms, flow=True),
    "dpmpp_2s_ancestral": Sampler(one_step.dpmpp_2s_ancestral),
    "dpmpp_sde": Sampler(sde.dpmpp_sde, brownian),
    "dpmpp_sde_gpu": Sampler(sde.dpmpp_sde, brownian),
    "dpmpp_2m": Sampler(multistep.dpmpp_2m, flow=True),
    "dpmpp_2m_sde": Sampler(sde.dpmpp_2m_sde, brownian, rises=False),
    "dpmpp_2m_sde_gpu": Sampler(sde.dpmpp_2m_sde, brownian, rises=False),
    "dpmpp_2m_sde_heun": Sampler(sde.dpmpp_2m_sde_heun, brownian, rises=False),
    "dpmpp_2m_sde_heun_gpu": Sampler(sde.dpmpp_2m_sde_heun, brownian, rises=False),
    "dpmpp_3m_sde": Sampler(sde.dpmpp_3m_sde, brownian, rises=False),
    "dpmpp_3m_sde_gpu": Sampler(sde.dpmpp_3m_sde, brownian, rises=False),
    "ddpm": Sampler(one_step.euler_ancestral, rises=False),
    "lcm": Sampler(one_step.lcm),
    "tcd": Sampler(one_step.tcd, rises=False),
    "ipndm": Sampler(multistep.ipndm, flow=True),
    "ipndm_v": Sampler(multistep.ipndm_v, flow=True),
    "deis": Sampler(multistep.deis, flow=True),
    "res_multistep": Sampler(multistep.res_multistep, flow=True),
    "res_multistep_ancestral": Sampler(multistep.res_multistep_ancestral),
    "gradient_estimation": Sampler(multistep.gradient_estimation, flow=True),
    "er_sde": Sampler(sde.er_sde),
    "seeds_2": Sampler(sde.seeds_2, rises=False),
    "seeds_3": Sampler(sde.seeds_3, rises=False),
    "heunpp2": Sampler(one_step.heunpp2, flow=True, global_draws=1),
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
    "uni_pc": Sampler(unipc.uni_pc, drop_penultimate=True, flow=True),
    "uni_pc_bh2": Sampler(unipc.uni_pc_bh2, drop_penultimate=True, flow=True),
    "ddim": Sampler(one_step.euler, first_order=True, mask_seed=1, flow=True),
}
