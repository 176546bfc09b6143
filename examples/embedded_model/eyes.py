"""A classifier of small pieces of pictures: its features tell the autoencoder what is seen, beside what is measured."""

from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F

from .labels import NAMES
from .pool import Pool
from .training import Half, Machine, Plan, averaged, fit

PLANS = {
    "cpu": Plan(steps=3000, batch=32, rate=1e-3, seed=5),
    "cuda": Plan(steps=3000, batch=192, rate=1.5e-3, seconds=14, seed=5),
}
QUESTIONS = ("pattern", "palette", "look")
WIDTHS = (32, 64, 128, 192)
SIDE = 128  # pixels of a piece


class Eyes(torch.nn.Module):
    """Pieces (B, 3, H, W) in -1..1 -> scores for each question."""

    def __init__(self) -> None:
        super().__init__()
        self.stages = torch.nn.ModuleList()
        for before, after in pairwise((3, *WIDTHS)):
            self.stages.append(
                torch.nn.Sequential(
                    torch.nn.Conv2d(before, after, 3, stride=1 if before == 3 else 2, padding=1),
                    torch.nn.GroupNorm(8, after),
                    torch.nn.SiLU(),
                    torch.nn.Conv2d(after, after, 3, padding=1),
                    torch.nn.GroupNorm(8, after),
                    torch.nn.SiLU(),
                )
            )
        self.heads = torch.nn.ModuleDict(
            {name: torch.nn.Linear(WIDTHS[-1], len(NAMES[name]) + 1) for name in QUESTIONS}
        )

    def features(self, pieces: torch.Tensor) -> list[torch.Tensor]:
        """What each stage sees, each cell's numbers of length 1: (B, width, H / 2**stage, W / 2**stage)."""
        seen = []
        for stage in self.stages:
            pieces = stage(pieces)
            seen.append(F.normalize(pieces, dim=1))
        return seen

    def forward(self, pieces: torch.Tensor) -> dict[str, torch.Tensor]:
        for stage in self.stages:
            pieces = stage(pieces)
        gist = pieces.mean((2, 3))
        return {name: head(gist) for name, head in self.heads.items()}


def seen_loss(eyes: Half, made: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """How different two pieces look: the squared distance of their features, mean over stages.

    Source
    ------
    Zhang et al., CVPR 2018 (LPIPS), with the features of this classifier.
    """
    pairs = zip(eyes.call("features", made), eyes.call("features", real))
    return torch.stack([(a - b).float().square().sum(1).mean() for a, b in pairs]).mean()


def train_eyes(folder: Path, pool: Pool, machine: Machine) -> None:
    """Train on pieces of the pool's pictures; the checkpoint is folder/eyes.safetensors."""
    plan = PLANS[machine.kind]
    torch.manual_seed(plan.seed)
    eyes = Half(Eyes(), machine)

    def loss_at(step: int, chance: torch.Generator, done: float) -> torch.Tensor:
        pieces, answers = pool.pieces(plan.batch, SIDE, chance)
        scores = eyes.call("forward", pieces)
        return sum(F.cross_entropy(scores[name].float(), answers[name], label_smoothing=0.05) for name in QUESTIONS)

    fit(eyes, loss_at, plan, folder / "eyes.safetensors", machine)


def load_eyes(folder: Path, machine: Machine) -> Half:
    """The trained classifier."""
    eyes = Eyes()
    eyes.load_state_dict(averaged(folder / "eyes.safetensors"))
    return Half(eyes.requires_grad_(False), machine)
