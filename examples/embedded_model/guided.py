"""Guidance learned into the UNet: it is told the scale, and one call does what two did."""

from pathlib import Path

import torch
from diffusers import UNet2DConditionModel

from audioviz.models.denoiser import guidance_scale_embedding

from .denoiser import load_latents, load_unet, new_scheduler, new_unet, noisy_batch, wordings
from .pictures import label_at
from .training import Machine, Plan, averaged, fit

PLANS = {
    "cpu": Plan(steps=2500, batch=16, rate=5e-4, warmup=100, average=0.998, fall=0.5),
    "cuda": Plan(steps=3000, batch=256, rate=5e-4, warmup=100, average=0.998, fall=0.5),
}
TOLD = 64  # numbers that tell the scale
SCALES = 1, 8  # of the guidance; low ones, which are asked for most, are learned most
MIXED = 0.25  # share of pictures whose caption is mixed with another, as prompts that change are


def train_guided(folder: Path, machine: Machine) -> None:
    """Teach a copy of the UNet what the pair of guided calls gives; the checkpoint is folder/guided.safetensors.

    Source
    ------
    Meng et al., "On Distillation of Guided Diffusion Models", CVPR 2023, stage one.
    """
    plan, device = PLANS[machine.device.type], machine.device
    latents = load_latents(folder)[0].to(device)
    captions, first = wordings(folder, [label_at(index) for index in range(latents.shape[1])], machine)
    alphas = new_scheduler().alphas_cumprod.to(device)
    teacher = load_unet(folder).to(device)
    torch.manual_seed(plan.seed)
    student = new_unet(told=TOLD).to(device)
    student.load_state_dict(teacher.state_dict(), strict=False)
    torch.nn.init.zeros_(student.time_embedding.cond_proj.weight)

    def loss_at(step: int, chance: torch.Generator) -> torch.Tensor:
        batch = noisy_batch(latents, captions, first, alphas, plan.batch, chance)
        share = torch.rand(plan.batch, 1, 1, generator=chance, device=device)
        mixed = torch.rand(plan.batch, 1, 1, generator=chance, device=device) < MIXED
        texts = torch.lerp(batch.texts, batch.texts.roll(1, 0), share * mixed)
        low, high = SCALES
        scales = low + (high - low) * torch.rand(plan.batch, generator=chance, device=device) ** 2
        with torch.no_grad():
            pair = torch.cat((texts, captions[-1:].float().expand_as(texts)))
            wanted, unwanted = (
                teacher(batch.noisy.repeat(2, 1, 1, 1), batch.timesteps.repeat(2), pair).sample.float().chunk(2)
            )
            guided = unwanted + (wanted - unwanted) * scales.view(-1, 1, 1, 1)
        made = student(
            batch.noisy, batch.timesteps, texts, timestep_cond=guidance_scale_embedding(scales, TOLD)
        ).sample.float()
        # what is guided strongly differs more, and would be all that is learned
        return ((made - guided).square().mean((1, 2, 3)) / (1 + (scales - 1) ** 2)).mean()

    fit(student, loss_at, plan, folder / "guided.safetensors", machine)


def load_guided(folder: Path) -> UNet2DConditionModel:
    """The UNet that is told its guidance (averaged weights)."""
    model = new_unet(told=TOLD)
    model.load_state_dict(averaged(folder / "guided.safetensors"))
    return model.eval().requires_grad_(False)
