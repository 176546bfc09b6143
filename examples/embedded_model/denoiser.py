"""Noise to latents: the UNet, taught to predict v at several sizes of picture."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from audioviz.models.denoisers.sinusoidal import guidance_scale_embedding
from audioviz.models.denoisers.unet import stable_diffusion_betas
from audioviz.models.plain.settings import Settings
from audioviz.models.plain.text import TextEncoder, load_tokenizer
from audioviz.models.plain.unet import UNet
from audioviz.sampling.conditioning import slerp_vectors

from . import text
from .autoencoder import CHANNELS
from .bank import Bank
from .pictures import WORDINGS
from .training import Half, Machine, Plan, averaged, fit

SETTINGS = {
    "in_channels": CHANNELS,
    "out_channels": CHANNELS,
    "sample_size": 32,
    "widths": [96, 192, 256],
    "blocks": [2, 2],
    "depth": 4,
    "head_width": 32,
    "text_width": text.WIDTH,
    "embedding_width": 320,
    "time_cond_proj_dim": 64,  # numbers that tell the guidance scale
    "addition_embed_type": None,
}
PLANS = {
    "cpu": Plan(steps=24000, batch=16, rate=6e-4, warmup=200, average=0.999),
    "cuda": Plan(steps=60000, batch=256, rate=1e-3, seconds=185, warmup=400, average=0.9992),
}
SILENT = 0.1  # share of pictures shown without a caption, so that guidance has something to lead away from
LAST = ("conv_out", "conv2", "seen", "read", "outer", "scale")  # layers whose answer is added to something
# Shapes of latents that take turns: of which part of the bank, height, width, and how many times as many at once.
SHAPES = (
    ("large", 32, 32, 1),
    ("small", 16, 16, 3),
    ("large", 32, 32, 1),
    ("large", 18, 32, 2),
    ("large", 32, 32, 1),
    ("small", 16, 16, 3),
    ("large", 32, 18, 2),
    ("large", 32, 32, 1),
    ("small", 9, 16, 5),
    ("large", 32, 32, 1),
)


def new_unet() -> UNet:
    """An untrained UNet, whose parts beside the input begin by adding nothing."""
    unet = UNet(Settings(SETTINGS))
    for name, parameter in unet.named_parameters():
        if name.split(".")[-2] in LAST:
            torch.nn.init.zeros_(parameter)
    return unet


def alphas_of(machine: Machine) -> torch.Tensor:
    """Share of the signal's power at each training timestep: float32, (1000,)."""
    return torch.from_numpy(np.cumprod(1 - stable_diffusion_betas())).float().to(machine.device)


class Reader:
    """Tokens to conditioning, as the text encoder that ships gives it."""

    def __init__(self, folder: Path, machine: Machine) -> None:
        weights = text.encoder_weights(folder)
        vocabulary = len(weights["embeddings.token_embedding.weight"])
        encoder = TextEncoder(Settings(text.SETTINGS, vocab_size=vocabulary))
        encoder.load_state_dict(weights)
        self.encoder = encoder.requires_grad_(False).to(machine.device)
        silence = load_tokenizer(folder / "tokenizer")("").to(machine.device)
        self.silence = self.encoder(silence)  # (1, tokens, width)

    @torch.no_grad()
    def __call__(self, tokens: torch.Tensor, others: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
        """Conditioning of captions and, where their share is above 0, of others mixed into them: (B, tokens, width)."""
        first, second = self.encoder(tokens), self.encoder(others)
        mixed = slerp_vectors(first, second, shares[:, None, None])
        return torch.where(shares[:, None, None] > 0, mixed, first)


@dataclass(frozen=True)
class Batch:
    """Clean latents, noise, and the first hidden by the second."""

    clean: torch.Tensor
    noise: torch.Tensor
    noisy: torch.Tensor
    signal: torch.Tensor  # share of the clean latents, (B, 1, 1, 1)
    sigma: torch.Tensor  # share of the noise
    timesteps: torch.Tensor  # (B,)
    texts: torch.Tensor  # float (B, tokens, width)


def batch_at(
    step: int, bank: Bank, reader: Reader, alphas: torch.Tensor, count: int, chance: torch.Generator, *, silent: float
) -> Batch:
    """Latents of the shape whose turn it is, chosen, captioned and hidden by chance."""
    device = alphas.device

    def below(end: int) -> torch.Tensor:
        return torch.randint(end, (count,), generator=chance, device=device)

    part, height, width, times = SHAPES[step % len(SHAPES)]
    count = count * times
    chosen = below(len(bank))
    whole = getattr(bank, part)
    top, left = ((whole.shape[2] - height) // 2, (whole.shape[3] - width) // 2)
    clean = whole[chosen, :, top : top + height, left : left + width].float()
    wording = below(WORDINGS)
    texts = reader(bank.tokens[chosen, wording], bank.others[chosen, wording], bank.shares[chosen])
    quiet = torch.rand(count, 1, 1, generator=chance, device=device) < silent
    texts = torch.where(quiet, reader.silence, texts)
    # One timestep in each of `count` equal spans: the loss is less noisy than with independent ones.
    span = torch.rand(1, generator=chance, device=device)
    timesteps = ((torch.arange(count, device=device) + span) * 1000 / count).long().clamp_(max=999)
    noise = torch.randn(clean.shape, generator=chance, device=device)
    signal, sigma = (share.sqrt().view(-1, 1, 1, 1) for share in (alphas[timesteps], 1 - alphas[timesteps]))
    noisy = (signal * clean + sigma * noise).contiguous(memory_format=torch.channels_last)
    return Batch(clean, noise, noisy, signal, sigma, timesteps, texts)


def hidden(
    clean: torch.Tensor, alphas: torch.Tensor, low: int, high: int, chance: torch.Generator
) -> tuple[torch.Tensor, ...]:
    """Latents under noise of timesteps by chance: timesteps, noisy latents, noise, shares of latents and of noise."""
    timesteps = torch.randint(low, high, (len(clean),), generator=chance, device=clean.device)
    noise = torch.randn(clean.shape, generator=chance, device=clean.device)
    signal, sigma = (share.sqrt().view(-1, 1, 1, 1) for share in (alphas[timesteps], 1 - alphas[timesteps]))
    noisy = (signal * clean + sigma * noise).contiguous(memory_format=torch.channels_last)
    return timesteps, noisy, noise, signal, sigma


def predict(
    unet: Half, noisy: torch.Tensor, timesteps: torch.Tensor, texts: torch.Tensor, scales: torch.Tensor
) -> torch.Tensor:
    """v, float32, as a UNet that is told these guidance scales predicts it."""
    told = guidance_scale_embedding(scales, SETTINGS["time_cond_proj_dim"])
    return unet.call("forward", noisy, timesteps, encoder_hidden_states=texts, timestep_cond=told)[0].float()


def train_unet(folder: Path, bank: Bank, machine: Machine) -> None:
    """Train on the bank; the checkpoint is folder/unet.safetensors."""
    plan = PLANS[machine.kind]
    reader, alphas = Reader(folder, machine), alphas_of(machine)
    torch.manual_seed(plan.seed)
    unet = Half(new_unet(), machine)

    def loss_at(step: int, chance: torch.Generator, done: float) -> torch.Tensor:
        if step % 60 == 59 and done < 0.8:
            bank.refresh(most=8)
        batch = batch_at(step, bank, reader, alphas, plan.batch, chance, silent=SILENT)
        made = predict(
            unet, batch.noisy, batch.timesteps, batch.texts, torch.ones(len(batch.noisy), device=alphas.device)
        )
        return F.mse_loss(made, batch.signal * batch.noise - batch.sigma * batch.clean)

    fit(unet, loss_at, plan, folder / "unet.safetensors", machine)


def load_unet(path: Path) -> UNet:
    """A trained UNet (averaged weights)."""
    model = new_unet()
    model.load_state_dict(averaged(path))
    return model.eval().requires_grad_(False)
