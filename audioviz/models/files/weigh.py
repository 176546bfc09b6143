"""What a model weighs, read from the headers of its files: the numbers of its parts, and the configs that matter."""

import re
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from audioviz.models.files.configs import configs_of
from audioviz.models.files.pipeline import TEXT_ENCODERS, WEIGHTS, variant_of
from audioviz.models.sources import EMBEDDED, folder_of, read_shapes

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
    configs = configs_of(source)
    if configs is None or not configs.core or not configs.vae:
        return None
    if Path(source).is_file():
        shapes = read_shapes(Path(source), what="model")
        texts = numbers({name: shape for name, shape in shapes.items() if _TEXTS.match(name)})
        return Weighed(texts, numbers(shapes) - texts, configs.core, configs.vae)
    folder = EMBEDDED if source == "embedded" else folder_of(source)
    assert folder is not None  # as its configs were found
    texts, rest = (sum(folder_numbers(folder / part, folder) for part in parts) for parts in (TEXT_ENCODERS, _PARTS))
    return Weighed(texts, rest, configs.core, configs.vae)


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
