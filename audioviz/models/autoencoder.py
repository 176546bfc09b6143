"""Autoencoder: pictures to latents and back, whole or in tiles, and in a wider type where float16 is too narrow."""

import copy
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from audioviz.errors import AudiovizWarning, ModelError, is_out_of_memory
from audioviz.models.devices import find_dtype
from audioviz.models.tiles import in_tiles
from audioviz.pixels import signed_to_unit, unit_to_levels
from audioviz.sampling.units import LatentUnits
from audioviz.transfer import is_finite


@dataclass(eq=False)
class Autoencoder:
    """Pictures (B, 3, height, width) to latents (B, C, H, W) and back.

    Parameters
    ----------
    module : AutoencoderKL, AutoencoderTiny, or one like them
    units : LatentUnits
        How its latents become the model's.
    factor : int
        Pixels a latent cell, each way.
    in_model_units : bool
        The module stands in for the model's own, and reads latents as the model does (TAESD).
    packed : int
        A latent cell is so many cells of the module, each way, one behind the other as its channels.

    Attributes
    ----------
    tiled : bool
        Pictures are decoded and encoded in overlapping tiles, which take less memory. A render decides it once.
    steady : bool
        Pictures must stay of one kind: where memory ends, `NoRoomForPictures` is raised in place of going on in tiles.
    watched : bool
        A value that is no number has been met: from then on each picture and latent is looked at, which waits for the
        GPU, and made again in a wider type where it holds one. So a picture depends on its latent alone.
    sound : bool tensor, or None before the first call
        All that was made of numbers so far is numbers. It lies on the device: whoever asks waits for that.
    """

    module: Any
    units: LatentUnits
    factor: int
    in_model_units: bool = False
    packed: int = 1
    tiled: bool = False
    steady: bool = False
    watched: bool = False
    sound: Tensor | None = None

    @cached_property
    def dtype(self) -> torch.dtype:
        """What the module runs in; it looks through all its layers to tell."""
        return self.module.dtype

    @cached_property
    def device(self) -> torch.device:
        """Where the module lies; it looks through all its layers to tell."""
        return self.module.device

    def with_networks(self, change: Callable[[Any], Any]) -> "Autoencoder":
        """The same with what a function makes of its encoder and of its decoder."""
        module = copy.copy(self.module)
        module._modules = dict(module._modules)
        for part in ("encoder", "decoder"):
            setattr(module, part, change(getattr(module, part)))
        return replace(self, module=module)

    @torch.inference_mode()
    def decode(self, latent: Tensor) -> Tensor:
        """The pictures of latents, not yet rounded: float32, shape (B, 3, height, width), -1..1.

        Raises
        ------
        NoRoomForPictures
            Where the memory does not suffice for a whole picture, and it must be whole.
        """
        if self.in_model_units:
            latent = self.units.to_model(latent)
        if self.packed > 1:
            latent = pixel_shuffle(latent, self.packed)
        return self._made(_decoded, latent)

    @torch.inference_mode()
    def encode(self, picture: Tensor, *, about: str | None = None) -> Tensor:
        """The latents of pictures, as `decode` takes them: float32, on the module's device; it raises as that does.

        Where they are looked at, it also raises a ModelError if they are not of numbers; `about` names them there.
        """
        latent = self._made(_encoded, picture)
        if self.packed > 1:
            latent = pixel_unshuffle(latent, self.packed)
        latent = self.units.from_model(latent) if self.in_model_units else latent
        self.check_encoded(latent, picture, about)
        return latent

    def check_encoded(self, latent: Tensor, picture: Tensor, about: str | None) -> None:
        """Refuse latents of a picture that are not of numbers, where they are looked at: see `encode`."""
        if self.watched and about and picture.isfinite().all() and not latent.isfinite().all():
            raise ModelError(self._no_numbers(about))

    def to_levels(self, latent: Tensor, *, about: str = "a picture") -> np.ndarray:
        """The picture of a latent (1, C, H, W): uint8, shape (height, width, 3).

        Raises
        ------
        ModelError
            If it is none in any type; it begins with `about`.
        """
        picture = self.decode(latent)
        if picture.isfinite().all():
            return unit_to_levels(signed_to_unit(picture))
        self.widen(about)
        return self.to_levels(latent, about=about)

    def widen(self, about: str, *, sure: bool = True) -> None:
        """Have each picture looked at from here on, since one was not of numbers, as Autoencoder.watched says.

        Parameters
        ----------
        about : str
            Names the picture,
        sure : bool
            and that it is this one is known; else it is looked for, though there be no wider type.

        Raises
        ------
        ModelError
            If there is no wider type, or they are looked at already.
        """
        self.sound = None
        if self.watched or (sure and self._wider is None):
            raise ModelError(self._no_numbers(about))
        self.watched = True
        if self._wider is None:
            return
        name, wider = (str(dtype).removeprefix("torch.") for dtype in (self.dtype, self._wider.dtype))
        warnings.warn(
            f"the autoencoder's values go beyond {name}: pictures that this spoils are made again in {wider} "
            f"(--vae-dtype {wider} makes all so)",
            AudiovizWarning,
            stacklevel=3,
        )

    def _no_numbers(self, about: str) -> str:
        types = str(self.dtype).removeprefix("torch.") + (" and in wider types" if self._wider is not None else "")
        return (
            f"{about}: the autoencoder gave values that are not numbers, in {types}: its weights are damaged, or made "
            "for other latents; choose another (--vae)"
        )

    @cached_property
    def _wider(self) -> Any:
        """A copy of the module in the next type that holds larger values; None where there is none."""
        if self.dtype == torch.float32 or not isinstance(self.module, torch.nn.Module):
            return None
        wider = bfloat16_or_float32(self.device) if self.dtype == torch.float16 else torch.float32
        return copy.deepcopy(self.module).to(wider)

    def _made(self, work: Callable[..., Tensor], given: Tensor) -> Tensor:
        """What the module, or else its wider copy, makes of latents or pictures, whole or in tiles."""
        made = self._fitted(work, self.module, given)
        if self.watched and self._wider is not None:
            finite = made.isfinite().flatten(1).all(1)[:, None, None, None]  # of each of those that are made together
            made = made if finite.all() else torch.where(finite, made, self._fitted(work, self._wider, given))
        sound = is_finite(made) | ~is_finite(given)
        self.sound = sound if self.sound is None else self.sound & sound
        return made

    def _fitted(self, work: Callable[..., Tensor], module: Any, given: Tensor) -> Tensor:
        """Once more with emptied caches where memory lacks; then in tiles from here on, unless pictures are steady."""
        for _ in range(1 if self.tiled else 2):
            try:
                return self._run(work, module, given)
            except (MemoryError, RuntimeError) as error:
                if self.tiled or not is_out_of_memory(error):
                    raise
            # not inside the except block: its traceback would hold on to what filled the memory
            torch.cuda.empty_cache()
        if self.steady:
            height, width = (side * (1 if work is _encoded else self.factor // self.packed) for side in given.shape[2:])
            raise NoRoomForPictures(
                f"out of memory at {width}x{height}, while a picture was decoded or encoded: close other programs and "
                "start the same render again, which goes on from here; or make it anew with a smaller --size"
            )
        warnings.warn(
            "out of memory while a picture was decoded or encoded: in tiles from here on", AudiovizWarning, stacklevel=4
        )
        self.tiled = True
        return self._run(work, module, given)

    def _run(self, work: Callable[..., Tensor], module: Any, given: Tensor) -> Tensor:
        given = given.to(self.device, self.dtype if module is self.module else module.dtype)
        if not self.tiled:
            return work(module, given)
        tiles = partial(in_tiles, factor=self.factor // self.packed, encodes=work is _encoded)
        if getattr(module, "widens", False):  # the embedded model's adds cells at the sides of the whole picture
            return work(module, given, through=tiles)
        return tiles(partial(work, module), given)


class NoRoomForPictures(ModelError):
    """Memory ended while a picture was decoded or encoded whole, and it must not be in tiles."""


def _decoded(module: Any, latent: Tensor, **options: Any) -> Tensor:
    return module.decode(latent, **options).sample.float()


def _encoded(module: Any, picture: Tensor, **options: Any) -> Tensor:
    encoded = module.encode(picture, **options)
    return (encoded.latents if hasattr(encoded, "latents") else encoded.latent_dist.mode()).float()


def config_units(own: Any, used: Any) -> LatentUnits:
    """The units of the model that an autoencoder of diffusers belongs to, as its config tells them: see Family."""
    config = own.config
    return LatentUnits(config.get("shift_factor") or 0.0, config["scaling_factor"])


def autoencoder_dtype(name: str, loaded: torch.dtype, config: Any, device: torch.device, *, wide: bool) -> torch.dtype:
    """What an autoencoder of this config is to run in on a device: what is asked for, or with `auto` as it is loaded.

    Where the values of its family's go beyond the range of float16 (`Family.wide`), its config does not say that its
    own do not, and it is loaded in that, it takes a wider type.
    """
    if name != "auto":
        return find_dtype(name, device, what="vae-dtype")
    wide = wide and config.get("force_upcast", True)
    return bfloat16_or_float32(device) if wide and loaded == torch.float16 else loaded


def bfloat16_or_float32(device: torch.device) -> torch.dtype:
    """bfloat16 where a device computes in it by itself, else float32."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    return torch.bfloat16 if device.type == "xpu" else torch.float32
