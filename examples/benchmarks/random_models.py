"""Models of real size with random weights, made on the device itself: as fast and large as trained ones."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import diffusers
import torch
import transformers
from torch import nn

import audioviz.models
from audioviz.models import Model
from audioviz.models.autoencoder import Autoencoder, bfloat16_or_float32
from audioviz.models.devices import memory_format_of
from audioviz.models.families import family_of
from audioviz.models.files.pipeline import TEXT_ENCODERS
from audioviz.models.memory.placement import placed
from audioviz.models.memory.reader import TextReader
from audioviz.sampling import Conditioning

LAYOUTS = json.loads((Path(audioviz.models.__file__).parent / "files" / "layouts.json").read_text())
SEEN = 1280  # numbers that the image encoder of SDXL's IP-Adapter tells of a picture
TEXTS = {  # tokens and width of the conditioning, and width of the pooled text
    "v1": (77, 768, None),
    "xl_base": (77, 2048, 1280),
    "flux-dev": (512, 4096, 768),
    "z-image-turbo": (128, 2560 + 1, None),  # the last column says which tokens are there
    "flux2-klein-4b": (512, 7680, None),
}


def network(name: str, *, device: torch.device | str = "meta", dtype: torch.dtype = torch.half) -> Any:
    """A part of a layout, such as "unet-xl"; of text encoders those of CLIP alone."""
    config = {key: value for key, value in LAYOUTS["parts"][name].items() if key not in ("_class_name", "model_type")}
    kind = LAYOUTS["parts"][name]["_class_name"]
    if hasattr(diffusers, kind):
        return empty_model(getattr(diffusers, kind), device=device, dtype=dtype, **config)
    return empty_model(getattr(transformers, kind), transformers.CLIPTextConfig(**config), device=device, dtype=dtype)


def empty_model(
    kind: Any, *arguments: Any, device: torch.device | str = "meta", dtype: torch.dtype = torch.half, **config: Any
) -> Any:
    """A network as its class begins it, on the meta device without memory."""
    with torch.device(device):
        made = kind(*arguments, **config).to(dtype).eval().requires_grad_(False)
    for name, weight in made.named_parameters():
        if name.endswith("pad_token"):  # Z-Image's begin as whatever the memory holds
            torch.nn.init.normal_(weight)
    return made


def add_ip_adapter(unet: Any) -> None:
    """Give a UNet on the meta device the layers of a plain IP-Adapter."""
    width = unet.config.cross_attention_dim
    image = {
        "proj.weight": (4 * width, SEEN),
        "proj.bias": (4 * width,),
        "norm.weight": (width,),
        "norm.bias": (width,),
    }
    attending = [name for name in unet.attn_processors if "attn2" in name]
    inner = [unet.get_submodule(name.removesuffix(".processor")).to_k.out_features for name in attending]
    read = {
        f"{2 * number + 1}.to_{part}_ip.weight": (size, width)
        for number, size in enumerate(inner)
        for part in ("k", "v")
    }
    with torch.device("meta"):
        weights = [{name: torch.empty(shape) for name, shape in shapes.items()} for shapes in (image, read)]
        unet._load_ip_adapter_weights([dict(zip(("image_proj", "ip_adapter"), weights))], low_cpu_mem_usage=False)


def random_model(layout: str, device: torch.device, *, room: float | None = None, text_encoders: bool = False) -> Model:
    """A model of a layout in layouts.json, in the types that `load_model` picks for a GPU; its text is random too.

    Parameters
    ----------
    layout : one of TEXTS
    device : where it runs
    room : float, optional
        Bytes that this process may take of the GPU from then on; its weights are placed from the CPU as they have room.
    text_encoders : bool
        Whether it has those of CLIP, which take room and are never called.
    """
    torch.manual_seed(0)
    parts = LAYOUTS[layout]
    core = "unet" if "unet" in parts else "transformer"
    family = family_of(LAYOUTS["parts"][parts[core]])
    assert family is not None
    half = family.half if device.type == "cuda" else torch.float32

    def part(name: str, dtype: torch.dtype) -> nn.Module:
        return network(parts[name], device=device, dtype=dtype).to("cpu" if room else device)

    pipeline = SimpleNamespace(scheduler=_scheduler(parts["scheduler"]), config={})
    modules = {core: part(core, half)}
    modules["vae"] = part("vae", bfloat16_or_float32(device) if family.wide else half)
    if text_encoders:
        modules |= {name: part(name, half) for name in parts if name in TEXT_ENCODERS}
    for name in (core, "vae"):
        modules[name].to(memory_format=memory_format_of(modules[name], device))
    pipeline.__dict__.update(modules, components=modules)
    units = family.units(pipeline.vae, pipeline.vae).to(device)
    factor = 2 ** (len(pipeline.vae.config.block_out_channels) - 1) * family.packed
    autoencoder = Autoencoder(pipeline.vae, units, factor, packed=family.packed)
    settings = {**LAYOUTS["parts"][parts[core]], **modules[core].config}
    defaults = family.defaults(settings, LAYOUTS["parts"][parts["scheduler"]], layout)
    if room and device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.set_per_process_memory_fraction(room / torch.cuda.mem_get_info(device)[1], device.index)
    placement = placed(pipeline, device, controlnet=None, size=(defaults.size, defaults.size))
    return Model(
        name=layout,
        digest="0" * 64,
        denoiser=family.denoiser(pipeline, autoencoder, None),
        autoencoder=autoencoder,
        text_encoder=TextReader(lambda text: _text(layout, text), placement),
        defaults=defaults,
        placement=placement,
    )


def _text(layout: str, text: str) -> Conditioning:
    tokens, width, pooled = TEXTS[layout]
    generator = torch.Generator().manual_seed(len(text))
    embeddings = torch.randn(1, tokens, width, generator=generator)
    if layout == "z-image-turbo":
        embeddings[..., -1] = 1.0
        return Conditioning(embeddings, joint=True)
    return Conditioning(embeddings, torch.randn(1, pooled, generator=generator) if pooled else None)


def _scheduler(name: str) -> Any:
    config = dict(LAYOUTS["parts"][name])
    return getattr(diffusers, config.pop("_class_name"))(**config)
