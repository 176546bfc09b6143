"""Latents and their captions, on the device, while more pictures are being drawn."""

import json
from pathlib import Path

import torch
import torch.nn.functional as F

from .autoencoder import load_autoencoder
from .pictures import TURNS, files_of, loaded, painted
from .training import Half, Machine

BLENDS = 4  # more pictures of each painted file, partly one and partly another
PARTS = ("large", "small", "tokens", "others", "shares")


class Bank:
    """What a UNet learns from.

    large, small : float16 (n, CHANNELS, 32, 32) and (n, CHANNELS, 16, 16)
        Latents, scaled to unit deviation, of pictures of 512 x 512, and of the same made half as large.
    tokens, others : int32 (n, WORDINGS, tokens)
        Captions of each picture, and of the one that it was blended with.
    shares : float32 (n,)
        How much of the picture is of the others: 0 in most.
    """

    def __init__(self, folder: Path, machine: Machine, *, seed: int) -> None:
        self.folder, self.machine, self.seed = folder, machine, seed
        self.autoencoder = Half(load_autoencoder(folder), machine)
        self.read: set[int] = set()
        self.parts: dict[str, list[torch.Tensor]] = {name: [] for name in PARTS}
        self.told = folder / "scaling.json"
        self.scaling = json.loads(self.told.read_text(encoding="utf-8")) if self.told.exists() else 0.0

    def __len__(self) -> int:
        return len(self.parts["shares"][0])

    def __getattr__(self, name: str) -> torch.Tensor:
        if name in PARTS:
            return self.parts[name][0]
        raise AttributeError(name)

    @torch.no_grad()
    def refresh(self, *, most: int = 10**6) -> None:
        """Paint and encode what was drawn since, at most so many files."""
        fresh = [(start, path) for start, path in files_of(self.folder / "scenes").items() if start not in self.read]
        for start, fields in loaded([path for _, path in fresh[:most]]):
            chance = self.machine.generator(self.seed, start)
            tokens = fields["tokens"].to(self.machine.device)
            for turn in range(TURNS):
                pictures, _ = painted(start, fields, seed=self.seed, turn=turn, device=self.machine.device)
                self._add(pictures, tokens[turn], chance)
            self.read.add(start)
        self.parts = {name: [torch.cat(rows)] for name, rows in self.parts.items()}
        if not self.scaling:
            self.scaling = 1 / self.large[:4096].float().std().item()
            self.told.write_text(json.dumps(self.scaling), encoding="utf-8")
            for name in ("large", "small"):
                self.parts[name][0].mul_(self.scaling)

    def _add(self, pictures: torch.Tensor, tokens: torch.Tensor, chance: torch.Generator) -> None:
        mixed, share = blend(pictures[:BLENDS], pictures[BLENDS : 2 * BLENDS], chance)
        pictures, shares = torch.cat((pictures, mixed)), torch.cat((torch.zeros_like(pictures[:, 0, 0, 0]), share))
        tokens, others = torch.cat((tokens, tokens[:BLENDS])), torch.cat((tokens, tokens[BLENDS : 2 * BLENDS]))
        mirrored = torch.rand(len(pictures), 1, 1, 1, generator=chance, device=pictures.device) < 0.5
        pictures = torch.where(mirrored, pictures.flip(3), pictures).mul(2).sub(1)
        pictures = pictures.contiguous(memory_format=torch.channels_last)
        for name, sized in (("large", pictures), ("small", F.avg_pool2d(pictures, 2))):
            latents = self.autoencoder.call("encode", sized).latents.float() * (self.scaling or 1.0)
            self.parts[name].append(latents.half().contiguous())
        for name, rows in (("tokens", tokens), ("others", others), ("shares", shares)):
            self.parts[name].append(rows)


def blend(first: torch.Tensor, second: torch.Tensor, chance: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures (B, 3, H, W) that are the second in some regions, with soft borders; and in how much of them, (B,)."""
    count, *_, height, width = first.shape
    noise = torch.randn(count, 1, 7, 7, generator=chance, device=first.device)
    noise = F.interpolate(noise, size=(height, width), mode="bicubic")
    shares = 0.15 + 0.7 * torch.rand(count, generator=chance, device=first.device)
    border = torch.stack([torch.quantile(rows[::4, ::4], 1 - share) for rows, share in zip(noise[:, 0], shares)])
    mask = torch.sigmoid((noise - border[:, None, None, None]) / 0.12)
    return torch.lerp(first, second, mask), mask.mean((1, 2, 3))
