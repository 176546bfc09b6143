"""Model families (Stable Diffusion, SDXL, SD3, Flux): detection by config, and the default settings of each."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from audioviz.errors import ModelError

FAMILIES = ("Stable Diffusion 1 and 2", "SDXL", "SD3", "Flux")
FEW_STEPS = ("turbo", "lightning", "hyper", "lcm", "schnell")


@dataclass(frozen=True)
class Defaults:
    """Default settings of a model: what works for its family when the user says nothing."""

    size: int  # pixels, of a square picture
    steps: int
    cfg: float
    sampler: str
    scheduler: str
    denoise: float = 0.5  # of a frame that is made from the one before


def family_of(config: Mapping[str, Any]) -> str | None:
    """The family of a model, by the config of its UNet or transformer; None if it is of none that is known.

    Parameters
    ----------
    config : mapping
        What the config.json of the part says, `_class_name` among it.
    """
    kind = config.get("_class_name", "")
    if kind == "UNet2DConditionModel":
        addition, latent_channels = config.get("addition_embed_type"), config.get("out_channels", 4)
        if config.get("in_channels", 4) not in (latent_channels, 2 * latent_channels + 1):  # the latter is inpainting
            return None
        return {"text_time": "SDXL", None: FAMILIES[0], "text": FAMILIES[0]}.get(addition)
    return {"SD3Transformer2DModel": "SD3", "FluxTransformer2DModel": "Flux"}.get(kind)


def defaults_for(config: Mapping[str, Any], scheduler: Mapping[str, Any], name: str, *, factor: int = 8) -> Defaults:
    """Default settings of a model: what works when the user says nothing.

    Parameters
    ----------
    config, scheduler : mappings
        The configs of its UNet or transformer, and of its scheduler.
    name : str
        Its file, folder or id: models of few steps are often known by nothing else.
    factor : int
        Pixels a latent cell.

    Raises
    ------
    ModelError
        If it is of no known family.

    Source
    ------
    The pages of the models, and the presets that their users share.
    """
    family = family_of(config)
    if family is None:
        raise ModelError(f"model {name}: of no known family; expected one of {', '.join(FAMILIES)}")
    defaults = _DEFAULTS[family]
    distilled = next((word for word in FEW_STEPS if re.search(rf"(?<![a-z]){word}(?![a-z])", name.lower())), None)
    if scheduler.get("_class_name") == "LCMScheduler" or config.get("time_cond_proj_dim"):
        distilled = "lcm"
    if family == "Flux":
        distilled = None if config.get("guidance_embeds") else "schnell"
    elif (
        distilled is None
        and scheduler.get("timestep_spacing") == "trailing"
        and not scheduler.get("rescale_betas_zero_snr")
    ):
        distilled = "turbo"
    if distilled == "lcm" and family != "SD3":
        defaults = replace(
            defaults,
            steps=4,
            cfg=8.0 if config.get("time_cond_proj_dim") else 1.5,
            sampler="lcm",
            scheduler="sgm_uniform",
            denoise=0.45,
        )
    elif distilled:
        defaults = replace(
            defaults,
            steps=2 if distilled == "turbo" and family != "SD3" else 4,
            cfg=1.0,
            sampler="euler",
            scheduler="simple" if family in ("SD3", "Flux") else "sgm_uniform",
            denoise=0.5,
        )
        named = re.search(r"(?<!\d)(\d{1,2})[-_ ]?steps?(?![a-z])", name.lower())
        defaults = replace(defaults, steps=int(named[1])) if named and int(named[1]) else defaults
    size = 1024 if family == "Flux" else (config.get("sample_size") or defaults.size // factor) * factor
    return replace(defaults, size=size)


_DEFAULTS = {
    "Stable Diffusion 1 and 2": Defaults(512, steps=20, cfg=7.0, sampler="dpmpp_2m", scheduler="karras", denoise=0.4),
    "SDXL": Defaults(1024, steps=20, cfg=6.0, sampler="dpmpp_2m", scheduler="karras", denoise=0.4),
    "SD3": Defaults(1024, steps=28, cfg=4.5, sampler="euler", scheduler="simple", denoise=0.6),
    "Flux": Defaults(1024, steps=20, cfg=3.5, sampler="euler", scheduler="simple", denoise=0.6),
}
