"""Count the memory of renders at real sizes on torch's meta device, beside what audioviz expects: a table in Markdown.

    python examples/benchmarks/memory.py

Half a minute, no GPU, no weights. Counted are tensors alone; what is told has the workspaces of cuDNN in it.
"""

import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import diffusers
import torch
from live_bytes import most_bytes
from random_models import SEEN, add_ip_adapter, empty_model, network
from torch import Tensor

from audioviz.models.autoencoder import Autoencoder
from audioviz.models.denoisers.unet import unet_denoiser
from audioviz.models.files.pipeline import settings_of
from audioviz.models.memory.footprint import GIB, RESERVE, call_bytes, decode_bytes
from audioviz.models.memory.placement import bytes_of
from audioviz.models.plain.load import load_plain
from audioviz.models.sources import EMBEDDED
from audioviz.sampling import Conditioning, Control
from audioviz.sampling.units import LatentUnits

FLUX2_KLEIN = {"num_layers": 5, "num_single_layers": 20, "num_attention_heads": 24, "joint_attention_dim": 7680}
PIXART = {"caption_channels": 4096, "use_additional_conditions": False}
CARD = 8 * GIB
CONTEXT = 0.5 * GIB  # of CUDA, and a desktop


def main() -> None:
    logging.disable(logging.WARNING)
    print("| what | counted | told | told / counted | operations |\n|---|---|---|---|---|")
    for rows in (calls(), decodings()):
        for row in rows:
            print("| " + " | ".join(row) + " |", flush=True)
    print("\n" + sdxl_in_8_gb())


def calls() -> Iterator[tuple[str, ...]]:
    """Model calls: guided ones in two rows, others in one."""
    made = [
        ("SD1.5, 512", network("unet-1"), 512, 2),
        ("SD2.1, 768", network("unet-2"), 768, 2),
        ("SDXL, 1024", network("unet-xl"), 1024, 2),
        ("SD3, 1024", network("sd3-medium"), 1024, 2),
        ("SD3.5 medium, 1024", network("sd35-medium"), 1024, 2),
        ("SD3.5 large, 1024", network("sd35-large"), 1024, 2),
        ("Flux, 1024", network("flux-dev"), 1024, 1),
        ("Flux, 512", network("flux-dev"), 512, 1),
        ("Chroma, 1024", empty_model(diffusers.ChromaTransformer2DModel), 1024, 2),
        ("FLUX.2-klein, 1024", empty_model(diffusers.Flux2Transformer2DModel, **FLUX2_KLEIN), 1024, 1),
        ("Z-Image, 1024", empty_model(diffusers.ZImageTransformer2DModel), 1024, 1),
        ("Lumina2, 1024", empty_model(diffusers.Lumina2Transformer2DModel), 1024, 2),
        ("PixArt-Sigma, 1024", empty_model(diffusers.PixArtTransformer2DModel, **PIXART), 1024, 2),
        ("embedded, 512", load_plain(EMBEDDED, torch.half).unet.to("meta"), 512, 2),
    ]
    for what, core, side, batch in made:
        found, count = most_bytes(_CALLS[type(core).__name__](core, side, batch))
        factor = 16 if what.startswith("embedded") else 8
        told = call_bytes(settings_of(core), (side, side), factor=factor, element=2, rows=batch)
        yield _row(f"call, {what}, {'guided' if batch == 2 else 'one row'}", found, told, count)
    for what, controlnet, ip_adapter in (("a ControlNet", True, False), ("an IP-Adapter", False, True)):
        unet = network("unet-xl")
        found, count = most_bytes(led_call(unet, 1024, controlnet=controlnet, ip_adapter=ip_adapter))
        told = call_bytes(settings_of(unet), (1024, 1024), factor=8, element=2, controlnet=controlnet)
        yield _row(f"call, SDXL with {what}, 1024, guided", found, told, count)


def led_call(unet: Any, side: int, *, controlnet: bool, ip_adapter: bool) -> Callable[[], Any]:
    """A guided call of SDXL's UNet on the meta device, led by a hint or a reference, as a frame makes it."""
    net = None
    if controlnet:
        with torch.device("meta"):
            net = diffusers.ControlNetModel.from_unet(unet, load_weights_from_unet=False).to(unet.dtype)
    if ip_adapter:
        add_ip_adapter(unet)
    denoiser = unet_denoiser(unet, controlnet=net)
    image = _half(1, 1, SEEN) if ip_adapter else None
    text = Conditioning(_half(1, 77, unet.config.cross_attention_dim), _half(1, 1280), image)
    x = torch.empty(1, 4, side // 8, side // 8, device="meta")
    control = Control(torch.empty(1, 3, side, side, device="meta") if controlnet else None)
    return lambda: denoiser(x, torch.ones(1, device="meta"), [text, text], control=control)


def decodings() -> Iterator[tuple[str, ...]]:
    made = [
        ("KL (SD1, SDXL, SD3, Flux)", network("vae-xl"), 8),
        ("FLUX.2", empty_model(diffusers.AutoencoderKLFlux2), 8),
        ("tiny (TAESD)", empty_model(diffusers.AutoencoderTiny), 8),
        ("embedded", load_plain(EMBEDDED, torch.half).vae.to("meta"), 16),
    ]
    for what, module, factor in made:
        for side in (512, 1024):
            for tiled in (False, True):
                autoencoder = Autoencoder(module, LatentUnits(), factor, tiled=tiled)
                latent = _half(1, module.config["latent_channels"], side // factor, side // factor)
                found, count = most_bytes(partial(autoencoder.decode, latent))
                told = decode_bytes(module.config, (side, side), factor=factor, element=2, tiled=tiled)
                yield _row(f"decoding, {what}, {side}, {'tiles' if tiled else 'whole'}", found, told, count)


def sdxl_in_8_gb() -> str:
    """The sum of what SDXL takes at 1024 x 1024 on a card of 8 GB."""
    unet, vae = network("unet-xl"), network("vae-xl")
    weights = bytes_of(unet) + bytes_of(vae)
    call = call_bytes(settings_of(unet), (1024, 1024), factor=8, element=2)
    whole, tiles = (decode_bytes(vae.config, (1024, 1024), factor=8, element=2, tiled=tiled) for tiled in (False, True))
    sums = [weights + max(call, decoding) + RESERVE + CONTEXT for decoding in (whole, tiles)]
    return (
        f"SDXL at 1024x1024 on {CARD / GIB:.0f} GiB: UNet and autoencoder {weights / GIB:.2f}, a guided call "
        f"{call / GIB:.2f}, or after it a decoding in bfloat16, {whole / GIB:.2f} whole or {tiles / GIB:.2f} in tiles, "
        f"workspaces {RESERVE / GIB:.1f}, CUDA {CONTEXT / GIB:.1f}: {sums[0] / GIB:.2f} GiB whole, {sums[1] / GIB:.2f} "
        "in tiles; text is read before the UNet comes."
    )


def _row(what: str, found: int, told: int, count: int) -> tuple[str, ...]:
    return what, f"{found / GIB:.3f} GiB", f"{told / GIB:.3f} GiB", f"{told / found:.2f}", str(count)


def _half(*shape: int) -> Tensor:
    return torch.empty(shape, dtype=torch.half, device="meta")


def _unet(core: Any, side: int, batch: int) -> Callable[[], Any]:
    x = _half(batch, 4, side // 8, side // 8).to(memory_format=torch.channels_last)
    told = {"text_embeds": _half(batch, 1280), "time_ids": _half(batch, 6)}
    text = _half(batch, 77, core.config.cross_attention_dim)
    added = told if core.config.addition_embed_type else None
    return lambda: core(x, _half(batch), encoder_hidden_states=text, added_cond_kwargs=added, return_dict=False)


def _plain_unet(core: Any, side: int, batch: int) -> Callable[[], Any]:
    x, text = _half(batch, 16, side // 16, side // 16), _half(batch, 77, core.config.text_width)
    scale = _half(batch, core.config.time_cond_proj_dim)
    return lambda: core(x, _half(batch), encoder_hidden_states=text, timestep_cond=scale)


def _sd3(core: Any, side: int, batch: int) -> Callable[[], Any]:
    x, text = _half(batch, 16, side // 8, side // 8), _half(batch, 333, 4096)
    return lambda: core(
        hidden_states=x, timestep=_half(batch), encoder_hidden_states=text, pooled_projections=_half(batch, 2048)
    )


def _flux(core: Any, side: int, batch: int) -> Callable[[], Any]:
    tokens, width = (side // 16) ** 2, core.config.joint_attention_dim
    axes = len(core.config.axes_dims_rope)
    told: dict[str, Any] = {"guidance": _half(batch)} if core.config.get("guidance_embeds") else {}
    if isinstance(core, diffusers.FluxTransformer2DModel):
        told["pooled_projections"] = _half(batch, 768)
    return lambda: core(
        hidden_states=_half(batch, tokens, core.config.in_channels),
        timestep=_half(batch),
        encoder_hidden_states=_half(batch, 512, width),
        txt_ids=_half(512, axes),
        img_ids=_half(tokens, axes),
        **told,
    )


def _z_image(core: Any, side: int, batch: int) -> Callable[[], Any]:
    pictures = [_half(16, 1, side // 8, side // 8) for _ in range(batch)]
    return lambda: core(pictures, _half(batch), [_half(128, 2560) for _ in range(batch)])


def _lumina2(core: Any, side: int, batch: int) -> Callable[[], Any]:
    x, text = _half(batch, 16, side // 8, side // 8), _half(batch, 256, core.config.cap_feat_dim)
    mask = torch.ones(batch, 256, dtype=torch.bool)
    return lambda: core(x, _half(batch), text, mask)


def _pixart(core: Any, side: int, batch: int) -> Callable[[], Any]:
    x, text = _half(batch, 4, side // 8, side // 8), _half(batch, 300, 4096)
    told = {"resolution": None, "aspect_ratio": None}
    return lambda: core(x, encoder_hidden_states=text, timestep=_half(batch), added_cond_kwargs=told)


_CALLS: dict[str, Callable[[Any, int, int], Callable[[], Any]]] = {
    "UNet2DConditionModel": _unet,
    "UNet": _plain_unet,
    "SD3Transformer2DModel": _sd3,
    "FluxTransformer2DModel": _flux,
    "ChromaTransformer2DModel": _flux,
    "Flux2Transformer2DModel": _flux,
    "ZImageTransformer2DModel": _z_image,
    "Lumina2Transformer2DModel": _lumina2,
    "PixArtTransformer2DModel": _pixart,
}

if __name__ == "__main__":
    main()
