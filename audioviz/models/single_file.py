"""Single-file checkpoints (.safetensors), through diffusers' own loader.

diffusers wants the settings of each part from the hub. layouts.json holds them, so that a file loads without a network;
a folder beside the file that has its name (`dream/` beside `dream.safetensors`) can bring what the file does not hold:
the parts of a diffusers folder, or a whole one, whose settings then count.
"""

import json
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import torch

from audioviz.errors import ModelError
from audioviz.models.sources import read_shapes

LORA_KEYS = ("lora_", ".lora.", ".lora_A.", ".hada_")
_SD1_KEY = "model.diffusion_model.output_blocks.11.0.skip_connection.weight"


def load_single_file(file: Path, dtype: torch.dtype) -> Any:
    """The diffusers pipeline of one file, on the CPU.

    Raises
    ------
    ModelError
        If the file is pickled or no checkpoint of a known family, or a part is neither in it nor to be found.
    """
    import diffusers

    shapes = read_shapes(file, what="model")
    beside = file.with_suffix("")
    if (beside / "model_index.json").is_file():
        index = json.loads((beside / "model_index.json").read_text())
        extra_parts = {
            name: _missing_part(file, name, {"_class_name": part[1]}, dtype)
            for name, part in index.items()
            if isinstance(part, list) and any((beside / name).glob("*.safetensors"))
        }
        return _load(getattr(diffusers, index["_class_name"]), file, beside, dtype, extra_parts)
    layout, parts = layout_of(file, shapes)
    extra_parts = {
        name: _missing_part(file, name, settings, dtype)
        for name, settings in parts.items()
        if name.startswith("tokenizer") or (beside / name).is_dir()
    }
    if "text_encoder_3" in parts and not {"text_encoder_3"} & set(extra_parts) and not _holds(shapes, "t5xxl"):
        extra_parts |= {"text_encoder_3": None, "tokenizer_3": None}  # SD3 does without T5
    with TemporaryDirectory() as folder:
        write_layout(Path(folder), layout, parts)
        return _load(getattr(diffusers, layout), file, Path(folder), dtype, extra_parts)


def layout_of(file: Path, shapes: dict[str, tuple[int, ...]]) -> tuple[str, dict[str, dict]]:
    """The class of the pipeline that a checkpoint holds, and the configs of its parts by name.

    Raises
    ------
    ModelError
        If the file is of no family that is known.
    """
    from diffusers.loaders.single_file_utils import infer_diffusers_model_type

    if any(mark in name for name in shapes for mark in LORA_KEYS):
        raise ModelError(
            f"model {file}: a LoRA, which changes a model and is none; give it with --lora, and its model with --model"
        )
    kind = infer_diffusers_model_type({name: SimpleNamespace(shape=shape) for name, shape in shapes.items()})
    layouts = json.loads((Path(__file__).parent / "layouts.json").read_text())
    if kind not in layouts or (kind == "v1" and _SD1_KEY not in shapes):  # v1 is what diffusers takes all others for
        raise ModelError(
            f"model {file}: "
            + ("no checkpoint that is known" if kind == "v1" else f"a checkpoint of {kind}")
            + "; expected one of Stable Diffusion 1 or 2, SDXL, SD3 or Flux"
        )
    layout = layouts[kind]
    if kind == "v2" and re.search(r"base|512", file.stem.lower()):  # its weights do not tell
        layout |= {"unet": "unet-2-base", "scheduler": "epsilon"}
        layouts["parts"]["unet-2-base"] = layouts["parts"]["unet-2"] | {"sample_size": 64}
    if "v_pred" in shapes:
        layout |= {"scheduler": "velocity-zero" if "ztsnr" in shapes else "velocity"}
    return layout.pop("_class_name"), {name: layouts["parts"][part] for name, part in layout.items()}


def write_layout(folder: Path, layout: str, parts: dict[str, dict]) -> None:
    """Write the configs of a pipeline as a diffusers folder without weights."""
    index: dict[str, Any] = {"_class_name": layout}
    for name, settings in parts.items():
        library = "transformers" if name.startswith(("text_encoder", "tokenizer")) else "diffusers"
        index[name] = [library, settings["_class_name"]]
        (folder / name).mkdir()
        (folder / name / ("scheduler_config.json" if name == "scheduler" else "config.json")).write_text(
            json.dumps(settings)
        )
    (folder / "model_index.json").write_text(json.dumps(index))


def _load(pipeline: Any, file: Path, config: Path, dtype: torch.dtype, extra_parts: dict[str, Any]) -> Any:
    return pipeline.from_single_file(str(file), config=str(config), dtype=dtype, local_files_only=True, **extra_parts)


def _missing_part(file: Path, name: str, settings: dict[str, Any], dtype: torch.dtype) -> Any:
    """A part that the checkpoint does not hold: from the folder beside it, or, if it is a vocabulary, from the hub.

    Raises
    ------
    ModelError
    """
    import diffusers
    import transformers

    kind = getattr(transformers, settings["_class_name"], None) or getattr(diffusers, settings["_class_name"])
    own = file.with_suffix("") / name
    if not name.startswith("tokenizer"):
        return kind.from_pretrained(own, local_files_only=True, use_safetensors=True, torch_dtype=dtype)
    options = {key: value for key, value in settings.items() if key in ("model_max_length", "pad_token")}
    if own.is_dir():
        return kind.from_pretrained(own, local_files_only=True, **options)
    try:
        words = kind.from_pretrained(settings["vocabulary"], **options)
        if len(words) < 1000:  # without a network transformers may make one of its marks alone
            raise ValueError("no words")
    except Exception as error:  # OSError, ValueError and others
        raise ModelError(
            f"model {file}: files hold no vocabulary, and that of {settings['vocabulary']} is neither on this "
            f"disk nor to be fetched; connect once, or put the folder {name} of any diffusers folder of this "
            f"family at {own}"
        ) from error
    return words


def _holds(shapes: dict[str, tuple[int, ...]], part: str) -> bool:
    return any(part in name for name in shapes)
