"""Pictures to latents and back, 512x512x3 to 32x32x16: as near as can be, then with the detail that eyes expect."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from audioviz.models.plain.autoencoder import Autoencoder
from audioviz.models.plain.settings import Settings

from .eyes import load_eyes, seen_loss
from .paint import blurred
from .pool import Pool
from .training import Half, Machine, Plan, averaged, fit

SETTINGS = {
    "latent_channels": 16,
    "block_out_channels": [3, 24, 48, 96, 160],
    "encoder_blocks": [1, 2, 3],
    "decoder_blocks": [3, 2, 2, 1],
    "scaling_factor": 1.0,
    "shift_factor": 0.0,
}
CHANNELS, FACTOR = 16, 16
PLANS = {
    "cpu": Plan(steps=12000, batch=8, rate=1e-3, average=0.998, decay=1e-4),
    "cuda": Plan(steps=60000, batch=96, rate=1e-3, seconds=95, warmup=300, average=0.999, decay=1e-4),
}
DETAIL_PLANS = {
    "cpu": Plan(steps=6000, batch=4, rate=3e-4, average=0.998, decay=0.0),
    "cuda": Plan(steps=60000, batch=40, rate=3e-4, seconds=65, average=0.998, decay=0.0),
}
SIDE, DETAIL_SIDE = 128, 192  # pixels of the pieces it learns from
WHITE = 0.05  # weight of the loss that keeps channels apart
JITTER = 0.06  # noise on latents in training: what the decoder must forgive
SEEN, GRAIN = 0.6, 1.0  # weights of the losses of what the classifier sees, and of how much fine detail there is
EXACT, FINE = 0.3, 3.0  # of the absolute error of pixels, and GRAIN, while detail is learned that nobody can foretell
ADVERSARY = 0.8  # of the discriminator's gradient, where the others' is 1
ALONE = 0.06  # share of the time in which the discriminator learns before it is heard


def new_autoencoder() -> Autoencoder:
    """An untrained autoencoder. Its blocks begin by passing on what they get, and its steps up by repeating pixels."""
    model = Autoencoder(Settings(SETTINGS))
    for part in model.modules():
        if hasattr(part, "conv2"):
            nn.init.zeros_(part.conv2.weight)
    layers = list(model.decoder)
    for before, after in pairwise(layers):
        if isinstance(after, nn.PixelShuffle):
            first = before.weight[::4].detach()
            before.weight.data.copy_(first.repeat_interleave(4, 0))
            before.bias.data.zero_()
    return model


def picture_loss(made: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """Absolute and squared error of pixels, and absolute error of edges at two scales."""
    loss = F.l1_loss(made, real) + 1.5 * F.mse_loss(made, real)
    for weight in (0.5, 0.5):
        error = made - real
        loss = loss + weight * (error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean())
        made, real = F.avg_pool2d(made, 2), F.avg_pool2d(real, 2)
    return loss


def grain_loss(made: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """Difference in how strong fine detail is, wherever in a cell of 8 x 8 pixels it lies."""

    def grain(picture: torch.Tensor) -> torch.Tensor:
        detail = picture - blurred(picture, 1.0)
        return (F.avg_pool2d(detail.square().mean(1, keepdim=True), 8) + 1e-4).sqrt()

    return F.l1_loss(grain(made), grain(real))


def white_loss(latents: torch.Tensor) -> torch.Tensor:
    """How far the channels are from mean 0, standard deviation 1, and telling different things.

    One scaling factor must serve them all, and none should be wasted on what another tells.
    """
    rows = latents.transpose(0, 1).flatten(1)  # (C, n)
    apart = torch.cov(rows) - torch.eye(len(rows), device=rows.device)
    return rows.mean(1).square().mean() + apart.square().sum() / len(rows)


def train_autoencoder(folder: Path, pool: Pool, machine: Machine) -> None:
    """Train on pieces of the pool's pictures; the checkpoint is folder/autoencoder.safetensors.

    A quarter of the latents are made half as large before they are decoded, and should give the picture half as large:
    so the latents of one thing at two sizes are alike, and easier to learn.

    Source
    ------
    Kouzelis et al., ICML 2025 (EQ-VAE), for the quarter.
    """
    plan = PLANS[machine.kind]
    torch.manual_seed(plan.seed)
    eyes = load_eyes(folder, machine)
    model = Half(new_autoencoder(), machine)

    def loss_at(step: int, chance: torch.Generator, done: float) -> torch.Tensor:
        if step % 2000 == 1000:
            pool.refresh(most=40)
        real, _ = pool.pieces(plan.batch, SIDE, chance)
        latents = model.call("encode", real).latents.float()
        noise = torch.randn(latents.shape, generator=chance, device=latents.device)
        rest = plan.batch // 4
        small = F.avg_pool2d(latents[:rest], 2)
        made = model.call("decode", (latents + JITTER * noise)[rest:]).sample.float()
        made_small = model.call("decode", small).sample.float()
        loss = picture_loss(made, real[rest:]) + GRAIN * grain_loss(made, real[rest:])
        loss = loss + SEEN * seen_loss(eyes, made, real[rest:])
        return loss + 0.25 * picture_loss(made_small, F.avg_pool2d(real[:rest], 2)) + WHITE * white_loss(latents)

    fit(model, loss_at, plan, folder / "autoencoder.safetensors", machine)


class Critic(nn.Module):
    """Pieces (B, 3, H, W) -> how real each patch of some 46 pixels looks, (B, 1, H / 8, W / 8).

    Source
    ------
    Isola et al., CVPR 2017 (PatchGAN); Miyato et al., ICLR 2018 (spectral norm).
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after, stride in ((3, 64, 2), (64, 128, 2), (128, 192, 2), (192, 192, 1)):
            layers += [spectral_norm(nn.Conv2d(before, after, 4 if stride == 2 else 3, stride, 1)), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, spectral_norm(nn.Conv2d(192, 1, 3, padding=1)))

    def forward(self, pieces: torch.Tensor) -> torch.Tensor:
        return self.layers(pieces)


def train_detail(folder: Path, pool: Pool, machine: Machine) -> None:
    """Teach the decoder alone the detail that latents do not hold; the checkpoint is folder/detail.safetensors.

    The latents stay what they are, so the UNet may learn meanwhile, and either decoder serves it.

    Source
    ------
    Esser et al., CVPR 2021 (VQGAN), for the loss and the weight of its adversarial part.
    """
    plan = DETAIL_PLANS[machine.kind]
    torch.manual_seed(plan.seed)
    eyes = load_eyes(folder, machine)
    network = load_autoencoder(folder)
    network.decoder.requires_grad_(True)
    model = Half(network, machine)
    critic = Critic().to(machine.device, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(critic.parameters(), lr=plan.rate, betas=(0.5, 0.9), weight_decay=0.0, fused=True)
    last = model.working.decoder[-2].weight

    def judged(pieces: torch.Tensor) -> torch.Tensor:
        with torch.autocast(machine.kind, torch.bfloat16, enabled=machine.kind == "cuda"):
            return critic(pieces).float()

    def loss_at(step: int, chance: torch.Generator, done: float) -> torch.Tensor:
        if step % 2000 == 1000:
            pool.refresh(most=40)
        real, _ = pool.pieces(plan.batch, DETAIL_SIDE, chance)
        with torch.no_grad():
            latents = model.call("encode", real).latents.float()
            latents = latents + JITTER * torch.randn(latents.shape, generator=chance, device=latents.device)
        made = model.call("decode", latents).sample.float()
        critic.requires_grad_(True)
        hinge = F.relu(1 - judged(real)).mean() + F.relu(1 + judged(made.detach())).mean()
        optimizer.zero_grad(set_to_none=True)
        hinge.backward()
        optimizer.step()
        critic.requires_grad_(False)
        loss = picture_loss(F.avg_pool2d(made, 2), F.avg_pool2d(real, 2)) + EXACT * F.l1_loss(made, real)
        loss = loss + FINE * grain_loss(made, real) + SEEN * seen_loss(eyes, made, real)
        if done < ALONE:
            return loss
        fooled = -judged(made).mean()
        known, doubted = (torch.autograd.grad(part, last, retain_graph=True)[0].norm() for part in (loss, fooled))
        return loss + ADVERSARY * (known / (doubted + 1e-6)).clamp(max=100).detach() * fooled

    fit(model, loss_at, plan, folder / "detail.safetensors", machine)


def load_autoencoder(folder: Path, *, detailed: bool = False) -> Autoencoder:
    """The trained autoencoder (averaged weights), with the second decoder if it shall be detailed."""
    model = new_autoencoder()
    model.load_state_dict(averaged(folder / ("detail.safetensors" if detailed else "autoencoder.safetensors")))
    return model.eval().requires_grad_(False)


@torch.inference_mode()
def psnr(model: Autoencoder, pictures: np.ndarray) -> np.ndarray:
    """Peak signal-to-noise ratio of each rebuilt picture, dB, shape (B,)."""
    values = []
    for picture in pictures:
        real = torch.from_numpy(picture[None]).permute(0, 3, 1, 2).float().div(127.5).sub(1)
        made = model.decode(model.encode(real).latents).sample.clamp(-1, 1)
        values.append(-10 * np.log10(F.mse_loss(made, real).item() / 4))
    return np.array(values)
