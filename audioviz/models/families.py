"""Families of models: how one is told from another by its settings, and what works for it when the user says nothing."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from audioviz.errors import ModelError

FAMILIES = ("Stable Diffusion 1 and 2", "SDXL", "SD3", "Flux")
FEW_STEPS = ("turbo", "lightning", "hyper", "lcm", "schnell")


@dataclass(frozen=True)
class Defaults:
    """What works for a family of models when the user says nothing."""

    size: int  # pixels, of a square picture
    steps: int
    cfg: float
    sampler: str
    scheduler: str
    denoise: float = 0.5  # of a frame that is made from the one before


def family_of(core: Mapping[str, Any]) -> str | None:
    """The family of a model, by the settings of its UNet or transformer; None if it is of none that is known.

    Parameters
    ----------
    core : mapping
        What the config.json of the part says, `_class_name` among it.
    """
    kind = core.get("_class_name", "")
    if kind == "UNet2DConditionModel":
        told = core.get("addition_embed_type")
        sees = core.get("in_channels", 4) in (core.get("out_channels", 4), 2 * core.get("out_channels", 4) + 1)
        return {"text_time": "SDXL", None: FAMILIES[0], "text": FAMILIES[0]}.get(told) if sees else None
    return {"SD3Transformer2DModel": "SD3", "FluxTransformer2DModel": "Flux"}.get(kind)


def defaults_for(core: Mapping[str, Any], scheduler: Mapping[str, Any], name: str, *, factor: int = 8) -> Defaults:
    """What works for a model when the user says nothing.

    Parameters
    ----------
    core, scheduler : mappings
        The settings of its UNet or transformer, and of its scheduler.
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
    family = family_of(core)
    if family is None:
        raise ModelError(f"model {name}: of no known family; expected one of {', '.join(FAMILIES)}")
    found = _OWN[family]
    fast = next((word for word in FEW_STEPS if re.search(rf"(?<![a-z]){word}(?![a-z])", name.lower())), None)
    if scheduler.get("_class_name") == "LCMScheduler" or core.get("time_cond_proj_dim"):
        fast = "lcm"
    if family == "Flux":
        fast = None if core.get("guidance_embeds") else "schnell"
    elif (
        fast is None and scheduler.get("timestep_spacing") == "trailing" and not scheduler.get("rescale_betas_zero_snr")
    ):
        fast = "turbo"
    if fast == "lcm" and family != "SD3":
        found = replace(
            found,
            steps=4,
            cfg=8.0 if core.get("time_cond_proj_dim") else 1.5,
            sampler="lcm",
            scheduler="sgm_uniform",
            denoise=0.45,
        )
    elif fast:
        found = replace(
            found,
            steps=2 if fast == "turbo" and family != "SD3" else 4,
            cfg=1.0,
            sampler="euler",
            scheduler="simple" if family in ("SD3", "Flux") else "sgm_uniform",
            denoise=0.5,
        )
        told = re.search(r"(?<!\d)(\d{1,2})[-_ ]?steps?(?![a-z])", name.lower())
        found = replace(found, steps=int(told[1])) if told and int(told[1]) else found
    size = 1024 if family == "Flux" else (core.get("sample_size") or found.size // factor) * factor
    return replace(found, size=size)


_OWN = {
    "Stable Diffusion 1 and 2": Defaults(512, steps=20, cfg=7.0, sampler="dpmpp_2m", scheduler="karras", denoise=0.4),
    "SDXL": Defaults(1024, steps=20, cfg=6.0, sampler="dpmpp_2m", scheduler="karras", denoise=0.4),
    "SD3": Defaults(1024, steps=28, cfg=4.5, sampler="euler", scheduler="simple", denoise=0.6),
    "Flux": Defaults(1024, steps=20, cfg=3.5, sampler="euler", scheduler="simple", denoise=0.6),
}
