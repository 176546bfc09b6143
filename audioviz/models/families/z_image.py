"""Z-Image and Z-Image-Turbo: a transformer of flow matching that reads Qwen3, with the autoencoder of Flux."""

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from audioviz.models.autoencoder import Autoencoder
from audioviz.models.defaults import Defaults, flow_at_few_steps
from audioviz.models.denoisers.flow import FlowDenoiser, flow_denoiser
from audioviz.models.families.family import Family
from audioviz.models.text.chat import chat_text
from audioviz.sampling import Conditioning

OWN = Defaults(1024, steps=30, cfg=4.0, sampler="euler", scheduler="simple", denoise=0.6)
TURBO_SHIFT = 3.0  # of the noise levels of Turbo, by which its folder is known
PATCH = 2  # latent cells a token, each way
MULTIPLE = 32  # of tokens, that the transformer fills texts up to
_WHOLE = re.compile(r"(?<![a-z])(base|de[-_ ]?turbo)(?![a-z])|^z[-_ ]?image(?!.*turbo)")


def is_turbo(name: str, shift: float = TURBO_SHIFT) -> bool:
    """Whether a model is the one of few steps, as most that are made from Z-Image are, by its name and its levels."""
    return shift == TURBO_SHIFT and not _WHOLE.search(name.lower())


def _defaults(config: Mapping[str, Any], scheduler: Mapping[str, Any], name: str) -> Defaults:
    turbo = is_turbo(name, scheduler.get("shift", TURBO_SHIFT))
    return flow_at_few_steps(OWN, name, steps=8) if turbo else OWN


def _denoiser(pipeline: Any, autoencoder: Autoencoder, controlnet: Any = None) -> FlowDenoiser:
    transformer = pipeline.transformer
    transformer.cap_embedder = Captions(transformer)
    return flow_denoiser(
        transformer,
        velocity,
        pipeline.scheduler,
        units=autoencoder.units,
        channels=transformer.config.in_channels,
        patch=PATCH,
        ragged=True,
    )


def z_image_text(pipeline: Any, text: str) -> Conditioning:
    """The last hidden state but one of Qwen3, with a column that says which tokens are there, and not padding.

    The transformer fills texts up to a multiple of so many tokens; done here already, with zeros, the mix of two texts
    goes smoothly from one to the other where their lengths differ: see Captions.
    """
    embeddings = chat_text(pipeline, text, layers=(-2,), thinking=True, filled=False).embeddings
    there = pad(embeddings, (0, 1), value=1.0)
    return Conditioning(pad(there, (0, 0, 0, -embeddings.shape[1] % MULTIPLE)), joint=True)


class Captions(nn.Sequential):
    """The transformer's embedding of a text (tokens, width + 1), as far as each token is there; the rest is padding.

    Its last column says how far, 0..1. Its layers have the names that they had.
    """

    def __init__(self, transformer: Any) -> None:
        super().__init__(*transformer.cap_embedder)
        self._owner = [transformer]  # in a list, so that it is no layer of this one

    def forward(self, input: Tensor) -> Tensor:
        there = input[:, -1:].clamp(0, 1)
        return torch.lerp(self._owner[0].cap_pad_token, super().forward(input[:, :-1]), there)


def velocity(transformer: Any, x: Tensor, sigma: Tensor, text: Conditioning, cfg: float) -> Tensor:
    """The velocity of x (B, C, H, W): see `flow.Velocity`. The transformer has 1 for no noise, and the other sign."""
    pictures, texts = list(x.unsqueeze(2).unbind()), list(text.embeddings.unbind())  # of one frame each
    return -torch.stack(transformer(pictures, 1 - sigma, texts, return_dict=False)[0]).squeeze(2)


Z_IMAGE = Family(
    name="Z-Image",
    matches=lambda config: config.get("_class_name") == "ZImageTransformer2DModel",
    needs=("vae", "text_encoder", "tokenizer", "scheduler"),
    defaults=_defaults,
    read=z_image_text,
    denoiser=_denoiser,
    flow=True,
    half=torch.bfloat16,
)
