"""The network in torch: log-mel steps become logits of a beat, a downbeat, a kick, a snare and a hat."""

import numpy as np
import torch
from torch import nn

NAMES = ("beat", "downbeat", "kick", "snare", "hat")
WIDTH, LAYERS, TAPS = 40, 11, 5  # channels and dilated convolutions: the last sees 47 s to either side


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

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T, 80) to (B, 5, T)."""
        x = nn.functional.elu(self.bands(x[:, None]))
        x = nn.functional.elu(self.shapes(x))
        x = nn.functional.elu(self.whole(x.permute(0, 1, 3, 2).flatten(1, 2)))
        for wide, mix in zip(self.wide, self.mix):
            x = x + self.drop(mix(nn.functional.elu(wide(x))))
        return self.out(x)


def arrays(weights: dict[str, torch.Tensor]) -> dict[str, np.ndarray]:
    """The weights as the package reads them: float16."""
    return {name: value.detach().to(torch.float16).numpy() for name, value in weights.items()}
