"""Checks of a model, its LoRA, embedding, VAE, ControlNet and IP-Adapter by name and file, before torch is imported."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from audioviz.errors import InputError, ModelError, with_article

EMBEDDED = Path(__file__).parent / "embedded"
PICKLED = (".ckpt", ".pt", ".pth", ".bin", ".pkl")
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
HUB_FILE = re.compile(r"([\w.-]+/[\w.-]+)/(.+/)?([^/]+\.safetensors)")
EXPECTED = (
    "'embedded', a diffusers folder with .safetensors weights, a .safetensors file, or the id of a model on the hub"
)
DEPTH_EXPECTED = (
    "a picture or a video whose near is white, or the folder or the hub id of a depth-estimation model of transformers "
    "with .safetensors weights, such as depth-anything/Depth-Anything-V2-Small-hf"
)
PREDICTIONS = ("epsilon", "v", "v_prediction", "sample")
LARGEST = 8192  # pixels of a side


def check_source(source: str) -> None:
    """Refuse the source of a model that is none.

    Raises
    ------
    ModelError
    """
    place = Path(source)
    if source == "embedded":
        return
    if place.is_dir() and not (place / "model_index.json").is_file():
        raise ModelError(f"model {source}: has no model_index.json; expected a diffusers folder")
    if place.is_file():
        read_shapes(place, what="model")
    elif not place.exists() and not HUB_ID.fullmatch(source):
        raise ModelError(f"model {source}: there is no such file or folder; expected {EXPECTED}")


def folder_of(source: str, *, marks: Sequence[str] = ("model_index.json",)) -> Path | None:
    """The folder on this disk of a model that is one, or that the hub has under this id; None if there is none.

    Parameters
    ----------
    marks : names of files
        Of which a folder of the hub's cache has one.
    """
    if Path(source).is_dir():
        return Path(source)
    from huggingface_hub import try_to_load_from_cache

    found = next((file for name in marks if isinstance(file := try_to_load_from_cache(source, name), str)), None)
    return Path(found).parent if found else None


def check_plain(source: str | Path, *, added: Sequence[str], prediction: str | None) -> None:
    """Refuse what a model whose networks are our own does not take.

    Raises
    ------
    ModelError
    """
    if added:
        raise ModelError(f"model {source}: takes no {added[0]}, whose networks are its own: expected another --model")
    if prediction:
        raise ModelError(f"model {source}: takes no prediction {prediction}, for it knows its own: leave it out")


def check_additions(
    *,
    loras: Sequence[str] = (),
    embeddings: Sequence[str] = (),
    vae: str | None = None,
    controlnet: str | None = None,
    ip_adapter: str | None = None,
) -> None:
    """Refuse what is to be added to a model and is not there; arguments are those of `load_model`.

    Raises
    ------
    InputError, ModelError
    """
    for lora in loras:
        read_shapes(split_weight(lora)[0], what="LoRA")
    for file in embeddings:
        read_shapes(Path(file), what="embedding")
    for what, source, kind in (
        ("vae", vae, "the folder, the hub id or the .safetensors file of an autoencoder"),
        ("ControlNet", controlnet, "the .safetensors file, the diffusers folder or the hub id of a ControlNet"),
    ):
        if source and not Path(source).exists() and not HUB_ID.fullmatch(source):
            raise ModelError(f"{what} {source}: there is no such file or folder; expected {kind}")
        if source and Path(source).is_file():
            read_shapes(Path(source), what=what)
    if ip_adapter and (Path(ip_adapter).exists() or not HUB_FILE.fullmatch(ip_adapter)):
        read_shapes(Path(ip_adapter), what="IP-Adapter")


def check_depth_model(source: str) -> None:
    """Refuse the source of a depth-estimation model that is none; a file is none either.

    Raises
    ------
    ModelError
    """
    place = Path(source)
    if not place.exists():
        if not HUB_ID.fullmatch(source):
            raise ModelError(f"depth {source}: there is no such file or folder; expected {DEPTH_EXPECTED}")
        return
    try:
        kind = ", ".join(json.loads((place / "config.json").read_text(encoding="utf-8"))["architectures"])
    except (OSError, ValueError, KeyError, TypeError):
        raise ModelError(f"depth {source}: has no config.json of a model; expected {DEPTH_EXPECTED}") from None
    if not kind.endswith("ForDepthEstimation"):
        raise ModelError(f"depth {source}: holds {with_article(kind)}; expected {DEPTH_EXPECTED}")
    files = [file for file in place.iterdir() if file.suffix in (*PICKLED, ".safetensors")]
    if files and not any(file.suffix == ".safetensors" for file in files):
        raise ModelError(
            f"depth {source}: its weights are pickled, so that opening them can run anything; expected {DEPTH_EXPECTED}"
        )


def check_size(size: tuple[int, int], *, step: int) -> None:
    """Refuse a size, (width, height) in pixels, that a model cannot make, whose sides are multiples of `step`.

    Raises
    ------
    InputError
    """
    width, height = size
    if width % step or height % step or min(size) < 4 * step or max(size) > LARGEST:
        good = "x".join(str(min(max(4, round(side / step)), LARGEST // step) * step) for side in size)
        raise InputError(
            f"size {width}x{height}: this model makes multiples of {step} from {4 * step} to {LARGEST} pixels; "
            f"try {good}"
        )


def size_step(source: str) -> int | None:
    """Pixels that each side of a model's pictures is a multiple of; None if its files do not tell."""
    folder = EMBEDDED if source == "embedded" else Path(source)
    try:
        cell = pixels_per_cell(json.loads((folder / "vae" / "config.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError):
        return None
    patch = 2 if (folder / "transformer").is_dir() else 1  # of SD3 and Flux
    return cell * patch


def pixels_per_cell(vae: Mapping[str, Any]) -> int:
    """Pixels a latent cell, each way, of the autoencoder with this config."""
    return 2 ** (len(vae["block_out_channels"]) - 1)


def split_weight(text: str) -> tuple[Path, float]:
    """A file and its weight from `FILE:0.8`; 1 if none is given.

    Raises
    ------
    InputError
        If there is no such file.
    """
    match = re.fullmatch(r"(.+?):(-?\d*\.?\d+)", text)
    file, weight = (Path(match[1]), float(match[2])) if match and not Path(text).exists() else (Path(text), 1.0)
    if not file.is_file():
        raise InputError(
            f"--lora {text}: there is no such file; expected a .safetensors file, with a weight if you like: "
            "style.safetensors:0.8"
        )
    return file, weight


def read_shapes(file: Path, *, what: str) -> dict[str, tuple[int, ...]]:
    """The names and the shapes of a file's tensors, read without them.

    Raises
    ------
    ModelError
        If the file is pickled, or no whole .safetensors file.
    """
    if not file.is_file():
        raise ModelError(f"{what} {file}: there is no such file; expected a .safetensors file")
    if file.suffix.lower() in PICKLED:
        raise ModelError(
            f'{what} {file}: pickled, so that opening it can run anything; convert it: python -c "import torch, '
            f"safetensors.torch as s; w = torch.load('{file.name}', 'cpu', weights_only=True); "
            f"s.save_file({{k: v.clone() for k, v in w.get('state_dict', w).items() "
            f"if torch.is_tensor(v)}}, '{file.stem}.safetensors')\""
        )
    if file.suffix.lower() == ".gguf":
        raise ModelError(
            f"{what} {file}: quantised (GGUF), which is not read; expected the same in a .safetensors file, of fp16, "
            "bf16 or fp8"
        )
    try:
        with safe_open(file, framework="np") as opened:
            names = opened.keys()
            return {name: tuple(opened.get_slice(name).get_shape()) for name in names}
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{what} {file}: no whole .safetensors file ({error!s:.100}); fetch it again") from error


def read_header(file: Path) -> dict[str, str]:
    """What the header of a .safetensors file says beside its tensors; nothing if there is no such file."""
    if not file.is_file():
        return {}
    with safe_open(file, framework="np") as opened:
        return opened.metadata() or {}


def first_names(names: Sequence[str]) -> str:
    """The first of some names, for a message."""
    return ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")
