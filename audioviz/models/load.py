"""A model by name or place: the embedded one, a diffusers folder, a hub id; all through diffusers' own loader."""

import hashlib
from pathlib import Path

import torch

from audioviz.errors import InputError, ModelError
from audioviz.models.denoiser import unet_denoiser
from audioviz.models.model import Defaults, Model

EMBEDDED = Path(__file__).parent / "embedded"
PARTS = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")


def load_model(source: str | Path = "embedded", *, device: str = "auto", dtype: str = "auto") -> Model:
    """A diffusers model with the layout of Stable Diffusion, ready to render.

    Parameters
    ----------
    source : "embedded", a diffusers folder, or the id of one on the hub
    device : "auto" (a GPU if there is one), "cpu", "cuda", "mps"
    dtype : "auto" (float16 on a GPU, float32 on a CPU), "float32", "float16", "bfloat16"

    Raises
    ------
    InputError
        If device or dtype is unknown or not there.
    ModelError
        If there is no such model, its weights are pickled, or it is of an unknown layout.
    """
    where = find_device(device)
    kind = _dtype(dtype, where)
    pipeline = _load_pipeline(str(EMBEDDED if source == "embedded" else source), kind)
    missing = [part for part in PARTS if getattr(pipeline, part, None) is None]
    if missing or type(pipeline.unet).__name__ != "UNet2DConditionModel" or type(pipeline).__name__.find("XL") >= 0:
        raise ModelError(f"model {source}: a {type(pipeline).__name__}, expected the layout of Stable Diffusion 1 or 2 "
                         f"({', '.join(PARTS)})")
    hollow = [part for part in PARTS[:3] if any(weight.is_meta for weight in getattr(pipeline, part).parameters())]
    if hollow:
        raise ModelError(f"model {source}: weights of its {', '.join(hollow)} are missing; fetch its files again")
    vae = pipeline.vae.to(where).eval().requires_grad_(False)
    unet = pipeline.unet.to(where, memory_format=torch.channels_last)
    vae.to(memory_format=torch.channels_last)
    return Model(
        name=str(source),
        digest=_digest(pipeline),
        denoiser=unet_denoiser(unet, prediction_type=pipeline.scheduler.config.prediction_type,
                               scaling_factor=vae.config.scaling_factor, betas=pipeline.scheduler.betas.double().numpy()),
        vae=vae,
        text_encoder=pipeline.text_encoder.to(where).eval().requires_grad_(False),
        tokenizer=pipeline.tokenizer,
        factor=2 ** (len(vae.config.block_out_channels) - 1),
        defaults=defaults_of(source),
    )


def _load_pipeline(source: str, dtype: torch.dtype):
    from diffusers import DiffusionPipeline
    from diffusers.utils import logging
    from transformers.utils import logging as transformers_logging

    for noise in (logging, transformers_logging):  # they talk of what no user of ours can act on
        noise.set_verbosity_error()
        noise.disable_progress_bar()
    folder = Path(source)
    if folder.is_file():
        raise ModelError(f"model {source}: a single file; give the diffusers folder of the model instead")
    if folder.is_dir() and not (folder / "model_index.json").is_file():
        raise ModelError(f"model {source}: has no model_index.json; expected a diffusers folder")
    try:
        return DiffusionPipeline.from_pretrained(source, dtype=dtype, use_safetensors=True, safety_checker=None,
                                                 local_files_only=folder.is_dir())
    except Exception as error:  # a damaged folder makes diffusers and transformers raise almost anything
        reason = str(error).strip().partition("\n")[0]
        raise ModelError(f"model {source}: cannot be loaded ({reason:.200}); expected 'embedded', a diffusers folder "
                         "with .safetensors weights, or the id of one on the hub") from error


def _digest(pipeline) -> str:
    """sha256 over the settings and weights of the parts that the pictures depend on, hex."""
    digest = hashlib.sha256()
    for part in (pipeline.scheduler, pipeline.text_encoder, pipeline.unet, pipeline.vae):
        settings = part.config if isinstance(part.config, dict) else part.config.to_dict()
        digest.update(repr(sorted((key, value) for key, value in settings.items() if not key.startswith("_"))).encode())
    for part in (pipeline.text_encoder, pipeline.unet, pipeline.vae):
        for name, weight in sorted(part.state_dict().items()):
            digest.update(name.encode())
            digest.update(weight.cpu().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def defaults_of(source: str | Path) -> Defaults:
    """What a model will do when nothing else is asked for, known without loading it."""
    return DEFAULTS["embedded" if source == "embedded" else "stable-diffusion"]


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
DEFAULTS = {
    "embedded": Defaults(size=256, steps=8, cfg=3.5, sampler="dpmpp_2m", scheduler="karras"),
    "stable-diffusion": Defaults(size=512, steps=20, cfg=7.0, sampler="dpmpp_2m", scheduler="karras"),
}
