"""FLUX.2 klein: a transformer of flow matching that reads Qwen3, of latents that are packed and scaled by channel.

FLUX.2 dev, which reads another language model, is none of this family.
"""

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from audioviz.models.autoencoder import Autoencoder
from audioviz.models.defaults import Defaults, flow_at_few_steps
from audioviz.models.denoisers.flow import FlowDenoiser, flow_denoiser
from audioviz.models.families.family import Family
from audioviz.models.text.chat import chat_text
from audioviz.sampling import Conditioning
from audioviz.sampling.units import LatentUnits

OWN = Defaults(1024, steps=20, cfg=4.0, sampler="euler", scheduler="simple", denoise=0.6)
FEW_STEPS = 4
LAYERS = (9, 18, 27)  # of Qwen3, which are read


def is_distilled(name: str) -> bool:
    """Whether a model is the one of few steps, where nothing but its name tells."""
    return not re.search(r"(?<![a-z])base(?![a-z])", name.lower())


def _defaults(config: Mapping[str, Any], scheduler: Mapping[str, Any], name: str) -> Defaults:
    distilled = config.get("is_distilled", is_distilled(name))
    return flow_at_few_steps(OWN, name, steps=FEW_STEPS) if distilled else OWN


def _denoiser(pipeline: Any, autoencoder: Autoencoder, controlnet: Any = None) -> FlowDenoiser:
    return flow_denoiser(
        pipeline.transformer,
        velocity,
        pipeline.scheduler,
        units=autoencoder.units,
        channels=pipeline.transformer.config.in_channels,
        patch=1,
        shift=flux2_shift,
        steps=FEW_STEPS if pipeline.config.get("is_distilled", True) else OWN.steps,
    )


def flux2_shift(config: Any, tokens: int, steps: int) -> float:
    """How far noise levels are shifted to noise, which for FLUX.2 depends on the number of steps as well."""
    from diffusers.pipelines.flux2.pipeline_flux2 import compute_empirical_mu

    return compute_empirical_mu(tokens, steps)


def flux2_text(pipeline: Any, text: str) -> Conditioning:
    """Three hidden states of Qwen3, and of its padding."""
    return chat_text(pipeline, text, layers=LAYERS, thinking=False, filled=True)


def velocity(transformer: Any, x: Tensor, sigma: Tensor, text: Conditioning, cfg: float) -> Tensor:
    """The velocity of x (B, C, H, W): see `flow.Velocity`."""
    one, rows, columns, tokens = (
        torch.arange(count, device=x.device) for count in (1, *x.shape[2:], text.embeddings.shape[1])
    )
    output = transformer(
        hidden_states=x.flatten(2).transpose(1, 2),
        timestep=sigma.to(x.dtype),
        encoder_hidden_states=text.embeddings,
        txt_ids=torch.cartesian_prod(one, one, one, tokens),
        img_ids=torch.cartesian_prod(one, rows, columns, one),
        return_dict=False,
    )[0]
    return output.transpose(1, 2).reshape(x.shape)


def statistics(own: Any, used: Any) -> LatentUnits:
    """Mean and standard deviation of each packed channel of latents, which the autoencoder keeps: see Family."""
    norm = used.bn
    mean, variance = (value.float()[:, None, None] for value in (norm.running_mean, norm.running_var))
    return LatentUnits(mean, (variance + norm.eps).rsqrt())


FLUX2 = Family(
    name="FLUX.2 klein",
    matches=lambda config: (
        config.get("_class_name") == "Flux2Transformer2DModel" and not config.get("guidance_embeds", True)
    ),
    needs=("vae", "text_encoder", "tokenizer", "scheduler"),
    defaults=_defaults,
    read=flux2_text,
    denoiser=_denoiser,
    flow=True,
    half=torch.bfloat16,
    units=statistics,
    packed=2,
)
