"""Loading of a model: the embedded one, a diffusers folder, a hub id, a single-file checkpoint.

All go through diffusers' own loaders, but for the embedded model, whose networks are our own: see plain/.
"""

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import torch

from audioviz.errors import InputError, ModelError, nearest
from audioviz.models.additions import add_embeddings, add_loras, other_vae
from audioviz.models.autoencoder import Autoencoder, bfloat16_or_float32
from audioviz.models.control import add_ip_adapter, load_controlnet, reference_encoder
from audioviz.models.defaults import Defaults, with_few_steps
from audioviz.models.devices import find_device, find_dtype, memory_format_of
from audioviz.models.digest import parts_digest, remembered
from audioviz.models.distilled import few_steps_of_loras
from audioviz.models.families import STABLE_DIFFUSION, Family, family_of
from audioviz.models.model import Model
from audioviz.models.pipeline import TEXT_ENCODERS, check_parts, core_settings, load_pipeline, settings_of, with_index
from audioviz.models.placement import placed
from audioviz.models.plain.family import EMBEDDED as EMBEDDED_FAMILY
from audioviz.models.plain.family import OWN
from audioviz.models.plain.load import is_plain, load_plain
from audioviz.models.reader import TextReader
from audioviz.models.single_file import layout_of
from audioviz.models.sources import EMBEDDED, EXPECTED, PREDICTIONS, check_plain, read_shapes, split_weight


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
    precision = find_dtype(dtype, target)
    weighted_loras = [split_weight(lora) for lora in loras]
    names = [file.stem.lower() for file, _ in weighted_loras]
    moving = _moving(unfused, names)
    others = (*embeddings, *filter(None, (vae, controlnet, ip_adapter)))
    added = (*loras, *others)
    found = EMBEDDED if source == "embedded" else Path(source)
    plain, other = is_plain(found), vae is not None
    if plain:
        check_plain(source, added=[str(file) for file in added], prediction=prediction)
    pipeline: Any = load_plain(found, precision) if plain else load_pipeline(str(source), precision, other_vae=other)
    family = EMBEDDED_FAMILY if plain else check_parts(pipeline, str(source), other_vae=other)
    if prediction:
        set_prediction(pipeline, prediction, family)
    if dtype == "auto" and precision == torch.float16 and family.half != precision:
        pipeline.to(family.half)
    strengths = add_loras(pipeline, weighted_loras, unfused=moving)
    add_embeddings(pipeline, [Path(file) for file in embeddings])
    net = load_controlnet(pipeline, controlnet) if controlnet else None
    if ip_adapter:
        add_ip_adapter(pipeline, ip_adapter)
    autoencoder = _autoencoder(pipeline, family, vae, target)
    for part in (*TEXT_ENCODERS, "vae"):
        if module := getattr(pipeline, part, None):
            module.eval().requires_grad_(False)
    pipeline.vae.to(
        _vae_dtype(vae_dtype, pipeline.vae, family, target), memory_format=memory_format_of(pipeline.vae, target)
    )
    unet = getattr(pipeline, "unet", None)
    core = pipeline.transformer if unet is None else unet.to(memory_format=memory_format_of(unet, target))
    files = [file for file, _ in weighted_loras]
    defaults = _defaults(family, core_settings(pipeline), settings_of(pipeline.scheduler), source, files)
    told = [str(precision), dtype, str(pipeline.vae.dtype), prediction]
    told += [*map(str, (*weighted_loras, *others)), *map("unfused {}".format, moving)]
    digest = remembered(partial(_digest, pipeline, net), [found, *files, *others], told)
    placement = placed(pipeline, target, core=core, controlnet=net, size=(defaults.size, defaults.size))
    return Model(
        name=" + ".join(map(str, (source, *added))),
        digest=digest,
        denoiser=replace(family.denoiser(pipeline, autoencoder, net), loras=strengths),
        autoencoder=autoencoder,
        text_encoder=TextReader(partial(family.read, pipeline), placement),
        placement=placement,
        defaults=defaults,
        loras=frozenset(names),
        encode_reference=reference_encoder(pipeline) if ip_adapter else None,
    )


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
        factor=2 ** (len(own.config.block_out_channels) - 1) * family.packed,
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


def defaults_of(source: str | Path, loras: Sequence[str] = ()) -> Defaults:
    """The default settings of a model with these LoRAs, known without loading it; arguments as for `load_model`."""
    if source == "embedded":
        return OWN
    try:
        core, scheduler = _settings_without_loading(str(source))
        family = family_of(core)
    except (OSError, ValueError, KeyError, ModelError):  # what is wrong with it is said when it is loaded
        core, scheduler, family = {}, {}, None
    return _defaults(family or STABLE_DIFFUSION, core, scheduler, source, [split_weight(lora)[0] for lora in loras])


def _defaults(
    family: Family, core: dict[str, Any], scheduler: dict[str, Any], source: str | Path, loras: Sequence[Path]
) -> Defaults:
    own = family.defaults(core, scheduler, _short_name(source))
    few, told_scale = few_steps_of_loras(loras), core.get("guidance_embeds") or core.get("time_cond_proj_dim")
    return with_few_steps(own, few, flow=family.flow, told_scale=bool(told_scale)) if few else own


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
    index, *settings = (
        json.loads(file.read_text())
        for file in (folder / "model_index.json", core, folder / "scheduler" / "scheduler_config.json")
    )
    return with_index(index, settings[0]), settings[1]


def _short_name(source: str | Path) -> str:
    """The name of a model without the place where it lies."""
    return re.split(r"[/\\]", str(source).rstrip("/\\"))[-1]


def _vae_dtype(name: str, vae: Any, family: Family, device: torch.device) -> torch.dtype:
    """What an autoencoder is to run in, as it is loaded already unless that does not do."""
    if name != "auto":
        return find_dtype(name, device, what="vae-dtype")
    if family.wide and vae.dtype == torch.float16 and vae.config.get("force_upcast"):
        return bfloat16_or_float32(device)
    return vae.dtype
