"""One call that looks drawn: the UNet's pictures are led to where the teacher finds them likelier than they are."""

from dataclasses import dataclass, fields, replace
from pathlib import Path

import torch
import torch.nn.functional as F

from .bank import Bank
from .denoiser import SHAPES, load_unet, predict
from .distil import LEAST, Begun, Teacher
from .training import Half, Machine, Plan, fit

PLANS = {
    "cpu": Plan(steps=600, batch=2, rate=1e-4, warmup=50, average=0.99, decay=0.0),
    "cuda": Plan(steps=60000, batch=24, rate=1.5e-4, seconds=130, warmup=50, average=0.99, decay=0.0, fall=0.4),
}
TRACKING = 2.5  # how much faster the network learns that follows the UNet
OWN = 2  # films, in which each frame is made from the one before, for each picture of a batch
CUT = 0.04  # share of frames at which a film ends, and another begins with a picture that was made from a drawn one
RESEEDED = 0.2  # share of frames that have other noise than the one before; the rest has the same, as in schedules
FRAMES = 3  # of a film, between two that are learned from
LIVELY = 100, 700  # timesteps of films
HOT, COOLING = 1.5, 0.5  # mean square from which on a frame is cooled, where drawn pictures have 1; weight of that
PINNED = 0.15  # weight of the ends of the teacher's ways where there is much noise; where there is little it is 1
NEAR, FAR = 200, 600  # timesteps up to which that weight is 1, and from which on it is PINNED
LOW, HIGH = 20, 980  # timesteps at which the teacher compares


@dataclass(frozen=True)
class Films:
    """The frames that some films have come to."""

    made: torch.Tensor  # (B, C, H, W)
    noise: torch.Tensor  # (B, C, H, W), of the frame after it
    timesteps: torch.Tensor  # (B,), all along a film
    texts: torch.Tensor
    scales: torch.Tensor

    def begun(self, alphas: torch.Tensor) -> Begun:
        """What the frame after each is made from."""
        signal, sigma = (
            share.sqrt().view(-1, 1, 1, 1) for share in (alphas[self.timesteps], 1 - alphas[self.timesteps])
        )
        return Begun(signal * self.made + sigma * self.noise, self.timesteps, self.texts, self.scales)

    def after(self, made: torch.Tensor, chance: torch.Generator) -> "Films":
        """The same films, a frame later."""
        other = chosen(len(made), RESEEDED, chance).view(-1, 1, 1, 1)
        return replace(self, made=made, noise=torch.where(other, noise_like(made, chance), self.noise))


def chosen(count: int, share: float, chance: torch.Generator) -> torch.Tensor:
    """Which of some are chosen, each by chance: bool (count,)."""
    return torch.rand(count, generator=chance, device=chance.device) < share


def noise_like(latents: torch.Tensor, chance: torch.Generator) -> torch.Tensor:
    return torch.randn(latents.shape, generator=chance, device=latents.device)


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


def joined(first: Begun, second: Begun) -> Begun:
    """All rows of both."""
    return Begun(*(torch.cat((getattr(first, f.name), getattr(second, f.name))) for f in fields(Begun)))


def mixed(films: Films, others: Films, instead: torch.Tensor) -> Films:
    """Films, and others in place of some."""
    pairs = ((getattr(films, f.name), getattr(others, f.name)) for f in fields(Films))
    return Films(*(torch.where(instead.view(-1, *[1] * (a.ndim - 1)), b, a) for a, b in pairs))


def train_matched(folder: Path, bank: Bank, machine: Machine) -> None:
    """Teach a copy of the quick UNet pictures as likely as the teacher's; the checkpoint is folder/matched.safetensors.

    The ends of the teacher's ways alone teach the mean of all that may be there, which is blurred. Most of what it sees
    are frames of its own films, made from each other under the same noise: what a picture becomes in time is to be as
    likely as what it was.

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
    kept: dict[int, Films] = {}  # by shape

    def made_of(given: Begun) -> torch.Tensor:
        signal = teacher.alphas[given.timesteps].sqrt().view(-1, 1, 1, 1)
        noisy = given.noisy.contiguous(memory_format=torch.channels_last)
        v = predict(student, noisy, given.timesteps, given.texts, given.scales)
        return signal * noisy - (1 - signal**2).sqrt() * v

    @torch.no_grad()
    def rolled(films: Films, chance: torch.Generator) -> Films:
        for _ in range(FRAMES):
            films = films.after(made_of(films.begun(teacher.alphas)), chance)
        return films

    def begin(made: torch.Tensor, given: Begun, chance: torch.Generator) -> Films:
        """Films from pictures that were made."""
        made, texts, scales = (part.repeat(OWN, *[1] * (part.ndim - 1)) for part in (made, given.texts, given.scales))
        timesteps = torch.randint(*LIVELY, (len(made),), generator=chance, device=made.device)
        return Films(made, noise_like(made, chance), timesteps, texts, scales)

    def loss_at(step: int, chance: torch.Generator, done: float) -> torch.Tensor:
        ways = teacher.ways(bank, step, plan.batch, chance)
        given, count, shape = ways, len(ways.ends), step % len(SHAPES)
        films = kept.get(shape)
        if films:
            films = rolled(films, chance)
            given = joined(ways, films.begun(teacher.alphas))
        made = made_of(given)
        fixed = made.detach()
        follower.learn(fixed, given, chance)
        fresh = begin(fixed[:count], ways, chance)
        if films:
            fresh = mixed(films.after(fixed[count:], chance), fresh, chosen(len(fresh.made), CUT, chance))
        kept[shape] = fresh
        near = ((FAR - ways.timesteps) / (FAR - NEAR)).clamp(PINNED, 1) / (1 + 0.25 * (ways.scales - 1) ** 2)
        sigma = (1 - teacher.alphas[ways.timesteps]).sqrt().clamp_min(LEAST)
        apart = (made[:count] - ways.ends).square().mean((1, 2, 3)) / sigma**2
        loss = (made * follower.away(fixed, given, chance)).mean() + (near * apart).mean()
        return loss + COOLING * F.relu(made.square().mean((1, 2, 3)) - HOT).mean()

    fit(student, loss_at, plan, folder / "matched.safetensors", machine)
