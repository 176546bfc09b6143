"""LoRA files and their kin, worked into a model's weights: LoRA, DoRA, LoHa, LoKr and plain differences.

The names in a file are those of kohya's scripts, LyCORIS, diffusers, PEFT or the original checkpoints; they are matched
with the layers of a UNet and its text encoders here, and by diffusers' converters for the transformers of SD3 and Flux.
"""

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from audioviz.models.sources import read_header

_ROLES = re.compile(
    r"(?P<layer>.+?)\.(?:lora\.|lora_linear_layer\.)?(?P<role>lora_(?:up|down|mid|A|B|magnitude_vector)|up|down|alpha"
    r"|dora_scale|hada_(?:w[12]_[ab]|t[12])|lokr_(?:w[12](?:_[ab])?|t2)|diff(?:_b)?|[wb]_norm)(?:\.default)?(?:\.weight)?"
)
_SAME = {"lora_A": "down", "lora_B": "up", "lora_down": "down", "lora_up": "up", "lora_magnitude_vector": "dora_scale"}
_SAME |= {"w_norm": "diff", "b_norm": "diff_b"}
_PREFIXES = {  # of the layers of each part, the longest first; a PEFT adapter may have none
    "lora_te1_": "text_encoder",
    "lora_te2_": "text_encoder_2",
    "lora_te_": "text_encoder",
    "text_encoder_2_": "text_encoder_2",
    "text_encoder_": "text_encoder",
    "text_encoders_clip_l_transformer_": "text_encoder",
    "text_encoders_clip_g_transformer_": "text_encoder_2",
    "clip_l_transformer_": "text_encoder",
    "clip_g_transformer_": "text_encoder_2",
    "lora_unet_": "core",
    "lycoris_": "core",
    "unet_": "core",
    "model_diffusion_model_": "core",
    "diffusion_model_": "core",
    "lora_transformer_": "core",
    "transformer_": "core",
    "": "core",
}
_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_OUTSIDE = {  # of the blocks of a UNet
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
}


_FLUX = re.compile(
    r"(?P<layer>(?:double|single)_blocks\.(?!.*processor).+)\.(?P<role>lora_(?:A|B|down|up)|alpha)(?P<rest>(?:\.weight)?)"
)
_FLUX2 = re.compile(r"(double|single)_blocks\.|(img|txt|time|guidance)_in\.|final_layer\.|\w+_modulation(_\w+)?\.lin\.")


class Misfit(Exception):
    """The file was made for another model."""


def work_in(pipeline: Any, file: Path, strength: float) -> list[str]:
    """Add what a file changes, as strongly as is said, to the weights of a pipeline.

    Returns
    -------
    The names of the tensors that no layer of this pipeline takes.

    Raises
    ------
    Misfit
        If none fits, or one has another shape.

    Source
    ------
    Hu et al., ICLR 2022 (LoRA); Liu et al., ICML 2024 (DoRA); Yeh et al., ICLR 2024 (LyCORIS: LoHa, LoKr).
    """
    weights, unread = load_file(file), []
    if getattr(pipeline, "transformer", None) is not None:
        weights = _as_converters_know(weights, type(pipeline.transformer).__name__)
        unread = [name for name in weights if "dora_scale" in name]  # diffusers' converters leave them out
        convert = getattr(type(pipeline), "lora_state_dict", dict)  # PixArt has only the names of PEFT
        try:
            weights = convert(dict(weights))
        except Exception as error:  # they raise almost anything at names that they do not know
            raise Misfit from error
    groups: dict[str, dict[str, Tensor]] = defaultdict(dict)
    names: dict[str, list[str]] = defaultdict(list)
    for name, value in weights.items():
        match = _ROLES.fullmatch(name)
        layer = match["layer"] if match else name
        names[layer].append(name)
        if "magnitude_vector" in name:  # PEFT's is of the outputs, whatever its shape
            value = value.reshape(-1, 1)
        groups[layer] |= {_SAME.get(match["role"], match["role"].removeprefix("lora_")): value} if match else {}
    layers = {part: _layers(pipeline, part) for part in set(_PREFIXES.values())}
    scales = _adapter_scales(file)
    changes = []
    for layer, group in groups.items():
        part, module = _find(layer, layers)
        if module is None or not group:
            unread += names[layer]
        elif changed := _changed(module, group, strength, scales.get(part, scales.get("", 1.0))):
            changes.append((module, changed))
        else:
            unread += names[layer]
    if not changes:
        raise Misfit
    for module, values in changes:
        for name, value in values.items():
            getattr(module, name).data = value.to(getattr(module, name))
    return unread


def _as_converters_know(weights: dict[str, Tensor], kind: str) -> dict[str, Tensor]:
    """A file's tensors under names that diffusers' converter for this kind of transformer knows."""
    if kind != "Flux2Transformer2DModel":
        return {_of_kohya(name): value for name, value in weights.items()}
    bare = {
        name.removeprefix("base_model.model.").removeprefix("diffusion_model."): value
        for name, value in weights.items()
    }
    prefix = "diffusion_model." if any(map(_FLUX2.match, bare)) else ""
    return {prefix + name: value for name, value in bare.items()}


def _of_kohya(name: str) -> str:
    """The name in kohya's scripts, which diffusers' converters know, of a layer of Flux under its original name."""
    match = _FLUX.fullmatch(name.removeprefix("base_model.model.").removeprefix("diffusion_model."))
    if not match:
        return name.removeprefix("base_model.model.")
    role = {"lora_A": "lora_down", "lora_B": "lora_up"}.get(match["role"], match["role"])
    return f"lora_unet_{match['layer'].replace('.', '_')}.{role}{match['rest']}"


def _layers(pipeline: Any, part: str) -> dict[str, nn.Module]:
    """The layers of a part by all names that they have in files, with `_` in place of each point."""
    core = getattr(pipeline, "unet", None) or getattr(pipeline, "transformer", None)
    found = core if part == "core" else getattr(pipeline, part, None)
    if found is None:
        return {}
    layers = {name.removeprefix("text_model."): module for name, module in found.named_modules() if _weight_of(module)}
    if part == "core" and hasattr(found.config, "down_block_types"):
        layers |= {_original(name, found.config): module for name, module in layers.items()}
    return {name.replace(".", "_"): module for name, module in layers.items()}


def _weight_of(module: nn.Module) -> bool:
    return isinstance(getattr(module, "weight", None), nn.Parameter)


def _original(name: str, config: Any) -> str:
    """The name of a UNet's layer in the original checkpoints."""
    match = re.match(r"(down|up)_blocks\.(\d+)\.(\w+)\.(\d+)\.?(.*)|mid_block\.(\w+)\.(\d+)\.?(.*)", name)
    if not match:
        return _OUTSIDE.get(name, name)
    side, block, kind, layer, rest, mid_kind, mid_layer, mid_rest = match.groups()
    if mid_kind:
        number = 1 if mid_kind == "attentions" else 2 * int(mid_layer)
        return f"middle_block.{number}.{_RESNET.get(mid_rest, mid_rest)}"
    each, down = config.layers_per_block + 1, side == "down"
    within = int(layer) if kind in ("resnets", "attentions") else each - 1
    crossed = config["down_block_types" if down else "up_block_types"][int(block)].startswith("Cross")
    slot = {"resnets": 0, "attentions": 1, "downsamplers": 0, "upsamplers": 2 if crossed else 1}[kind]
    rest = _RESNET.get(rest, rest) if kind == "resnets" else "op" if kind == "downsamplers" else rest
    return f"{'input' if down else 'output'}_blocks.{int(block) * each + within + down}.{slot}.{rest}"


def _find(layer: str, layers: dict[str, dict[str, nn.Module]]) -> tuple[str, nn.Module | None]:
    """The part and the layer that a name in a file means; None if there is no such layer."""
    name = layer.replace(".", "_").replace("base_model_model_", "").replace("_processor_to_", "_to_")
    if name.endswith("_lora"):  # the first names of diffusers
        name = re.sub(r"(self_attn)_to_(\w+)$", r"\1_\2_proj", name.removesuffix("_lora"))
        name = re.sub(r"(?<!self_attn)_to_out$", "_to_out_0", name)
    for prefix, part in _PREFIXES.items():
        if name.startswith(prefix):
            found = layers[part].get(name.removeprefix(prefix).removeprefix("text_model_"))
            if found is not None:
                return part, found
    return "", None


def _adapter_scales(file: Path) -> dict[str, float]:
    """alpha / rank of an adapter whose file says it for whole parts: in its header, or PEFT in a file beside it."""
    beside = file.with_name("adapter_config.json")
    if beside.is_file():
        told = {f".{key}": value for key, value in json.loads(beside.read_text(encoding="utf-8")).items()}
    else:
        told = json.loads(read_header(file).get("lora_adapter_metadata", "{}"))
    scales = {}
    for key, alpha in told.items():
        prefix, _, name = key.rpartition(".")
        rank = told.get(f"{prefix}.r")
        if name == "lora_alpha" and rank:
            divisor = rank**0.5 if told.get(f"{prefix}.use_rslora") else rank
            scales[prefix if prefix.startswith("text") else "core" if prefix else ""] = alpha / divisor
    return scales


def _changed(module: Any, group: dict[str, Tensor], strength: float, scale: float) -> dict[str, Tensor]:
    """The weight, and the bias where a group has one, of a layer after the change: float32."""
    group = {role: value.float().to(module.weight.device) for role, value in group.items()}
    weight, changed = module.weight.data.float(), {}
    delta = _delta(group, scale)
    if delta is not None:
        if delta.numel() != weight.numel():
            raise Misfit
        delta = delta.reshape(weight.shape)
        if "dora_scale" in group:
            delta = _decomposed(weight + delta, group["dora_scale"]) - weight
        changed["weight"] = weight + delta * strength
    if "diff_b" in group and module.bias is not None:
        changed["bias"] = module.bias.data.float() + group["diff_b"] * strength
    return changed


def _delta(group: dict[str, Tensor], scale: float) -> Tensor | None:
    """What a group adds to a weight, times its alpha / rank."""
    if "diff" in group:
        return group["diff"]
    if "down" in group and "up" in group:
        down, up = group["down"], group["up"]
        if "mid" in group:
            delta = torch.einsum("or,rskl,si->oikl", up.flatten(1), group["mid"], down.flatten(1))
        else:
            delta = up.flatten(1) @ down.flatten(1)
        rank = len(down)
    elif "hada_w1_a" in group:
        delta, rank = (
            _product(group, "hada_w1", "hada_t1") * _product(group, "hada_w2", "hada_t2"),
            len(group["hada_w1_b"]),
        )
    elif "lokr_w1" in group or "lokr_w1_a" in group:
        first, second = _product(group, "lokr_w1", ""), _product(group, "lokr_w2", "lokr_t2")
        delta = torch.kron(first.reshape(*first.shape, *[1] * (second.ndim - 2)), second)
        ranks = [len(group[name]) for name in ("lokr_w1_b", "lokr_w2_b") if name in group]
        rank = ranks[-1] if ranks else None
    else:
        return None
    return delta * (scale if rank is None or "alpha" not in group else group["alpha"].item() / rank)


def _product(group: dict[str, Tensor], name: str, core: str) -> Tensor:
    """A factor of LoHa or LoKr: whole, the product of two, or of two and a core between them."""
    if name in group:
        return group[name]
    first, second = group[f"{name}_a"], group[f"{name}_b"]
    return torch.einsum("ijkl,jr,ip->prkl", group[core], second, first) if core in group else first @ second


def _decomposed(weight: Tensor, magnitude: Tensor) -> Tensor:
    """A weight whose columns, or rows, have other lengths (DoRA)."""
    of_outputs = magnitude.shape[0] == weight.shape[0] and magnitude.numel() == weight.shape[0]
    axes = [axis for axis in range(weight.ndim) if axis != (0 if of_outputs else 1)]
    shape = [-1 if axis == (0 if of_outputs else 1) else 1 for axis in range(weight.ndim)]
    norm = weight.square().sum(axes, keepdim=True).sqrt().clamp_min(torch.finfo(torch.float32).tiny)
    return weight * (magnitude.reshape(shape) / norm)
