"""A small classifier that names the pattern and the palette of a picture: it measures, and is not shipped."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from scipy.linalg import sqrtm

from .labels import NAMES
from .pictures import files_of, loaded, painted
from .pool import answers_of
from .training import Half, Machine, Plan, averaged, fit

PLANS = {
    "cpu": Plan(steps=5000, batch=48, rate=1.5e-3, warmup=200, average=0.995, fall=0.5),
    "cuda": Plan(steps=9000, batch=128, rate=1.5e-3, seconds=60, warmup=200, average=0.998, fall=0.5),
}
QUESTIONS = ("pattern", "palette")
SIDE = 64  # pixels of what it sees, whatever the size of the picture
SEED, COUNT = 2026, 9600  # its own drawings: none that the generator learned from
FEATURES = 192


class Judge(torch.nn.Module):
    """Pictures made small (B, 3, 64, 64) -> scores of each pattern and each palette."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 32, 64, 128, FEATURES)
        layers: list[torch.nn.Module] = []
        for before, after in pairwise(widths):
            layers += [
                torch.nn.Conv2d(before, after, 3, stride=2, padding=1),
                torch.nn.GroupNorm(8, after),
                torch.nn.SiLU(),
                torch.nn.Conv2d(after, after, 3, padding=1),
                torch.nn.GroupNorm(8, after),
                torch.nn.SiLU(),
            ]
        self.body = torch.nn.Sequential(*layers)
        self.heads = torch.nn.ModuleDict({name: torch.nn.Linear(FEATURES, len(NAMES[name])) for name in QUESTIONS})

    def features(self, pictures: torch.Tensor) -> torch.Tensor:
        """What it sees in each picture, (B, FEATURES)."""
        return self.body(pictures).mean((2, 3))

    def forward(self, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
        seen = self.features(pictures)
        return {name: head(seen) for name, head in self.heads.items()}


def train_judge(folder: Path, machine: Machine) -> None:
    """Train on drawings of its own, blurred and noisy at times; the checkpoint is folder/judge.safetensors."""
    plan = PLANS[machine.kind]
    pool, truth = seen_pool(folder, machine)
    torch.manual_seed(plan.seed)
    judge = Half(Judge(), machine)

    def loss_at(step: int, chance: torch.Generator, done: float) -> torch.Tensor:
        chosen = torch.randint(len(pool), (plan.batch,), generator=chance, device=machine.device)
        seen = pool[chosen]
        if step % 3 == 0:
            seen = F.interpolate(F.avg_pool2d(seen, 2), scale_factor=2, mode="bilinear")
        if step % 2:
            seen = seen.flip(3)
        seen = seen + 0.05 * (step % 3) * torch.randn(seen.shape, generator=chance, device=machine.device)
        answers = judge.call("forward", seen)
        return sum(
            F.cross_entropy(answers[name].float(), truth[name][chosen], label_smoothing=0.05) for name in QUESTIONS
        )

    fit(judge, loss_at, plan, folder / "judge.safetensors", machine)


def seen_pool(folder: Path, machine: Machine) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Its drawings as it sees them, (n, 3, SIDE, SIDE), and the answers to its questions."""
    pictures, answers = [], []
    for start, fields in loaded(list(files_of(folder / "judge-scenes").values())):
        whole, labels = painted(start, fields, seed=SEED, turn=0, device=machine.device)
        pictures.append(small(whole))
        answers.append(answers_of(labels, machine.device))
    return torch.cat(pictures), {name: torch.cat([answer[name] for answer in answers]) for name in QUESTIONS}


def small(pictures: torch.Tensor) -> torch.Tensor:
    """Square pictures (B, 3, H, W) in 0..1 as the judge sees them: in -1..1, SIDE pixels a side."""
    return F.avg_pool2d(pictures, pictures.shape[-1] // SIDE).mul(2).sub(1)


def load_judge(folder: Path) -> Judge:
    """The trained classifier."""
    judge = Judge()
    judge.load_state_dict(averaged(folder / "judge.safetensors"))
    return judge.requires_grad_(False)


@torch.inference_mode()
def look(judge: Judge, pictures: np.ndarray) -> tuple[dict[str, list[str]], np.ndarray]:
    """What pictures, uint8 (B, H, W, 3), show to the judge: names for each question, and its features (B, FEATURES)."""
    names: dict[str, list[str]] = {name: [] for name in QUESTIONS}
    seen = []
    for picture in pictures:
        features = judge.features(small(torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255))
        seen.append(features.numpy())
        for name, head in judge.heads.items():
            names[name] += [NAMES[name][int(best)] for best in head(features).argmax(1)]
    return names, np.concatenate(seen)


def share(answers: list[str], truth: list[str]) -> float:
    """How many of the answers are right, 0..1."""
    return float(np.mean([answer == name for answer, name in zip(answers, truth, strict=True)]))


def spread(features: np.ndarray) -> float:
    """Mean distance of features from their mean: how much pictures differ from each other."""
    return float(np.linalg.norm(features - features.mean(0), axis=1).mean())


def frechet(first: np.ndarray, second: np.ndarray) -> float:
    """Distance of two sets of features, each taken as a Gaussian.

    Source
    ------
    Heusel et al., NeurIPS 2017, with the features of this judge.
    """
    (mean_a, cov_a), (mean_b, cov_b) = ((f.mean(0), np.cov(f.T)) for f in (first.astype(float), second.astype(float)))
    root = sqrtm(cov_a @ cov_b).real
    return float(((mean_a - mean_b) ** 2).sum() + np.trace(cov_a + cov_b - 2 * root))
