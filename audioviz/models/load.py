"""Loading of a model: the embedded one, a diffusers folder, a hub id, a single-file checkpoint.

All go through diffusers' own loaders, but for the embedded model, whose networks are our own: see plain/.
"""

import hashlib
import json
import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import cache, partial
from os import PathLike
from pathlib import Path
from typing import Any

import torch

from audioviz.errors import InputError, ModelError, nearest
from audioviz.models.additions import add_embeddings, add_loras, other_vae
from audioviz.models.control import add_ip_adapter, load_controlnet, reference_encoder
from audioviz.models.denoiser import UNetDenoiser, unet_denoiser
from audioviz.models.families import FAMILIES, Defaults, defaults_for
from audioviz.models.flow import FlowDenoiser, flow_denoiser
from audioviz.models.model import Model, picture_to_latent
from audioviz.models.pipeline import TEXT_ENCODERS, check_parts, load_pipeline, settings_of
from audioviz.models.placement import place
from audioviz.models.plain.load import is_plain, load_plain, plain_text
from audioviz.models.single_file import layout_of
from audioviz.models.sources import EMBEDDED, EXPECTED, PREDICTIONS, check_plain, read_shapes, split_weight
from audioviz.models.text import clip_text, flux_text, sd3_text, sdxl_text
from audioviz.models.vocabulary import embedded_text


def load_model(
    source: str | Path = "embedded",
    *,
    device: str = "auto",
    dtype: str = "auto",
    loras: str | Path | Sequence[str | Path] = (),
    unfused: Collection[str] = (),
    embeddings: str | Path | Sequence[str | Path] = (),
    vae: str | Path | None = None,
    controlnet: str | Path | None = None,
    ip_adapter: str | Path | None = None,
    prediction: str | None = None,
) -> Model:
    """A diffusers model of a known family, ready to render.

    Parameters
    ----------
    source : "embedded", a diffusers folder, the id of one on the hub, or a .safetensors file
    device : "auto" (a GPU if there is one), "cpu", "cuda", "mps"
    dtype : "auto" (float16 on a GPU, float32 on a CPU), "float32", "float16", "bfloat16"
    loras : "FILE.safetensors" or "FILE.safetensors:0.8", or several
        LoRA files that are worked into the weights, and how strongly.
    unfused : names of LoRA files, without folder and ending, in any case
        Those of them that act beside the weights, so that a schedule's columns `lora:NAME` can move them.
    embeddings : .safetensors file, or several
        Textual inversions: the name of each file becomes a word.
    vae : folder, hub id or .safetensors file, optional
        Another autoencoder; a tiny one (TAESD) decodes at once, for previews.
    controlnet : folder, hub id or .safetensors file, optional
        Lets a picture lead the frames: `render(control=...)`.
    ip_adapter : .safetensors file, on the hub too, optional
        Lets frames follow the style of a picture: `render(style=...)`.
    prediction : "epsilon", "v" or "sample", optional
        What a UNet was trained to predict, where its files do not tell.

    Raises
    ------
    InputError
        If device, dtype or prediction is unknown or not there, or a LoRA is missing.
    ModelError
        If there is no such model, its weights are pickled, it is of an unknown family, or what is added does not fit.
    """
    if not isinstance(source, (str, PathLike)):
        raise ModelError(f"model {source!r:.60}: expected {EXPECTED}")
    if prediction not in (None, *PREDICTIONS):
        raise InputError(
            f"unknown prediction {prediction!r:.60}{nearest(prediction, PREDICTIONS)}: use {', '.join(PREDICTIONS)}"
        )
    for what, part in (("vae", vae), ("controlnet", controlnet), ("ip_adapter", ip_adapter)):
        if not isinstance(part, (str, PathLike, type(None))):
            raise InputError(f"{what} {part!r:.60}: expected a folder, a file, or the id of one on the hub")
    loras, embeddings = _files("loras", loras), _files("embeddings", embeddings)
    target = find_device(device)
    precision = _dtype(dtype, target)
    weighted_loras = [split_weight(lora) for lora in loras]
    names = [file.stem.lower() for file, _ in weighted_loras]
    for name in unfused:
        if names.count(name.lower()) != 1:
            raise InputError(
                f"unfused {name!r:.60}{nearest(name, names)}: expected the name of one of the LoRAs"
                f" ({', '.join(names) or 'there are none'})"
            )
    added = (*loras, *embeddings, *filter(None, (vae, controlnet, ip_adapter)))
    found = EMBEDDED if source == "embedded" else Path(source)
    plain = is_plain(found)
    if plain:
        check_plain(source, added=[str(file) for file in added], prediction=prediction)
    other = vae is not None
    pipeline: Any = load_plain(found, precision) if plain else load_pipeline(str(source), precision, other_vae=other)
    family = FAMILIES[0] if plain else check_parts(pipeline, str(source), other_vae=other)
    if prediction:
        set_prediction(pipeline, prediction, family)
    if dtype == "auto" and precision == torch.float16 and family in ("SD3", "Flux"):
        pipeline.to(torch.bfloat16)  # their values go beyond the range of float16
    strengths = add_loras(pipeline, weighted_loras, unfused={name.lower() for name in unfused})
    add_embeddings(pipeline, [Path(file) for file in embeddings])
    net = load_controlnet(pipeline, controlnet) if controlnet else None
    if ip_adapter:
        add_ip_adapter(pipeline, ip_adapter)
    vae_config = pipeline.vae.config  # a vae that stands in decodes the same latents
    tiny = False
    if vae is not None:
        pipeline.register_modules(vae=other_vae(pipeline, vae))
        tiny = type(pipeline.vae).__name__ == "AutoencoderTiny"
    for part in (*TEXT_ENCODERS, "vae"):
        if module := getattr(pipeline, part, None):
            module.eval().requires_grad_(False)
    pipeline.vae.to(memory_format=torch.channels_last)
    if family == "SDXL" and precision == torch.float16 and pipeline.vae.config.get("force_upcast"):
        pipeline.vae.to(torch.float32)  # its values go beyond the range of float16
    factor = 2 ** (len(vae_config.block_out_channels) - 1)
    core = pipeline.transformer if family in ("SD3", "Flux") else pipeline.unet
    defaults = (
        OWN
        if plain
        else defaults_for(settings_of(core), settings_of(pipeline.scheduler), _short_name(source), factor=factor)
    )
    place(pipeline, target, text_encoders=TEXT_ENCODERS, size=defaults.size)
    denoiser = denoiser_of(pipeline, family, vae_config, factor=factor, tiny=tiny, controlnet=net and net.to(target))
    encode = partial(embedded_text, encode=plain_text) if plain else ENCODE_TEXT[family]
    return Model(
        name=" + ".join(map(str, (source, *added))),
        digest=_digest(pipeline, net),
        denoiser=replace(denoiser, loras=strengths),
        vae=pipeline.vae,
        text_encoder=partial(encode, pipeline),
        factor=factor,
        defaults=defaults,
        multiple=factor * (denoiser.patch if isinstance(denoiser, FlowDenoiser) else 1),
        tiny_vae=tiny,
        loras=frozenset(names),
        encode_reference=reference_encoder(pipeline) if ip_adapter else None,
    )


def _files(what: str, files: Any) -> list[str]:
    """The files of a list, or the one that stands alone, as texts."""
    listed = [files] if isinstance(files, (str, PathLike)) else files
    if not isinstance(listed, Sequence) or not all(isinstance(file, (str, PathLike)) for file in listed):
        raise InputError(f"{what} {files!r:.60}: expected files, such as ['style.safetensors']")
    return [str(file) for file in listed]


def set_prediction(pipeline: Any, prediction: str, family: str) -> None:
    """Have a pipeline's scheduler say what its UNet predicts.

    Raises
    ------
    ModelError
        If it has no UNet.
    """
    if family in ("SD3", "Flux"):
        raise ModelError(
            f"prediction {prediction}: this model is one of the family {family}, which is known to predict another "
            "thing: leave it out"
        )
    kind = "v_prediction" if prediction == "v" else prediction
    scheduler = pipeline.scheduler
    pipeline.register_modules(scheduler=type(scheduler).from_config(scheduler.config, prediction_type=kind))


def denoiser_of(
    pipeline: Any, family: str, vae_config: Any, *, factor: int, tiny: bool, controlnet: Any = None
) -> UNetDenoiser | FlowDenoiser:
    """The denoiser of a pipeline whose parts lie where they are to run; `vae_config` is its own autoencoder's."""
    scheduler = pipeline.scheduler
    factors = {"scaling_factor": vae_config.scaling_factor, "shift_factor": vae_config.get("shift_factor") or 0.0}
    if family in ("SD3", "Flux"):
        return flow_denoiser(pipeline.transformer, scheduler, **factors)
    unet = pipeline.unet.to(memory_format=torch.channels_last)

    @cache
    def blank(height: int, width: int) -> torch.Tensor:
        latent = picture_to_latent(pipeline.vae, torch.zeros(1, 3, height * factor, width * factor))
        return latent if tiny else (latent - factors["shift_factor"]) * factors["scaling_factor"]

    return unet_denoiser(
        unet,
        prediction_type=scheduler.config.prediction_type,
        betas=scheduler.betas.double().numpy(),
        factor=factor,
        blank=blank if unet.config.in_channels != unet.config.out_channels else None,
        controlnet=controlnet,
        **factors,
    )


def _digest(pipeline: Any, controlnet: Any = None) -> str:
    """sha256 over the settings and weights of the parts that the pictures depend on, hex."""
    digest = hashlib.sha256()
    names = ("scheduler", *TEXT_ENCODERS, "unet", "transformer", "vae", "image_encoder")
    parts = [part for part in (*(getattr(pipeline, name, None) for name in names), controlnet) if part is not None]
    for part in parts:
        settings = part.config if isinstance(part.config, dict) else part.config.to_dict()
        digest.update(repr(sorted((key, value) for key, value in settings.items() if not key.startswith("_"))).encode())
    for part in parts[1:]:
        for name, weight in sorted(part.state_dict().items()):
            digest.update(name.encode())
            digest.update(weight.cpu().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def defaults_of(source: str | Path) -> Defaults:
    """The default settings of a model, known without loading it."""
    if source == "embedded":
        return OWN
    try:
        return defaults_for(*_settings_without_loading(str(source)), _short_name(source))
    except (OSError, ValueError, KeyError, ModelError):  # what is wrong with it is said when it is loaded
        return defaults_for({"_class_name": "UNet2DConditionModel"}, {}, _short_name(source))


def _settings_without_loading(source: str) -> tuple[dict, dict]:
    """The configs of the UNet or transformer, and of the scheduler, of what lies on this disk."""
    folder = Path(source)
    if folder.is_file():
        if not (folder.with_suffix("") / "model_index.json").is_file():
            _, parts = layout_of(folder, read_shapes(folder, what="model"))
            return parts.get("unet") or parts["transformer"], parts["scheduler"]
        folder = folder.with_suffix("")
    elif not folder.is_dir():
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(source, "model_index.json")
        folder = Path(found).parent if isinstance(found, str) else folder
    core = next((file for part in ("unet", "transformer") if (file := folder / part / "config.json").is_file()), folder)
    return json.loads(core.read_text()), json.loads((folder / "scheduler" / "scheduler_config.json").read_text())


def _short_name(source: str | Path) -> str:
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
        raise InputError(f"unknown device {name!r}{nearest(name, ('auto', *there))}: use auto, cpu, cuda or mps")
    if not there[name]:
        raise InputError(f"device {name} is not there on this machine: use --device cpu or auto")
    return torch.device(name)


def _dtype(name: str, device: torch.device) -> torch.dtype:
    if name == "auto":
        return torch.float32 if device.type == "cpu" else torch.float16
    if name not in DTYPES:
        raise InputError(f"unknown dtype {name!r}{nearest(name, ('auto', *DTYPES))}: use auto, {', '.join(DTYPES)}")
    return DTYPES[name]


DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
OWN = Defaults(size=512, steps=1, cfg=3.0, sampler="euler", scheduler="sgm_uniform")
ENCODE_TEXT = {FAMILIES[0]: clip_text, "SDXL": sdxl_text, "SD3": sd3_text, "Flux": flux_text}
