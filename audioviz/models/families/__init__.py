"""Families of models, a file for each: how a model of it is known, what it needs, and how it is driven."""

from collections.abc import Mapping
from typing import Any

from audioviz.models.families.chroma import CHROMA
from audioviz.models.families.family import Family
from audioviz.models.families.flux import FLUX
from audioviz.models.families.flux2 import FLUX2
from audioviz.models.families.lumina2 import LUMINA2
from audioviz.models.families.pixart import PIXART
from audioviz.models.families.sd3 import SD3
from audioviz.models.families.sdxl import SDXL
from audioviz.models.families.stable_diffusion import STABLE_DIFFUSION
from audioviz.models.families.z_image import Z_IMAGE

FAMILIES = (STABLE_DIFFUSION, SDXL, SD3, FLUX, Z_IMAGE, FLUX2, CHROMA, LUMINA2, PIXART)


def family_of(config: Mapping[str, Any]) -> Family | None:
    """The family of a model, by the config of its UNet or transformer with `_class_name`; None if none is known."""
    return next((family for family in FAMILIES if family.matches(config)), None)


def family_names() -> str:
    """The names of all families, for a message."""
    return ", ".join(family.name for family in FAMILIES)
