"""The denoiser of a UNet, whatever it was trained to predict."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from audioviz.errors import InputError, ModelError
from audioviz.models.denoisers.inpainting import Inpainting, with_inpainting
from audioviz.models.denoisers.ip_adapter import strength_of_ip_adapter
from audioviz.models.denoisers.rows import in_rows, pooled_of, stacked
from audioviz.models.denoisers.sinusoidal import guidance_scale_embedding
from audioviz.models.denoisers.strength import Strength, set_strengths
from audioviz.sampling.conditioning import MOST_REPEATS, Conditioning, Control
from audioviz.sampling.units import LatentUnits

LEAST_TOLD = 1024  # pixels
SMALLEST_ALPHA = 2.0**-24  # where training ends in pure noise, whose sigma is infinite


def stable_diffusion_betas() -> np.ndarray:
    """The betas that Stable Diffusion 1 and 2 were trained with: float64, shape (1000,).

    Source
    ------
    Rombach et al., CVPR 2022: linear in the square root, from 0.00085 to 0.012.
    """
    return np.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=np.float64) ** 2


def betas_to_sigmas(betas: np.ndarray) -> Tensor:
    """The noise level of each training timestep, ascending: float64, shape (timesteps,)."""
    alphas = np.cumprod(1 - np.asarray(betas, dtype=np.float64)).clip(SMALLEST_ALPHA)
    return torch.from_numpy(((1 - alphas) / alphas) ** 0.5)


def unet_denoiser(
    unet_or_path: torch.nn.Module | str | Path,
    *,
    prediction_type: str = "epsilon",
    scaling_factor: float = 0.18215,
    shift_factor: float = 0.0,
    betas: np.ndarray | None = None,
    factor: int = 8,
    inpainting: Inpainting | None = None,
    controlnet: torch.nn.Module | None = None,
    rescale: float = 0.0,
) -> "UNetDenoiser":
    """A diffusers UNet as a denoiser.

    Parameters
    ----------
    unet_or_path : UNet2DConditionModel, or the folder that holds one
        On the device and in the type that it is to run in; in channels-last memory if that is wanted.
    prediction_type : "epsilon", "v_prediction" or "sample"
        What the UNet was trained to predict.
    scaling_factor, shift_factor : float
        Its latents are (autoencoder latents - shift_factor) * scaling_factor.
    betas : float, shape (timesteps,), optional
        The training schedule; Stable Diffusion's if not given.
    factor : int
        Pixels a latent cell, for UNets that are told the size of the picture (SDXL).
    inpainting : Inpainting, optional
        What an inpainting UNet reads beside the latent.
    controlnet : ControlNetModel, optional
        Leads the UNet by a picture where the guidance has one.
    rescale : float in 0..1
        See the denoiser contract.

    Raises
    ------
    InputError
        If the prediction type is not known.
    ModelError
        If the folder holds no UNet.
    """
    if prediction_type not in _DENOISED:
        raise InputError(f"prediction type {prediction_type!r} is not known: expected one of {', '.join(_DENOISED)}")
    unet: Any = unet_or_path if isinstance(unet_or_path, torch.nn.Module) else _load(Path(unet_or_path))
    unet = unet.eval().requires_grad_(False)
    sigmas = betas_to_sigmas(stable_diffusion_betas() if betas is None else betas)
    weight = next(p for p in unet.parameters() if p.ndim == 4)
    channels_last = weight.is_contiguous(memory_format=torch.channels_last) and not weight.is_contiguous()
    return UNetDenoiser(
        unet,
        prediction_type,
        sigmas,
        LatentUnits(shift_factor, scaling_factor),
        unet.config.out_channels,
        unet.device,
        sigmas.log().float().to(unet.device),
        torch.channels_last if channels_last else torch.contiguous_format,
        factor,
        inpainting,
        controlnet,
        rescale,
        unet.config.time_cond_proj_dim is not None,
        strength_of_ip_adapter(unet),
    )


def _load(folder: Path) -> torch.nn.Module:
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    try:
        return UNet2DConditionModel.from_pretrained(folder, use_safetensors=True, local_files_only=True)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{folder}: no UNet can be loaded from it; expected a diffusers folder with a config.json "
            "and a .safetensors file"
        ) from error


@dataclass(frozen=True, eq=False)
class UNetDenoiser:
    """A UNet that takes x at noise level sigma to what it would be without noise.

    The UNet runs in its own type; everything around it is float32. It is fed the whole training timestep whose sigma is
    nearest in logarithm, as the models were trained.
    """

    unet: Any  # UNet2DConditionModel, or the embedded model's own, whose attributes torch cannot tell
    prediction_type: str
    sigmas: Tensor  # training sigmas, ascending, float64, on the CPU
    units: LatentUnits
    channels: int  # C of the latents
    device: torch.device  # where x has to lie
    log_sigmas: Tensor  # log of sigmas, float32, on the device
    memory_format: torch.memory_format
    factor: int  # pixels a latent cell
    inpainting: Inpainting | None
    controlnet: Any  # ControlNetModel, or None
    rescale: float
    distilled: bool  # it is told the guidance scale, and needs no negative half
    style: Strength | None  # how strongly an IP-Adapter's reference is followed
    patch: int = 1  # latent cells that each side of x is a multiple of
    ragged: bool = False
    loras: Mapping[str, Strength] = field(default_factory=dict)  # those that are unfused, by their names
    flow: ClassVar[bool] = False

    @cached_property
    def dtype(self) -> torch.dtype:
        """What the UNet runs in; it looks through all its modules to tell."""
        return self.unet.dtype

    def with_networks(self, change: Callable[[Any], Any]) -> "UNetDenoiser":
        """The same with what a function makes of each of its networks."""
        return replace(self, unet=change(self.unet), controlnet=self.controlnet and change(self.controlnet))

    def __call__(
        self, x: Tensor, sigma: Tensor, texts: Sequence[Conditioning], *, control: Control = Control(), cfg: float = 1.0
    ) -> tuple[Tensor, ...]:
        """Denoised x by each of the texts: see the denoiser contract."""
        set_strengths(self.loras, control.loras, x.device)
        if texts[0].image is not None and self.style is not None:
            self.style.set(control.style, x.device)
        count = len(texts)
        together = stacked(texts, batch=len(x), most_repeats=MOST_REPEATS) if count > 1 else None
        if together is None:
            return tuple(self._denoise(x, sigma, text, control, cfg) for text in texts)
        return self._denoise(torch.cat([x] * count), torch.cat([sigma] * count), together, control, cfg).chunk(count)

    def _denoise(self, x: Tensor, sigma: Tensor, text: Conditioning, control: Control, cfg: float) -> Tensor:
        timestep = (sigma.log()[:, None] - self.log_sigmas).abs().argmin(1)
        sigma = sigma[:, None, None, None]
        level = sigma * sigma + 1
        scaled = x / level.sqrt()
        embeddings = text.embeddings.to(x.device, self.dtype).expand(len(x), -1, -1)
        added: dict[str, Any] = self._added_conditions(x, text) or {}
        down, middle = self._residuals(scaled, timestep, embeddings, added, control)
        if self.inpainting:
            scaled = with_inpainting(scaled, self.inpainting, control)
        scaled = scaled.to(self.dtype, memory_format=self.memory_format)
        if text.image is not None:
            added["image_embeds"] = [text.image.to(x.device, self.dtype).expand(len(x), *text.image.shape[1:])]
        scale_embedding = None
        if self.distilled:
            scale_embedding = _scale_embedding(
                float(cfg), len(x), self.unet.config.time_cond_proj_dim, x.device, self.dtype
            )
        output = self.unet(
            scaled,
            timestep,
            encoder_hidden_states=embeddings,
            encoder_attention_mask=None if text.mask is None else text.mask.to(x.device).expand(len(x), -1),
            timestep_cond=scale_embedding,
            added_cond_kwargs=added or None,
            down_block_additional_residuals=down,
            mid_block_additional_residual=middle,
            return_dict=False,
        )[0]
        return _DENOISED[self.prediction_type](x, output.float(), sigma, level)

    def _residuals(
        self, scaled: Tensor, timestep: Tensor, embeddings: Tensor, added: dict[str, Any], control: Control
    ) -> tuple[Any, Any]:
        """What the ControlNet adds to the UNet's down blocks and its middle block; None where no hint is followed."""
        if control.hint is None or not control.follows:
            return None, None
        hint = in_rows(control.hint.to(scaled.device, self.dtype), len(scaled))
        if isinstance(control.strength, Tensor):
            strength = in_rows(control.strength.to(scaled.device, self.dtype), len(scaled))[:, None, None, None]
        else:
            strength = torch.full((), control.strength, device=scaled.device)  # a number would be captured as it is
        return self.controlnet(
            scaled.to(self.dtype),
            timestep,
            encoder_hidden_states=embeddings,
            controlnet_cond=hint,
            conditioning_scale=strength,
            added_cond_kwargs=added or None,
            return_dict=False,
        )

    def _added_conditions(self, x: Tensor, text: Conditioning) -> dict[str, Tensor] | None:
        """SDXL's added conditions, the pooled text and the size: a whole picture, nothing cropped.

        Source
        ------
        Podell et al., arXiv 2307.01952, section 2.2.
        """
        if self.unet.config.addition_embed_type != "text_time":
            return None
        height, width = told_size(*(side * self.factor for side in x.shape[2:]))
        return {
            "text_embeds": pooled_of(text).to(x.device, self.dtype).expand(len(x), -1),
            "time_ids": _size_ids(height, width, x.device, self.dtype).expand(len(x), -1),
        }


def told_size(height: int, width: int) -> tuple[int, int]:
    """The size that SDXL is told for a picture: of its form, with a longer side of at least 1024.

    Smaller ones it has learnt from pictures that were enlarged, and draws blurred.
    """
    scale = max(1.0, LEAST_TOLD / max(height, width))
    return round(height * scale), round(width * scale)


@lru_cache(maxsize=8)
def _size_ids(height: int, width: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """What SDXL is told of the size and the crop of a picture: shape (1, 6)."""
    return torch.tensor([[height, width, 0, 0, height, width]], device=device, dtype=dtype)


@lru_cache(maxsize=8)
def _scale_embedding(cfg: float, rows: int, width: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """What a distilled UNet is told of the guidance scale: shape (rows, width)."""
    return guidance_scale_embedding(torch.full((rows,), cfg, device=device), width).to(dtype)


def _from_epsilon(x: Tensor, output: Tensor, sigma: Tensor, level: Tensor) -> Tensor:
    return x - output * sigma


def _from_v(x: Tensor, output: Tensor, sigma: Tensor, level: Tensor) -> Tensor:
    """Source: Salimans & Ho, ICLR 2022, in the variance-exploding frame."""
    return x / level - output * (sigma / level.sqrt())


def _from_sample(x: Tensor, output: Tensor, sigma: Tensor, level: Tensor) -> Tensor:
    return output


# of x at noise level sigma, the network's output, sigma and level = sigma^2 + 1
_DENOISED = {"epsilon": _from_epsilon, "v_prediction": _from_v, "sample": _from_sample}
