"""A model by name or place: the embedded one, a diffusers folder, a hub id, one file; all through diffusers' own loaders."""

import hashlib
import json
import re
from functools import cache, partial
from pathlib import Path

import torch

from audioviz.errors import InputError, ModelError
from audioviz.models.denoiser import unet_denoiser
from audioviz.models.families import FAMILIES, defaults_for, family_of
from audioviz.models.flow import flow_denoiser
from audioviz.models.model import Defaults, Model
from audioviz.models.single_file import PICKLED, load_single_file
from audioviz.models.text import clip_text, flux_text, sd3_text, sdxl_text

EMBEDDED = Path(__file__).parent / "embedded"
TEXT_PARTS = ("text_encoder", "text_encoder_2", "text_encoder_3")


def load_model(source: str | Path = "embedded", *, device: str = "auto", dtype: str = "auto") -> Model:
    """A diffusers model of a known family, ready to render.

    Parameters
    ----------
    source : "embedded", a diffusers folder, the id of one on the hub, or a .safetensors file
    device : "auto" (a GPU if there is one), "cpu", "cuda", "mps"
    dtype : "auto" (float16 on a GPU, float32 on a CPU), "float32", "float16", "bfloat16"

    Raises
    ------
    InputError
        If device or dtype is unknown or not there.
    ModelError
        If there is no such model, its weights are pickled, or it is of an unknown family.
    """
    where = find_device(device)
    kind = _dtype(dtype, where)
    pipeline = load_pipeline(str(EMBEDDED if source == "embedded" else source), kind)
    family = check_parts(pipeline, str(source))
    pipeline.to(where)
    vae = pipeline.vae.eval().requires_grad_(False)
    vae.to(memory_format=torch.channels_last)
    if family == "SDXL" and kind == torch.float16 and vae.config.force_upcast:
        vae.to(torch.float32)  # its values go beyond the range of float16
    for part in TEXT_PARTS:
        if encoder := getattr(pipeline, part, None):
            encoder.eval().requires_grad_(False)
    denoiser = denoiser_of(pipeline, family)
    factor = 2 ** (len(vae.config.block_out_channels) - 1)
    core = pipeline.transformer if denoiser.flow else pipeline.unet
    return Model(name=str(source), digest=_digest(pipeline), denoiser=denoiser, vae=vae, read=partial(READERS[family], pipeline),
                 factor=factor, multiple=factor * (denoiser.patch if denoiser.flow else 1),
                 defaults=OWN if source == "embedded" else defaults_for(
                     _settings(core), _settings(pipeline.scheduler), _called(source), factor=factor))


def load_pipeline(source: str, dtype: torch.dtype):
    """The diffusers pipeline of a folder, an id or a file, on the CPU.

    Raises
    ------
    ModelError
        If there is none, or it cannot be loaded.
    """
    from diffusers import DiffusionPipeline
    from diffusers.utils import logging
    from transformers.utils import logging as transformers_logging

    for noise in (logging, transformers_logging):  # they talk of what no user of ours can act on
        noise.set_verbosity_error()
        noise.disable_progress_bar()
    place = Path(source)
    if place.is_dir() and not (place / "model_index.json").is_file():
        raise ModelError(f"model {source}: has no model_index.json; expected a diffusers folder")
    if not place.exists() and not HUB_ID.fullmatch(source):
        raise ModelError(f"model {source}: there is no such file or folder; expected {WHAT}")
    try:
        if place.is_file():
            return load_single_file(place, dtype)
        return DiffusionPipeline.from_pretrained(source, dtype=dtype, use_safetensors=True, safety_checker=None,
                                                 local_files_only=place.is_dir())
    except ModelError:
        raise
    except Exception as error:  # a damaged folder makes diffusers and transformers raise almost anything
        raise ModelError(f"model {source}: {_reason(place, error)}") from error


def _reason(place: Path, error: Exception) -> str:
    """Why a model cannot be loaded, and what to do."""
    chain, names = error, set()
    while chain is not None:
        names |= {kind.__name__ for kind in type(chain).__mro__}
        chain = chain.__cause__ or chain.__context__
    parts = [part for part in place.iterdir() if part.is_dir()] if place.is_dir() else []
    if any({file.suffix for file in part.iterdir()} & set(PICKLED) and not any(part.glob("*.safetensors")) for part in parts):
        return ("its weights are pickled, so that opening them can run anything; where you trust them, convert them: "
                f"python -c \"import diffusers; diffusers.DiffusionPipeline.from_pretrained('{place}')"
                f".save_pretrained('{place}-safe')\"")
    if not place.exists() and "GatedRepoError" in names:
        return f"its owners ask for consent; give it on https://huggingface.co/{place} and log in with `hf auth login`"
    if not place.exists() and "RepositoryNotFoundError" in names:
        return f"there is no such model on the hub, nor such a folder here; expected {WHAT}"
    if not place.exists() and names & {"ConnectError", "ConnectTimeout", "ConnectionError", "LocalEntryNotFoundError"}:
        return f"is not on this disk, and the hub cannot be reached to fetch it; connect once, or give {WHAT}"
    return f"cannot be loaded ({str(error).strip().partition(chr(10))[0]:.200}); expected {WHAT}"


def check_parts(pipeline, source: str) -> str:
    """The family of a pipeline that has all parts that one needs.

    Raises
    ------
    ModelError
        If its family is not known, a part or the weights of one are missing, or its noise schedule is not known.
    """
    core = getattr(pipeline, "transformer", None) or getattr(pipeline, "unet", None)
    family = None if core is None else family_of(_settings(core))
    if family is None:
        raise ModelError(f"model {source}: a {type(pipeline).__name__}, which audioviz cannot drive; expected one of the "
                         f"families {', '.join(FAMILIES)}")
    missing = [part for part in NEEDED[family] if getattr(pipeline, part, None) is None]
    if missing:
        raise ModelError(f"model {source}: of the family {family}, but has no {', '.join(missing)}; expected a whole model")
    parts = {"unet or transformer": core, "vae": pipeline.vae} | {
        part: getattr(pipeline, part) for part in TEXT_PARTS if getattr(pipeline, part, None) is not None}
    hollow = [name for name, part in parts.items() if any(weight.is_meta for weight in part.parameters())]
    if hollow:
        raise ModelError(f"model {source}: weights of its {', '.join(hollow)} are missing; fetch its files again")
    wordless = [name for name in NEEDED[family] if name.startswith("tokenizer")
                and len(getattr(pipeline, name)) < 20 + len(getattr(pipeline, name).all_special_tokens)]
    if wordless:  # transformers makes an empty one where the files are missing
        raise ModelError(f"model {source}: its {', '.join(wordless)} knows no words; fetch its files again")
    if family in FAMILIES[:2] and not hasattr(pipeline.scheduler, "betas"):
        raise ModelError(f"model {source}: trained with the noise schedule of {type(pipeline.scheduler).__name__}, which "
                         "audioviz does not know")
    return family


def denoiser_of(pipeline, family: str):
    """The denoiser of a pipeline whose parts lie where they are to run."""
    vae, scheduler = pipeline.vae.config, pipeline.scheduler
    factors = {"scaling_factor": vae.scaling_factor, "shift_factor": getattr(vae, "shift_factor", None) or 0.0}
    if family in ("SD3", "Flux"):
        return flow_denoiser(pipeline.transformer, scheduler, **factors)
    unet = pipeline.unet.to(memory_format=torch.channels_last)
    factor = 2 ** (len(vae.block_out_channels) - 1)

    @cache
    def blank(height: int, width: int) -> torch.Tensor:
        grey = torch.zeros(1, 3, height * factor, width * factor, device=unet.device, dtype=pipeline.vae.dtype)
        return pipeline.vae.encode(grey).latent_dist.mode().float() * vae.scaling_factor

    return unet_denoiser(unet, prediction_type=scheduler.config.prediction_type, betas=scheduler.betas.double().numpy(),
                         factor=factor, blank=blank if unet.config.in_channels != unet.config.out_channels else None, **factors)


def _settings(part) -> dict:
    """What the settings of a part say, with the name of its class."""
    settings = part.config if isinstance(part.config, dict) else part.config.to_dict()
    return {**settings, "_class_name": type(part).__name__}


def _digest(pipeline) -> str:
    """sha256 over the settings and weights of the parts that the pictures depend on, hex."""
    digest = hashlib.sha256()
    names = ("scheduler", *TEXT_PARTS, "unet", "transformer", "vae")
    parts = [part for name in names if (part := getattr(pipeline, name, None)) is not None]
    for part in parts:
        settings = part.config if isinstance(part.config, dict) else part.config.to_dict()
        digest.update(repr(sorted((key, value) for key, value in settings.items() if not key.startswith("_"))).encode())
    for part in parts[1:]:
        for name, weight in sorted(part.state_dict().items()):
            digest.update(name.encode())
            digest.update(weight.cpu().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def defaults_of(source: str | Path) -> Defaults:
    """What a model will do when nothing else is asked for, known without loading it."""
    if source == "embedded":
        return OWN
    folder = Path(source)
    try:
        core = next(json.loads(file.read_text()) for part in ("unet", "transformer")
                    if (file := folder / part / "config.json").is_file())
        scheduler = json.loads((folder / "scheduler" / "scheduler_config.json").read_text())
        return defaults_for(core, scheduler, _called(source))
    except (OSError, ValueError, StopIteration, KeyError):  # what is wrong with it is said when it is loaded
        return defaults_for({"_class_name": "UNet2DConditionModel"}, {}, _called(source))


def _called(source: str | Path) -> str:
    """The name of a model without the place where it lies."""
    return re.split(r"[/\\]", str(source).rstrip("/\\"))[-1]


def find_device(name: str) -> torch.device:
    """The device that a name means on this machine; `auto` is a GPU if there is one.

    Raises
    ------
    InputError
        If it is unknown or not there.
    """
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device("cuda" if there["cuda"] else "mps" if there["mps"] else "cpu")
    if name not in there:
        raise InputError(f"unknown device {name!r}: use auto, cpu, cuda or mps")
    if not there[name]:
        raise InputError(f"device {name} is not there on this machine: use --device cpu or auto")
    return torch.device(name)


def _dtype(name: str, device: torch.device) -> torch.dtype:
    if name == "auto":
        return torch.float32 if device.type == "cpu" else torch.float16
    if name not in DTYPES:
        raise InputError(f"unknown dtype {name!r}: use auto, {', '.join(DTYPES)}")
    return DTYPES[name]


DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
WHAT = "'embedded', a diffusers folder with .safetensors weights, a .safetensors file, or the id of a model on the hub"
OWN = Defaults(size=256, steps=8, cfg=3.5, sampler="dpmpp_2m", scheduler="karras")
READERS = {FAMILIES[0]: clip_text, "SDXL": sdxl_text, "SD3": sd3_text, "Flux": flux_text}
NEEDED = {
    FAMILIES[0]: ("vae", "text_encoder", "tokenizer", "scheduler"),
    "SDXL": ("vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler"),
    "SD3": ("vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler"),
    "Flux": ("vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler"),
}
