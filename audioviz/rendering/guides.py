"""Pictures that lead frames beside their text: what they start from, what they follow, and where they are drawn at all."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate as resize

from audioviz.models import Model
from audioviz.sampling import Control, Guidance
from audioviz.schedule import Schedule


@dataclass(frozen=True, eq=False)
class Guides:
    """Functions of a frame's number that give its pictures: uint8, shape (height, width, 3)."""

    init: Callable[[int], np.ndarray] | None = None  # what the first frame starts from,
    moves: bool = False  # or each frame, in place of the one before
    mask: Tensor | None = None  # (height, width), 1 where frames are drawn; the init stays elsewhere
    control: Callable[[int], np.ndarray] | None = None  # what ControlNet follows
    style: Callable[[int], np.ndarray] | None = None  # what IP-Adapter follows


def init_by_frame(model: Model, guides: Guides) -> Callable[[int], Tensor]:
    """The latent of each frame's initial picture, in the autoencoder's units."""
    encode = _remembered(lambda picture: model.to_latent(levels(picture) * 2 - 1))
    return lambda k: encode(guides.init(k))


def lead_by_frame(model: Model, schedule: Schedule, guides: Guides) -> Callable[[Guidance, int], Guidance]:
    """The guidance of a frame with all that leads it beside its text."""
    style, hint = _remembered(model.read_style), _remembered(levels)
    beside = _remembered(lambda picture: _beside(model, picture, guides.mask))
    fills = guides.mask is not None and getattr(model.denoiser, "blank", None) is not None

    def lead(guidance: Guidance, k: int) -> Guidance:
        if guides.style:
            some, none = style(guides.style(k))
            guidance = Guidance(replace(guidance.positive, image=some), replace(guidance.negative, image=none))
        control, follow = (1.0 if column is None else column[k].item() for column in (schedule.control, schedule.style))
        return replace(
            guidance,
            control=Control(
                hint(guides.control(k)) if guides.control else None,
                control,
                follow,
                beside(guides.init(k)) if fills else None,
            ),
        )

    return lead


def levels(picture: np.ndarray) -> Tensor:
    """A picture as float32 (1, 3, height, width) in 0..1."""
    return torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 255


def _beside(model: Model, picture: np.ndarray, mask: Tensor) -> Tensor:
    """What inpainting models see beside the latent: the mask, and the scaled latent of the picture with grey in its place."""
    hole = (mask >= 0.5).float()[None, None]
    rest = model.to_latent((levels(picture) * 2 - 1) * (1 - hole))
    rest = (rest - model.denoiser.shift_factor) * model.denoiser.scaling_factor
    return torch.cat((resize(hole.to(rest.device), rest.shape[2:]), rest), 1)


def _remembered(function: Callable) -> Callable:
    """The function of a picture, not computed again for the one that it was last asked about."""
    last, found = None, None

    def remembered(picture):
        nonlocal last, found
        if picture is not last:
            last, found = picture, function(picture)
        return found

    return remembered
