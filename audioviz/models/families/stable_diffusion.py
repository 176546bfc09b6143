"""Stable Diffusion 1 and 2: a UNet that reads one CLIP text encoder."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from audioviz.models.autoencoder import Autoencoder
from audioviz.models.defaults import Defaults, sized, with_few_steps
from audioviz.models.denoisers.inpainting import Inpainting, mask_before
from audioviz.models.denoisers.unet import UNetDenoiser, unet_denoiser
from audioviz.models.distilled import LCM, TURBO, few_steps_of, steps_in
from audioviz.models.families.family import Family
from audioviz.models.text.encoders import clip_text

RESCALE = 0.7  # of guidance, for models whose training ends in pure noise


def is_unet(config: Mapping[str, Any], *additions: str | None) -> bool:
    """Whether a config is that of a UNet, one of inpainting too, with one of these kinds of added conditions."""
    latent = config.get("out_channels", 4)
    return (
        config.get("_class_name") == "UNet2DConditionModel"
        and config.get("in_channels", 4) in (latent, 2 * latent + 1)
        and config.get("addition_embed_type") in additions
    )


def unet_defaults(own: Defaults, config: Mapping[str, Any], scheduler: Mapping[str, Any], name: str) -> Defaults:
    """The defaults of a UNet that was trained as its scheduler says, and distilled as that or its name says.

    Source
    ------
    The pages of the models, and the presets that their users share; of those whose training ends in pure noise, Lin et
    al., WACV 2024.
    """
    own, few, told_scale = sized(own, config), few_steps_of(name), config.get("time_cond_proj_dim")
    zero_snr = bool(scheduler.get("rescale_betas_zero_snr"))
    if scheduler.get("_class_name") == "LCMScheduler" or told_scale:
        few = replace(LCM, steps=steps_in(name) or LCM.steps, cfg=8.0 if told_scale else LCM.cfg)
    if few is None and scheduler.get("timestep_spacing") == "trailing" and not zero_snr:
        few = TURBO
    if few:
        return with_few_steps(own, few)
    return replace(own, sampler="euler", scheduler="sgm_uniform") if zero_snr else own


def denoiser_of_unet(pipeline: Any, autoencoder: Autoencoder, controlnet: Any = None) -> UNetDenoiser:
    """The denoiser of a pipeline with a UNet and a scheduler with betas."""
    unet, scheduler = pipeline.unet, pipeline.scheduler
    inpaints = unet.config.in_channels != unet.config.out_channels
    denoiser = unet_denoiser(
        unet,
        prediction_type=scheduler.config.prediction_type,
        betas=scheduler.betas.double().numpy(),
        factor=autoencoder.factor,
        inpainting=Inpainting(autoencoder, mask_before) if inpaints else None,
        controlnet=controlnet,
        rescale=RESCALE if scheduler.config.get("rescale_betas_zero_snr") else 0.0,
    )
    return replace(denoiser, units=autoencoder.units)


OWN = Defaults(512, steps=20, cfg=7.0, sampler="dpmpp_2m", scheduler="karras", denoise=0.4)
STABLE_DIFFUSION = Family(
    name="Stable Diffusion 1 and 2",
    matches=lambda config: is_unet(config, None, "text"),
    needs=("vae", "text_encoder", "tokenizer", "scheduler"),
    defaults=lambda config, scheduler, name: unet_defaults(OWN, config, scheduler, name),
    read=clip_text,
    denoiser=denoiser_of_unet,
    flow=False,
)
