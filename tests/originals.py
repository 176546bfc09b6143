"""diffusers' weights under the names of the original checkpoints: what single files hold, its converters undone."""

import re
from types import SimpleNamespace

import torch
from diffusers.loaders.single_file_utils import DIFFUSERS_TO_LDM_MAPPING

UNET, VAE = "model.diffusion_model.", "first_stage_model."
_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}
_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def original_checkpoint(name: str, pipeline) -> dict[str, torch.Tensor]:
    """All weights of a tiny pipeline, as its family's single files have them."""
    weights = {VAE + key: value for key, value in _vae(pipeline.vae).items()}
    if name == "sd3":
        weights |= {UNET + key: value for key, value in _sd3(pipeline.transformer).items()}
        for part, called in (("text_encoder", "clip_l"), ("text_encoder_2", "clip_g"), ("text_encoder_3", "t5xxl")):
            weights |= _prefixed(f"text_encoders.{called}.transformer.", getattr(pipeline, part))
    else:
        weights |= {UNET + key: value for key, value in _unet(pipeline.unet).items()}
        if name == "sdxl":
            weights |= _prefixed("conditioner.embedders.0.transformer.text_model.", pipeline.text_encoder)
            weights |= _open_clip("conditioner.embedders.1.model.", pipeline.text_encoder_2)
        elif name == "sd2":
            weights |= _open_clip("cond_stage_model.model.", pipeline.text_encoder)
        else:
            weights |= _prefixed("cond_stage_model.transformer.text_model.", pipeline.text_encoder)
    return {key: value.clone().contiguous() for key, value in weights.items()}


def _prefixed(prefix: str, part) -> dict[str, torch.Tensor]:
    return {prefix + key: value for key, value in part.state_dict().items()}


def _renamed(key: str, names: dict[str, str]) -> str:
    for new, old in names.items():
        key = re.sub(rf"(?<![a-z_0-9]){re.escape(new)}(?![a-z_0-9])", old, key)
    return key


def _unet(unet) -> dict[str, torch.Tensor]:
    layers = unet.config.layers_per_block
    plain = DIFFUSERS_TO_LDM_MAPPING["unet"]["layers"] | DIFFUSERS_TO_LDM_MAPPING["unet"]["addition_embed_type"]
    found = {}
    for key, value in unet.state_dict().items():
        place = re.match(r"(down_blocks|up_blocks)\.(\d+)\.(\w+)\.(\d+)\.(.+)|mid_block\.(\w+)\.(\d+)\.(.+)", key)
        if key in plain:
            found[plain[key]] = value
        elif place[6]:
            number, rest = (
                (1, place[8]) if place[6] == "attentions" else (2 * int(place[7]), _renamed(place[8], _RESNET))
            )
            found[f"middle_block.{number}.{rest}"] = value
        else:
            side, block, kind, layer, rest = place[1], int(place[2]), place[3], int(place[4]), place[5]
            down = side == "down_blocks"
            number = (
                block * (layers + 1) + (1 if down else 0) + (layer if kind in ("resnets", "attentions") else layers)
            )
            crossed = unet.config[f"{'down' if down else 'up'}_block_types"][block].startswith("Cross")
            slot = {"resnets": "0", "attentions": "1", "downsamplers": "0", "upsamplers": "2" if crossed else "1"}[kind]
            rest = _renamed(rest, _RESNET) if kind == "resnets" else rest
            rest = rest.replace("conv.", "op.") if kind == "downsamplers" else rest
            found[f"{'input' if down else 'output'}_blocks.{number}.{slot}.{rest}"] = value
    return found


def original_controlnet(net) -> dict[str, torch.Tensor]:
    """All weights of a ControlNet, as its single files have them."""
    plain = DIFFUSERS_TO_LDM_MAPPING["controlnet"]["layers"]
    weights, own = net.state_dict(), {}
    for key in [key for key in weights if key.startswith("controlnet_")]:
        old = re.sub(r"controlnet_down_blocks\.(\d+)", r"zero_convs.\1.0", key)
        old = re.sub(r"controlnet_cond.*blocks\.(\d+)", lambda at: f"input_hint_block.{2 * int(at[1]) + 2}", old)
        own[plain.get(key, old.replace("controlnet_mid_block", "middle_block_out.0"))] = weights.pop(key)
    found = own | _unet(SimpleNamespace(config=net.config, state_dict=lambda: weights))
    return {f"control_model.{key}": value.clone().contiguous() for key, value in found.items()}


def _vae(vae) -> dict[str, torch.Tensor]:
    plain, blocks = DIFFUSERS_TO_LDM_MAPPING["vae"], len(vae.config.up_block_types)
    found = {}
    for key, value in vae.state_dict().items():
        if key in plain:
            found[plain[key]] = value
            continue
        key = key.replace("conv_shortcut", "nin_shortcut").replace("downsamplers.0", "downsample")
        key = key.replace("upsamplers.0", "upsample").replace("resnets", "block")
        key = re.sub(r"up_blocks\.(\d+)", lambda place: f"up.{blocks - 1 - int(place[1])}", key).replace(
            "down_blocks", "down"
        )
        key = re.sub(r"mid_block\.block\.(\d)", lambda place: f"mid.block_{int(place[1]) + 1}", key)
        if "mid_block.attentions.0" in key:
            key = _renamed(key.replace("mid_block.attentions.0", "mid.attn_1"), _ATTENTION)
            value = value[:, :, None, None] if value.ndim == 2 else value
        found[key] = value
    return found


def _open_clip(prefix: str, encoder) -> dict[str, torch.Tensor]:
    weights = {key.removeprefix("text_model."): value for key, value in encoder.state_dict().items()}
    found = {
        "positional_embedding": weights["embeddings.position_embedding.weight"],
        "token_embedding.weight": weights["embeddings.token_embedding.weight"],
        "ln_final.weight": weights["final_layer_norm.weight"],
        "ln_final.bias": weights["final_layer_norm.bias"],
    }
    width = encoder.config.hidden_size
    found["text_projection"] = (
        weights["text_projection.weight"].T if "text_projection.weight" in weights else torch.eye(width)
    )
    for layer in range(encoder.config.num_hidden_layers):
        here, there = f"encoder.layers.{layer}.", f"transformer.resblocks.{layer}."
        for new, old in (
            ("layer_norm1", "ln_1"),
            ("layer_norm2", "ln_2"),
            ("mlp.fc1", "mlp.c_fc"),
            ("mlp.fc2", "mlp.c_proj"),
            ("self_attn.out_proj", "attn.out_proj"),
        ):
            for end in (".weight", ".bias"):
                found[there + old + end] = weights[here + new + end]
        for end in ("weight", "bias"):
            found[f"{there}attn.in_proj_{end}"] = torch.cat(
                [weights[f"{here}self_attn.{part}_proj.{end}"] for part in "qkv"]
            )
    return {prefix + key: value for key, value in found.items()}


def _swapped(weight: torch.Tensor) -> torch.Tensor:
    return torch.cat(weight.chunk(2)[::-1])


def _sd3(transformer) -> dict[str, torch.Tensor]:
    weights, last = transformer.state_dict(), transformer.config.num_layers - 1
    found = {"pos_embed": weights["pos_embed.pos_embed"]}
    for end in ("weight", "bias"):
        for new, old in (
            ("pos_embed.proj", "x_embedder.proj"),
            ("context_embedder", "context_embedder"),
            ("proj_out", "final_layer.linear"),
            *(
                (f"time_text_embed.{new}.linear_{i}", f"{old}.mlp.{2 * i - 2}")
                for i in (1, 2)
                for new, old in (("timestep_embedder", "t_embedder"), ("text_embedder", "y_embedder"))
            ),
        ):
            found[f"{old}.{end}"] = weights[f"{new}.{end}"]
        found[f"final_layer.adaLN_modulation.1.{end}"] = _swapped(weights[f"norm_out.linear.{end}"])
        for i in range(last + 1):
            here, there = f"transformer_blocks.{i}.", f"joint_blocks.{i}."
            for block, parts in (
                ("x_block", ("to_q", "to_k", "to_v")),
                ("context_block", ("add_q_proj", "add_k_proj", "add_v_proj")),
            ):
                found[f"{there}{block}.attn.qkv.{end}"] = torch.cat(
                    [weights[f"{here}attn.{part}.{end}"] for part in parts]
                )
            names = {
                "attn.to_out.0": "x_block.attn.proj",
                "norm1.linear": "x_block.adaLN_modulation.1",
                "ff.net.0.proj": "x_block.mlp.fc1",
                "ff.net.2": "x_block.mlp.fc2",
            }
            if i < last:
                names |= {
                    "attn.to_add_out": "context_block.attn.proj",
                    "norm1_context.linear": "context_block.adaLN_modulation.1",
                    "ff_context.net.0.proj": "context_block.mlp.fc1",
                    "ff_context.net.2": "context_block.mlp.fc2",
                }
            found |= {f"{there}{old}.{end}": weights[f"{here}{new}.{end}"] for new, old in names.items()}
        found[f"joint_blocks.{last}.context_block.adaLN_modulation.1.{end}"] = _swapped(
            weights[f"transformer_blocks.{last}.norm1_context.linear.{end}"]
        )
    return found
