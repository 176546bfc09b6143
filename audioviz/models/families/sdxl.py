"""SDXL: a UNet that reads two CLIP text encoders, and is told the size of the picture."""

from audioviz.models.defaults import Defaults
from audioviz.models.families.family import Family
from audioviz.models.families.stable_diffusion import denoiser_of_unet, is_unet, unet_defaults
from audioviz.models.text.encoders import sdxl_text

OWN = Defaults(1024, steps=20, cfg=6.0, sampler="dpmpp_2m", scheduler="karras", denoise=0.4)
SDXL = Family(
    name="SDXL",
    matches=lambda config: is_unet(config, "text_time"),
    needs=("vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler"),
    defaults=lambda config, scheduler, name: unet_defaults(OWN, config, scheduler, name),
    read=sdxl_text,
    denoiser=denoiser_of_unet,
    flow=False,
    wide=True,
)
