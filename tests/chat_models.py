"""Tiny models with a language model as text encoder, random, in the layout of the real ones: see checkpoints.py."""

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderKLFlux2,
    FlowMatchEulerDiscreteScheduler,
    Flux2KleinPipeline,
    Flux2Transformer2DModel,
    ZImagePipeline,
    ZImageTransformer2DModel,
)
from transformers import Qwen2Tokenizer, Qwen3Config, Qwen3ForCausalLM, Qwen3Model
from transformers.convert_slow_tokenizer import bytes_to_unicode

WIDTH = 16  # of the hidden states
CHAT = (  # what the template of Qwen3 comes to for a prompt
    "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}"
    "{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}"
    "{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\n\n</think>\n\n' }}{%- endif %}"
    "{%- endif %}"
)


def z_image(*, shift: float = 3.0) -> ZImagePipeline:
    transformer = ZImageTransformer2DModel(
        dim=32, n_layers=2, n_refiner_layers=1, n_heads=2, n_kv_heads=2, cap_feat_dim=WIDTH, axes_dims=[8, 4, 4]
    )
    for pad in (transformer.x_pad_token, transformer.cap_pad_token):
        torch.nn.init.normal_(pad)
    return ZImagePipeline(
        transformer=transformer,
        vae=AutoencoderKL(**_vae(16), scaling_factor=0.3611, shift_factor=0.1159),
        text_encoder=Qwen3Model(_qwen(3)).eval(),
        tokenizer=qwen_tokenizer(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=shift),
    )


def flux2_klein(*, is_distilled: bool = True) -> Flux2KleinPipeline:
    transformer = Flux2Transformer2DModel(
        num_layers=1,
        num_single_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=3 * WIDTH,
        timestep_guidance_channels=32,
        axes_dims_rope=(4, 4, 4, 4),
        guidance_embeds=False,
    )
    vae = AutoencoderKLFlux2(**_vae(32))
    vae.bn.running_mean.normal_()
    vae.bn.running_var.uniform_(0.5, 3.0)
    return Flux2KleinPipeline(
        transformer=transformer,
        vae=vae,
        text_encoder=Qwen3ForCausalLM(_qwen(28)).eval(),
        tokenizer=qwen_tokenizer(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True),
        is_distilled=is_distilled,
    )


def qwen_tokenizer() -> Qwen2Tokenizer:
    """One that knows all bytes, and few pairs of them."""
    merges = [("g", "o"), ("l", "d"), ("go", "ld"), ("Ġ", "m")]
    words = [*bytes_to_unicode().values(), *map("".join, merges), "<|endoftext|>"]
    tokenizer = Qwen2Tokenizer(
        vocab={word: number for number, word in enumerate(words)}, merges=merges, model_max_length=131072
    )
    tokenizer.add_tokens(["<|im_start|>", "<|im_end|>", "<think>", "</think>"], special_tokens=True)
    tokenizer.chat_template = CHAT
    return tokenizer


def _qwen(layers: int) -> Qwen3Config:
    return Qwen3Config(
        vocab_size=272,
        hidden_size=WIDTH,
        intermediate_size=16,
        num_hidden_layers=layers,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        initializer_range=0.3,
    )


def _vae(channels: int) -> dict:
    return {
        "block_out_channels": (32,) * 4,
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
        "layers_per_block": 1,
        "latent_channels": channels,
        "sample_size": 64,
    }


NAMES = {
    "z-image-turbo": z_image,
    "z-image": lambda: z_image(shift=6.0),
    "klein": flux2_klein,
    "klein-base": lambda: flux2_klein(is_distilled=False),
}
