"""Flux: a transformer of flow matching that reads T5 and the pooled text of CLIP, and is told the guidance scale.

Fill, its model for inpainting, reads beside the latents that of the picture without what is drawn, and the mask.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from audioviz.models.autoencoder import Autoencoder
from audioviz.models.defaults import Defaults, flow_at_few_steps
from audioviz.models.denoisers.flow import FlowDenoiser, flow_denoiser
from audioviz.models.denoisers.inpainting import Inpainting, mask_behind
from audioviz.models.denoisers.rows import pooled_of
from audioviz.models.families.family import Family
from audioviz.models.text.encoders import flux_text
from audioviz.sampling import Conditioning

OWN = Defaults(1024, steps=20, cfg=3.5, sampler="euler", scheduler="simple", denoise=0.6)
FILL_CFG = 30.0
PATCH = 2  # latent cells a token, each way
CHANNELS = 64  # of a token
FILL_CHANNELS = 2 * CHANNELS + 256  # and of the picture's, and its pixels of the mask


def _defaults(config: Mapping[str, Any], scheduler: Mapping[str, Any], name: str) -> Defaults:
    if config.get("in_channels") == FILL_CHANNELS:
        return replace(OWN, cfg=FILL_CFG)
    return OWN if config.get("guidance_embeds") else flow_at_few_steps(OWN, name, steps=4)  # schnell


def _denoiser(pipeline: Any, autoencoder: Autoencoder, controlnet: Any = None) -> FlowDenoiser:
    config = pipeline.transformer.config
    fill = config.in_channels == FILL_CHANNELS
    return flow_denoiser(
        pipeline.transformer,
        velocity,
        pipeline.scheduler,
        units=autoencoder.units,
        channels=(config.out_channels or config.in_channels) // PATCH**2,
        patch=PATCH,
        distilled=config.guidance_embeds,
        inpainting=Inpainting(autoencoder, mask_behind) if fill else None,
    )


def velocity(transformer: Any, x: Tensor, sigma: Tensor, text: Conditioning, cfg: float) -> Tensor:
    """The velocity of x (B, C, H, W): see `flow.Velocity`."""
    from diffusers.pipelines.flux.pipeline_flux import FluxPipeline

    batch, channels, height, width = x.shape
    guidance = torch.full((batch,), float(cfg), device=x.device) if transformer.config.guidance_embeds else None
    output = transformer(
        hidden_states=FluxPipeline._pack_latents(x, batch, channels, height, width),
        timestep=sigma.to(x.dtype),
        guidance=guidance,
        pooled_projections=pooled_of(text),
        encoder_hidden_states=text.embeddings,
        txt_ids=torch.zeros(text.embeddings.shape[1], 3, device=x.device, dtype=x.dtype),
        img_ids=place_ids(height // PATCH, width // PATCH, x.device, x.dtype),
        return_dict=False,
    )[0]
    return unpacked(output, height, width)


def unpacked(tokens: Tensor, height: int, width: int) -> Tensor:
    """Latents (B, C, height, width) of tokens (B, n, 4 C): what FluxPipeline._unpack_latents does, in latent cells."""
    cells = tokens.view(len(tokens), height // PATCH, width // PATCH, -1, PATCH, PATCH)
    return cells.permute(0, 3, 1, 4, 2, 5).reshape(len(tokens), -1, height, width)


@lru_cache(maxsize=8)
def place_ids(height: int, width: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Where each token of a picture lies: shape (height * width, 3)."""
    from diffusers.pipelines.flux.pipeline_flux import FluxPipeline

    return FluxPipeline._prepare_latent_image_ids(1, height, width, device, dtype)


FLUX = Family(
    name="Flux",
    matches=lambda config: (
        config.get("_class_name") == "FluxTransformer2DModel"
        and config.get("in_channels", CHANNELS) in (CHANNELS, FILL_CHANNELS)
    ),
    needs=("vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler"),
    defaults=_defaults,
    read=flux_text,
    denoiser=_denoiser,
    flow=True,
    half=torch.bfloat16,
)
