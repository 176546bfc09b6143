"""Single-file checkpoints (.safetensors), through diffusers' own loader.

diffusers wants the settings of each part from the hub. layouts.json holds them, so that a file loads without a network;
a folder beside the file that has its name (`dream/` beside `dream.safetensors`) can bring what the file does not hold:
the parts of a diffusers folder, or a whole one, whose settings then count.
"""

import json
import re
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import torch

from audioviz.errors import AudiovizWarning, ModelError, kind_of
from audioviz.models.families.flux2 import is_distilled
from audioviz.models.families.relatives import relative_in_file
from audioviz.models.families.z_image import is_turbo
from audioviz.models.files.checkpoint import read_checkpoint, refuse_quantised, unread
from audioviz.models.files.original_parts import (
    LANGUAGE_MODELS,
    ORIGINAL,
    read_flux2_vae,
    read_language_model,
    transformer_weights,
)
from audioviz.models.sources import first_names, read_header, read_shapes

LORA_KEYS = ("lora_", ".lora.", ".lora_A.", ".hada_", ".lokr_")
_SD1_KEY = "model.diffusion_model.output_blocks.11.0.skip_connection.weight"
_PREFIXES = {  # of the tensors of a part; of a UNet or transformer they are known by the layout
    "vae": ("first_stage_model.", "vae."),
    "text_encoder": ("cond_stage_model.", "conditioner.embedders.0.", "text_encoders.clip_l."),
    "text_encoder_2": ("conditioner.embedders.1.", "text_encoders.clip_g."),
}
_T5_PREFIX = "text_encoders.t5xxl."
_V_NAME = re.compile(r"(?<![a-z])v[-_ ]?pred(iction)?(?![a-z])", re.IGNORECASE)


def load_single_file(file: Path, dtype: torch.dtype, *, other_vae: bool = False) -> Any:
    """The diffusers pipeline of one file, on the CPU; what the file holds and no part reads is said.

    Parameters
    ----------
    file : Path
    dtype : torch.dtype
    other_vae : bool
        Its autoencoder is to be replaced: if the file has none, the pipeline has one without weights.

    Raises
    ------
    ModelError
        If the file is pickled, quantised or no checkpoint of a known family, or a part is neither in it nor to be
        found.
    """
    from diffusers.pipelines.pipeline_utils import DiffusionPipeline

    shapes = read_shapes(file, what="model")
    refuse_quantised(file, shapes)
    beside = file.with_suffix("")
    with TemporaryDirectory() as folder:
        settings = beside
        if not (beside / "model_index.json").is_file():
            settings = Path(folder)
            write_layout(settings, *layout_of(file, shapes), name=file.stem)
            _say_guess(file, shapes)
        index = json.loads((settings / "model_index.json").read_text())
        kinds = {name: part[1] for name, part in index.items() if isinstance(part, list) and part[1]}
        sources = {name: found for name, kind in kinds.items() if (found := _source_of(name, kind, shapes, beside))}
        if sources.get("text_encoder_3") == "nowhere":
            sources |= {"text_encoder_3": "none", "tokenizer_3": "none"}  # SD3 does without T5
        if other_vae and sources.get("vae") == "nowhere":
            sources["vae"] = "hollow"
        _refuse_missing(file, [name for name, source in sources.items() if source == "nowhere"])
        parts = {
            name: _part(file, name, kinds[name], source, settings, {}, dtype)
            for name, source in sources.items()
            if source not in ("file", "nowhere")
        }
        from_file = [name for name, source in sources.items() if source == "file"]
        checkpoint = read_checkpoint(file, dtype) if from_file else {}
        parts |= {name: _part(file, name, kinds[name], "file", settings, checkpoint, dtype) for name in from_file}
        pipeline = DiffusionPipeline.from_pretrained(
            str(settings), local_files_only=True, **({"safety_checker": None} | parts)
        )
    names = unread(shapes, pipeline, from_file)
    elsewhere = [prefix for name, source in sources.items() if source == "beside" for prefix in _PREFIXES.get(name, ())]
    names = [name for name in names if not name.startswith(tuple(elsewhere))]
    if names:
        warnings.warn(
            f"model {file}: {len(names)} of its {len(shapes)} tensors belong to no part of {kind_of(pipeline)} "
            f"and are not used: {first_names(names)}",
            AudiovizWarning,
            stacklevel=2,
        )
    return pipeline


def _source_of(name: str, kind: str, shapes: dict[str, tuple[int, ...]], beside: Path) -> str | None:
    """Where a part comes from: the file, the folder beside it, nowhere; None for what diffusers finds by itself."""
    if name.startswith("tokenizer"):
        return "vocabulary"
    if name not in ("unet", "transformer", "vae") and not name.startswith("text_encoder"):
        return None
    if any((beside / name).glob("*.safetensors")):
        return "beside"
    prefixes = {"T5": (_T5_PREFIX,), "Qw": LANGUAGE_MODELS, "Ge": LANGUAGE_MODELS}.get(kind[:2]) or _PREFIXES.get(
        name, ("",)
    )
    return "file" if any(key.startswith(prefixes) for key in shapes) else "nowhere"


def _refuse_missing(file: Path, missing: list[str]) -> None:
    if missing:
        vae = "give its vae with --vae, or " if missing == ["vae"] else ""
        folders = ", ".join(str(file.with_suffix("") / name) for name in missing)
        raise ModelError(
            f"model {file}: holds no {', '.join(missing)}; {vae}put that of any diffusers folder of its family at "
            f"{folders}"
        )


def _part(
    file: Path, name: str, kind: str, source: str, settings: Path, checkpoint: dict[str, Any], dtype: torch.dtype
) -> Any:
    """A part of the pipeline from where it is."""
    import diffusers
    import transformers
    from diffusers.loaders.single_file import load_single_file_sub_model

    if source == "none":
        return None
    if source in ("vocabulary", "beside"):
        config = settings / name / "config.json"
        told = json.loads(config.read_text()) if source == "vocabulary" and config.is_file() else {}
        return _missing_part(file, name, {"_class_name": kind} | told, dtype)
    if source == "hollow":
        own = getattr(diffusers, kind)
        with torch.device("meta"):
            return own.from_config(own.load_config(settings / name)).to(dtype)
    config = json.loads((settings / name / "config.json").read_text())
    if kind.startswith(("Qwen3", "Gemma2")):
        return read_language_model(getattr(transformers, kind), config, checkpoint, dtype)
    if kind == "AutoencoderKLFlux2":
        return read_flux2_vae(config, checkpoint, dtype)
    if kind in ORIGINAL:
        checkpoint = transformer_weights(checkpoint)
    return load_single_file_sub_model(
        library_name="transformers" if hasattr(transformers, kind) else "diffusers",
        class_name=kind,
        name=name,
        checkpoint=checkpoint,
        pipelines=diffusers.pipelines,
        is_pipeline_module=False,
        cached_model_config_path=str(settings),
        local_files_only=True,
        torch_dtype=dtype,
    )


def layout_of(file: Path, shapes: dict[str, tuple[int, ...]]) -> tuple[str, dict[str, dict]]:
    """The class of the pipeline that a checkpoint holds, and the configs of its parts by name.

    Raises
    ------
    ModelError
        If the file is of no family that is known.
    """
    from diffusers.loaders.single_file_utils import infer_diffusers_model_type

    if any(mark in name for name in shapes for mark in LORA_KEYS):
        raise ModelError(
            f"model {file}: a LoRA, which changes a model and is none; give it with --lora, and its model with --model"
        )
    kind = infer_diffusers_model_type({name: SimpleNamespace(shape=shape) for name, shape in shapes.items()})
    layouts = json.loads((Path(__file__).parent / "layouts.json").read_text())
    if relative := relative_in_file(kind, shapes):
        raise ModelError(f"model {file}: {relative}")
    if kind == "z-image-turbo" and not is_turbo(file.stem):
        kind = "z-image"
    elif kind == "flux-2-dev":
        kind = _kind_of_flux2(shapes)
    if "edm_mean" in shapes or any(name.startswith("edm_vpred") for name in shapes):
        raise ModelError(f"model {file}: trained with the noise schedule EDM, which audioviz does not know")
    if kind not in layouts or (kind == "v1" and _SD1_KEY not in shapes):  # v1 is what diffusers takes all others for
        raise ModelError(
            f"model {file}: "
            + ("no checkpoint that is known" if kind == "v1" else f"a checkpoint of {kind}")
            + "; expected one of Stable Diffusion 1 or 2, SDXL, SD3, Flux, Chroma, Lumina2, Z-Image or FLUX.2 klein"
        )
    layout = layouts[kind]
    scheduler = layouts["parts"][layout["scheduler"]]
    if "beta_start" in scheduler:
        prediction, _ = predicted(file, shapes)
        if kind == "v2" and (prediction == "epsilon" or (not prediction and re.search(r"base|512", file.stem.lower()))):
            layout |= {"unet": "unet-2-base", "scheduler": "epsilon"}
            layouts["parts"]["unet-2-base"] = layouts["parts"]["unet-2"] | {"sample_size": 64}
        elif prediction:
            zero = "ztsnr" in shapes or _says(file, _ZERO_SNR)
            layout["scheduler"] = "epsilon" if prediction == "epsilon" else "velocity-zero" if zero else "velocity"
    return layout.pop("_class_name"), {name: layouts["parts"][part] for name, part in layout.items()}


def _kind_of_flux2(shapes: dict[str, tuple[int, ...]]) -> str:
    """The kind of a checkpoint of FLUX.2, which diffusers takes all for that of FLUX.2 dev."""
    bare = {name.removeprefix("model.diffusion_model."): shape for name, shape in shapes.items()}
    if any(name.startswith("guidance_in.") for name in bare):
        return "flux-2-dev"
    return {3072: "flux2-klein-4b", 4096: "flux2-klein-9b"}.get(bare["img_in.weight"][0], "flux-2-dev")


def predicted(file: Path, shapes: dict[str, tuple[int, ...]]) -> tuple[str | None, str | None]:
    """What a UNet in a file was trained to predict, if that is told, and what tells it.

    A tensor tells it, the file's header as its trainer wrote it, a `.yaml` beside it, or its name.
    """
    if "v_pred" in shapes:
        return "v_prediction", "tensor"
    header = read_header(file)
    told = header.get("modelspec.prediction_type", "").lower()
    if header.get("ss_v_parameterization") == "True" or header.get("modelspec.architecture", "").endswith("-768-v"):
        told = told or "v"
    if told in _PREDICTIONS:
        return _PREDICTIONS[told], "header"
    if _says(file, r"parameterization:\s*[\"']?v\b"):
        return "v_prediction", "yaml"
    return ("v_prediction", "name") if _V_NAME.search(file.stem) else (None, None)


def _says(file: Path, pattern: str) -> bool:
    """Whether the header of a file, or a .yaml beside it, says this."""
    text = "\n".join(f"{key}: {value}" for key, value in read_header(file).items())
    beside = file.with_suffix(".yaml")
    text += "\n" + beside.read_text(encoding="utf-8", errors="replace") if beside.is_file() else ""
    return re.search(pattern, text, re.IGNORECASE) is not None


def _say_guess(file: Path, shapes: dict[str, tuple[int, ...]]) -> None:
    if predicted(file, shapes)[1] == "name":
        warnings.warn(
            f"model {file}: taken for one of v-prediction by its name; if its pictures are noise, say --prediction "
            "epsilon",
            AudiovizWarning,
            stacklevel=3,
        )


def write_layout(folder: Path, layout: str, parts: dict[str, dict], *, name: str = "") -> None:
    """Write the configs of a pipeline as a diffusers folder without weights; the name may tell more of the model."""
    index: dict[str, Any] = {"_class_name": layout}
    if layout == "Flux2KleinPipeline":
        index["is_distilled"] = is_distilled(name)
    for name, settings in parts.items():
        library = "transformers" if name.startswith(("text_encoder", "tokenizer")) else "diffusers"
        index[name] = [library, settings["_class_name"]]
        (folder / name).mkdir()
        (folder / name / ("scheduler_config.json" if name == "scheduler" else "config.json")).write_text(
            json.dumps(settings)
        )
    (folder / "model_index.json").write_text(json.dumps(index))


def _missing_part(file: Path, name: str, settings: dict[str, Any], dtype: torch.dtype) -> Any:
    """A part that the checkpoint does not hold: from the folder beside it, or, if it is a vocabulary, from the hub.

    Raises
    ------
    ModelError
    """
    import diffusers
    import transformers

    kind = getattr(transformers, settings["_class_name"], None) or getattr(diffusers, settings["_class_name"])
    own = file.with_suffix("") / name
    if not name.startswith("tokenizer"):
        return kind.from_pretrained(own, local_files_only=True, use_safetensors=True, torch_dtype=dtype)
    options = {key: value for key, value in settings.items() if key in ("model_max_length", "pad_token")}
    if own.is_dir():
        return kind.from_pretrained(own, local_files_only=True, **options)
    try:
        words = kind.from_pretrained(settings["vocabulary"], subfolder=settings.get("subfolder", ""), **options)
        if len(words) < 1000:  # without a network transformers may make one of its marks alone
            raise ValueError("no words")
    except Exception as error:  # OSError, ValueError and others
        raise ModelError(
            f"model {file}: files hold no vocabulary, and that of {settings.get('vocabulary', name)} is neither on "
            f"this disk nor to be fetched; connect once, or put the folder {name} of any diffusers folder of this "
            f"family at {own}"
        ) from error
    return words


_PREDICTIONS = {
    **dict.fromkeys(("v", "v_prediction", "v-prediction", "velocity"), "v_prediction"),
    **dict.fromkeys(("epsilon", "eps"), "epsilon"),
}
_ZERO_SNR = r"(ss_zero_terminal_snr|ztsnr|zero_terminal_snr|rescale_betas_zero_snr):\s*true"
