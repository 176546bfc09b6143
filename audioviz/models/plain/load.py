"""Loading of the embedded model's parts, under the names of diffusers' pipelines, as `load_model` asks for them."""

from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

from audioviz.errors import ModelError
from audioviz.models.files.pipeline import EXPECTED, loading_failure
from audioviz.models.plain.autoencoder import Autoencoder
from audioviz.models.plain.settings import Settings, read_settings
from audioviz.models.plain.text import PlainTokenizer, TextEncoder, load_tokenizer
from audioviz.models.plain.unet import UNet
from audioviz.models.text.encoders import one_clip_text
from audioviz.sampling import Conditioning

KIND = "EmbeddedModel"  # what model_index.json calls it


@dataclass(frozen=True, eq=False)
class Scheduler:
    config: Settings
    betas: torch.Tensor  # float32, shape (timesteps,)


@dataclass(frozen=True, eq=False)
class Parts:
    """The parts of a pipeline, named as diffusers names them."""

    folder: Path
    scheduler: Scheduler
    tokenizer: PlainTokenizer
    text_encoder: TextEncoder
    unet: UNet
    vae: Autoencoder
    components: dict[str, nn.Module] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "components", {name: getattr(self, name) for name in ("text_encoder", "unet", "vae")})


def is_plain(folder: Path) -> bool:
    """Whether a folder holds the embedded model, or another of its networks."""
    try:
        return read_settings(folder / "model_index.json").get("_class_name") == KIND
    except (OSError, ValueError):
        return False


def load_plain(folder: Path, dtype: torch.dtype = torch.float32) -> Parts:
    """The embedded model, or another of its networks, on the CPU; the text encoder stays float32.

    Raises
    ------
    ModelError
        If a file is missing or damaged.
    """
    try:
        return Parts(
            folder,
            _scheduler(folder / "scheduler" / "scheduler_config.json"),
            load_tokenizer(folder / "tokenizer"),
            _part(TextEncoder, folder / "text_encoder" / "model.safetensors"),
            _part(UNet, folder / "unet" / "diffusion_pytorch_model.safetensors", dtype),
            _part(Autoencoder, folder / "vae" / "diffusion_pytorch_model.safetensors", dtype),
        )
    except Exception as error:  # tokenizers raises Exception itself
        raise ModelError(f"model embedded: {loading_failure(folder, error, EXPECTED)}") from error


def plain_text(parts: Parts, text: str) -> Conditioning:
    """What `clip_text` gives."""
    return one_clip_text(parts.tokenizer, lambda tokens: parts.text_encoder(tokens.to(parts.text_encoder.device)), text)


def _part(kind, weights: Path, dtype: torch.dtype = torch.float32):
    with torch.device("meta"):  # nothing is drawn at random that the weights replace
        part = kind(read_settings(weights.with_name("config.json")))
    part.load_state_dict({name: weight.to(dtype) for name, weight in load_file(weights).items()}, assign=True)
    return part


def _scheduler(file: Path) -> Scheduler:
    """The training schedule that diffusers calls scaled_linear."""
    settings = read_settings(file)
    ends = settings.beta_start**0.5, settings.beta_end**0.5
    return Scheduler(settings, torch.linspace(*ends, settings.num_train_timesteps, dtype=torch.float32) ** 2)
