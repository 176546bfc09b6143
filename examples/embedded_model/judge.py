"""A small classifier that names the pattern and the palette of a picture: it measures, and is not shipped."""
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from .autoencoder import to_tensor
from .pictures import CHUNK, NAMES, chunks, label_at
from .training import Plan, averaged, fit

PLAN = Plan(steps=1200, batch=48, rate=2e-3, warmup=100, average=0.99)
QUESTIONS = ("pattern", "palette")


class Judge(torch.nn.Module):
    """Pictures made small (B, 3, 64, 64) -> scores of each pattern and each palette."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 32, 64, 96, 128)
        layers: list[torch.nn.Module] = []
        for before, after in zip(widths, widths[1:]):
            layers += [torch.nn.Conv2d(before, after, 3, stride=2, padding=1), torch.nn.GroupNorm(8, after), torch.nn.SiLU()]
        self.body = torch.nn.Sequential(*layers)
        self.heads = torch.nn.ModuleDict({name: torch.nn.Linear(widths[-1], len(NAMES[name])) for name in QUESTIONS})

    def forward(self, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
        seen = self.body(pictures).mean((2, 3))
        return {name: head(seen) for name, head in self.heads.items()}


def small(pictures: np.ndarray) -> torch.Tensor:
    """uint8 (B, 256, 256, 3) -> float (B, 3, 64, 64) in [-1, 1]."""
    return F.avg_pool2d(to_tensor(pictures), 4)


def train_judge(folder: Path, *, plan: Plan = PLAN) -> None:
    """Train on the drawn pool, blurred and noisy at times; the checkpoint is folder/judge.safetensors."""
    pool = list(chunks(folder / "pictures"))
    torch.manual_seed(plan.seed)
    judge = Judge()

    def loss_at(step: int, rng: np.random.Generator) -> torch.Tensor:
        chosen = rng.integers(0, len(pool) * CHUNK, plan.batch)
        seen = small(np.stack([pool[index // CHUNK][index % CHUNK] for index in chosen]))
        if rng.uniform() < 0.3:
            seen = F.interpolate(F.avg_pool2d(seen, 2), scale_factor=2, mode="bilinear")
        answers = judge(seen + 0.1 * rng.uniform() * torch.from_numpy(rng.standard_normal(seen.shape, dtype=np.float32)))
        labels = [label_at(int(index)) for index in chosen]
        truth = {name: torch.tensor([NAMES[name].index(getattr(label, name)) for label in labels]) for name in QUESTIONS}
        return sum(F.cross_entropy(answers[name], truth[name]) for name in QUESTIONS)

    fit(judge, loss_at, plan, folder / "judge.safetensors")


def load_judge(folder: Path) -> Judge:
    """The trained classifier."""
    judge = Judge()
    judge.load_state_dict(averaged(folder / "judge.safetensors"))
    return judge.eval().requires_grad_(False)


@torch.inference_mode()
def accuracy(judge: Judge, pictures: np.ndarray, names: list[tuple[str, str]]) -> dict[str, float]:
    """Share of pictures, uint8 (B, H, W, 3), whose (pattern, palette) is named right, for each of the two."""
    shares = {}
    for question, answers, truth in zip(QUESTIONS, judge(small(pictures)).values(), zip(*names)):
        given = [NAMES[question][int(best)] for best in answers.argmax(1)]
        shares[question] = float(np.mean([answer == name for answer, name in zip(given, truth)]))
    return shares
