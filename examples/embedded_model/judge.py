"""A small classifier that names the pattern and the palette of a picture: it measures, and is not shipped."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from scipy.linalg import sqrtm

from .autoencoder import load_pool, to_tensor
from .canvas import SIZE
from .pictures import CHUNK, NAMES, label_at
from .training import Machine, Plan, averaged, fit

PLAN = Plan(steps=5000, batch=48, rate=1.5e-3, warmup=200, average=0.995, fall=0.5)
QUESTIONS = ("pattern", "palette")
FACTOR = 4  # the judge sees pictures of a quarter of the size
SEED, COUNT = 77, 6000  # its own drawings: none that the generator learned from
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
    pool = load_pool(folder / "judge-pictures", machine)
    truth = {
        name: torch.tensor(
            [NAMES[name].index(getattr(label_at(index), name)) for index in range(len(pool))], device=machine.device
        )
        for name in QUESTIONS
    }
    torch.manual_seed(PLAN.seed)
    judge = Judge().to(machine.device)

    def loss_at(step: int, chance: torch.Generator) -> torch.Tensor:
        chosen = torch.randint(len(pool), (PLAN.batch,), generator=chance, device=machine.device)
        seen = to_tensor(pool[chosen])
        if step % 3 == 0:
            seen = F.interpolate(F.avg_pool2d(seen, 2), scale_factor=2, mode="bilinear")
        if step % 2:
            seen = seen.flip(3)
        seen = seen + 0.05 * (step % 3) * torch.randn(seen.shape, generator=chance, device=machine.device)
        answers = judge(seen)
        return sum(
            F.cross_entropy(answers[name].float(), truth[name][chosen], label_smoothing=0.05) for name in QUESTIONS
        )

    fit(judge, loss_at, PLAN, folder / "judge.safetensors", machine)


def load_judge(folder: Path) -> Judge:
    """The trained classifier."""
    judge = Judge()
    judge.load_state_dict(averaged(folder / "judge.safetensors"))
    return judge.eval().requires_grad_(False)


@torch.inference_mode()
def look(judge: Judge, pictures: np.ndarray) -> tuple[dict[str, list[str]], np.ndarray]:
    """What pictures, uint8 (B, H, W, 3), show to the judge: names for each question, and its features (B, FEATURES)."""
    names: dict[str, list[str]] = {name: [] for name in QUESTIONS}
    seen = []
    for start in range(0, len(pictures), CHUNK):
        chunk = to_tensor(pictures[start : start + CHUNK])
        features = judge.features(F.avg_pool2d(chunk, pictures.shape[1] * FACTOR // SIZE))
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
