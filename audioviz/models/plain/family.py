"""The family of the embedded model: its networks are our own, driven as a UNet is."""

from functools import partial

from audioviz.models.defaults import EMBEDDED_DEFAULTS
from audioviz.models.families.family import Family
from audioviz.models.families.stable_diffusion import denoiser_of_unet
from audioviz.models.plain.load import plain_text
from audioviz.models.plain.vocabulary import embedded_text

EMBEDDED = Family(
    name="the embedded model",
    matches=lambda config: config.get("_class_name") == "UNet",
    needs=(),
    defaults=lambda config, scheduler, name: EMBEDDED_DEFAULTS,
    read=partial(embedded_text, encode=plain_text),
    denoiser=denoiser_of_unet,
    flow=False,
)
