"""The autoencoder of the embedded model: pictures to latents of 16 numbers for every 16 x 16 pixels, and back."""

from collections.abc import Callable
from types import SimpleNamespace

from torch import Tensor, nn
from torch.nn import functional as F

from audioviz.models.plain.settings import Settings, device_of, dtype_of

FACTOR = 16  # pixels a cell, each way
Work = Callable[[Tensor], Tensor]
Through = Callable[[Work, Tensor], Tensor]


def by_itself(work: Work, x: Tensor) -> Tensor:
    return work(x)


class Autoencoder(nn.Module):
    """Pictures in -1..1 to latents and back; no layer sees the whole picture, so it may be any size.

    The UNet knows wide and tall pictures as the middle of square ones. So their long sides get one cell more all along,
    which is cut off afterwards: what lies at them is then as in the middle of a picture.

    Parameters
    ----------
    settings : what the config.json says
        latent_channels; block_out_channels, from the picture's own resolution down to the latent's; encoder_blocks from
        a quarter of the picture's resolution down, and decoder_blocks up to a half of it, how many blocks each has.

    Source
    ------
    Without normalisation as Bohan's TAESD (github.com/madebyollin/taesd); steps between resolutions as in Shi et al.,
    CVPR 2016 (pixel shuffle), so that little is done where there are many pixels.
    """

    device, dtype = property(device_of), property(dtype_of)
    widens = True  # so that it takes tiles by `through`

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.config = settings
        self.encoder, self.decoder = _encoder(settings), _decoder(settings)

    def encode(self, picture: Tensor, *, through: Through = by_itself) -> SimpleNamespace:
        """Pictures (B, 3, height, width) to .latents (B, C, H, W); `through` may take the encoder through tiles."""
        sides = long_sides(picture)
        latents = through(self.encoder, widened(picture, [FACTOR * side for side in sides]))
        return SimpleNamespace(latents=cut(latents, sides))

    def decode(self, latent: Tensor, *, through: Through = by_itself) -> SimpleNamespace:
        """Latents (B, C, H, W) to .sample (B, 3, height, width); `through` may take the decoder through tiles."""
        sides = long_sides(latent)
        picture = through(self.decoder, widened((latent / 4).tanh() * 4, sides))
        return SimpleNamespace(sample=cut(picture, [FACTOR * side for side in sides]))


def long_sides(x: Tensor) -> list[int]:
    """Cells that are added left, right, above and below."""
    height, width = x.shape[2:]
    return [0, 0, 1, 1] if width > height else [1, 1, 0, 0] if height > width else [0, 0, 0, 0]


def widened(x: Tensor, sides: list[int]) -> Tensor:
    """With so many more columns and rows left, right, above and below, like those at the edges."""
    return F.pad(x, sides, mode="replicate") if any(sides) else x


def cut(x: Tensor, sides: list[int]) -> Tensor:
    """What is left without so many columns and rows left, right, above and below."""
    left, right, above, below = sides
    return x[:, :, above : x.shape[2] - below, left : x.shape[3] - right]


def _encoder(settings: Settings) -> nn.Sequential:
    """The picture is taken apart into its pixels' places at once, down to a quarter of its size."""
    colours, _, *widths = settings.block_out_channels
    layers: list[nn.Module] = [nn.PixelUnshuffle(4), nn.Conv2d(16 * colours, widths[0], 3, padding=1)]
    for before, width, blocks in zip([None, *widths], widths, settings.encoder_blocks):
        if before:
            layers.append(nn.Conv2d(before, width, 3, padding=1, stride=2))
        layers += [Block(width) for _ in range(blocks)]
    return nn.Sequential(*layers, nn.Conv2d(widths[-1], settings.latent_channels, 3, padding=1))


def _decoder(settings: Settings) -> nn.Sequential:
    *widths, colours = reversed(settings.block_out_channels)
    layers: list[nn.Module] = [nn.Conv2d(settings.latent_channels, widths[0], 3, padding=1)]
    for width, after, blocks in zip(widths, [*widths[1:], None], settings.decoder_blocks):
        layers += [Block(width) for _ in range(blocks)]
        if after:
            layers += [nn.Conv2d(width, 4 * after, 1), nn.PixelShuffle(2)]
    return nn.Sequential(*layers, nn.ReLU(), nn.Conv2d(widths[-1], 4 * colours, 3, padding=1), nn.PixelShuffle(2))


class Block(nn.Module):
    """Two convolutions beside the input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(self.conv1(x.relu()).relu_())
