"""Lumina-Image 2.0: a transformer of flow matching that reads Gemma 2, told by a system prompt what it is for."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from audioviz.models.autoencoder import Autoencoder
from audioviz.models.defaults import Defaults, flow_at_few_steps, sized
from audioviz.models.denoisers.flow import FlowDenoiser, flow_denoiser
from audioviz.models.denoisers.rows import mask_of
from audioviz.models.distilled import few_steps_of
from audioviz.models.families.family import Family
from audioviz.models.text.encoders import MASKED_STEP, TextEncoder, masked_text
from audioviz.sampling import Conditioning

OWN = Defaults(1024, steps=30, cfg=4.0, sampler="euler", scheduler="simple", denoise=0.6)
LENGTH = 256  # tokens of a text, at most
START = "<Prompt Start>"
SYSTEM_PROMPT = (
    "You are an assistant designed to generate superior images with the superior degree of image-text alignment based "
    f"on textual prompts or user prompts. {START} "
)


def _defaults(config: Mapping[str, Any], scheduler: Mapping[str, Any], name: str) -> Defaults:
    own = sized(OWN, config)
    return flow_at_few_steps(own, name, steps=8) if few_steps_of(name) else own


def _read(pipeline: Any, text: str) -> Conditioning:
    """Gemma's last layer but one; no system prompt stands before the empty text, nor before a text that has its own."""
    tokenizer, encoder = pipeline.tokenizer, pipeline.text_encoder

    def encode(tokens: Tensor) -> tuple[Tensor, None]:
        tokens = tokens.to(encoder.device)
        mask = (tokens != tokenizer.pad_token_id).long()
        return encoder(tokens, attention_mask=mask, output_hidden_states=True).hidden_states[-2], None

    prefix = "" if not text.strip() or START in text else SYSTEM_PROMPT
    return masked_text(TextEncoder(tokenizer, encode, LENGTH, chunks=1, end=(), step=MASKED_STEP, prefix=prefix), text)


def _denoiser(pipeline: Any, autoencoder: Autoencoder, controlnet: Any = None) -> FlowDenoiser:
    config = pipeline.transformer.config
    return flow_denoiser(
        pipeline.transformer,
        velocity,
        pipeline.scheduler,
        units=autoencoder.units,
        channels=config.in_channels,
        patch=config.patch_size,
        ragged=True,
    )


def velocity(transformer: Any, x: Tensor, sigma: Tensor, text: Conditioning, cfg: float) -> Tensor:
    """The velocity of x (B, C, H, W): see `flow.Velocity`. Lumina's time runs from noise to picture."""
    return -transformer(
        hidden_states=x,
        timestep=1 - sigma,
        encoder_hidden_states=text.embeddings,
        encoder_attention_mask=mask_of(text),
        return_dict=False,
    )[0]


LUMINA2 = Family(
    name="Lumina2",
    matches=lambda config: config.get("_class_name") == "Lumina2Transformer2DModel",
    needs=("vae", "text_encoder", "tokenizer", "scheduler"),
    defaults=_defaults,
    read=_read,
    denoiser=_denoiser,
    flow=True,
    half=torch.bfloat16,
)
