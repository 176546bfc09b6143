"""One call that looks drawn: the UNet's pictures are led to where the teacher finds them likelier than they are."""

from collections import deque
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F

from .bank import Bank
from .denoiser import SHAPES, load_unet, predict
from .distil import LEAST, Teacher
from .training import Half, Machine, Plan, fit

PLANS = {
    "cpu": Plan(steps=600, batch=2, rate=1e-4, warmup=50, average=0.99, decay=0.0),
    "cuda": Plan(steps=60000, batch=24, rate=1.5e-4, seconds=130, warmup=50, average=0.99, decay=0.0, fall=0.4),
}
TRACKING = 2.5  # how much faster the network learns that follows the UNet
OWN = 2  # pictures of its own that it makes new ones of, for each of a batch of others
KEPT = 24  # batches of its own pictures that each shape keeps
TURNED = 0.25  # share of its own pictures that are given the text of another
PINNED = 0.15  # weight of the ends of the teacher's ways where there is much noise; where there is little it is 1
NEAR, FAR = 200, 600  # timesteps up to which that weight is 1, and from which on it is PINNED
LOW, HIGH = 20, 980  # timesteps at which the teacher compares


@dataclass(frozen=True)
class Begun:
    """What the UNet is shown."""

    noisy: torch.Tensor  # (B, C, H, W)
    timesteps: torch.Tensor  # (B,)
    texts: torch.Tensor  # (B, tokens, width)
    scales: torch.Tensor  # (B,), of the guidance


class Follower:
    """A UNet that learns, step by step, to denoise what another makes: it tells how likely its pictures are."""

    def __init__(self, teacher: Teacher, folder: Path, machine: Machine, rate: float) -> None:
        self.teacher = teacher
        self.unet = Half(load_unet(folder / "unet.safetensors").requires_grad_(True), machine)
        self.weights = [whole for whole, _ in self.unet.trained()]
        self.optimizer = torch.optim.AdamW(self.weights, lr=rate, betas=(0.0, 0.99), weight_decay=0.0, fused=True)

    def learn(self, made: torch.Tensor, given: Begun, chance: torch.Generator) -> None:
        """One step towards pictures that were made."""
        timesteps, noisy, noise, signal, sigma = hidden(made, self.teacher.alphas, 0, 1000, chance)
        v = predict(self.unet, noisy, timesteps, given.texts, given.scales)
        loss = F.mse_loss(v, signal * noise - sigma * made)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.unet.hand_over()
        torch.nn.utils.clip_grad_norm_(self.weights, 1.0)
        self.optimizer.step()
        self.unet.renew()

    @torch.no_grad()
    def away(self, made: torch.Tensor, given: Begun, chance: torch.Generator) -> torch.Tensor:
        """Where pictures are less likely for the guided teacher than among those that are made, of size about 1.

        Source
        ------
        Yin et al., CVPR 2024 (DMD), equations 7 and 8.
        """
        timesteps, noisy, _, signal, sigma = hidden(made, self.teacher.alphas, LOW, HIGH, chance)
        wanted = self.teacher.clean(noisy / signal, timesteps, given.texts, given.scales)
        found = signal * noisy - sigma * predict(self.unet, noisy, timesteps, given.texts, given.scales)
        return (found - wanted) / (made - wanted).abs().mean((1, 2, 3), keepdim=True)


def hidden(
    clean: torch.Tensor, alphas: torch.Tensor, low: int, high: int, chance: torch.Generator
) -> tuple[torch.Tensor, ...]:
    """Latents under noise of timesteps by chance: timesteps, noisy latents, noise, shares of latents and of noise."""
    timesteps = torch.randint(low, high, (len(clean),), generator=chance, device=clean.device)
    noise = torch.randn(clean.shape, generator=chance, device=clean.device)
    signal, sigma = (share.sqrt().view(-1, 1, 1, 1) for share in (alphas[timesteps], 1 - alphas[timesteps]))
    noisy = (signal * clean + sigma * noise).contiguous(memory_format=torch.channels_last)
    return timesteps, noisy, noise, signal, sigma


def train_matched(folder: Path, bank: Bank, machine: Machine) -> None:
    """Teach a copy of the quick UNet pictures as likely as the teacher's; the checkpoint is folder/matched.safetensors.

    The ends of the teacher's ways alone teach the mean of all that may be there, which is blurred. Half of what it
    sees are its own pictures, of its own, and so on, under new noise: as frames are made from each other.

    Source
    ------
    Yin et al., NeurIPS 2024 (DMD2), without its discriminator and with the ways of DMD; Huang et al., NeurIPS 2025
    (Self Forcing), for its own pictures.
    """
    plan = PLANS[machine.kind]
    teacher = Teacher(folder, machine)
    torch.manual_seed(plan.seed)
    student = Half(load_unet(folder / "quick.safetensors").requires_grad_(True), machine)
    follower = Follower(teacher, folder, machine, TRACKING * plan.rate)
    kept: dict[int, deque[tuple[torch.Tensor, Begun]]] = {}

    def own(step: int, count: int, chance: torch.Generator) -> Begun | None:
        """Its own earlier pictures under new noise."""
        older = kept.setdefault(step % len(SHAPES), deque(maxlen=KEPT))
        if not older:
            return None
        made, given = older[int(torch.randint(len(older), (1,), generator=chance, device=chance.device))]
        chosen = torch.randperm(len(made), generator=chance, device=made.device)[:count]
        timesteps, noisy, *_ = hidden(made[chosen], teacher.alphas, 0, 1000, chance)
        turned = torch.rand(len(chosen), generator=chance, device=made.device) < TURNED
        said = torch.where(turned, chosen.roll(1), chosen)
        return Begun(noisy, timesteps, given.texts[said], given.scales[said])

    def loss_at(step: int, chance: torch.Generator, done: float) -> torch.Tensor:
        ways = teacher.ways(bank, step, plan.batch, chance)
        begun = [Begun(ways.noisy, ways.timesteps, ways.texts, ways.scales)]
        begun += [more for more in [own(step, OWN * len(ways.noisy), chance)] if more]
        given = Begun(*(torch.cat([getattr(part, name) for part in begun]) for name in Begun.__dataclass_fields__))
        signal = teacher.alphas[given.timesteps].sqrt().view(-1, 1, 1, 1)
        sigma = (1 - signal**2).sqrt()
        noisy = given.noisy.contiguous(memory_format=torch.channels_last)
        made = signal * noisy - sigma * predict(student, noisy, given.timesteps, given.texts, given.scales)
        fixed = made.detach()
        follower.learn(fixed, given, chance)
        kept[step % len(SHAPES)].append((fixed, given))
        near = ((FAR - ways.timesteps) / (FAR - NEAR)).clamp(PINNED, 1) / (1 + 0.25 * (ways.scales - 1) ** 2)
        apart = (made[: len(ways.ends)] - ways.ends).square().mean((1, 2, 3)) / sigma[: len(near), 0, 0, 0].clamp_min(
            LEAST
        ) ** 2
        return (made * follower.away(fixed, given, chance)).mean() + (near * apart).mean()

    fit(student, loss_at, plan, folder / "matched.safetensors", machine)
