"""Bytes of GPU memory that a render takes, told by the configs of its model: weights, a model call, a decoding.

`examples/benchmarks/memory.py` counts what these formulas tell; torch is not needed for them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from audioviz.models.sources import pixels_per_cell
from audioviz.models.tiles import tile_cells

GIB = 2**30
RESERVE = GIB // 2  # workspaces of cuBLAS and cuDNN, and what lies free between tensors
TOKEN_PIXELS = 16  # of a side, of all transformers that are known here
TEXT_TOKENS = 512
CONV_WORKSPACE = 7 / 6  # measured on an H100, of a decoding: 1.75 GiB where its tensors take 1.50

# How many maps of the first width there are at once, at most: latents of all rows at full resolution, or tokens.
UNET, ATTENTIVE_UNET, PLAIN_UNET, CONTROLNET = 16, 26, 9, 6
DUAL_TRANSFORMER, TRANSFORMER = 30, 20  # the latter of those not named here
TRANSFORMERS = {
    "SD3Transformer2DModel": 16,
    "FluxTransformer2DModel": 17.5,
    "ChromaTransformer2DModel": 17.5,
    "Flux2Transformer2DModel": 22,
    "ZImageTransformer2DModel": 15,
    "Lumina2Transformer2DModel": 25,
    "PixArtTransformer2DModel": 11,
}
DECODER, PLAIN_DECODER = 3, 0.76
ONE_BY_ONE = ("ZImageTransformer2DModel", "Lumina2Transformer2DModel")  # whose frames are not called together
DECODED_PIXELS = 2**21  # that the autoencoder works on at once, at most: eight pictures of 512 x 512


@dataclass(frozen=True)
class Footprint:
    """Bytes that a render takes on a GPU beside the weights of its model, with what libraries take for themselves.

    Parameters
    ----------
    call : int
        A model call,
    whole : int
        the decoding of a picture, as a whole,
    tiles : int
        and in tiles. Call and decoding follow each other.
    """

    call: int
    whole: int
    tiles: int

    @property
    def usual(self) -> int:
        """What pictures that are decoded whole want."""
        return max(self.call, self.whole) + RESERVE

    @property
    def least(self) -> int:
        """What pictures that are decoded in tiles want."""
        return max(self.call, self.tiles) + RESERVE


def footprint(
    core: Mapping[str, Any],
    vae: Mapping[str, Any],
    size: tuple[int, int],
    *,
    element: int,
    vae_element: int,
    controlnet: bool = False,
    batch: int = 1,
) -> Footprint:
    """What a render of pictures of (width, height) pixels takes.

    Parameters
    ----------
    core, vae : mappings
        The configs of UNet or transformer, with `_class_name`, and of the autoencoder.
    size : (width, height), pixels
    element, vae_element : int
        Bytes of a number.
    controlnet : bool
    batch : int
        Frames that are sampled together, at most.
    """
    rows, factor = 1 if core.get("guidance_embeds") else 2, pixels_per_cell(vae)
    frames = 1 if core.get("_class_name") in ONE_BY_ONE else batch
    call = call_bytes(core, size, factor=factor, element=element, rows=rows * frames, controlnet=controlnet)
    pictures = pictures_at_once(size, batch)
    whole, tiles = (
        pictures * decode_bytes(vae, size, factor=factor, element=vae_element, tiled=tiled) for tiled in (False, True)
    )
    return Footprint(call, whole, tiles)


def pictures_at_once(size: tuple[int, int], batch: int) -> int:
    """How many pictures of (width, height) pixels the autoencoder works on at once, in a batch of so many frames."""
    return min(batch, max(1, DECODED_PIXELS // (size[0] * size[1])))


@dataclass(frozen=True)
class Fit:
    """How a model fits a GPU.

    Parameters
    ----------
    turns : bool
        Text encoders and core take turns.
    tiled : bool
        Pictures come in tiles.
    streamed : bool
        The core is never whole there.
    """

    turns: bool
    tiled: bool
    streamed: bool


def fit(texts: int, core: int, wanted: Footprint, room: int) -> Fit:
    """How text encoders and all else, of so many bytes, fit into the room of a GPU beside what a render wants.

    Rather than the core is streamed pictures come in tiles; rather than that text encoders leave.
    """
    turns, streamed = texts + core + wanted.usual > room, core + wanted.least > room
    return Fit(turns, turns and (streamed or core + wanted.usual > room), streamed)


def call_bytes(
    config: Mapping[str, Any],
    size: tuple[int, int],
    *,
    factor: int,
    element: int,
    rows: int = 2,
    controlnet: bool = False,
) -> int:
    """What a call of a UNet or transformer takes beside its weights.

    Parameters
    ----------
    config : mapping
        Its config, with `_class_name`.
    size : (width, height), pixels
    factor : int
        Pixels a latent cell, each way.
    element : int
        Bytes of a number.
    rows : int
        Pictures of a batch: two where guidance is by a negative text.
    controlnet : bool
        Whether one is called too.
    """
    pixels = size[0] * size[1]
    if "widths" in config:  # the embedded model's
        return round(PLAIN_UNET * config["widths"][0] * pixels / factor**2 * rows * element)
    if "block_out_channels" in config:
        attentive = str(config["down_block_types"][0]).startswith("CrossAttn")
        maps = (ATTENTIVE_UNET if attentive else UNET) + (CONTROLNET if controlnet else 0)
        return round(maps * config["block_out_channels"][0] * pixels / factor**2 * rows * element)
    maps = TRANSFORMERS.get(str(config.get("_class_name")), TRANSFORMER)
    if config.get("dual_attention_layers"):
        maps = DUAL_TRANSFORMER
    return round(maps * _width(config) * (pixels / TOKEN_PIXELS**2 + TEXT_TOKENS) * rows * element)


def decode_bytes(config: Mapping[str, Any], size: tuple[int, int], *, factor: int, element: int, tiled: bool) -> int:
    """What the decoding of a picture takes beside the weights; encoding it takes less.

    Parameters
    ----------
    config : mapping
        The autoencoder's.
    size, factor, element : as for `call_bytes`
    tiled : bool
    """
    width, height = size
    joined = 0
    if tiled:
        joined = 3 * 4 * width * height  # in float32
        down, across = tile_cells((height // factor, width // factor), factor=factor)
        width, height = across * factor, down * factor
    channels, maps = config["block_out_channels"], DECODER
    if "decoder_blocks" in config:  # the embedded model's
        maps = PLAIN_DECODER
    widest = channels[min(1, len(channels) - 1)]  # comes up to full size before its number falls
    return round(maps * CONV_WORKSPACE * widest * width * height * element) + joined


def _width(config: Mapping[str, Any]) -> int:
    """The width of a transformer."""
    for name in ("hidden_size", "dim"):
        if config.get(name):
            return config[name]
    return config["num_attention_heads"] * config["attention_head_dim"]
