"""Few steps: a UNet that is told its guidance, and sees from any noise level where the way ends."""

from collections import deque
from dataclasses import dataclass
from pathlib import Path

import torch

from .bank import Bank
from .denoiser import SHAPES, Reader, alphas_of, batch_at, load_unet, predict
from .training import Half, Machine, Plan, fit

PLANS = {
    "cpu": Plan(steps=3000, batch=2, rate=2e-4, warmup=50, average=0.99, fall=0.6),
    "cuda": Plan(steps=60000, batch=96, rate=3e-4, seconds=30, warmup=50, average=0.995, fall=0.6),
}
STEPS = 4  # of the teacher, from pure noise to the end of the way
NEAR, FAR = 300, 550  # timesteps up to which it takes none, and from which on it takes all of them
SCALES = 1, 8  # of the guidance; low ones, which are asked for most, are learned most
SILENT = 0.02  # share of pictures without a caption
LEAST = 0.4  # share of noise under which what is far from the end weighs no more
REPEATS, KEPT = 2, 40  # how many older batches each new one is joined by, and of how many each shape keeps


@dataclass(frozen=True)
class Begun:
    """What a UNet is shown."""

    noisy: torch.Tensor  # (B, C, H, W)
    timesteps: torch.Tensor  # (B,)
    texts: torch.Tensor  # (B, tokens, width)
    scales: torch.Tensor  # (B,), of the guidance


@dataclass(frozen=True)
class Ways(Begun):
    """Where some ways of the teacher's begin, and where they end."""

    ends: torch.Tensor  # (B, C, H, W), clean latents


class Teacher:
    """The UNet before, led by guidance as a pair of calls."""

    def __init__(self, folder: Path, machine: Machine) -> None:
        self.unet = Half(load_unet(folder / "unet.safetensors"), machine)
        self.reader, self.alphas = Reader(folder, machine), alphas_of(machine)
        self.levels = ((1 - self.alphas) / self.alphas).sqrt()  # sigma of each timestep

    def begun(self, bank: Bank, step: int, count: int, chance: torch.Generator) -> Begun:
        """Noisy latents of a batch, each to be led by a guidance of its own."""
        batch = batch_at(step, bank, self.reader, self.alphas, count, chance, silent=SILENT)
        low, high = SCALES
        scales = low + (high - low) * torch.rand(len(batch.noisy), generator=chance, device=self.alphas.device) ** 2
        return Begun(batch.noisy, batch.timesteps, batch.texts, scales)

    @torch.no_grad()
    def ways(self, bank: Bank, step: int, count: int, chance: torch.Generator) -> Ways:
        """Ways from noisy latents of a batch."""
        begun = self.begun(bank, step, count, chance)
        signal = self.alphas[begun.timesteps].sqrt().view(-1, 1, 1, 1)
        ends = self.walk(begun.noisy / signal, begun.timesteps, begun.texts, begun.scales)
        return Ways(**vars(begun), ends=ends)

    def walk(self, x: torch.Tensor, timesteps: torch.Tensor, texts: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
        """The end of the way from x, noise added to clean latents, in equal steps of time.

        Where there is little noise it is what the teacher sees at once. The whole way makes all edges a little harder;
        frames that are made from each other with little noise would be nothing but edges after some seconds.

        Source
        ------
        Lu et al., arXiv 2211.01095 (DPM-Solver++ 2M).
        """
        first = before = stride = None
        for step in range(STEPS):
            here, there = (timesteps * (STEPS - at) // STEPS for at in (step, step + 1))
            sigma = self.levels[here].view(-1, 1, 1, 1)
            clean = self.clean(x, here, texts, scales)
            first = clean if first is None else first
            if step == STEPS - 1:
                whole = ((timesteps - NEAR) / (FAR - NEAR)).clamp(0, 1).view(-1, 1, 1, 1)
                return torch.lerp(first, clean, whole)
            following = self.levels[there].view(-1, 1, 1, 1)
            ahead = (sigma / following).log().clamp_min(1e-4)
            led = clean
            if before is not None:
                led = clean + (clean - before) * (ahead / (2 * stride))
            x = x * (following / sigma) - torch.expm1(-ahead) * led
            before, stride = clean, ahead
        raise AssertionError("unreachable")

    @torch.no_grad()
    def clean(
        self, x: torch.Tensor, timesteps: torch.Tensor, texts: torch.Tensor, scales: torch.Tensor
    ) -> torch.Tensor:
        """Clean latents as the guided teacher sees them in x."""
        signal = self.alphas[timesteps].sqrt().view(-1, 1, 1, 1)
        noisy = x * signal
        wanted, unwanted = predict(
            self.unet,
            noisy.repeat(2, 1, 1, 1).contiguous(memory_format=torch.channels_last),
            timesteps.repeat(2),
            torch.cat((texts, self.reader.silence.expand_as(texts))),
            torch.ones(2 * len(x), device=x.device),
        ).chunk(2)
        v = unwanted + (wanted - unwanted) * scales.view(-1, 1, 1, 1)
        return signal * noisy - (1 - signal**2).sqrt() * v


def train_quick(folder: Path, bank: Bank, machine: Machine) -> None:
    """Teach a copy of the UNet the ends of the teacher's ways; the checkpoint is folder/quick.safetensors.

    A sampler that goes straight towards the end that it is shown goes the whole way in one or two calls, and a way that
    is nearly straight is the same in many small steps.

    Source
    ------
    Liu et al., ICLR 2023 (rectified flow), with ways from noisy pictures as in Song et al., ICML 2023.
    """
    plan = PLANS[machine.kind]
    teacher = Teacher(folder, machine)
    torch.manual_seed(plan.seed)
    student = Half(load_unet(folder / "unet.safetensors").requires_grad_(True), machine)
    kept: dict[int, deque[Ways]] = {}

    def loss_at(step: int, chance: torch.Generator, done: float) -> torch.Tensor:
        fresh = teacher.ways(bank, step, plan.batch, chance)
        older = kept.setdefault(step % len(SHAPES), deque(maxlen=KEPT))
        picks = torch.randint(max(1, len(older)), (REPEATS,), generator=chance, device=chance.device).tolist()
        chosen = [fresh, *(older[pick] for pick in picks if older)]
        older.append(fresh)
        noisy, timesteps, texts, scales, ends = (
            torch.cat([getattr(ways, name) for ways in chosen]) for name in Ways.__dataclass_fields__
        )
        signal = teacher.alphas[timesteps].sqrt().view(-1, 1, 1, 1)
        sigma = (1 - signal**2).sqrt()
        made = predict(student, noisy.contiguous(memory_format=torch.channels_last), timesteps, texts, scales)
        apart = ((signal * noisy - sigma * made - ends) / sigma.clamp_min(LEAST)).square().mean((1, 2, 3))
        # what is guided strongly differs more, and would be all that is learned
        return (apart / (1 + 0.25 * (scales - 1) ** 2)).mean()

    fit(student, loss_at, plan, folder / "quick.safetensors", machine)
