"""Stable Diffusion 3 and 3.5: a transformer of flow matching that reads two CLIP text encoders and T5."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from audioviz.models.autoencoder import Autoencoder
from audioviz.models.defaults import Defaults, sized, with_few_steps
from audioviz.models.denoisers.flow import TIMESTEPS, FlowDenoiser, flow_denoiser
from audioviz.models.denoisers.rows import pooled_of
from audioviz.models.distilled import TURBO, FewSteps, few_steps_of, steps_in
from audioviz.models.families.family import Family
from audioviz.models.text.encoders import sd3_text
from audioviz.sampling import Conditioning

OWN = Defaults(1024, steps=28, cfg=4.5, sampler="euler", scheduler="simple", denoise=0.6)


def _defaults(config: Mapping[str, Any], scheduler: Mapping[str, Any], name: str) -> Defaults:
    own, few = sized(OWN, config), few_steps_of(name)
    few = FewSteps(steps_in(name) or 4) if few and few.steps == TURBO.steps else few
    return with_few_steps(own, few, flow=True) if few else own


def _denoiser(pipeline: Any, autoencoder: Autoencoder, controlnet: Any = None) -> FlowDenoiser:
    transformer = pipeline.transformer
    return flow_denoiser(
        transformer,
        velocity,
        pipeline.scheduler,
        units=autoencoder.units,
        channels=transformer.config.in_channels,
        patch=transformer.config.patch_size,
    )


def velocity(transformer: Any, x: Tensor, sigma: Tensor, text: Conditioning, cfg: float) -> Tensor:
    """The velocity of x (B, C, H, W): see `flow.Velocity`."""
    return transformer(
        hidden_states=x,
        timestep=sigma * TIMESTEPS,
        encoder_hidden_states=text.embeddings,
        pooled_projections=pooled_of(text),
        return_dict=False,
    )[0]


SD3 = Family(
    name="SD3",
    matches=lambda config: config.get("_class_name") == "SD3Transformer2DModel",
    needs=("vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler"),
    defaults=_defaults,
    read=sd3_text,
    denoiser=_denoiser,
    flow=True,
    half=torch.bfloat16,
)
