"""The tensors of a single-file checkpoint: scaled fp8 weights unpacked, and the names that no part of a model reads."""

import json
import re
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from audioviz.errors import ModelError
from audioviz.models.files.original_parts import (
    ORIGINAL,
    flux2_vae_weights,
    language_model_weights,
    transformer_weights,
)

SCALES = (".scale_weight", ".weight_scale")  # of fp8 weights, as ComfyUI's older and newer files call them
FP8 = (torch.float8_e4m3fn, torch.float8_e5m2)
_INPUT_SCALES = (".scale_input", ".input_scale")  # for products in fp8, which are not made here
_QUANTISED = {  # what a name tells of weights that are packed in another way
    r"\.(quant_state\.|absmax$|quant_map$|nested_absmax$)": "4 or 8 bits by bitsandbytes (nf4, int8)",
    r"\.weight_scale_2$": "4 bits (nvfp4)",
    r"\.(qweight|qzeros|wscales|smooth_factor)$": "4 bits (GPTQ, AWQ or SVDQuant)",
    r"\.SCB$": "8 bits by bitsandbytes",
}
_NO_WEIGHTS = re.compile(  # of training, and of other programs
    r"^model_ema\.|^(first_stage_model\.)?loss\.|position_ids$|logit_scale$|num_batches_tracked$|scaled_fp8$|\.comfy_quant$|\.(weight|input)_scale$|\.scale_(weight|input)$"
    r"|^(betas|alphas_.*|sqrt_.*|log_one_.*|posterior_.*|lvlb_weights|logvar|scale_factor|v_pred|ztsnr|denoiser\.sigmas)$"
    r"|(^|\.diffusion_model\.)norm_final\.weight$|\.lm_head\.weight$"  # of Z-Image and of Qwen3
)


def refuse_quantised(file: Path, names: Any) -> None:
    """Refuse a file whose weights are packed in a way that is not known.

    Raises
    ------
    ModelError
    """
    for pattern, packed in _QUANTISED.items():
        name = next((name for name in names if re.search(pattern, name)), None)
        if name:
            raise ModelError(
                f"model {file}: its weights are quantised to {packed}, as {name} tells; expected the same model in "
                "fp16, bf16 or fp8"
            )


def read_checkpoint(file: Path, dtype: torch.dtype) -> dict[str, Tensor]:
    """The tensors of a file by name, as later files have it; fp8 weights times their scales.

    Raises
    ------
    ModelError
        If weights are packed in a way that is not known.
    """
    weights = {later_name(name): weight for name, weight in load_file(file).items()}
    for name in [name for name in weights if name.endswith(".comfy_quant")]:
        packed = json.loads(bytes(weights.pop(name).tolist())).get("format", "unknown")
        if packed not in ("float8_e4m3fn", "float8_e5m2"):
            raise ModelError(
                f"model {file}: {name.removesuffix('.comfy_quant')} is quantised to {packed}; expected fp16, bf16 or "
                "fp8"
            )
    for name in [name for name in weights if name.endswith(_INPUT_SCALES)]:
        del weights[name]
    for name in [name for name in weights if name.endswith(SCALES)]:
        target, scale = name.rpartition(".")[0] + ".weight", weights.pop(name).float()
        if target not in weights or weights[target].dtype not in FP8:
            raise ModelError(f"model {file}: {name} scales no fp8 weights, in a way that is not known")
        weight = weights[target].float()
        scale = scale.reshape(-1, *[1] * (weight.ndim - 1)) if scale.numel() > 1 else scale.reshape(())
        weights[target] = (weight * scale).to(dtype)
    return weights


def later_name(name: str) -> str:
    """The name of a tensor of the text encoder with the part that transformers put in after the first checkpoints."""
    return re.sub(r"^(cond_stage_model\.transformer\.)(?=embeddings|encoder|final_layer_norm)", r"\1text_model.", name)


def unread(shapes: dict[str, tuple[int, ...]], pipeline: Any, parts: list[str]) -> list[str]:
    """The names that none of these parts of a pipeline, which were loaded from a file, has its weights from.

    diffusers' converters are run again on tensors that hold the number of their name.
    """
    marks = {
        later_name(name): torch.full((*shape[:1], *[1] * len(shape[1:])), number, dtype=torch.int32)
        for number, (name, shape) in enumerate(shapes.items())
    }
    read = set()
    for name in parts:
        part = getattr(pipeline, name)
        own = part.state_dict().keys()
        for converted in _conversions(part, marks):
            read |= {
                int(value.flatten()[0])
                for key, value in converted.items()
                if key in own or key.removeprefix("text_model.") in own
            }
    return [name for number, name in enumerate(shapes) if number not in read and not _NO_WEIGHTS.search(name)]


def _conversions(part: Any, marks: dict[str, Tensor]) -> list[dict[str, Tensor]]:
    """The weights of a part, as each of the layouts that it may have in a file would give them."""
    from diffusers.loaders import single_file_utils as utils
    from diffusers.loaders.single_file_model import SINGLE_FILE_LOADABLE_CLASSES

    kind = type(part).__name__
    if kind.startswith(("Qwen3", "Gemma2")):
        return [language_model_weights(marks, kind)]
    if kind == "AutoencoderKLFlux2":
        return [flux2_vae_weights(marks, part.config)]
    if kind in ORIGINAL:
        marks = transformer_weights(marks)
    if kind in SINGLE_FILE_LOADABLE_CLASSES:
        if set(part.state_dict()) <= set(marks):
            return [marks]
        return [SINGLE_FILE_LOADABLE_CLASSES[kind]["checkpoint_mapping_fn"](checkpoint=dict(marks), config=part.config)]
    if kind.startswith("T5"):
        return [utils.convert_sd3_t5_checkpoint_to_diffusers(marks)]
    sd3 = [
        utils.convert_ldm_clip_checkpoint(marks, f"text_encoders.{name}.transformer.") for name in ("clip_l", "clip_g")
    ]
    openclip = [
        utils.convert_open_clip_checkpoint(part, marks, prefix=prefix)
        for prefix in ("cond_stage_model.model.", "conditioner.embedders.1.model.")
    ]
    ignored = {key: marks[key] for key in utils.SD_2_TEXT_ENCODER_KEYS_TO_IGNORE if key in marks}
    return [*sd3, *openclip, dict(zip(part.state_dict(), ignored.values()))]
