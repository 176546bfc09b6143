"""What is known of a model without loading it: the configs of its parts, and its default settings."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audioviz.errors import ModelError
from audioviz.models.defaults import EMBEDDED_DEFAULTS, Defaults, with_few_steps
from audioviz.models.distilled import few_steps_of_loras
from audioviz.models.families import STABLE_DIFFUSION, Family, family_of
from audioviz.models.files.pipeline import with_index
from audioviz.models.files.single_file import layout_of
from audioviz.models.sources import EMBEDDED, folder_of, read_shapes, split_weight


@dataclass(frozen=True)
class Configs:
    """The configs of a model's UNet or transformer, with `_class_name`, its scheduler and its autoencoder.

    Of a folder that lacks one it is empty.
    """

    core: dict[str, Any]
    scheduler: dict[str, Any]
    vae: dict[str, Any]


def configs_of(source: str) -> Configs | None:
    """The configs of a model on this disk; None for one that is not here.

    Raises
    ------
    ModelError, OSError, ValueError, KeyError
        If its files are damaged.
    """
    file = Path(source)
    beside = file.with_suffix("") if file.is_file() else None
    if beside and not (beside / "model_index.json").is_file():
        _, parts = layout_of(file, read_shapes(file, what="model"))
        return Configs(parts.get("unet") or parts["transformer"], parts["scheduler"], parts["vae"])
    folder = EMBEDDED if source == "embedded" else beside or folder_of(source)
    if folder is None:
        return None
    core = _config(folder / "unet" / "config.json") or _config(folder / "transformer" / "config.json")
    return Configs(
        with_index(_config(folder / "model_index.json"), core),
        _config(folder / "scheduler" / "scheduler_config.json"),
        _config(folder / "vae" / "config.json"),
    )


def _config(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def defaults_of(source: str | Path, loras: Sequence[str] = ()) -> Defaults:
    """The default settings of a model with these LoRAs, known without loading it; arguments as for `load_model`."""
    if source == "embedded":
        return EMBEDDED_DEFAULTS
    try:
        configs = configs_of(str(source))
        family = family_of(configs.core) if configs else None
    except (OSError, ValueError, KeyError, ModelError):  # what is wrong with it is said when it is loaded
        configs, family = None, None
    core, scheduler = (configs.core, configs.scheduler) if configs else ({}, {})
    files = [split_weight(lora)[0] for lora in loras]
    return family_defaults(family or STABLE_DIFFUSION, core, scheduler, source, files)


def family_defaults(
    family: Family, core: Mapping[str, Any], scheduler: Mapping[str, Any], source: str | Path, loras: Sequence[Path]
) -> Defaults:
    """The default settings of a model of a family, by the configs of its core and scheduler, name and LoRAs."""
    own = family.defaults(core, scheduler, _short_name(source))
    few, told_scale = few_steps_of_loras(loras), core.get("guidance_embeds") or core.get("time_cond_proj_dim")
    return with_few_steps(own, few, flow=family.flow, told_scale=bool(told_scale)) if few else own


def _short_name(source: str | Path) -> str:
    """The name of a model without the place where it lies."""
    return re.split(r"[/\\]", str(source).rstrip("/\\"))[-1]
