"""RIFE v4: the picture between two pictures, by a network whose published weights are read from a safetensors file.

Every version from 4.2 on is one network of different sizes: some blocks, coarse to fine, each of which corrects the
flow from the tween to either picture, and the mask that mixes the two. The shapes of the weights say how many blocks
there are, how wide they are, and whether features of the pictures are seen beside the pictures themselves.
"""

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad

from audioviz.errors import ModelError
from audioviz.video.optical_flow import follow
from audioviz.video.rife_layout import WANTED, RifeLayout, plain_name, rife_layout

SLOPE = 0.2
RESIDUALS = 8
MULTIPLE = 4  # of pixels of a block's coarsest picture


class Rife(nn.Module):
    """The network of a layout.

    Parameters
    ----------
    layout : RifeLayout

    Source
    ------
    Huang et al., Real-Time Intermediate Flow Estimation for Video Frame Interpolation, ECCV 2022; Practical-RIFE (MIT).
    """

    def __init__(self, layout: RifeLayout):
        super().__init__()
        self.layout = layout
        self.scales = [2 ** (len(layout.widths) - 1 - i) for i in range(len(layout.widths))]
        for i, width in enumerate(layout.widths):
            setattr(self, f"block{i}", _Block(layout.seen(i), width, layout.told))
        if layout.features:
            self.encode = (_DeepEncoder if layout.deep_encoder else _encoder)(layout.encoder_width, layout.features)

    @torch.inference_mode()
    def forward(self, before: Tensor, after: Tensor, part: float) -> Tensor:
        """The picture a part in 0..1 of the way between two: float32 (1, 3, H, W) in 0..1, all three."""
        height, width = before.shape[-2:]
        step = MULTIPLE * self.scales[0]
        margin = (0, -width % step, 0, -height % step)
        pair = [pad(picture, margin, mode="replicate") for picture in (before, after)]
        features = [self.encode(picture) for picture in pair] if self.layout.features else []
        time = torch.full_like(pair[0][:, :1], part)
        warped, flow, known = [*pair, *features], None, []
        mask = torch.zeros_like(time)
        for i, scale in enumerate(self.scales):
            change, told, passed = getattr(self, f"block{i}")(torch.cat([*warped, time, *known], 1), flow, scale)
            flow = change if flow is None else flow + change
            mask = told if features else mask + told  # up to 4.6 blocks correct the mask, and do not renew it
            known = [mask, passed[:, : self.layout.passed_on]]
            warped = [
                follow(picture, flow[0, 2 * (j % 2) :][:2].permute(1, 2, 0))
                for j, picture in enumerate([*pair, *features])
            ]
        share = torch.sigmoid(mask)
        return (warped[0] * share + warped[1] * (1 - share))[..., :height, :width].clamp(0, 1)


def load_rife(path: Path, device: Any = "cpu") -> Rife:
    """The network of a safetensors file.

    Raises
    ------
    ModelError
        If its weights are another network's.
    """
    weights = {plain_name(name): weight.float() for name, weight in load_file(path).items()}
    network = Rife(rife_layout(path, {name: tuple(weight.shape) for name, weight in weights.items()}))
    wanted = network.state_dict().keys()
    try:
        network.load_state_dict({name: weight for name, weight in weights.items() if name in wanted})
    except RuntimeError as error:
        raise ModelError(f"smooth-by {path}: weights are missing or of another shape; {WANTED}") from error
    return network.eval().requires_grad_(False).to(device)


class _Block(nn.Module):
    """A correction of flow, mask and features, measured on pictures that are made smaller first."""

    def __init__(self, seen: int, width: int, told: int):
        super().__init__()
        self.conv0 = nn.Sequential(_conv(seen, width // 2, stride=2), _conv(width // 2, width, stride=2))
        self.convblock = nn.Sequential(*(_Residual(width) for _ in range(RESIDUALS)))
        self.lastconv = nn.Sequential(nn.ConvTranspose2d(width, 4 * told, 4, 2, 1), nn.PixelShuffle(2))

    def forward(self, seen: Tensor, flow: Tensor | None, scale: int) -> tuple[Tensor, Tensor, Tensor]:
        seen = _resized(seen, 1 / scale)
        if flow is not None:
            seen = torch.cat([seen, _resized(flow, 1 / scale) / scale], 1)
        told = _resized(self.lastconv(self.convblock(self.conv0(seen))), scale)
        return told[:, :4] * scale, told[:, 4:5], told[:, 5:]


class _Residual(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, 1, 1)
        self.beta = nn.Parameter(torch.ones(1, width, 1, 1))
        self.relu = nn.LeakyReLU(SLOPE)

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.conv(x) * self.beta + x)


class _DeepEncoder(nn.Module):
    def __init__(self, width: int, features: int):
        super().__init__()
        self.cnn0 = nn.Conv2d(3, width, 3, 2, 1)
        self.cnn1 = nn.Conv2d(width, width, 3, 1, 1)
        self.cnn2 = nn.Conv2d(width, width, 3, 1, 1)
        self.cnn3 = nn.ConvTranspose2d(width, features, 4, 2, 1)
        self.relu = nn.LeakyReLU(SLOPE)

    def forward(self, x: Tensor) -> Tensor:
        for layer in (self.cnn0, self.cnn1, self.cnn2):
            x = self.relu(layer(x))
        return self.cnn3(x)


def _encoder(width: int, features: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, width, 3, 2, 1), nn.ConvTranspose2d(width, features, 4, 2, 1))


def _conv(seen: int, width: int, *, stride: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(seen, width, 3, stride, 1), nn.LeakyReLU(SLOPE))


def _resized(x: Tensor, scale: float) -> Tensor:
    return x if scale == 1 else interpolate(x, scale_factor=scale, mode="bilinear", align_corners=False)
