"""Look: the model of a project, and what it is told in every frame."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Strict
from pydantic_core import PydanticCustomError

from audioviz.models.devices import DTYPES, check_device
from audioviz.models.sources import PREDICTIONS
from audioviz.project.records import one_of, record, with_reason, within
from audioviz.project.values import Number, Place, Whole

# Named here too, so that they can be checked before torch is imported; a test holds that they are those of sampling.
SAMPLERS = (
    *("euler", "euler_ancestral", "heun", "dpm_2", "dpm_2_ancestral", "lms", "dpmpp_2s_ancestral", "dpmpp_sde"),
    *("dpmpp_sde_gpu", "dpmpp_2m", "dpmpp_2m_sde", "dpmpp_2m_sde_gpu", "dpmpp_2m_sde_heun", "dpmpp_2m_sde_heun_gpu"),
    *("dpmpp_3m_sde", "dpmpp_3m_sde_gpu", "ddpm", "lcm", "tcd", "ipndm", "ipndm_v", "deis", "res_multistep"),
    *("res_multistep_ancestral", "gradient_estimation", "er_sde", "seeds_2", "seeds_3", "heunpp2", "dpm_fast"),
    *("dpm_adaptive", "euler_cfg_pp", "euler_ancestral_cfg_pp", "dpmpp_2s_ancestral_cfg_pp", "dpmpp_2m_cfg_pp"),
    *("res_multistep_cfg_pp", "res_multistep_ancestral_cfg_pp", "gradient_estimation_cfg_pp", "sa_solver"),
    *("sa_solver_pece", "uni_pc", "uni_pc_bh2", "ddim"),
)
OF_TWO_STEPS = ("dpm_adaptive", "uni_pc", "uni_pc_bh2")  # which call no model in one step, here as in ComfyUI
SCHEDULERS = (
    *("simple", "ddim_uniform", "normal", "sgm_uniform", "karras", "exponential", "beta", "linear_quadratic"),
    "kl_optimal",
)
MOST_BATCH = 64
MOST_THREADS = 1024


def _to_size(value: Any) -> Any:
    """Width and height of both, of `512x288`, or of 512 for a square."""
    if isinstance(value, int):
        return (value, value)
    if isinstance(value, str) and (sides := re.fullmatch(r"(\d{1,5})(?:[xX](\d{1,5}))?", value, re.ASCII)):
        return (int(sides[1]), int(sides[2] or sides[1]))
    if value is not None and not (isinstance(value, (tuple, list)) and len(value) == 2):
        raise PydanticCustomError("size", "expected width and height in pixels, such as (512, 288), 512x288 or 512")
    return value


@record
class Look:
    """The model and what it is told in every frame; what is None is the model's own.

    Parameters
    ----------
    model, loras, embeddings, vae, controlnet, ip_adapter, prediction, device, dtype, vae_dtype : as for `av.load_model`
    lora_dir : folder, optional
        Holds the LoRAs that prompts name: `<lora:name:0.8>`.
    size : (width, height), or text such as `512x288`, or one number for a square; pixels
    steps : int
        Model calls a frame.
    cfg : float
        Guidance scale.
    sampler, scheduler : names
    compile : bool
        Compile the model first.
    batch : int, 1 to 64
        Frames between different cuts that are sampled together.
    threads : int, optional
        Of a model on a CPU, on whose number the last bits of pictures depend.
    """

    model: Place = "embedded"
    loras: tuple[Place, ...] = ()
    embeddings: tuple[Place, ...] = ()
    vae: Place | None = None
    controlnet: Place | None = None
    ip_adapter: Place | None = None
    prediction: Annotated[str, one_of("prediction", PREDICTIONS)] | None = None
    lora_dir: Place | None = None
    size: Annotated[
        tuple[Annotated[Whole, within(16, 8192)], Annotated[Whole, within(16, 8192)]] | None, BeforeValidator(_to_size)
    ] = None
    steps: Annotated[Whole, within(1, 10000)] | None = None
    cfg: Annotated[Number, within(0, 100)] | None = None
    sampler: Annotated[str, one_of("sampler", SAMPLERS)] | None = None
    scheduler: Annotated[str, one_of("scheduler", SCHEDULERS)] | None = None
    device: Annotated[str, AfterValidator(lambda name: with_reason(name, check_device))] = "auto"
    dtype: Annotated[str, one_of("dtype", DTYPES)] = "auto"
    vae_dtype: Annotated[str, one_of("vae-dtype", DTYPES)] = "auto"
    compile: Annotated[bool, Strict()] = False
    batch: Annotated[Whole, within(1, MOST_BATCH)] = 1
    threads: Annotated[Whole, within(1, MOST_THREADS)] | None = None
