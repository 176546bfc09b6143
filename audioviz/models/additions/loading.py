"""LoRA, textual inversion and another autoencoder (VAE): what users add to a model, through diffusers' own loaders."""

import re
import warnings
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

from safetensors.torch import load_file

from audioviz.errors import AudiovizWarning, ModelError, kind_of
from audioviz.models.additions.lora import read_changes, work_in
from audioviz.models.additions.lora_kinds import Misfit
from audioviz.models.additions.unfused import Addition, attach
from audioviz.models.denoisers.strength import Strength
from audioviz.models.files.checkpoint import unread
from audioviz.models.files.original_parts import read_flux2_vae
from audioviz.models.files.pipeline import loading_failure, with_variant
from audioviz.models.sources import first_names, pixels_per_cell, read_shapes

WHOLE_BYTES = 2**28  # of differences that are kept whole, from which on it is said


def add_loras(
    pipeline: Any, loras: Sequence[tuple[Path, float]], *, unfused: Collection[str] = ()
) -> dict[str, Strength]:
    """Work LoRA files, each as strongly as is said, into a pipeline's weights, one after the other; see lora.py.

    Parameters
    ----------
    pipeline : DiffusionPipeline
    loras : of a file and a strength, each
    unfused : names of files, lower case
        Those whose strength may be another in each call of the denoiser; what they change in text encoders is worked
        in as the others: see unfused.py.

    Returns
    -------
    The strength of each of these, by its name.

    Raises
    ------
    ModelError
        If one is pickled, damaged or made for another family.
    """
    strengths: dict[str, Strength] = {}
    beside = []
    for file, strength in loras:
        shapes = read_shapes(file, what="LoRA")
        try:
            changes, unfit = read_changes(pipeline, file)
            if file.stem.lower() in unfused:
                own = strengths[file.stem.lower()] = Strength(strength)
                beside += [(change.module, Addition(change, own)) for change in changes if change.part == "core"]
                changes = [change for change in changes if change.part != "core"]
            work_in(changes, strength)
        except (Misfit, RuntimeError, KeyError) as error:  # the latter two of factors that do not fit each other
            raise ModelError(_misfit_message("LoRA", file, pipeline, shapes)) from error
        if unfit:
            warnings.warn(
                f"LoRA {file}: {len(unfit)} of its {len(shapes)} tensors change nothing in {kind_of(pipeline)} "
                f"and are not used: {first_names(unfit)}",
                AudiovizWarning,
                stacklevel=2,
            )
    if (kept := attach(beside)) >= WHOLE_BYTES:
        warnings.warn(
            f"LoRA {', '.join(strengths)}: {kept / 2**30:.1f} GB are kept beside the model, so that the strength can "
            "move: whole differences, and not small factors",
            AudiovizWarning,
            stacklevel=2,
        )
    return strengths


def add_embeddings(pipeline: Any, files: list[Path]) -> None:
    """Load textual inversion embeddings into a pipeline: each is a new word, the name of its file.

    Raises
    ------
    ModelError
        If one is pickled, damaged or made for another family.

    Source
    ------
    Gal et al., ICLR 2023 (textual inversion).
    """
    stems = [file.stem for file in files]
    for file in files:
        shapes = read_shapes(file, what="embedding")
        if stems.count(file.stem) > 1:
            raise ModelError(f"embedding {file}: the word {file.stem!r} is given twice; give each file another name")
        if kind := _other_kind("embedding", shapes):
            raise ModelError(f"embedding {file}: {kind}")
        weights = load_file(file)
        encoders = _encoders_of(file, pipeline, weights)
        for key, tokenizer, encoder in encoders:
            vectors = weights[key]
            width = encoder.get_input_embeddings().weight.shape[1]
            if vectors.shape[-1] != width:
                raise ModelError(
                    f"embedding {file}: does not fit this model: its vectors are {vectors.shape[-1]} wide, and those "
                    f"of {kind_of(pipeline)} are {width}{_made_for(vectors.shape[-1])}"
                )
            if file.stem in tokenizer.get_vocab():
                raise ModelError(
                    f"embedding {file}: {file.stem!r} is a word of the model's own; give the file another name"
                )
        try:
            for key, tokenizer, encoder in encoders:
                pipeline.load_textual_inversion(
                    weights[key], token=file.stem, tokenizer=tokenizer, text_encoder=encoder
                )
                text_model = getattr(encoder, "text_model", encoder)
                text_model.eos_token_id = tokenizer.eos_token_id  # else text is pooled at the highest token, a new one
        except Exception as error:  # a file of another make
            raise ModelError(_misfit_message("embedding", file, pipeline, shapes)) from error
        others = sorted(weights.keys() - {key for key, *_ in encoders})
        if others:
            warnings.warn(
                f"embedding {file}: {len(others)} of its {len(weights)} tensors are not used: {first_names(others)}",
                AudiovizWarning,
                stacklevel=2,
            )


def _encoders_of(file: Path, pipeline: Any, weights: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """The name of the vectors for each text encoder that an embedding is for, its tokenizer, and itself.

    Raises
    ------
    ModelError
        If the file has vectors for another number of encoders, or the pipeline takes none.
    """
    kind, pair = kind_of(pipeline), {"clip_l", "clip_g"} & set(weights)
    if not hasattr(pipeline, "load_textual_inversion") or getattr(pipeline, "transformer", None) is not None:
        raise ModelError(f"embedding {file}: does not fit this model, {kind}, which takes no embeddings")
    first = (pipeline.tokenizer, pipeline.text_encoder)
    if getattr(pipeline, "text_encoder_2", None) is None:
        if pair:
            raise ModelError(f"embedding {file}: does not fit this model, {kind}; it is made for SDXL")
        if "emb_params" not in weights and len(weights) != 1:
            raise ModelError(
                f"embedding {file}: holds {len(weights)} words ({first_names(list(weights))}); expected one a file"
            )
        return [("emb_params" if "emb_params" in weights else next(iter(weights)), *first)]
    if len(pair) < 2:
        held = f"{', '.join(pair)} alone" if pair else "one kind of vectors (it seems made for Stable Diffusion 1 or 2)"
        raise ModelError(
            f"embedding {file}: does not fit this model, {kind}: it holds {held}, and SDXL has two text encoders, "
            "which read clip_l and clip_g"
        )
    return [("clip_l", *first), ("clip_g", pipeline.tokenizer_2, pipeline.text_encoder_2)]


def other_vae(pipeline: Any, source: str | Path) -> Any:
    """The autoencoder (VAE) of a folder, a hub id or a .safetensors file, for the latents of this pipeline.

    Raises
    ------
    ModelError
        If there is none, or it reads other latents.
    """
    from diffusers.models.auto_model import AutoModel
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny

    own: Any = pipeline.vae
    place = Path(source)
    if (place / "vae").is_dir():  # a whole model may be given for its own
        place = place / "vae"
    try:
        vae: Any = (
            _vae_of_file(place, own)
            if place.is_file()
            else with_variant(
                place, partial(AutoModel.from_pretrained, str(place), torch_dtype=own.dtype), dtype=own.dtype
            )
        )
    except ModelError:
        raise
    except Exception as error:  # as when a pipeline is loaded
        what = "the folder, the hub id or the .safetensors file of an autoencoder"
        raise ModelError(f"vae {source}: {loading_failure(place, error, what)}") from error
    if any(weight.is_meta for weight in vae.parameters()):
        raise ModelError(f"vae {source}: weights are missing; expected a whole autoencoder of this model's family")
    kinds = (AutoencoderKL, AutoencoderTiny) if isinstance(own, AutoencoderKL) else (type(own),)
    if not isinstance(vae, kinds) or vae.config["latent_channels"] != own.config["latent_channels"]:
        raise ModelError(
            f"vae {source}: {kind_of(vae)} of {vae.config.get('latent_channels')} channels; this model expects "
            f"{'one' if len(kinds) > 1 else kinds[0].__name__} of {own.config['latent_channels']}"
        )
    if (found := pixels_per_cell(vae.config)) != (wanted := pixels_per_cell(own.config)):
        raise ModelError(
            f"vae {source}: {kind_of(vae)} of {found} pixels a latent cell, each way; this model expects {wanted}"
        )
    return vae


def _vae_of_file(file: Path, own: Any) -> Any:
    """The autoencoder of a .safetensors file, with the config of the model's own."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    shapes = read_shapes(file, what="vae")
    if any(name.startswith(("decoder.layers.", "encoder.layers.")) for name in shapes):
        raise ModelError(
            f"vae {file}: of a tiny autoencoder (TAESD), whose settings lie beside it; give its diffusers folder or "
            "id, such as madebyollin/taesd"
        )
    if type(own).__name__ == "AutoencoderKLFlux2":
        vae = read_flux2_vae(own.config, load_file(file), own.dtype)
    else:
        with TemporaryDirectory() as folder:
            own.save_config(folder)
            vae = AutoencoderKL.from_single_file(str(file), config=folder, dtype=own.dtype, local_files_only=True)
    names = unread(shapes, SimpleNamespace(vae=vae), ["vae"])
    if names and not any(name.startswith("model.") for name in shapes):
        warnings.warn(
            f"vae {file}: {len(names)} of its {len(shapes)} tensors are not used: {first_names(names)}",
            AudiovizWarning,
            stacklevel=3,
        )
    return vae


_KINDS = {  # what names of tensors tell of a file that is given for another
    r"oft_blocks|oft_diag": "an OFT, which is not read; expected a LoRA, DoRA, LoHa or LoKr",
    r"\.on_input$": "an IA3, which is not read; expected a LoRA, DoRA, LoHa or LoKr",
    r"\.(a1|a2|b1|b2)\.weight$": "a GLoRA, which is not read; expected a LoRA, DoRA, LoHa or LoKr",
    r"^model\.diffusion_model\.|^first_stage_model\.": "a whole model; give it with --model",
    r"^(emb_params|clip_l|clip_g|string_to_param)": "an embedding; give it with --embedding",
    r"lora_|\.lora|hada_|lokr_": "a LoRA; give it with --lora",
    r"ip_adapter\.": "an IP-Adapter; give it with --ip-adapter",
    r"^(control_model|controlnet|input_hint_block)": "a ControlNet; give its folder with --controlnet",
}


def _misfit_message(what: str, file: Path, pipeline: Any, shapes: dict[str, tuple[int, ...]]) -> str:
    """The message for a file that is of another kind, or was made for another family, as its tensors tell."""
    if kind := _other_kind(what, shapes):
        return f"{what} {file}: {kind}"
    widths = [shape[-1] for name, shape in shapes.items() if re.search(_TEXT_KEYS, name) and len(shape) > 1]
    made = next((made for width in widths if (made := _made_for(width))), "")
    for pattern, family, name in _FAMILY_LAYERS:
        if any(re.search(pattern, key) for key in shapes):
            if re.match(name, type(pipeline).__name__):
                return (
                    f"{what} {file}: made for {family}, but its layers are named in a way that is not read; expected "
                    "the names of diffusers"
                )
            made = f" (it seems made for {family})"
    return f"{what} {file}: does not fit this model, {kind_of(pipeline)}{made}; use one that was made for its family"


_FAMILY_LAYERS = (  # of transformers: what their names have, the family, and how its pipeline's name begins
    (r"_stream_modulation|to_qkv_mlp_proj|ff_context\.linear", "FLUX.2", "Flux2"),
    (r"(double|single)_blocks|single_transformer_blocks", "Flux", "Flux(?!2)"),
    (r"joint_blocks", "SD3", "StableDiffusion3"),
    (r"(layers|(noise|context)_refiner)[._]\d+[._](attention|feed_forward|adaLN)", "Z-Image", "ZImage"),
)


def _other_kind(what: str, shapes: dict[str, tuple[int, ...]]) -> str | None:
    """What a file is that is not what it was given for; None if its names do not tell."""
    for pattern, kind in _KINDS.items():
        if f"--{what.lower()}" not in kind and any(re.search(pattern, name) for name in shapes):
            return kind
    return None


def _made_for(width: int) -> str:
    families = {768: "Stable Diffusion 1", 1024: "Stable Diffusion 2", 1280: "SDXL", 2048: "SDXL"}
    return f" (it seems made for {families[width]})" if width in families else ""


_TEXT_KEYS = r"attn2[_.]to_k\.lora_down|attn2\.to_k\.lora_A|attn2\.processor\.to_k_lora\.down|attn2[_.]to_k\.hada_w1_b"
