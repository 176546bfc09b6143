"""Loading of a model: the embedded one, a diffusers folder, a hub id, a single-file checkpoint.

All go through diffusers' own loaders, but for the embedded model, whose networks are our own: see plain/.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import torch

from audioviz.errors import InputError, ModelError, nearest
from audioviz.models.additions.control import add_ip_adapter, load_controlnet, reference_encoder
from audioviz.models.additions.loading import add_embeddings, add_loras, other_vae
from audioviz.models.autoencoder import Autoencoder, autoencoder_dtype
from audioviz.models.devices import find_device, find_dtype, memory_format_of
from audioviz.models.families.family import Family
from audioviz.models.files.configs import family_defaults
from audioviz.models.files.digest import parts_digest, remembered
from audioviz.models.files.pipeline import TEXT_ENCODERS, check_parts, core_settings, load_pipeline, settings_of
from audioviz.models.memory.placement import placed
from audioviz.models.memory.reader import TextReader
from audioviz.models.model import Model
from audioviz.models.plain.family import EMBEDDED as EMBEDDED_FAMILY
from audioviz.models.plain.load import is_plain, load_plain
from audioviz.models.sources import EMBEDDED, EXPECTED, PREDICTIONS, check_plain, pixels_per_cell, split_weight


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
    vae_dtype: str = "auto",
) -> Model:
    """A diffusers model of a known family, ready to render.

    Parameters
    ----------
    source : "embedded", a diffusers folder, the id of one on the hub, or a .safetensors file
    device : "auto" (a GPU if there is one), "cpu", "cuda", "xpu", "mps", or one of several: "cuda:1"
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
    vae_dtype : as dtype
        What the autoencoder runs in; "auto" is dtype, and bfloat16 in place of a float16 that is too narrow for it, or
        float32 on a device without that.

    Raises
    ------
    InputError
        If device, dtype or prediction is unknown or not there, or a LoRA is missing.
    ModelError
        If there is no such model, its weights are pickled, it is of an unknown family, or what is added does not fit.
    """
    _check_arguments(source, prediction, vae=vae, controlnet=controlnet, ip_adapter=ip_adapter)
    loras, embeddings = _files("loras", loras), _files("embeddings", embeddings)
    others = [*embeddings, *filter(None, (vae, controlnet, ip_adapter))]
    target = find_device(device)
    precision = find_dtype(dtype, target)
    weighted_loras = [split_weight(lora) for lora in loras]
    files = [file for file, _ in weighted_loras]
    names = [file.stem.lower() for file in files]
    moving = _moving(unfused, names)
    pipeline, family = _pipeline_of(source, precision, prediction, added=[*loras, *others], other_vae=vae is not None)
    if dtype == "auto" and precision == torch.float16 and family.half != precision:
        pipeline.to(family.half)
    strengths = add_loras(pipeline, weighted_loras, unfused=moving)
    add_embeddings(pipeline, [Path(file) for file in embeddings])
    net = load_controlnet(pipeline, controlnet) if controlnet else None
    if ip_adapter:
        add_ip_adapter(pipeline, ip_adapter)
    autoencoder = _autoencoder(pipeline, family, vae, target)
    _lay_out(pipeline, family, target, vae_dtype)
    told = [str(precision), dtype, str(pipeline.vae.dtype), prediction]
    told += [*map(str, (*weighted_loras, *others)), *map("unfused {}".format, moving)]
    digest = remembered(partial(_digest, pipeline, net), [_place_of(source), *files, *others], told)
    defaults = family_defaults(family, core_settings(pipeline), settings_of(pipeline.scheduler), source, files)
    placement = placed(pipeline, target, controlnet=net, size=(defaults.size, defaults.size))
    return Model(
        name=" + ".join(map(str, (source, *loras, *others))),
        digest=digest,
        denoiser=replace(family.denoiser(pipeline, autoencoder, net), loras=strengths),
        autoencoder=autoencoder,
        text_encoder=TextReader(partial(family.read, pipeline), placement),
        placement=placement,
        defaults=defaults,
        loras=frozenset(names),
        encode_reference=reference_encoder(pipeline) if ip_adapter else None,
    )


def _check_arguments(source: Any, prediction: Any, **parts: Any) -> None:
    """Refuse what is of another kind than `load_model` takes."""
    if not isinstance(source, (str, PathLike)):
        raise ModelError(f"model {source!r:.60}: expected {EXPECTED}")
    if prediction not in (None, *PREDICTIONS):
        raise InputError(
            f"unknown prediction {prediction!r:.60}{nearest(prediction, PREDICTIONS)}: use {', '.join(PREDICTIONS)}"
        )
    for what, part in parts.items():
        if not isinstance(part, (str, PathLike, type(None))):
            raise InputError(f"{what} {part!r:.60}: expected a folder, a file, or the id of one on the hub")


def _place_of(source: str | Path) -> Path:
    return EMBEDDED if source == "embedded" else Path(source)


def _pipeline_of(
    source: str | Path, dtype: torch.dtype, prediction: str | None, *, added: list[str | Path], other_vae: bool
) -> tuple[Any, Family]:
    """The pipeline of a source on the CPU, to which files will be added, and its family."""
    if is_plain(_place_of(source)):
        check_plain(source, added=[str(file) for file in added], prediction=prediction)
        return load_plain(_place_of(source), dtype), EMBEDDED_FAMILY
    pipeline: Any = load_pipeline(str(source), dtype, other_vae=other_vae)
    family = check_parts(pipeline, str(source), other_vae=other_vae)
    if prediction:
        set_prediction(pipeline, prediction, family)
    return pipeline, family


def _lay_out(pipeline: Any, family: Family, device: torch.device, vae_dtype: str) -> None:
    """Have parts in the types and the layouts of memory that they run in on a device, still on the CPU."""
    for part in (*TEXT_ENCODERS, "vae"):
        if module := getattr(pipeline, part, None):
            module.eval().requires_grad_(False)
    vae = pipeline.vae
    dtype = autoencoder_dtype(vae_dtype, vae.dtype, vae.config, device, wide=family.wide)
    vae.to(dtype, memory_format=memory_format_of(vae, device))
    if unet := getattr(pipeline, "unet", None):
        unet.to(memory_format=memory_format_of(unet, device))


def _moving(unfused: Collection[str], names: list[str]) -> list[str]:
    """The names of LoRAs that are to stay unfused, lower case, of all that there are."""
    for name in unfused:
        if names.count(name.lower()) != 1:
            raise InputError(
                f"unfused {name!r:.60}{nearest(name, names)}: expected the name of one of the LoRAs"
                f" ({', '.join(names) or 'there are none'})"
            )
    return sorted({name.lower() for name in unfused})


def _autoencoder(pipeline: Any, family: Family, other: str | Path | None, target: torch.device) -> Autoencoder:
    """The autoencoder of a pipeline, or another in its place, which decodes the same latents, for a device."""
    own = pipeline.vae
    if other is not None:
        pipeline.register_modules(vae=other_vae(pipeline, other))
    return Autoencoder(
        pipeline.vae,
        family.units(own, pipeline.vae).to(target),
        factor=pixels_per_cell(own.config) * family.packed,
        in_model_units=type(pipeline.vae).__name__ == "AutoencoderTiny",
        packed=family.packed,
    )


def _files(what: str, files: Any) -> list[str]:
    """The files of a list, or the one that stands alone, as texts."""
    listed = [files] if isinstance(files, (str, PathLike)) else files
    if not isinstance(listed, Sequence) or not all(isinstance(file, (str, PathLike)) for file in listed):
        raise InputError(f"{what} {files!r:.60}: expected files, such as ['style.safetensors']")
    return [str(file) for file in listed]


def set_prediction(pipeline: Any, prediction: str, family: Family) -> None:
    """Have a pipeline's scheduler say what its UNet predicts.

    Raises
    ------
    ModelError
        If it is a model of flow matching.
    """
    if family.flow:
        raise ModelError(
            f"prediction {prediction}: this model is one of the family {family.name}, which is known to predict "
            "another thing: leave it out"
        )
    kind = "v_prediction" if prediction == "v" else prediction
    scheduler = pipeline.scheduler
    pipeline.register_modules(scheduler=type(scheduler).from_config(scheduler.config, prediction_type=kind))


def _digest(pipeline: Any, controlnet: Any = None) -> str:
    names = (*TEXT_ENCODERS, "unet", "transformer", "vae", "image_encoder")
    parts = (*(getattr(pipeline, name, None) for name in names), controlnet)
    return parts_digest(pipeline.scheduler, [part for part in parts if part is not None])
