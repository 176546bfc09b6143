"""One call that looks drawn: the UNet's pictures are led to where the teacher finds them likelier than they are."""

from dataclasses import dataclass, fields, replace
from pathlib import Path

import torch
import torch.nn.functional as F

from .bank import Bank
from .critic import Critic
from .denoiser import SHAPES, batch_at, hidden, load_unet, predict
from .distil import LEAST, SILENT, Begun, Teacher
from .training import Half, Machine, Plan, fit

PLANS = {
    "cpu": Plan(steps=600, batch=2, rate=1e-4, warmup=50, average=0.99, decay=0.0),
    "cuda": Plan(steps=60000, batch=24, rate=1.5e-4, seconds=130, warmup=50, average=0.99, decay=0.0, fall=0.4),
}
TRACKING, SHARPER = 2.5, 10  # how much faster than the UNet its follower learns, and its critic
OWN = 2  # films, in which each frame is made from the one before, for each picture of a batch
CUT = 0.04  # share of frames at which a film ends, and another begins with a picture that was made from a drawn one
RESEEDED = 0.2  # share of frames that have other noise than the one before; the rest has the same, as in schedules
FRAMES = 2  # of a film, between two that are learned from
LIVELY = 100, 700  # timesteps of films
HOT, COOLING = 1.5, 0.5  # mean square from which on a frame is cooled, where drawn pictures have 1; weight of that
NEAR, FAR = 200, 600  # timesteps up to which it is held to what the teacher sees at once, and from which on it is free
LOW, HIGH = 20, 980  # timesteps at which the teacher compares
STRICT = 0.5  # weight of the critic against the teacher's
LOOKING = 40  # steps before the first, in which follower and critic get to know what the UNet makes
BLENDED, MOST = 0.3, 0.7  # share of frames that keep some of the one before, as with `interp` below 1, and how much


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
        kept = MOST * torch.rand(len(made), generator=chance, device=made.device)
        kept = torch.where(chosen(len(made), BLENDED, chance), kept, 0).view(-1, 1, 1, 1)
        made = torch.lerp(made, self.made, kept)
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

    @torch.enable_grad()
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
    likely as what it was. A critic asks for edges as hard as drawn ones, which the teacher's own pictures lack.

    Source
    ------
    Yin et al., NeurIPS 2024 (DMD2), with another discriminator; Huang et al., NeurIPS 2025 (Self Forcing), for its own
    pictures.
    """
    plan = PLANS[machine.kind]
    teacher = Teacher(folder, machine)
    torch.manual_seed(plan.seed)
    reached = folder / "matched.safetensors"
    begin_at = reached if reached.exists() else folder / "quick.safetensors"
    student = Half(load_unet(begin_at).requires_grad_(True), machine)
    follower = Follower(teacher, folder, machine, TRACKING * plan.rate)
    critic = Critic(teacher, machine, SHARPER * plan.rate)
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

    def watched(step: int, chance: torch.Generator) -> tuple[Begun, Begun, torch.Tensor, torch.Tensor]:
        """What is shown to the UNet at a step, drawn and all, what it makes of all, and where the critic would have it.

        Follower and critic learn from it, and the films go on.
        """
        drawn, shape = teacher.begun(bank, step, plan.batch, chance), step % len(SHAPES)
        given, count, films = drawn, len(drawn.noisy), kept.get(shape)
        if films:
            films = rolled(films, chance)
            given = joined(drawn, films.begun(teacher.alphas))
        made = made_of(given)
        fixed = made.detach()
        follower.learn(fixed, given, chance)
        real = batch_at(step, bank, teacher.reader, teacher.alphas, OWN * plan.batch, chance, silent=SILENT)
        softer = critic.learn(fixed, given.texts, real, chance)
        fresh = begin(fixed[:count], drawn, chance)
        if films:
            fresh = mixed(films.after(fixed[count:], chance), fresh, chosen(len(fresh.made), CUT, chance))
        kept[shape] = fresh
        return drawn, given, made, softer

    def loss_at(step: int, chance: torch.Generator, done: float) -> torch.Tensor:
        drawn, given, made, softer = watched(step, chance)
        signal = teacher.alphas[drawn.timesteps].sqrt()
        seen = teacher.clean(drawn.noisy / signal.view(-1, 1, 1, 1), drawn.timesteps, drawn.texts, drawn.scales)
        apart = (made[: len(seen)] - seen).square().mean((1, 2, 3)) / (1 - signal**2).clamp_min(LEAST**2)
        near = ((FAR - drawn.timesteps) / (FAR - NEAR)).clamp(0, 1) / (1 + 0.25 * (drawn.scales - 1) ** 2)
        away = follower.away(made.detach(), given, chance) + STRICT * softer
        loss = (made * away).mean() + (near * apart).mean()
        return loss + COOLING * F.relu(made.square().mean((1, 2, 3)) - HOT).mean()

    with torch.no_grad():
        for step in range(LOOKING):
            watched(step, machine.generator(plan.seed, 1, step))
    fit(student, loss_at, plan, reached, machine)
