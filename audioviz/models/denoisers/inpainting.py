"""Inpainting models: what they read beside the latent, a mask and the picture without what is drawn."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn.functional import interpolate as resize
from torch.nn.functional import pixel_unshuffle

from audioviz.models.autoencoder import Autoencoder
from audioviz.models.denoisers.rows import in_rows
from audioviz.sampling import Control


def mask_before(hole: Tensor, rest: Tensor) -> Tensor:
    """The mask in latent cells, then the latent: Stable Diffusion and SDXL."""
    return torch.cat((resize(hole, rest.shape[2:]), rest), 1)


def mask_behind(hole: Tensor, rest: Tensor) -> Tensor:
    """The latent, then the mask with all its pixels, those of a cell one behind the other as channels: Flux Fill."""
    return torch.cat((rest, pixel_unshuffle(hole, hole.shape[-1] // rest.shape[-1])), 1)


@dataclass(frozen=True, eq=False)
class Inpainting:
    """What a model reads beside its latents (1, C, H, W).

    Parameters
    ----------
    autoencoder : Autoencoder
    join : function of the mask (1, 1, height, width) and of the latent (1, C, H, W) of what is not drawn
        Both as one, (1, more channels, H, W).
    blanks : kept from one call of `blank` to the next
    """

    autoencoder: Autoencoder
    join: Callable[[Tensor, Tensor], Tensor]
    blanks: dict[tuple[int, int, bool], Tensor] = field(default_factory=dict)

    def beside(self, picture: Tensor, hole: Tensor, *, about: str | None = None) -> Tensor:
        """For a picture (1, 3, height, width) in -1..1 that is drawn where the mask (1, 1, height, width) is 1.

        `about` names it, as for `Autoencoder.encode`.
        """
        rest = self.autoencoder.units.to_model(self.autoencoder.encode(picture * (1 - hole), about=about))
        return self.join(hole.to(rest.device), rest)

    def blank(self, height: int, width: int) -> Tensor:
        """For latents of (height, width) cells that are drawn wholly."""
        key = height, width, self.autoencoder.watched
        if key not in self.blanks:
            sides = height * self.autoencoder.factor, width * self.autoencoder.factor
            picture, hole = torch.zeros(1, 3, *sides), torch.ones(1, 1, *sides)
            self.blanks[key] = self.beside(picture, hole, about="an empty picture")
        return self.blanks[key]


def with_inpainting(x: Tensor, inpainting: Inpainting, control: Control) -> Tensor:
    """Latents (B, C, H, W) with what is read beside them as more channels; where nothing leads, all is drawn."""
    beside = inpainting.blank(*x.shape[2:]) if control.inpainting is None else control.inpainting
    return torch.cat((x, in_rows(beside.to(x), len(x))), 1)
