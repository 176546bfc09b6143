"""The networks in torch: log-mel steps become logits of beats, downbeats and drums, and hits are looked at again."""

import numpy as np
import torch
from torch import nn
from torch.nn.functional import elu

from audioviz.audio.hearing.hits import AFTER, AROUND, BEFORE, STRIDES

NAMES = ("beat", "downbeat", "kick", "snare", "hat")
MELS = 80
WIDTH, LAYERS, TAPS = 40, 11, 5  # channels and dilated convolutions: the last sees 47 s to either side
WIDE = 64  # channels of the second look


class Network(nn.Module):
    """A convolution over the spectrum, then a temporal convolutional network.

    Source
    ------
    Davies & Böck, "Temporal convolutional networks for musical audio beat tracking", EUSIPCO 2019; Böck & Davies,
    "Deconstruct, analyse, reconstruct: how to improve tempo, beat, and downbeat estimation", ISMIR 2020.
    """

    def __init__(self) -> None:
        super().__init__()
        self.bands = nn.Conv2d(1, 16, (3, 8), stride=(1, 4), padding=(1, 2))
        self.shapes = nn.Conv2d(16, 24, (3, 4), stride=(1, 2), padding=(1, 1))
        self.whole = nn.Conv1d(24 * 10, WIDTH, 1)
        reach = [2**i for i in range(LAYERS)]
        self.wide = nn.ModuleList([nn.Conv1d(WIDTH, WIDTH, TAPS, dilation=n, padding=TAPS // 2 * n) for n in reach])
        self.mix = nn.ModuleList([nn.Conv1d(WIDTH, WIDTH, 1) for _ in reach])
        self.drop = nn.Dropout1d(0.1)
        self.out = nn.Conv1d(WIDTH, len(NAMES), 1)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T, 80) to (B, 40, T)."""
        x = elu(self.bands(x[:, None]))
        x = elu(self.shapes(x))
        x = elu(self.whole(x.permute(0, 1, 3, 2).flatten(1, 2)))
        for wide, mix in zip(self.wide, self.mix):
            x = x + self.drop(mix(elu(wide(x))))
        return x

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T, 80) to (B, 5, T)."""
        return self.out(self.features(x))


class Hits(nn.Module):
    """The second look: a convolution along the sound of each hit, beside its place in the song and the first guess."""

    def __init__(self) -> None:
        super().__init__()
        channels, length = (MELS, WIDE, WIDE), BEFORE + AFTER
        self.sound = nn.ModuleList([nn.Conv1d(width, WIDE, 3, stride) for width, stride in zip(channels, STRIDES)])
        for stride in STRIDES:
            length = (length - 3) // stride + 1
        self.shape = nn.Linear(WIDE * length, WIDE)
        self.place = nn.Linear(WIDTH * len(AROUND), WIDE)
        self.guess = nn.Linear(3, WIDE)
        self.drop = nn.Dropout(0.1)
        self.wide = nn.Linear(WIDE, WIDE)
        self.out = nn.Linear(WIDE, 3)

    def forward(self, sound: torch.Tensor, place: torch.Tensor, guess: torch.Tensor) -> torch.Tensor:
        """What `surroundings` tells of n hits to logits (n, 3)."""
        x = sound
        for layer in self.sound:
            x = elu(layer(x))
        x = self.drop(elu(self.shape(x.flatten(1)) + self.place(place) + self.guess(guess)))
        return guess + self.out(elu(self.wide(x)))


def arrays(weights: dict[str, torch.Tensor]) -> dict[str, np.ndarray]:
    """The weights as the package reads them: float16."""
    return {name: value.detach().to(torch.float16).numpy() for name, value in weights.items()}
