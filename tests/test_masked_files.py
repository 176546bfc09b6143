"""Lumina2 in single files, as people have them: its converter wants real sizes, and Gemma 2 is read here."""

import re
import shutil

import torch
from diffusers import Lumina2Transformer2DModel
from diffusers.loaders.single_file_utils import convert_lumina2_to_diffusers
from safetensors.torch import save_file

from audioviz.models import load_model
from audioviz.models.files.original_parts import transformer_weights

_NAMES = {  # of diffusers, and the original ones
    r"^context_refiner\.(\d)\.norm([12])\.": r"context_refiner.\1.attention_norm\2.",
    r"norm1\.linear": "adaLN_modulation.1",
    r"norm1\.norm": "attention_norm1",
    r"\.norm2": ".attention_norm2",
    r"\.attn\.": ".attention.",
    r"to_out\.0": "out",
    r"norm_([qk])": r"\1_norm",
    r"feed_forward\.linear_": "feed_forward.w",
    r"time_caption_embed\.caption_embedder": "cap_embedder",
    r"time_caption_embed\.timestep_embedder\.linear_1": "t_embedder.mlp.0",
    r"time_caption_embed\.timestep_embedder\.linear_2": "t_embedder.mlp.2",
    r"norm_out\.linear_1": "final_layer.adaLN_modulation.1",
    r"norm_out\.linear_2": "final_layer.linear",
}


def original_lumina2(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The weights of its transformer under their original names."""
    found = {}
    for key, value in weights.items():
        if ".to_k." in key or ".to_v." in key:
            continue
        if ".to_q." in key:
            value = torch.cat([weights[key.replace("to_q", f"to_{part}")] for part in "qkv"])
            key = key.replace("to_q", "qkv")
        for new, old in _NAMES.items():
            key = re.sub(new, old, key)
        found[key] = value
    return found


def test_a_whole_file_of_lumina2_has_a_transformer_that_diffusers_converts():
    """In real sizes, which its converter expects, and without memory."""
    with torch.device("meta"):
        transformer = Lumina2Transformer2DModel(num_layers=2, cap_feat_dim=2304)
        other = {"vae.decoder.conv_in.weight": torch.empty(2), "text_encoders.gemma2_2b.spiece_model": torch.empty(2)}
    weights = transformer.state_dict()
    whole = {f"model.diffusion_model.{key}": value for key, value in original_lumina2(weights).items()} | other
    found = convert_lumina2_to_diffusers(transformer_weights(whole))
    assert {key: value.shape for key, value in found.items()} == {key: value.shape for key, value in weights.items()}


def test_gemma_is_read_from_the_file_that_holds_it(families, tmp_path):
    folder, pipeline = families("lumina2")
    shutil.copytree(folder, tmp_path / "tiny", ignore=shutil.ignore_patterns("*.safetensors"))
    for part in ("vae", "transformer"):
        shutil.copytree(folder / part, tmp_path / "tiny" / part, dirs_exist_ok=True)
    gemma = {
        f"text_encoders.gemma2_2b.transformer.model.{key}": value
        for key, value in pipeline.text_encoder.state_dict().items()
    }
    save_file(gemma, tmp_path / "tiny.safetensors")
    ours, theirs = load_model(tmp_path / "tiny.safetensors"), load_model(folder)
    assert torch.equal(ours.encode_text("gold").embeddings, theirs.encode_text("gold").embeddings)
