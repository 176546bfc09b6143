"""Loading of a diffusers pipeline from a folder, a hub id or a file, and the check that it is of a known family."""

import json
import re
import warnings
from collections.abc import Callable, Mapping
from logging import Handler, LogRecord, NullHandler, getLogger
from pathlib import Path
from typing import Any

import torch

from audioviz.errors import AudiovizWarning, ModelError, kind_of
from audioviz.models.families import Family, family_names, family_of
from audioviz.models.families.relatives import relative_of
from audioviz.models.files.single_file import load_single_file
from audioviz.models.sources import EXPECTED, PICKLED, check_source, first_names

TEXT_ENCODERS = ("text_encoder", "text_encoder_2", "text_encoder_3")


def load_pipeline(source: str, dtype: torch.dtype, *, other_vae: bool = False) -> Any:
    """The diffusers pipeline of a folder, an id or a file, on the CPU.

    Parameters
    ----------
    source, dtype : as for `load_model`
    other_vae : bool
        Its autoencoder is to be replaced, and may be missing: then the pipeline has one without weights.

    Raises
    ------
    ModelError
        If there is none, or it cannot be loaded.
    """
    hear_loaders()
    from diffusers.pipelines.pipeline_utils import DiffusionPipeline

    place = Path(source)
    check_source(source)
    try:
        if place.is_file():
            return load_single_file(place, dtype, other_vae=other_vae)
        parts = {"safety_checker": None} | (hollow_vae(place, dtype) if other_vae and place.is_dir() else {})
        if "text_encoder_3" in _absent_parts(place):  # SD3 does without T5
            parts |= {"text_encoder_3": None, "tokenizer_3": None}
        return with_variant(
            place,
            lambda **variant: DiffusionPipeline.from_pretrained(source, dtype=dtype, **variant, **parts),
            dtype=dtype,
        )
    except ModelError:
        raise
    except Exception as error:  # a damaged folder makes diffusers and transformers raise almost anything
        raise ModelError(f"model {source}: {loading_failure(place, error, EXPECTED)}") from error


def _absent_parts(place: Path) -> dict[str, str | None]:
    """The class of each part that the model_index.json of a folder names and that has no folder there."""
    try:
        named = json.loads((place / "model_index.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    parts = {name: part[1] for name, part in named.items() if isinstance(part, list) and len(part) == 2}
    return {name: kind for name, kind in parts.items() if not (place / name).is_dir()}


def with_variant(place: Path, load: Callable[..., Any], *, dtype: torch.dtype = torch.float32) -> Any:
    """What `load` gives for a folder or a hub id; where there is only a variant of the weights, such as fp16, of that.

    From the hub the half of the bytes is fetched where they are for half precision, and there is such a variant.

    Parameters
    ----------
    place : Path
    load : function of the keywords of a `from_pretrained`
    dtype : torch.dtype
        Of the loaded weights.
    """
    options = {"use_safetensors": True, "local_files_only": place.is_dir()}
    if place.is_dir():
        return load(**options, variant=variant_of(place))
    first: Exception | None = None
    for variant in ({}, _FP16) if dtype == torch.float32 else (_FP16, {}):
        try:
            return load(**options, **variant)
        except Exception as error:  # what is wrong with the weights without a variant is to be told
            if not variant and not isinstance(error, OSError):
                raise
            first = error if first is None or not variant else first
    assert first is not None
    raise first from None


def variant_of(place: Path) -> str | None:
    """The variant of a folder's weights that is to be loaded; None where each part has those without one."""
    variants = set()
    for part in (place, *(part for part in place.iterdir() if part.is_dir())):
        found = {match[1] for file in part.iterdir() if (match := WEIGHTS.fullmatch(file.name))}
        if found and None not in found:
            variants |= found
    return "fp16" if "fp16" in variants else min(variants, default=None)


def hollow_vae(place: Path, dtype: torch.dtype) -> dict[str, Any]:
    """The autoencoder of a folder without weights, by the name of the part, if it has none; else nothing."""
    import diffusers

    folder = place / "vae"
    if not (folder / "config.json").is_file() or any(folder.glob("*.safetensors")):
        return {}
    settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    with torch.device("meta"):
        return {"vae": getattr(diffusers, settings["_class_name"]).from_config(settings).to(dtype)}


def hear_loaders() -> None:
    """Have what diffusers, transformers and the hub's client warn of said as our own warnings, but for known noise."""
    from diffusers.utils import logging
    from huggingface_hub.utils import logging as hub_logging
    from transformers.utils import logging as transformers_logging

    for library in (logging, transformers_logging):
        library.disable_progress_bar()
        library.disable_default_handler()
    for library in (logging, transformers_logging, hub_logging):
        library.set_verbosity_warning()
    for name in ("diffusers", "transformers", "huggingface_hub"):
        logger = getLogger(name)
        logger.handlers = [*(handler for handler in logger.handlers if isinstance(handler, NullHandler)), _Relay()]
        logger.propagate = False


class _Relay(Handler):
    """Says a record of a library's log as a warning, in one line; weights that are missing are a ModelError.

    transformers would draw those at random, and goes on.
    """

    def emit(self, record: LogRecord) -> None:
        text = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", record.getMessage()).split())
        if report := re.match(r"\w+ LOAD REPORT from: (.+?) Key \|", text):
            rows = re.findall(r"(\S+) \| (MISSING|UNEXPECTED)", text)
            missing = [name for name, status in rows if status == "MISSING"]
            unread = [name for name, _ in rows if not name.endswith("position_ids")]
            if missing:
                raise ModelError(
                    f"model {report[1]}: {len(missing)} weights are missing: {first_names(missing)}; fetch its files "
                    "again"
                )
            text = f"{len(unread)} tensors of {report[1]} are not used: {first_names(unread)}" if unread else ""
        if text and not _NOISE.search(text):
            warnings.warn(f"{record.name.partition('.')[0]} says: {text:.300}", AudiovizWarning, stacklevel=2)


def loading_failure(place: Path, error: Exception, what: str) -> str:
    """Why what diffusers was to load from a place or an id cannot be loaded, and what to do; `what` was expected."""
    chain, names, seen = error, set(), set()
    while chain is not None and id(chain) not in seen:
        seen.add(id(chain))
        names |= {kind.__name__ for kind in type(chain).__mro__}
        chain = chain.__cause__ or chain.__context__
    parts = [part for part in place.iterdir() if part.is_dir()] if place.is_dir() else []
    if any(
        {file.suffix for file in part.iterdir()} & set(PICKLED) and not any(part.glob("*.safetensors"))
        for part in parts
    ):
        return (
            "its weights are pickled, so that opening them can run anything; where you trust them, convert them: "
            f"python -c \"import diffusers; diffusers.DiffusionPipeline.from_pretrained('{place}')"
            f".save_pretrained('{place}-safe')\""
        )
    if not place.exists() and "GatedRepoError" in names:
        return f"its owners ask for consent; give it on https://huggingface.co/{place} and log in with `hf auth login`"
    if not place.exists() and "RepositoryNotFoundError" in names:
        return f"there is no such model on the hub, nor such a folder here; expected {what}"
    if not place.exists() and names & {"ConnectError", "ConnectTimeout", "ConnectionError", "LocalEntryNotFoundError"}:
        return f"is not on this disk, and the hub cannot be reached to fetch it; connect once, or give {what}"
    if absent := [name for name, kind in _absent_parts(place).items() if kind and name not in _OPTIONAL]:
        return f"has no folder {', '.join(absent)}, which its model_index.json names; fetch its files again"
    unfound = isinstance(error, KeyError) and "." in str(error)  # a tensor that a converter of diffusers looked for
    if unfound or "meta tensor" in str(error):
        which = f" such as {error.args[0]}" if unfound else ""
        return f"weights{which} are missing: it is damaged, or of another family; expected {what}"
    return f"cannot be loaded ({str(error).strip().partition(chr(10))[0]:.200}); expected {what}"


def check_parts(pipeline: Any, source: str, *, other_vae: bool = False) -> Family:
    """The family of a pipeline that has all parts that one needs, but for an autoencoder that is to be replaced.

    Raises
    ------
    ModelError
        If its family is not known, a part or the weights of one are missing, or its noise schedule is not known.
    """
    core = getattr(pipeline, "transformer", None) or getattr(pipeline, "unet", None)
    family = None if core is None else family_of(settings_of(core))
    if core is not None and (relative := relative_of(settings_of(core))):
        raise ModelError(f"model {source}: {relative}")
    if family is None:
        raise ModelError(
            f"model {source}: {kind_of(pipeline)}, which audioviz cannot drive; expected one of the "
            f"families {family_names()}"
        )
    missing = [part for part in family.needs if getattr(pipeline, part, None) is None]
    if missing:
        raise ModelError(
            f"model {source}: of the family {family.name}, but has no {', '.join(missing)}; expected a whole model"
        )
    parts: dict[str, Any] = {"unet or transformer": core} | ({} if other_vae else {"vae": pipeline.vae})
    parts |= {part: getattr(pipeline, part) for part in TEXT_ENCODERS if getattr(pipeline, part, None) is not None}
    hollow = [name for name, part in parts.items() if any(weight.is_meta for weight in part.parameters())]
    if hollow:
        raise ModelError(f"model {source}: weights of its {', '.join(hollow)} are missing; fetch its files again")
    wordless = [
        name
        for name in family.needs
        if name.startswith("tokenizer")
        and len(getattr(pipeline, name)) < 20 + len(getattr(pipeline, name).all_special_tokens)
    ]
    if wordless:  # transformers makes an empty one where the files are missing
        raise ModelError(f"model {source}: its {', '.join(wordless)} knows no words; fetch its files again")
    if not family.flow and not hasattr(pipeline.scheduler, "betas"):
        raise ModelError(
            f"model {source}: trained with the noise schedule of {type(pipeline.scheduler).__name__}, which "
            "audioviz does not know"
        )
    return family


def core_settings(pipeline: Any) -> dict[str, Any]:
    """The config of the UNet or transformer of a pipeline, with what its model_index.json adds."""
    core = getattr(pipeline, "unet", None) or pipeline.transformer
    return with_index(getattr(pipeline, "config", {}), settings_of(core))


def with_index(index: Mapping[str, Any], core: dict[str, Any]) -> dict[str, Any]:
    """The config of a UNet or transformer with what a model_index.json adds: whether FLUX.2 klein is distilled."""
    told = index.get("_class_name") == "Flux2KleinPipeline"
    return core | ({"is_distilled": index.get("is_distilled", False)} if told else {})


def settings_of(part: Any) -> dict[str, Any]:
    """The config of a part, with the name of its class."""
    settings = part.config if isinstance(part.config, dict) else part.config.to_dict()
    return {**settings, "_class_name": type(part).__name__}


_FP16 = {"variant": "fp16"}
_OPTIONAL = ("safety_checker", "feature_extractor", "image_encoder")
WEIGHTS = re.compile(r"(?:diffusion_pytorch_model|model)(?:\.(\w+))?(?:-\d+-of-\d+)?\.safetensors")
_NOISE = re.compile(  # what no user can act on, or what an exception or a message of ours tells too
    r"kept in float32|safety.checker|occurred while trying to fetch|is outdated|local_dir_use_symlinks"
    r"|sequence length is longer|model checkpoint were not used|requires torchvision|connect to the Hub"
    r"|unauthenticated requests|config attributes"
)
