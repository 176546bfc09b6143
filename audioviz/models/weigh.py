"""What a model weighs, read from the headers of its files: the numbers of its parts, and the configs that matter."""

import json
import re
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from audioviz.models.pipeline import TEXT_ENCODERS, WEIGHTS, variant_of
from audioviz.models.single_file import layout_of
from audioviz.models.sources import EMBEDDED, read_shapes

_PARTS = ("unet", "transformer", "vae", "image_encoder")
_TEXTS = re.compile(r"cond_stage_model\.|conditioner\.|text_encoders\.|te\d?\.")  # of a single file


@dataclass(frozen=True)
class Weighed:
    """Numbers of a model's weights, and its configs.

    Parameters
    ----------
    texts, rest : int
        Of the text encoders, and of all else.
    core, vae : dict
        The configs of UNet or transformer, with `_class_name`, and of the autoencoder.
    """

    texts: int
    rest: int
    core: dict[str, Any]
    vae: dict[str, Any]


def weigh(source: str) -> Weighed | None:
    """What a model on this disk weighs; None for one that is not here.

    Raises
    ------
    ModelError, OSError, ValueError, KeyError
        If its files are damaged.
    """
    place = EMBEDDED if source == "embedded" else Path(source)
    if place.is_file():
        shapes = read_shapes(place, what="model")
        _, parts = layout_of(place, shapes)
        texts = numbers({name: shape for name, shape in shapes.items() if _TEXTS.match(name)})
        return Weighed(texts, numbers(shapes) - texts, parts.get("unet") or parts["transformer"], parts["vae"])
    if not place.is_dir():
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(source, "model_index.json")
        if not isinstance(found, str):
            return None
        place = Path(found).parent
    core = "unet" if (place / "unet").is_dir() else "transformer"
    configs = [json.loads((place / part / "config.json").read_text()) for part in (core, "vae")]
    return Weighed(
        sum(folder_numbers(place / part, place) for part in TEXT_ENCODERS),
        sum(folder_numbers(place / part, place) for part in _PARTS),
        *configs,
    )


def folder_numbers(part: Path, whole: Path) -> int:
    """The numbers of the weights in the folder of a part, in the variant that the whole model is loaded in."""
    if not part.is_dir():
        return 0
    variant = variant_of(whole)
    kinds = {file: match[1] for file in part.iterdir() if (match := WEIGHTS.fullmatch(file.name))}
    files = [file for file, kind in kinds.items() if kind == variant] or [f for f, kind in kinds.items() if not kind]
    return sum(numbers(read_shapes(file, what="model")) for file in files)


def numbers(shapes: dict[str, tuple[int, ...]]) -> int:
    """How many numbers tensors of these shapes hold."""
    return sum(map(prod, shapes.values()))
