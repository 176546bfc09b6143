"""Weights of Z-Image and FLUX.2 under the names of the original checkpoints: see originals.py."""

import re

import torch

from tests.originals import _vae

Weights = dict[str, torch.Tensor]
_Z_IMAGE = {
    "all_final_layer.2-1.": "final_layer.",
    "all_x_embedder.2-1.": "x_embedder.",
    ".to_out.0.": ".out.",
    ".norm_k.": ".k_norm.",
    ".norm_q.": ".q_norm.",
}
_FLUX2 = {
    r"^x_embedder": "img_in",
    r"^context_embedder": "txt_in",
    r"^time_guidance_embed\.timestep_embedder\.linear_1": "time_in.in_layer",
    r"^time_guidance_embed\.timestep_embedder\.linear_2": "time_in.out_layer",
    r"^proj_out": "final_layer.linear",
    r"^norm_out\.linear": "final_layer.adaLN_modulation.1",
    r"(_modulation\w*)\.linear": r"\1.lin",
    r"^transformer_blocks": "double_blocks",
    r"^single_transformer_blocks": "single_blocks",
    r"^(single.*)attn\.to_qkv_mlp_proj": r"\1linear1",
    r"^(single.*)attn\.to_out": r"\1linear2",
    r"^(single.*)attn\.norm_q\.weight": r"\1norm.query_norm.scale",
    r"^(single.*)attn\.norm_k\.weight": r"\1norm.key_norm.scale",
    r"attn\.norm_q\.weight": "img_attn.norm.query_norm.scale",
    r"attn\.norm_k\.weight": "img_attn.norm.key_norm.scale",
    r"attn\.norm_added_q\.weight": "txt_attn.norm.query_norm.scale",
    r"attn\.norm_added_k\.weight": "txt_attn.norm.key_norm.scale",
    r"attn\.to_out\.0": "img_attn.proj",
    r"attn\.to_add_out": "txt_attn.proj",
    r"attn\.to_q": "img_attn.qkv",
    r"attn\.add_q_proj": "txt_attn.qkv",
    r"ff\.linear_in": "img_mlp.0",
    r"ff\.linear_out": "img_mlp.2",
    r"ff_context\.linear_in": "txt_mlp.0",
    r"ff_context\.linear_out": "txt_mlp.2",
}
_PARTS = re.compile(r"attn?(?:ention)?\.(?:to_[kv]|add_[kv]_proj)\.")


def original_core(name: str, transformer) -> Weights:
    """The weights of a transformer, as a file of ComfyUI holds them that holds nothing else."""
    weights = _fused(transformer.state_dict())
    if name.startswith("z"):
        return {_renamed_plain(key): value for key, value in weights.items()}
    weights["norm_out.linear.weight"] = torch.cat(weights["norm_out.linear.weight"].chunk(2)[::-1])
    return {_renamed(key): value for key, value in weights.items()}


def original_vae(name: str, vae) -> Weights:
    """The weights of an autoencoder by itself; FLUX.2's keeps the outer layers inside of its encoder and decoder."""
    weights = _vae(vae)
    if name.startswith("z"):
        return weights
    inner = {"quant_conv": "encoder.quant_conv", "post_quant_conv": "decoder.post_quant_conv"}
    return {re.sub(r"^(post_)?quant_conv", lambda at: inner[at[0]], key): value for key, value in weights.items()}


def original_whole(name: str, pipeline) -> Weights:
    """All weights of a pipeline in one file, as ComfyUI saves them."""
    inner = "" if hasattr(pipeline.text_encoder, "lm_head") else "model."
    return (
        {f"model.diffusion_model.{key}": value for key, value in original_core(name, pipeline.transformer).items()}
        | {f"vae.{key}": value for key, value in original_vae(name, pipeline.vae).items()}
        | {
            f"text_encoders.qwen3_4b.transformer.{inner}{key}": value
            for key, value in pipeline.text_encoder.state_dict().items()
        }
    )


def _fused(weights: Weights) -> Weights:
    """Queries, keys and values as one, in the place of the queries."""
    found = {key: value for key, value in weights.items() if not _PARTS.search(key)}
    for key in found:
        if match := re.search(r"(to_|add_)q(?=\.|_proj)", key):
            parts = [key[: match.end() - 1] + part + key[match.end() :] for part in "qkv"]
            found[key] = torch.cat([weights[part] for part in parts])
    return found


def _renamed_plain(key: str) -> str:
    for new, old in ({".attention.to_q.": ".attention.qkv."} | _Z_IMAGE).items():
        key = key.replace(new, old)
    return key


def _renamed(key: str) -> str:
    for new, old in _FLUX2.items():
        key = re.sub(new, old, key)
    return key
