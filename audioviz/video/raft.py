"""RAFT, a network for optical flow, from a file of its weights as torchvision names them.

Source
------
Teed & Deng, "RAFT: Recurrent All-Pairs Field Transforms for Optical Flow", ECCV 2020; the layout of the weights is that
of torchvision.models.optical_flow, raft_large and raft_small.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, grid_sample, interpolate, pad, unfold

from audioviz.video.flow_sources import check_raft, no_raft

UPDATES = 12
CELL = 8  # pixels of a side of what the network sees as one place
LEAST = 128  # pixels of a side that its pyramid needs
LEVELS = 4


@dataclass(frozen=True)
class Kind:
    """What the large network and the small one differ in: channels of the layers, and their parts."""

    block: Callable[..., nn.Module]
    features: tuple[int, ...]
    context: tuple[int, ...]
    context_norm: type[nn.Module] | None
    radius: int
    correlation: tuple[int, ...]
    flow: tuple[int, int]
    motion: int
    hidden: int
    kernels: tuple[tuple[int, int], ...]
    head: int
    mask: bool


def convolution(inputs: int, outputs: int, size: int, *, norm=None, stride: int = 1, active: bool = True) -> nn.Module:
    """A convolution, its norm, and what is above 0."""
    layers = [nn.Conv2d(inputs, outputs, size, stride, size // 2)]
    layers += [norm(outputs)] if norm else []
    return nn.Sequential(*layers, *([nn.ReLU()] if active else []))


class Block(nn.Module):
    """A residual block of the encoders."""

    def __init__(self, inputs: int, outputs: int, *, norm, stride: int, narrow: bool):
        super().__init__()
        inner = outputs // 4 if narrow else outputs
        widths = ((inputs, inner, 1), (inner, inner, 3), (inner, outputs, 1)) if narrow else ()
        for number, (before, after, size) in enumerate(widths or ((inputs, inner, 3), (inner, outputs, 3)), 1):
            step = stride if number == (2 if narrow else 1) else 1
            self.add_module(f"convnormrelu{number}", convolution(before, after, size, norm=norm, stride=step))
        self.count = len(widths) or 2
        self.downsample = (
            nn.Identity() if stride == 1 else convolution(inputs, outputs, 1, norm=norm, stride=stride, active=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for number in range(1, self.count + 1):
            y = self.get_submodule(f"convnormrelu{number}")(y)
        return torch.relu(self.downsample(x) + y)


class Encoder(nn.Module):
    """Pictures (B, 3, H, W) to features (B, C, H / 8, W / 8)."""

    def __init__(self, block, widths: tuple[int, ...], norm):
        super().__init__()
        self.convnormrelu = convolution(3, widths[0], 7, norm=norm, stride=2)
        for number, stride in ((1, 1), (2, 2), (3, 2)):
            before, after = widths[number - 1 : number + 1]
            blocks = (block(before, after, norm=norm, stride=stride), block(after, after, norm=norm, stride=1))
            self.add_module(f"layer{number}", nn.Sequential(*blocks))
        self.conv = nn.Conv2d(widths[3], widths[4], 1)

    def forward(self, x: Tensor) -> Tensor:
        for number in (1, 2, 3):
            x = self.get_submodule(f"layer{number}")(x if number > 1 else self.convnormrelu(x))
        return self.conv(x)


class MotionEncoder(nn.Module):
    """The flow so far and what is alike around where it leads, as features."""

    def __init__(self, kind: Kind):
        super().__init__()
        found = LEVELS * (2 * kind.radius + 1) ** 2
        self.convcorr1 = convolution(found, kind.correlation[0], 1)
        self.convcorr2 = convolution(*kind.correlation, 3) if len(kind.correlation) == 2 else nn.Identity()
        self.convflow1 = convolution(2, kind.flow[0], 7)
        self.convflow2 = convolution(*kind.flow, 3)
        self.conv = convolution(kind.correlation[-1] + kind.flow[1], kind.motion - 2, 3)

    def forward(self, flow: Tensor, alike: Tensor) -> Tensor:
        both = torch.cat((self.convcorr2(self.convcorr1(alike)), self.convflow2(self.convflow1(flow))), 1)
        return torch.cat((self.conv(both), flow), 1)


class Gru(nn.Module):
    """A gated recurrent unit of convolutions."""

    def __init__(self, hidden: int, inputs: int, kernel: tuple[int, int]):
        super().__init__()
        sides = (kernel[0] // 2, kernel[1] // 2)
        self.convz, self.convr, self.convq = (nn.Conv2d(hidden + inputs, hidden, kernel, padding=sides) for _ in "zrq")

    def forward(self, hidden: Tensor, x: Tensor) -> Tensor:
        both = torch.cat((hidden, x), 1)
        kept, told = torch.sigmoid(self.convz(both)), torch.sigmoid(self.convr(both))
        return (1 - kept) * hidden + kept * torch.tanh(self.convq(torch.cat((told * hidden, x), 1)))


class Update(nn.Module):
    """One step of the search."""

    def __init__(self, kind: Kind):
        super().__init__()
        self.motion_encoder = MotionEncoder(kind)
        inputs = kind.motion + kind.context[-1] - kind.hidden
        units = {f"convgru{number}": Gru(kind.hidden, inputs, kernel) for number, kernel in enumerate(kind.kernels, 1)}
        self.recurrent_block = nn.ModuleDict(units)
        wide, last = (nn.Conv2d(*widths, 3, padding=1) for widths in ((kind.hidden, kind.head), (kind.head, 2)))
        self.flow_head = nn.Sequential(OrderedDict(conv1=wide, relu=nn.ReLU(), conv2=last))

    def forward(self, hidden: Tensor, context: Tensor, alike: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
        x = torch.cat((context, self.motion_encoder(flow, alike)), 1)
        for unit in self.recurrent_block.values():
            hidden = unit(hidden, x)
        return hidden, self.flow_head(hidden)


class Raft(nn.Module):
    """The flow (1, 2, H, W), pixels, from one picture to another, both (1, 3, H, W) in -1..1, sides in eights."""

    def __init__(self, kind: Kind):
        super().__init__()
        self.kind = kind
        self.feature_encoder = Encoder(kind.block, kind.features, nn.InstanceNorm2d)
        self.context_encoder = Encoder(kind.block, kind.context, kind.context_norm)
        self.update_block = Update(kind)
        if kind.mask:
            inner, last = convolution(kind.hidden, 256, 3), nn.Conv2d(256, CELL * CELL * 9, 1)
            self.mask_predictor = nn.Sequential(OrderedDict(convrelu=inner, conv=last))

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        pyramid = all_pairs(*self.feature_encoder(torch.cat((first, second))).chunk(2))
        context = self.context_encoder(first)
        hidden, context = context[:, : self.kind.hidden].tanh(), context[:, self.kind.hidden :].relu()
        height, width = context.shape[2:]
        down, across = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        places = torch.stack((across, down))[None].to(first)
        flow = torch.zeros_like(places)
        for _ in range(UPDATES):
            hidden, change = self.update_block(hidden, context, look_up(pyramid, places + flow, self.kind.radius), flow)
            flow = flow + change
        return self.upsampled(flow, hidden)

    def upsampled(self, flow: Tensor, hidden: Tensor) -> Tensor:
        """The flow of each pixel: mixed from those of the nine cells around it."""
        if not self.kind.mask:
            return CELL * interpolate(flow, scale_factor=CELL, mode="bilinear", align_corners=True)
        height, width = flow.shape[2:]
        weights = (0.25 * self.mask_predictor(hidden)).view(1, 1, 9, CELL, CELL, height, width).softmax(2)
        around = unfold(CELL * flow, 3, padding=1).view(1, 2, 9, 1, 1, height, width)
        return (weights * around).sum(2).permute(0, 1, 4, 2, 5, 3).reshape(1, 2, height * CELL, width * CELL)


def all_pairs(first: Tensor, second: Tensor) -> list[Tensor]:
    """How alike each cell of one picture is to all of another, (H * W, 1, H, W), and that at half the size, and so on.

    Features are (1, C, H, W).
    """
    channels, height, width = first.shape[1:]
    alike = first.flatten(2)[0].T @ second.flatten(2)[0] / channels**0.5
    pyramid = [alike.view(-1, 1, height, width)]
    for _ in range(LEVELS - 1):
        pyramid.append(avg_pool2d(pyramid[-1], 2))
    return pyramid


def look_up(pyramid: list[Tensor], places: Tensor, radius: int) -> Tensor:
    """What the pyramid holds around places (1, 2, H, W): (1, C, H, W)."""
    height, width = places.shape[2:]
    middles = places[0].permute(1, 2, 0).reshape(-1, 1, 1, 2)
    steps = torch.arange(-radius, radius + 1).to(places)
    around = torch.stack(torch.meshgrid(steps, steps, indexing="ij"), -1)[None]
    found = []
    for level, alike in enumerate(pyramid):
        sides = torch.tensor(alike.shape[:1:-1]).to(places) - 1
        grid = 2 * (middles / 2**level + around) / sides - 1
        found.append(grid_sample(alike, grid, align_corners=True).view(height, width, -1))
    return torch.cat(found, 2).permute(2, 0, 1)[None]


KINDS = {
    "large": Kind(
        block=partial(Block, narrow=False),
        features=(64, 64, 96, 128, 256),
        context=(64, 64, 96, 128, 256),
        context_norm=nn.BatchNorm2d,
        radius=4,
        correlation=(256, 192),
        flow=(128, 64),
        motion=128,
        hidden=128,
        kernels=((1, 5), (5, 1)),
        head=256,
        mask=True,
    ),
    "small": Kind(
        block=partial(Block, narrow=True),
        features=(32, 32, 64, 96, 128),
        context=(32, 32, 64, 96, 160),
        context_norm=None,
        radius=3,
        correlation=(96,),
        flow=(64, 32),
        motion=82,
        hidden=96,
        kernels=((3, 3),),
        head=128,
        mask=False,
    ),
}


def load_raft(file: Path, *, device: torch.device | str = "cpu") -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """The function that finds the optical flow of two pictures, as `optical_flow` does, by a network in a file.

    Raises
    ------
    InputError
        If the file does not hold the weights of RAFT.
    """
    check_raft(file)
    weights = load_file(file)
    network = Raft(KINDS["large" if any(name.startswith("mask_predictor.") for name in weights) else "small"])
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise no_raft(file) from error
    network = network.eval().to(device)

    @torch.inference_mode()
    def flow(before: np.ndarray, after: np.ndarray) -> np.ndarray:
        height, width = before.shape[:2]
        lower, right = (max(LEAST, -(-side // CELL) * CELL) - side for side in (height, width))
        pictures = torch.from_numpy(np.stack((before, after))).permute(0, 3, 1, 2).to(device).float() / 127.5 - 1
        first, second = pad(pictures, (0, right, 0, lower), mode="replicate").chunk(2)
        return network(first, second)[0, :, :height, :width].permute(1, 2, 0).cpu().numpy()

    return flow
