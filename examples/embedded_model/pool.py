"""The pictures that networks learn from, on their device, while more are being drawn."""

import time
from pathlib import Path

import torch
import torch.nn.functional as F

from .labels import NAMES, Label
from .paint import to_bytes
from .pictures import CHUNK, files_of, loaded, painted
from .training import Machine

KEPT = {"cpu": 640, "cuda": 6400}  # pictures at most


class Pool:
    """Painted pictures, uint8, of the scenes that are on disk; new ones replace the oldest.

    Parameters
    ----------
    folder : where scenes are drawn into, by this or another process
    seed : of how they are painted
    """

    def __init__(self, folder: Path, machine: Machine, *, seed: int) -> None:
        self.folder, self.machine, self.seed = folder, machine, seed
        self.read: set[int] = set()
        self.pictures: list[torch.Tensor] = []  # each (n, SIZE, SIZE, 3)
        self.answers: list[dict[str, torch.Tensor]] = []

    def refresh(self, *, most: int = 10**6) -> None:
        """Paint what was drawn since, at most so many of the newest files."""
        most = min(most, KEPT[self.machine.kind] // CHUNK)
        fresh = {start: path for start, path in files_of(self.folder).items() if start not in self.read}
        for start, fields in loaded(list(fresh.values())[-most:]):
            pictures, labels = painted(start, fields, seed=self.seed, turn=0, device=self.machine.device)
            self.pictures.append(to_bytes(pictures))
            self.answers.append(answers_of(labels, self.machine.device))
        self.read.update(fresh)
        count = sum(map(len, self.pictures))
        while count > KEPT[self.machine.kind]:
            count -= len(self.pictures.pop(0))
            self.answers.pop(0)
        self.pictures = [torch.cat(self.pictures)]
        self.answers = [{name: torch.cat([part[name] for part in self.answers]) for name in self.answers[0]}]

    def __len__(self) -> int:
        return sum(map(len, self.pictures))

    def pieces(self, count: int, side: int, chance: torch.Generator) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Random squares of random pictures, and what these show: float (count, 3, side, side) in -1..1.

        Two of five are of pictures made half as large; half are mirrored.
        """
        pictures, halves = self.pictures[0], count * 2 // 5
        chosen = torch.randint(len(pictures), (count,), generator=chance, device=pictures.device)
        whole = cut(pictures, chosen[halves:], side, chance)
        half = F.avg_pool2d(cut(pictures, chosen[:halves], 2 * side, chance), 2)
        order = torch.randperm(count, generator=chance, device=pictures.device)
        pieces, chosen = torch.cat((half, whole))[order], chosen[order]
        mirrored = torch.rand(count, 1, 1, 1, generator=chance, device=pictures.device) < 0.5
        pieces = torch.where(mirrored, pieces.flip(3), pieces).contiguous(memory_format=torch.channels_last)
        return pieces, {name: answer[chosen] for name, answer in self.answers[0].items()}


def cut(pictures: torch.Tensor, chosen: torch.Tensor, side: int, chance: torch.Generator) -> torch.Tensor:
    """A random square of each chosen picture: float (n, 3, side, side) in -1..1."""
    most = pictures.shape[1] - side + 1
    top, left = (torch.randint(most, chosen.shape, generator=chance, device=chosen.device) for _ in range(2))
    line = torch.arange(side, device=chosen.device)
    rows, columns = (top[:, None] + line)[:, :, None], (left[:, None] + line)[:, None]
    return pictures[chosen[:, None, None], rows, columns].permute(0, 3, 1, 2).float().div(127.5).sub(1)


def answers_of(labels: list[Label], device: torch.device) -> dict[str, torch.Tensor]:
    """The numbers of what pictures show, by question; the number after the last name where there is nothing to tell."""
    return {
        name: torch.tensor(
            [values.index(answer) if (answer := getattr(label, name)) else len(values) for label in labels],
            device=device,
        )
        for name, values in NAMES.items()
    }


def wait_for_scenes(folder: Path, count: int, *, patience: float = 600) -> None:
    """Until so many scenes are drawn.

    Raises
    ------
    TimeoutError
        If there are not that many after `patience` seconds.
    """
    end = time.monotonic() + patience
    while CHUNK * len(files_of(folder)) < count:
        if time.monotonic() > end:
            raise TimeoutError(f"{folder}: {count} scenes were expected within {patience:.0f} s")
        time.sleep(0.5)
