"""LoRA files and their kin, read and worked into a model's weights: LoRA, DoRA, LoHa, LoKr and plain differences.

The names in a file are those of kohya's scripts, LyCORIS, diffusers, PEFT or the original checkpoints; they are matched
with the layers of a UNet and its text encoders here, and by diffusers' converters for the transformers of SD3 and Flux.
"""

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor, nn

from audioviz.models.additions.lora_kinds import Change, Misfit, decomposition, delta_of
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


def read_changes(pipeline: Any, file: Path) -> tuple[list[Change], list[str]]:
    """What a file changes in the layers of a pipeline, and the names of the tensors that no layer takes.

    Raises
    ------
    Misfit
        If none fits.
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
        if module is not None and _changes_anything(module, group):
            group = {role: value.float().to(module.weight.device) for role, value in group.items()}
            changes.append(Change(part, module, group, scales.get(part, scales.get("", 1.0))))
        else:
            unread += names[layer]
    if not changes:
        raise Misfit
    return changes, unread


def work_in(changes: list[Change], strength: float) -> None:
    """Add changes, as strongly as is said, to the weights of their layers.

    Raises
    ------
    Misfit
        If one has another shape than its layer.
    """
    for change in changes:
        for name, value in _changed(change, strength).items():
            getattr(change.module, name).data = value.to(getattr(change.module, name))


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


def _find(layer: str, layers: dict[str, dict[str, nn.Module]]) -> tuple[str, Any]:
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


def _changes_anything(module: Any, group: dict[str, Tensor]) -> bool:
    whole = ({"diff"}, {"down", "up"}, {"hada_w1_a"}, {"lokr_w1"}, {"lokr_w1_a"})
    return any(roles <= group.keys() for roles in whole) or ("diff_b" in group and module.bias is not None)


def _changed(change: Change, strength: float) -> dict[str, Tensor]:
    """The weight, and the bias where a group has one, of a layer after the change: float32."""
    module, group, changed = change.module, change.group, {}
    weight = module.weight.data.float()
    delta = delta_of(change)
    if delta is not None:
        if "dora_scale" in group:
            merged = weight + delta
            delta = merged * decomposition(merged, group["dora_scale"]) - weight
        changed["weight"] = weight + delta * strength
    if "diff_b" in group and module.bias is not None:
        changed["bias"] = module.bias.data.float() + group["diff_b"] * strength
    return changed
