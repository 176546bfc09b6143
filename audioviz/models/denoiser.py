"""A diffusers UNet behind the denoiser contract: `denoiser(x, sigma, guidance, cfg) -> denoised x`."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor

from audioviz.errors import InputError, ModelError
from audioviz.sampling.conditioning import Guidance


def stable_diffusion_betas() -> np.ndarray:
    """The betas that Stable Diffusion 1 and 2 were trained with: float64, shape (1000,).

    Source
    ------
    Rombach et al., CVPR 2022: linear in the square root, from 0.00085 to 0.012.
    """
    return np.linspace(0.00085 ** 0.5, 0.012 ** 0.5, 1000, dtype=np.float64) ** 2


def betas_to_sigmas(betas: np.ndarray) -> Tensor:
    """The noise level of each training timestep, ascending: float64, shape (timesteps,)."""
    alphas = np.cumprod(1 - np.asarray(betas, dtype=np.float64))
    return torch.from_numpy(((1 - alphas) / alphas) ** 0.5)


def unet_denoiser(unet_or_path: UNet2DConditionModel | str | Path, *, prediction_type: str = "epsilon",
                  scaling_factor: float = 0.18215, shift_factor: float = 0.0,
                  betas: np.ndarray | None = None) -> "UNetDenoiser":
    """The denoiser that a diffusers UNet is.

    Parameters
    ----------
    unet_or_path : UNet2DConditionModel, or the folder that holds one
        On the device and in the type that it is to run in; in channels-last memory if that is wanted.
    prediction_type : "epsilon", "v_prediction" or "sample"
        What the UNet was trained to predict.
    scaling_factor, shift_factor : float
        The model's latents are (autoencoder latents - shift_factor) * scaling_factor.
    betas : float, shape (timesteps,), optional
        The training schedule; Stable Diffusion's if not given.

    Raises
    ------
    InputError
        If the prediction type is not known.
    ModelError
        If the folder holds no UNet.
    """
    if prediction_type not in _DENOISED:
        raise InputError(f"prediction type {prediction_type!r} is not known: expected one of {', '.join(_DENOISED)}")
    unet = unet_or_path if isinstance(unet_or_path, torch.nn.Module) else _load(Path(unet_or_path))
    unet = unet.eval().requires_grad_(False)
    sigmas = betas_to_sigmas(stable_diffusion_betas() if betas is None else betas)
    weight = next(p for p in unet.parameters() if p.ndim == 4)
    channels_last = weight.is_contiguous(memory_format=torch.channels_last) and not weight.is_contiguous()
    return UNetDenoiser(unet, prediction_type, sigmas, scaling_factor, shift_factor, unet.config.in_channels,
                        unet.device, sigmas.log().float().to(unet.device),
                        torch.channels_last if channels_last else torch.contiguous_format)


def _load(folder: Path) -> UNet2DConditionModel:
    try:
        return UNet2DConditionModel.from_pretrained(folder, use_safetensors=True, local_files_only=True)
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder}: no UNet can be loaded from it; expected a diffusers folder with a config.json "
                         "and a .safetensors file") from error


@dataclass(frozen=True, eq=False)
class UNetDenoiser:
    """A UNet that takes x at noise level sigma to what it would be without noise.

    The UNet runs in its own type; everything around it is float32. It is fed the whole training timestep whose sigma is
    nearest in logarithm, as the models were trained.
    """

    unet: UNet2DConditionModel
    prediction_type: str
    sigmas: Tensor         # training sigmas, ascending, float64, on the CPU
    scaling_factor: float
    shift_factor: float
    channels: int          # C of the latents
    device: torch.device   # where x has to lie
    log_sigmas: Tensor     # log of sigmas, float32, on the device
    memory_format: torch.memory_format

    def __call__(self, x: Tensor, sigma: Tensor, conditioning: Guidance, cfg: float) -> Tensor:
        """Denoised x, float32, shape (B, C, H, W).

        Parameters
        ----------
        x : float32, shape (B, C, H, W)
            In the model's scaled latent space, on `device`.
        sigma : float32, shape (B,)
            Noise level of each picture.
        conditioning : Guidance
            Rows for each picture, or one for all.
        cfg : float
            Guidance scale; at 1 the negative half is not run.

        Source
        ------
        Ho & Salimans, arXiv 2207.12598.
        """
        positive, negative = conditioning.positive.embeddings, conditioning.negative
        if cfg == 1 or negative is None:
            return self._denoise(x, sigma, positive)
        batch = len(x)
        lengths = positive.shape[1], negative.embeddings.shape[1]
        tokens = math.lcm(*lengths)
        if tokens > 4 * min(lengths):
            wanted, unwanted = (self._denoise(x, sigma, e) for e in (positive, negative.embeddings))
        else:
            # repeating a text does not change what cross-attention reads from it
            both = torch.cat([e.expand(batch, -1, -1).repeat(1, tokens // e.shape[1], 1)
                              for e in (positive, negative.embeddings)])
            wanted, unwanted = self._denoise(torch.cat((x, x)), torch.cat((sigma, sigma)), both).chunk(2)
        return unwanted + (wanted - unwanted) * cfg

    def _denoise(self, x: Tensor, sigma: Tensor, embeddings: Tensor) -> Tensor:
        timestep = (sigma.log()[:, None] - self.log_sigmas).abs().argmin(1)
        sigma = sigma[:, None, None, None]
        scaled = (x / (sigma * sigma + 1).sqrt()).to(self.unet.dtype, memory_format=self.memory_format)
        embeddings = embeddings.to(x.device, self.unet.dtype).expand(len(x), -1, -1)
        output = self.unet(scaled, timestep, encoder_hidden_states=embeddings, return_dict=False)[0]
        return _DENOISED[self.prediction_type](x, output.float(), sigma)


def _from_epsilon(x: Tensor, output: Tensor, sigma: Tensor) -> Tensor:
    return x - output * sigma


def _from_v(x: Tensor, output: Tensor, sigma: Tensor) -> Tensor:
    """Source: Salimans & Ho, ICLR 2022, in the variance-exploding frame."""
    return x / (sigma * sigma + 1) - output * (sigma / (sigma * sigma + 1).sqrt())


def _from_sample(x: Tensor, output: Tensor, sigma: Tensor) -> Tensor:
    return output


_DENOISED = {"epsilon": _from_epsilon, "v_prediction": _from_v, "sample": _from_sample}
