"""PixArt-Sigma: a transformer that predicts noise as a UNet does; it reads T5 with an attention mask."""

from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from audioviz.models.autoencoder import Autoencoder
from audioviz.models.defaults import Defaults
from audioviz.models.denoisers.unet import UNetDenoiser, unet_denoiser
from audioviz.models.families.family import Family
from audioviz.models.families.stable_diffusion import unet_defaults
from audioviz.models.text.encoders import masked_t5, masked_text
from audioviz.models.text.weights import BREAK
from audioviz.sampling import Conditioning

OWN = Defaults(1024, steps=20, cfg=4.5, sampler="dpmpp_2m", scheduler="normal", denoise=0.4)
LENGTH = 300  # tokens of a text, at most


class NoiseOfPixArt(nn.Module):
    """A PixArt transformer called as a UNet is: noise alone, not the variance that it has learnt beside it."""

    def __init__(self, transformer: Any) -> None:
        super().__init__()
        self.transformer = transformer
        channels = transformer.config.in_channels
        self.config = SimpleNamespace(
            in_channels=channels, out_channels=channels, addition_embed_type=None, time_cond_proj_dim=None
        )

    @property
    def dtype(self) -> torch.dtype:
        """What the transformer runs in."""
        return self.transformer.dtype

    @property
    def device(self) -> torch.device:
        """Where the transformer lies."""
        return self.transformer.device

    def forward(
        self,
        sample: Tensor,
        timestep: Tensor,
        *,
        encoder_hidden_states: Tensor,
        encoder_attention_mask: Tensor | None,
        **unused,
    ) -> tuple[Tensor]:
        """The noise in a sample, (B, C, H, W), in a tuple as diffusers gives it.

        Parameters
        ----------
        sample : (B, C, H, W)
        timestep : (B,)
        encoder_hidden_states : (B, tokens, width)
        encoder_attention_mask : bool, (B, tokens)
        unused
            What diffusers' UNet takes beside.
        """
        output = self.transformer(
            sample,
            encoder_hidden_states=encoder_hidden_states,
            encoder_attention_mask=encoder_attention_mask,
            timestep=timestep,
            added_cond_kwargs={"resolution": None, "aspect_ratio": None},
            return_dict=False,
        )[0]
        return (output[:, : sample.shape[1]],)


def _is_pixart(config: Mapping[str, Any]) -> bool:
    """Whether a config is that of PixArt-Sigma, whose class has had two names; Alpha is told the size, and is not."""
    kind, told_size = config.get("_class_name"), config.get("use_additional_conditions")
    own = kind == "PixArtTransformer2DModel" or (
        kind == "Transformer2DModel" and config.get("norm_type") == "ada_norm_single"
    )
    return own and not (config.get("sample_size") == 128 if told_size is None else told_size)


def _read(pipeline: Any, text: str) -> Conditioning:
    """T5 of the text in small letters."""
    small = BREAK.join(part.lower() for part in text.split(BREAK)).strip()
    return masked_text(masked_t5(pipeline.tokenizer, pipeline.text_encoder, LENGTH), small)


def _denoiser(pipeline: Any, autoencoder: Autoencoder, controlnet: Any = None) -> UNetDenoiser:
    scheduler = pipeline.scheduler
    denoiser = unet_denoiser(
        NoiseOfPixArt(pipeline.transformer),
        prediction_type=scheduler.config.prediction_type,
        betas=scheduler.betas.double().numpy(),
        factor=autoencoder.factor,
    )
    return replace(denoiser, units=autoencoder.units, patch=pipeline.transformer.config.patch_size)


PIXART = Family(
    name="PixArt-Sigma",
    matches=_is_pixart,
    needs=("vae", "text_encoder", "tokenizer", "scheduler"),
    defaults=lambda config, scheduler, name: unet_defaults(OWN, config, scheduler, name),
    read=_read,
    denoiser=_denoiser,
    flow=False,
    wide=True,
)
