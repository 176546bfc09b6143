"""The autoencoder of the embedded model: diffusers' AutoencoderTiny."""

from types import SimpleNamespace

from torch import Tensor, nn

from audioviz.models.plain.settings import Settings, device_of, dtype_of


class Autoencoder(nn.Module):
    """Pictures in -1..1 to latents and back. It knows no tiles: diffusers' fail on 16 pixels a cell.

    Parameters
    ----------
    settings : what the config.json says

    Source
    ------
    Bohan, TAESD: github.com/madebyollin/taesd.
    """

    device, dtype = property(device_of), property(dtype_of)

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.config = settings
        self.encoder, self.decoder = Encoder(settings), Decoder(settings)

    def encode(self, picture: Tensor) -> SimpleNamespace:
        """Pictures (B, 3, height, width) to .latents (B, C, H, W)."""
        return SimpleNamespace(latents=self.encoder(picture))

    def decode(self, latent: Tensor) -> SimpleNamespace:
        """Latents (B, C, H, W) to .sample (B, 3, height, width)."""
        return SimpleNamespace(sample=self.decoder(latent))


class Encoder(nn.Module):
    def __init__(self, settings: Settings) -> None:
        super().__init__()
        widths, counts = settings.encoder_block_out_channels, settings.num_encoder_blocks
        layers = []
        for number, (width, count) in enumerate(zip(widths, counts, strict=True)):
            layers.append(
                nn.Conv2d(width, width, 3, padding=1, stride=2, bias=False)
                if number
                else nn.Conv2d(settings.in_channels, width, 3, padding=1)
            )
            layers += [Block(width) for _ in range(count)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], settings.latent_channels, 3, padding=1))

    def forward(self, picture: Tensor) -> Tensor:
        return self.layers(picture.add(1).div(2))


class Decoder(nn.Module):
    def __init__(self, settings: Settings) -> None:
        super().__init__()
        widths, counts = settings.decoder_block_out_channels, settings.num_decoder_blocks
        layers = [nn.Conv2d(settings.latent_channels, widths[0], 3, padding=1), nn.ReLU()]
        for width, count in zip(widths[:-1], counts[:-1], strict=True):
            layers += [Block(width) for _ in range(count)]
            layers += [
                nn.Upsample(scale_factor=settings.upsampling_scaling_factor, mode=settings.upsample_fn),
                nn.Conv2d(width, width, 3, padding=1, bias=False),
            ]
        layers += [Block(widths[-1]) for _ in range(counts[-1])]
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], settings.out_channels, 3, padding=1))

    def forward(self, latent: Tensor) -> Tensor:
        return self.layers((latent / 3).tanh() * 3).mul(2).sub(1)


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        first, second, third = (nn.Conv2d(width, width, 3, padding=1) for _ in range(3))
        self.conv = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), third)

    def forward(self, x: Tensor) -> Tensor:
        return (self.conv(x) + x).relu()
