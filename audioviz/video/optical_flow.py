"""Dense optical flow between two pictures, where it can be trusted, and pictures moved along it.

A flow is float32 (H, W, 2): for each place of one picture how far away the same thing is in the other, in pixels to the
right and down.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, grid_sample, max_pool2d, pad

from audioviz.pixels import levels_to_unit
from audioviz.transfer import to_device
from audioviz.video.flow_sources import check_opencv

Estimator = Callable[[np.ndarray, np.ndarray], np.ndarray]
EDGE = 2  # pixels around what does not agree that are not trusted either: flow is vague along edges
COARSE = 200  # pixels of a side from which the flow of half the size, three times as quick, is as good
UNLIKE = 0.12  # mean difference of colours, of 1, from which two places are not the same thing


@dataclass(frozen=True, eq=False)
class Motion:
    """How a picture came from the one before.

    Parameters
    ----------
    back : float32, shape (H, W, 2)
        From each place to where it was before.
    agrees : float32, shape (H, W)
        1 where that can be trusted, 0 where something came into view; soft between the two.
    """

    back: np.ndarray
    agrees: np.ndarray


def motion(before: np.ndarray, after: np.ndarray, *, estimate: Estimator | None = None) -> Motion:
    """The motion that leads from a picture to the next.

    What agrees there and back, and in its colours: at a cut, by chance, a flow may agree with itself.

    Parameters
    ----------
    before, after : uint8, shape (H, W, 3)
    estimate : function of two pictures, in place of `optical_flow`
    """
    estimate = estimate or optical_flow
    back = estimate(after, before)
    agrees = agreement(estimate(before, after), back)
    first, second = map(levels_to_unit, (before, after))
    unlike = avg_pool2d((follow(first, back) - second).abs().mean(1, keepdim=True), 3, 1, 1, count_include_pad=False)
    return Motion(back, soft(agrees * (unlike[0, 0] < UNLIKE).numpy()))


def opencv_version() -> str:
    """The version of OpenCV, which a flow may depend on."""
    check_opencv()
    import cv2  # pyright: ignore[reportMissingImports]  (an extra)

    return cv2.__version__


def optical_flow(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The flow from a picture to another, by DIS.

    Parameters
    ----------
    before, after : uint8, shape (H, W, 3)

    Returns
    -------
    float32, shape (H, W, 2)

    Raises
    ------
    InputError
        If OpenCV is not installed.

    Source
    ------
    Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016, through OpenCV.
    """
    check_opencv()
    import cv2  # pyright: ignore[reportMissingImports]  (an extra)

    grey, next_grey = (cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (before, after))
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    dis.setFinestScale(0 if min(before.shape[:2]) < COARSE else 1)
    return dis.calc(grey, next_grey, np.empty(0, np.float32))


def agreement(forward: np.ndarray, backward: np.ndarray) -> np.ndarray:
    """Where the flow to an earlier picture, and from there back again, ends where it began.

    Parameters
    ----------
    forward : float32, shape (H, W, 2)
        From the earlier picture to the later.
    backward : float32, shape (H, W, 2)
        From the later to the earlier.

    Returns
    -------
    float32, shape (H, W): at each place of the later picture 1, or 0 where it does not end there, or left the picture.

    Source
    ------
    Sundaram et al., "Dense point trajectories by GPU-accelerated large displacement optical flow", ECCV 2010, eq. 5.
    """
    height, width = backward.shape[:2]
    again = follow(torch.from_numpy(forward).permute(2, 0, 1)[None], backward)[0].permute(1, 2, 0).numpy()
    apart = ((backward + again) ** 2).sum(2)
    far = (backward**2).sum(2) + (again**2).sum(2)
    across, down = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    across, down = across + backward[..., 0], down + backward[..., 1]
    inside = (across >= -0.5) & (across <= width - 0.5) & (down >= -0.5) & (down <= height - 0.5)
    return ((apart < 0.01 * far + 0.5) & inside).astype(np.float32)


def soft(agrees: np.ndarray) -> np.ndarray:
    """Agreement, shape (H, W), drawn back from its edge, which becomes soft: 0 stays 0."""
    size = 2 * EDGE + 1
    kept = -max_pool2d(-torch.from_numpy(agrees)[None, None], size, 1, EDGE)
    return avg_pool2d(pad(kept, 4 * (EDGE,), mode="replicate"), size, 1)[0, 0].numpy() * agrees


def follow(picture: Tensor, flow: np.ndarray | Tensor, *, mode: str = "bilinear") -> Tensor:
    """A picture moved along a flow: what is shown at a place is taken from where the flow leads from there.

    Parameters
    ----------
    picture : float, shape (B, C, H, W)
    flow : float32, shape (H, W, 2)
        From each place of the result to one of the picture.
    mode : bilinear or bicubic

    Returns
    -------
    float, shape (B, C, H, W); what comes from outside of the picture is that of its edge
    """
    height, width = picture.shape[-2:]
    flow = to_device(torch.as_tensor(flow), picture.device).to(picture.dtype)
    across, down = (torch.arange(side, device=flow.device, dtype=flow.dtype) for side in (width, height))
    grid = torch.stack(
        ((2 * (across + flow[..., 0]) + 1) / width - 1, (2 * (down[:, None] + flow[..., 1]) + 1) / height - 1), -1
    )
    return grid_sample(picture, grid.expand(len(picture), -1, -1, -1), mode, "border", align_corners=False)
