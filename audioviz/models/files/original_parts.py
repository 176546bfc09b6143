"""Parts of single files that diffusers' loader does not know: language models that read text, FLUX.2's autoencoder."""

import re
from typing import Any

import torch
from torch import Tensor

CORE = "model.diffusion_model."
ORIGINAL = (  # whose converters take all of a file for their own
    "ZImageTransformer2DModel",
    "Flux2Transformer2DModel",
    "Lumina2Transformer2DModel",
)
LANGUAGE_MODELS = tuple(f"text_encoders.{name}.transformer." for name in ("qwen3_4b", "qwen3_8b", "gemma2_2b"))
"""Before the names of their tensors, as ComfyUI saves them."""


def transformer_weights(checkpoint: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of the transformer in a checkpoint, named as in a file that holds nothing else; a dict of its own."""
    own = {key.removeprefix(CORE): value for key, value in checkpoint.items() if key.startswith(CORE)}
    return own or dict(checkpoint)


def read_language_model(own: Any, settings: dict[str, Any], checkpoint: dict[str, Tensor], dtype: torch.dtype) -> Any:
    """The language model of a checkpoint, Qwen3 or Gemma 2.

    Parameters
    ----------
    own : its class in transformers
    settings : its config
    checkpoint : tensors by name
    dtype : torch.dtype
    """
    config = own.config_class(**{key: value for key, value in settings.items() if key != "_class_name"})
    return own.from_pretrained(
        None, config=config, state_dict=language_model_weights(checkpoint, own.__name__), dtype=dtype
    )


def language_model_weights(checkpoint: dict[str, Tensor], kind: str) -> dict[str, Tensor]:
    """The weights of a language model in a checkpoint by their names in transformers' class of this name."""
    own = {key: value for key, value in checkpoint.items() if key.startswith(LANGUAGE_MODELS)}
    inner = ".transformer.model." if kind.endswith("Model") else ".transformer."
    return {key.partition(inner)[2]: value for key, value in own.items() if inner in key}


def read_flux2_vae(settings: Any, checkpoint: dict[str, Tensor], dtype: torch.dtype) -> Any:
    """AutoencoderKLFlux2 of a checkpoint, or of a file that holds nothing else; `settings` is its config.

    Raises
    ------
    RuntimeError
        If weights are missing or of other shapes.
    """
    from diffusers.models.autoencoders.autoencoder_kl_flux2 import AutoencoderKLFlux2

    own: Any = AutoencoderKLFlux2
    with torch.device("meta"):
        vae = own.from_config(settings)
    weights = flux2_vae_weights(checkpoint, vae.config) | {"bn.num_batches_tracked": torch.tensor(0)}
    vae.load_state_dict(weights, assign=True)
    return vae.to(dtype).eval()


def flux2_vae_weights(checkpoint: dict[str, Tensor], config: Any) -> dict[str, Tensor]:
    """The weights of AutoencoderKLFlux2 in a checkpoint by their names in diffusers."""
    from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint

    whole = any(key.startswith("vae.") for key in checkpoint)
    own = {key.removeprefix("vae."): value for key, value in checkpoint.items() if not whole or key.startswith("vae.")}
    if "decoder.conv_norm_out.weight" in own:  # named as in diffusers already
        return own
    plain = {re.sub(r"^(?:en|de)coder\.((?:post_)?quant_conv\.)", r"\1", key): value for key, value in own.items()}
    statistics = {key: value for key, value in plain.items() if key.startswith("bn.")}
    return convert_ldm_vae_checkpoint(plain, config) | statistics
