"""From latents to the pictures that are shown: decoded, with their effects, frame by frame."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from audioviz.effects import apply
from audioviz.models.model import Model, to_levels
from audioviz.project import Finish
from audioviz.rendering.frame_table import FrameTable
from audioviz.rendering.memory import decode
from audioviz.rendering.settings import RenderSettings
from audioviz.video.chunks import PicturePlan

ECHO = "echo"


class Finisher:
    """The pictures of a render, made of its latents one after the other.

    Parameters
    ----------
    model : Model
    table : FrameTable
    settings : RenderSettings
    finish : Finish
    """

    def __init__(self, model: Model, table: FrameTable, settings: RenderSettings, finish: Finish):
        self._model, self._table, self._settings = model, table, settings
        self._carries = "trails" in table.effects
        self._latent: Tensor | None = None  # of the frame before
        self._echo: Tensor | None = None  # the picture before, with its effects

    @property
    def plan(self) -> PicturePlan:
        """What the pictures depend on, for the work that keeps them."""
        rows = [self._table.effects_at(i) for i in range(len(self._table))]
        digests = [_hash([self._table.part[i], row and self._seed(i), row]) for i, row in enumerate(rows)]
        return PicturePlan(self._settings.size, self._table.fps, {}, digests, self._carries)

    @property
    def state(self) -> dict[str, np.ndarray]:
        """What the pictures before leave to the next one, besides the latent before."""
        return {ECHO: self._echo.cpu().numpy()} if self._carries and self._echo is not None else {}

    def restart(self, latent: np.ndarray | None, state: Mapping[str, np.ndarray]) -> None:
        """Go on after a frame whose latent and state are given; None and nothing before the first."""
        self._latent = None if latent is None else torch.from_numpy(latent).to(self._model.denoiser.device).float()
        self._echo = torch.from_numpy(state[ECHO]).to(self._model.denoiser.device) if ECHO in state else None

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
        if self._carries:
            self._echo = picture
        return to_levels(picture)

    def _seed(self, i: int) -> int:
        return int(self._table.columns["seed"][i])


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
