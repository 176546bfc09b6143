"""A critic of latents: it reads what the teacher makes of them, and learns to tell what is made from what is drawn."""

import torch
import torch.nn.functional as F
from torch import nn

from .denoiser import SETTINGS, Batch, hidden, predict
from .distil import Teacher
from .training import Machine

FIRST, SECOND, THIRD = SETTINGS["widths"]
READ = {"down1.1": FIRST, "down2_attention.1": SECOND, "middle.3": THIRD}  # layers that are read: their channels
WIDTH = 64
LOW, HIGH = 20, 300  # timesteps of the noise over what the teacher is shown


class Heads(nn.Module):
    """Layers of the teacher, (B, C, h, w) each -> how drawn each place looks to each, (B, 1, h, w)."""

    def __init__(self) -> None:
        super().__init__()
        self.heads = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels, WIDTH, 1),
                nn.LeakyReLU(0.2),
                nn.Conv2d(WIDTH, WIDTH, 3, padding=1),
                nn.GroupNorm(4, WIDTH),
                nn.LeakyReLU(0.2),
                nn.Conv2d(WIDTH, 1, 1),
            )
            for channels in READ.values()
        )

    def forward(self, layers: list[torch.Tensor]) -> list[torch.Tensor]:
        return [head(layer) for head, layer in zip(self.heads, layers)]


class Critic:
    """Learns, step by step, from pictures that were made and others that were drawn.

    Source
    ------
    Sauer et al., SIGGRAPH Asia 2024 (LADD): an adversary that reads the features of a frozen teacher in latents.
    """

    def __init__(self, teacher: Teacher, machine: Machine, rate: float) -> None:
        self.teacher, self.layers = teacher, {}
        self.heads = Heads().to(machine.device)
        self.optimizer = torch.optim.AdamW(
            self.heads.parameters(), rate, betas=(0.0, 0.99), weight_decay=0.0, fused=True
        )
        for name in READ:
            layer = teacher.unet.working.get_submodule(name)
            layer.register_forward_hook(lambda module, given, made, name=name: self.layers.update({name: made}))

    @torch.enable_grad()
    def learn(self, made: torch.Tensor, texts: torch.Tensor, drawn: Batch, chance: torch.Generator) -> torch.Tensor:
        """One step; returns where what is made, latents (B, C, H, W), looks less drawn, of size about 1."""
        made = made.detach().requires_grad_(True)
        with torch.no_grad():
            real = self.read(drawn.clean, drawn.texts, chance)
        fake = self.read(made, texts, chance)
        scores = zip(self.heads(real), self.heads([layer.detach() for layer in fake]))
        loss = sum(F.softplus(-high).mean() + F.softplus(low).mean() for high, low in scores)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        doubt = sum(F.softplus(-score).mean() for score in self.heads(fake))
        (slope,) = torch.autograd.grad(doubt, made)
        return slope / slope.abs().mean().clamp_min(1e-12)

    def read(self, latents: torch.Tensor, texts: torch.Tensor, chance: torch.Generator) -> list[torch.Tensor]:
        """What the teacher makes of latents under a little noise."""
        timesteps, noisy, *_ = hidden(latents, self.teacher.alphas, LOW, HIGH, chance)
        predict(self.teacher.unet, noisy, timesteps, texts, torch.ones(len(latents), device=latents.device))
        layers = (self.layers[name].float().permute(0, 2, 3, 1) for name in READ)
        return [F.layer_norm(layer, layer.shape[-1:]).permute(0, 3, 1, 2) for layer in layers]
