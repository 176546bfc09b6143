"""Pictures to latents and back: diffusers' AutoencoderTiny, 256x256x3 to 16x16x8."""
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderTiny

from .pictures import CHUNK, chunks
from .training import Plan, averaged, fit

WIDTH = 48
PLAN = Plan(steps=2800, batch=16, rate=1e-3, warmup=150, decay=1e-4, average=0.998)
WIDE = 0.8  # from this share of the steps on, crops are larger and fewer, so that borders count as they do in whole pictures
JITTER = 0.06  # noise on latents in training: what the decoder must forgive


def new_autoencoder(scaling_factor: float = 1.0) -> AutoencoderTiny:
    """An untrained autoencoder: no normalisation layers, no blocks at full resolution, 16-fold reduction."""
    return AutoencoderTiny(
        encoder_block_out_channels=(WIDTH,) * 5, decoder_block_out_channels=(WIDTH,) * 5,
        num_encoder_blocks=(0, 1, 1, 2, 2), num_decoder_blocks=(3, 3, 2, 0, 0),
        latent_channels=8, scaling_factor=scaling_factor,
    ).to(memory_format=torch.channels_last)


def to_tensor(pictures: np.ndarray) -> torch.Tensor:
    """uint8 (B, H, W, 3) -> float (B, 3, H, W) in [-1, 1], channels last."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float().div(127.5).sub(1)


def crops(pool: list[np.ndarray], rng: np.random.Generator, *, count: int, size: int) -> torch.Tensor:
    """Random squares of random pictures, float (count, 3, size, size)."""
    out = np.empty((count, size, size, 3), np.uint8)
    for square in out:
        chunk = pool[rng.integers(len(pool))]
        top, left = rng.integers(0, chunk.shape[1] - size + 1, 2)
        square[:] = chunk[rng.integers(CHUNK), top : top + size, left : left + size]
    return to_tensor(out)


def picture_loss(made: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """Absolute and squared error of pixels, and absolute error of edges at two scales."""
    loss = F.l1_loss(made, real) + 1.5 * F.mse_loss(made, real)
    for weight in (0.5, 0.5):
        error = made - real
        loss = loss + weight * (error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean())
        made, real = F.avg_pool2d(made, 2), F.avg_pool2d(real, 2)
    return loss


def unit_loss(latents: torch.Tensor) -> torch.Tensor:
    """How far each channel is from mean 0 and standard deviation 1: one scaling factor must serve them all."""
    deviation, mean = torch.std_mean(latents, dim=(0, 2, 3))
    return mean.square().mean() + (deviation - 1).square().mean()


def train_autoencoder(folder: Path, *, plan: Plan = PLAN) -> None:
    """Train on crops of the pool in `folder`; the checkpoint is folder/autoencoder.safetensors."""
    pool = list(chunks(folder / "pictures"))
    torch.manual_seed(plan.seed)
    model = new_autoencoder()

    def loss_at(step: int, rng: np.random.Generator) -> torch.Tensor:
        wide = step >= WIDE * plan.steps
        real = crops(pool, rng, count=plan.batch // 4 if wide else plan.batch, size=128 if wide else 64)
        latents = model.encode(real).latents
        noise = torch.from_numpy(rng.standard_normal(latents.shape, dtype=np.float32))
        made = model.decode(latents + JITTER * noise).sample
        return picture_loss(made, real) + 0.02 * unit_loss(latents)

    fit(model, loss_at, plan, folder / "autoencoder.safetensors")


def load_autoencoder(folder: Path, *, scaling_factor: float = 1.0) -> AutoencoderTiny:
    """The trained autoencoder (averaged weights)."""
    model = new_autoencoder(scaling_factor)
    model.load_state_dict(averaged(folder / "autoencoder.safetensors"))
    return model.eval().requires_grad_(False)


@torch.inference_mode()
def psnr(model: AutoencoderTiny, pictures: np.ndarray) -> np.ndarray:
    """Peak signal-to-noise ratio of each rebuilt picture, dB, shape (B,)."""
    values = []
    for picture in pictures:
        real = to_tensor(picture[None])
        made = model.decode(model.encode(real).latents).sample.clamp(-1, 1)
        values.append(-10 * np.log10(F.mse_loss(made, real).item() / 4))
    return np.array(values)
