"""Pictures to latents and back: diffusers' AutoencoderTiny, 256x256x3 to 16x16x16."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderTiny
from diffusers.models.autoencoders.vae import AutoencoderTinyBlock

from .pictures import chunks
from .training import Machine, Plan, averaged, fit

WIDTH, CHANNELS, FACTOR = 48, 16, 16
PLANS = {
    "cpu": Plan(steps=9000, batch=16, rate=1e-3, warmup=200, decay=1e-4, average=0.998),
    "cuda": Plan(steps=16000, batch=64, rate=1.2e-3, warmup=500, decay=1e-4, average=0.999),
}
LEARNED = 4000  # pictures that the autoencoder learns from
WIDE = 0.8  # from this share of the steps on, crops are larger and fewer, so that borders count as in whole pictures
WHITE = 0.05  # weight of the loss that keeps channels apart
JITTER = 0.06  # noise on latents in training: what the decoder must forgive


def new_autoencoder(scaling_factor: float = 1.0) -> AutoencoderTiny:
    """An untrained autoencoder: no normalisation layers, no blocks at full resolution, 16-fold reduction."""
    model = AutoencoderTiny(
        encoder_block_out_channels=(WIDTH,) * 5,
        decoder_block_out_channels=(WIDTH,) * 5,
        num_encoder_blocks=(0, 1, 1, 3, 4),
        num_decoder_blocks=(6, 4, 1, 0, 0),
        latent_channels=CHANNELS,
        scaling_factor=scaling_factor,
    ).to(memory_format=torch.channels_last)
    pass_on(model)
    return model


@torch.no_grad()
def pass_on(model: AutoencoderTiny, *, spread: float = 3.0) -> None:
    """Start from weights that hand the picture's colours through: a blurred picture comes out before any learning.

    There are no normalisation layers, and from random weights the network is grey for hundreds of steps.
    """
    for part in model.modules():
        if isinstance(part, torch.nn.Conv2d):
            chance = 0.5 * torch.nn.init.kaiming_normal_(torch.empty_like(part.weight), nonlinearity="linear")
            part.weight.copy_(torch.nn.init.dirac_(torch.empty_like(part.weight)))
            part.weight[3:] += chance[3:]
            if part.bias is not None:
                part.bias.zero_()
    for block in model.modules():
        if isinstance(block, AutoencoderTinyBlock):  # has a way round its convolutions
            for place, gain in ((0, 1.0), (2, 1.0), (4, 0.1)):
                torch.nn.init.kaiming_normal_(block.conv[place].weight, nonlinearity="relu")
                block.conv[place].weight.mul_(gain)
    last, first = model.encoder.layers[-1], model.decoder.layers[0]
    last.weight[:3] *= spread  # colours from 0..1 to about -1.5..1.5, and back
    last.bias[:3] = -spread / 2
    first.weight[:3] /= spread
    first.bias[:3] = 0.5


def to_tensor(pictures: np.ndarray | torch.Tensor) -> torch.Tensor:
    """uint8 (B, H, W, 3) -> float (B, 3, H, W) in [-1, 1], channels last."""
    return torch.as_tensor(pictures).permute(0, 3, 1, 2).float().div(127.5).sub(1)


def load_pool(folder: Path, machine: Machine, *, count: int | None = None) -> torch.Tensor:
    """The first `count` pictures of a pool, uint8 (count, H, W, 3), on the device."""
    pool = torch.from_numpy(np.concatenate(list(chunks(folder))))
    return pool[:count].to(machine.device)


def crops(pool: torch.Tensor, chance: torch.Generator, *, count: int, size: int) -> torch.Tensor:
    """Random squares of random pictures, mirrored by chance, float (count, 3, size, size)."""
    side = pool.shape[1] - size + 1
    chosen = torch.stack(
        [torch.randint(end, (count,), generator=chance, device=pool.device) for end in (len(pool), side, side, 2)], 1
    ).tolist()
    squares = [
        pool[index, top : top + size, left : left + size].flip(1)
        if flip
        else pool[index, top : top + size, left : left + size]
        for index, top, left, flip in chosen
    ]
    return to_tensor(torch.stack(squares))


def picture_loss(made: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """Absolute and squared error of pixels, and absolute error of edges at two scales."""
    loss = F.l1_loss(made, real) + 1.5 * F.mse_loss(made, real)
    for weight in (0.5, 0.5):
        error = made - real
        loss = loss + weight * (error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean())
        made, real = F.avg_pool2d(made, 2), F.avg_pool2d(real, 2)
    return loss


def white_loss(latents: torch.Tensor) -> torch.Tensor:
    """How far the channels are from mean 0, standard deviation 1, and telling different things.

    One scaling factor must serve them all, and none should be wasted on what another tells.
    """
    rows = latents.transpose(0, 1).flatten(1)  # (C, n)
    apart = torch.cov(rows) - torch.eye(len(rows), device=rows.device)
    return rows.mean(1).square().mean() + apart.square().sum() / len(rows)


def train_autoencoder(folder: Path, machine: Machine) -> None:
    """Train on crops of the pool in `folder`; the checkpoint is folder/autoencoder.safetensors."""
    plan = PLANS[machine.device.type]
    pool = load_pool(folder / "pictures", machine, count=LEARNED)
    torch.manual_seed(plan.seed)
    model = new_autoencoder().to(machine.device)

    def loss_at(step: int, chance: torch.Generator) -> torch.Tensor:
        wide = step >= WIDE * plan.steps
        real = crops(pool, chance, count=plan.batch // 4 if wide else plan.batch, size=128 if wide else 64)
        latents = model.encode(real).latents.float()
        noise = torch.randn(latents.shape, generator=chance, device=latents.device)
        made = model.decode(latents + JITTER * noise).sample.float()
        return picture_loss(made, real) + WHITE * white_loss(latents)

    fit(model, loss_at, plan, folder / "autoencoder.safetensors", machine)


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
