"""From latents to the pictures that are shown: decoded, with their effects, frame by frame."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from fractions import Fraction
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from torch import Tensor

from audioviz.effects import apply
from audioviz.models.model import Model, to_levels
from audioviz.project import Finish
from audioviz.rendering.frame_table import FrameTable
from audioviz.rendering.lettering import words_identity, words_of
from audioviz.rendering.memory import decode
from audioviz.rendering.settings import RenderSettings
from audioviz.video.chunks import PicturePlan, sha256_of
from audioviz.video.frame import finished_size, read_upscale
from audioviz.video.photosensitive import FlashGuard
from audioviz.video.upscale import Upscaler, load_network

ECHO, GUARD = "echo", "guard."


class Finisher:
    """The pictures of a render, made of its latents one after the other.

    Parameters
    ----------
    model : Model
    table : FrameTable
    settings : RenderSettings
    finish : Finish
    begin : Fraction
        When row 0 is shown, seconds in the song.
    """

    def __init__(
        self, model: Model, table: FrameTable, settings: RenderSettings, finish: Finish, *, begin: Fraction = Fraction()
    ):
        self._model, self._table, self._finish = model, table, finish
        self._upscaler, self._upscaling = upscaler_for(finish, settings.size, model.denoiser.device)
        self.size = self._upscaler.size if self._upscaler else settings.size  # width and height, pixels
        self._carries = "trails" in table.effects or finish.safe
        self._begin, end = begin, begin + len(table) / table.fps
        self._words = words_of(finish, size=self.size, begin=float(begin), end=float(end))
        self._guard = FlashGuard(table.fps) if finish.safe else None
        self._latent: Tensor | None = None  # of the frame before
        self._echo: Tensor | None = None  # the picture before, with its effects

    @property
    def plan(self) -> PicturePlan:
        """What the pictures depend on, for the work that keeps them."""
        rows = [self._table.effects_at(i) for i in range(len(self._table))]
        words = [self._words.digest(self._seconds(i)) if self._words else "" for i in range(len(rows))]
        digests = [_hash([self._table.part[i], row and self._seed(i), row, words[i]]) for i, row in enumerate(rows)]
        identity: dict[str, Any] = self._upscaling | (words_identity(self._finish) if self._words else {})
        if self._finish.safe:
            identity["safe"] = True
        return PicturePlan(self.size, self._table.fps, identity, digests, self._carries)

    @property
    def state(self) -> dict[str, np.ndarray]:
        """What the pictures before leave to the next one, besides the latent before."""
        echo = {ECHO: self._echo.cpu().numpy()} if self._echo is not None else {}
        guard = {f"{GUARD}{name}": values for name, values in self._guard.state.items()} if self._guard else {}
        return echo | guard

    def restart(self, latent: np.ndarray | None, state: Mapping[str, np.ndarray]) -> None:
        """Go on after a frame whose latent and state are given; None and nothing before the first."""
        self._latent = None if latent is None else torch.from_numpy(latent).to(self._model.denoiser.device).float()
        self._echo = torch.from_numpy(state[ECHO]).to(self._model.denoiser.device) if ECHO in state else None
        if self._finish.safe:
            self._guard = FlashGuard(self._table.fps)
            self._guard.state = {name.removeprefix(GUARD): array for name, array in state.items() if GUARD in name}

    def pictures(self, i: int, latent: Tensor) -> Iterator[np.ndarray]:
        """The pictures after row i - 1 and up to row i, uint8, shape (H, W, 3).

        Parameters
        ----------
        i : int
            Rows come in order.
        latent : float, shape (1, C, H, W)
            Of row i, as it is kept.
        """
        latent = latent.to(self._model.denoiser.device).float()
        yield self._shown(decode(self._model, latent), self._table.effects_at(i), i)
        self._latent = latent

    def _shown(self, picture: Tensor, effects: dict[str, Any], i: int) -> np.ndarray:
        """A picture as it is encoded."""
        if effects:
            picture = apply(picture, effects, seed=self._seed(i), frame=self._table.part[i], before=self._echo)
        if "trails" in self._table.effects:
            self._echo = picture
        if self._upscaler:
            picture = self._upscaler(picture)
        levels = to_levels(picture)
        levels = self._guard(levels) if self._guard else levels
        return self._words(levels, self._seconds(i)) if self._words else levels

    def _seconds(self, i: int) -> float:
        """The middle of the time that row i is on screen, in the song."""
        return float(self._begin + (i + Fraction(1, 2)) / self._table.fps)

    def _seed(self, i: int) -> int:
        return int(self._table.columns["seed"][i])


def upscaler_for(
    finish: Finish, size: tuple[int, int], device: torch.device
) -> tuple[Upscaler | None, dict[str, str | None]]:
    """What brings pictures of a size to that of the finish, and what it is; None where they have that."""
    file = read_upscale(finish.upscale).network if finish.upscale else None
    network = load_network(file, device) if file else None
    target = finished_size(size, finish.upscale, finish.frame, own=network.scale if network else 1)
    if network is None:
        return (None, {}) if target == size else (Upscaler(target), {"upscale": "lanczos"})
    return Upscaler(target, network), {"upscale": sha256_of(network.file), "spandrel": version("spandrel")}


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
