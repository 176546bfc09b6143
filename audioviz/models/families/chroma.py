"""Chroma: Flux pruned and trained anew without distillation; it reads T5 alone, with an attention mask."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from audioviz.models.autoencoder import Autoencoder
from audioviz.models.defaults import Defaults, flow_at_few_steps
from audioviz.models.denoisers.flow import FlowDenoiser, flow_denoiser
from audioviz.models.denoisers.rows import mask_of
from audioviz.models.distilled import few_steps_of
from audioviz.models.families.family import Family
from audioviz.models.families.flux import PATCH, place_ids, unpacked
from audioviz.models.text.encoders import masked_t5, masked_text
from audioviz.sampling import Conditioning

OWN = Defaults(1024, steps=26, cfg=4.0, sampler="euler", scheduler="simple", denoise=0.6)
LENGTH = 512  # tokens of a text, at most


def _defaults(config: Any, scheduler: Any, name: str) -> Defaults:
    return flow_at_few_steps(OWN, name, steps=8) if few_steps_of(name) else OWN


def _read(pipeline: Any, text: str) -> Conditioning:
    """T5, with one token of its padding, which Chroma was trained to read."""
    return masked_text(masked_t5(pipeline.tokenizer, pipeline.text_encoder, LENGTH, pads=1), text)


def _denoiser(pipeline: Any, autoencoder: Autoencoder, controlnet: Any = None) -> FlowDenoiser:
    return flow_denoiser(
        pipeline.transformer,
        velocity,
        pipeline.scheduler,
        units=autoencoder.units,
        channels=pipeline.transformer.config.in_channels // PATCH**2,
        patch=PATCH,
    )


def velocity(transformer: Any, x: Tensor, sigma: Tensor, text: Conditioning, cfg: float) -> Tensor:
    """The velocity of x (B, C, H, W): see `flow.Velocity`.

    The mask hides padding. In diffusers' own pipeline, whose mask is of numbers, it does not (its issue 12116).
    """
    from diffusers.pipelines.flux.pipeline_flux import FluxPipeline

    batch, channels, height, width = x.shape
    ids = place_ids(height // PATCH, width // PATCH, x.device, x.dtype)
    output = transformer(
        hidden_states=FluxPipeline._pack_latents(x, batch, channels, height, width),
        timestep=sigma.to(x.dtype),
        encoder_hidden_states=text.embeddings,
        txt_ids=torch.zeros(text.embeddings.shape[1], 3, device=x.device, dtype=x.dtype),
        img_ids=ids,
        attention_mask=pad(mask_of(text), (0, len(ids)), value=True),
        return_dict=False,
    )[0]
    return unpacked(output, height, width)


CHROMA = Family(
    name="Chroma",
    matches=lambda config: config.get("_class_name") == "ChromaTransformer2DModel",
    needs=("vae", "text_encoder", "tokenizer", "scheduler"),
    defaults=_defaults,
    read=_read,
    denoiser=_denoiser,
    flow=True,
    half=torch.bfloat16,
)
