"""The frame before, moved along the optical flow of an initial video."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate as resize

from audioviz.pixels import levels_to_unit
from audioviz.rendering.frame_table import FrameTable
from audioviz.rendering.guides import Guides
from audioviz.transfer import to_device
from audioviz.video.optical_flow import Motion, follow, motion


@dataclass(frozen=True, eq=False)
class FlowStep:
    """The optical flow from one frame of an initial video to the next.

    Parameters
    ----------
    motion : Motion
    picture : float32, shape (1, 3, H, W), -1..1
        The next frame of the video, on the model's device, which stands where nothing can be followed.
    """

    motion: Motion
    picture: Tensor

    def moved(self, picture: Tensor) -> Tensor:
        """A picture of the frame before, (1, 3, H, W) in -1..1, where its things are now."""
        agrees = to_device(torch.from_numpy(self.motion.agrees), picture.device)
        return torch.lerp(self.picture, follow(picture, self.motion.back, mode="bicubic"), agrees)

    def moved_latent(self, latent: Tensor) -> Tensor:
        """A latent (1, C, H, W) as it moves along, but for what moves by less than its cells."""
        cells = latent.shape[2:]
        back = resize(torch.from_numpy(self.motion.back).permute(2, 0, 1)[None], cells, mode="area")[0]
        scale = cells[1] / self.picture.shape[3]
        return follow(latent, back.permute(1, 2, 0) * scale)

    def held(self, latent: Tensor) -> Tensor:
        """Which part of each cell of a latent can be followed, (1, 1, H, W); none where less than half of it can."""
        part = resize(torch.from_numpy(self.motion.agrees)[None, None], latent.shape[2:], mode="area")
        return to_device((2 * part - 1).clamp(0), latent.device)


def flow_steps(table: FrameTable, guides: Guides, device: torch.device) -> Callable[[int], FlowStep | None]:
    """A function of a row: the step to it along the initial video, for a device; None where nothing moves along.

    A frame that is drawn wholly anew forgets the frame before.
    """
    columns, init = table.columns, guides.init
    anew = (columns["denoise"] == 1) & ~columns["unsample"]
    moves = (columns["flow"] > 0) & ~anew & guides.moves

    def step(i: int) -> FlowStep | None:
        if init is None or not moves[i]:
            return None
        before, after = init(table.part[i] - 1), init(table.part[i])
        return FlowStep(motion(before, after, estimate=guides.flow), levels_to_unit(after, device) * 2 - 1)

    return step
