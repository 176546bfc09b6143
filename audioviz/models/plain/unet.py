"""The UNet of the embedded model: convolutions where the latent is large, a transformer where it is small."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from audioviz.models.denoisers.sinusoidal import sinusoidal_embedding
from audioviz.models.plain.settings import Settings, device_of, dtype_of

PLACES = 15  # numbers that tell a cell where it is


class UNet(nn.Module):
    """Noise level, text and guidance scale in; the prediction out, shaped as the noisy latents are.

    Parameters
    ----------
    settings : what the config.json says
        in_channels, widths and blocks of the levels from the latent's resolution down, depth of the transformer at the
        lowest, head_width, text_width, embedding_width, time_cond_proj_dim (numbers that tell the guidance scale).

    Source
    ------
    Hoogeboom et al., ICML 2023 (U-ViT of "simple diffusion"); modulation as in Peebles & Xie, ICCV 2023.
    """

    device, dtype = property(device_of), property(dtype_of)

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.config = settings
        first, second, third = settings.widths
        embedding = settings.embedding_width

        def attention(width: int) -> Transformer:
            return Transformer(width, settings.head_width, settings.text_width)

        self.embedding = Embedding(settings)
        self.modulation2, self.modulation3 = nn.Linear(embedding, 4 * second), nn.Linear(embedding, 4 * third)
        self.conv_in = nn.Conv2d(settings.in_channels + PLACES, first, 3, padding=1)
        self.down1 = nn.ModuleList(Resnet(first, first, embedding) for _ in range(settings.blocks[0]))
        self.to2 = nn.Conv2d(first, second, 3, padding=1, stride=2)
        self.down2 = nn.ModuleList(Resnet(second, second, embedding) for _ in range(settings.blocks[1]))
        self.down2_attention = nn.ModuleList(attention(second) for _ in range(settings.blocks[1]))
        self.to3 = nn.Conv2d(second, third, 3, padding=1, stride=2)
        self.place3 = nn.Conv2d(PLACES, third, 1)
        self.middle = nn.ModuleList(attention(third) for _ in range(settings.depth))
        self.from3 = nn.Conv2d(third, second, 3, padding=1)
        self.up2 = nn.ModuleList(Resnet(2 * second, second, embedding) for _ in range(settings.blocks[1]))
        self.up2_attention = nn.ModuleList(attention(second) for _ in range(settings.blocks[1]))
        self.from2 = nn.Conv2d(second, first, 3, padding=1)
        self.up1 = nn.ModuleList(Resnet(2 * first, first, embedding) for _ in range(settings.blocks[0]))
        self.conv_out = nn.Conv2d(first, settings.in_channels, 3, padding=1)

    def forward(
        self, sample: Tensor, timestep: Tensor, *, encoder_hidden_states: Tensor, timestep_cond: Tensor, **unused
    ) -> tuple[Tensor]:
        """The prediction, (B, C, H, W), in a tuple as diffusers gives it.

        Parameters
        ----------
        sample : (B, C, H, W)
        timestep : (B,)
        encoder_hidden_states : (B, tokens, text_width)
        timestep_cond : (B, time_cond_proj_dim)
            The guidance scale, from `guidance_scale_embedding`.
        unused
            What diffusers' UNet takes beside.
        """
        text, embedding = encoder_hidden_states, self.embedding(timestep, encoder_hidden_states, timestep_cond)
        modulation2, modulation3 = self.modulation2(embedding), self.modulation3(embedding)
        place = places(*sample.shape[2:], like=sample).expand(len(sample), -1, -1, -1)
        x = self.conv_in(torch.cat((sample, place), 1))
        skips: list[Tensor] = []
        for resnet in self.down1:
            x = resnet(x, embedding)
            skips.append(x)
        x = self.to2(x)
        for resnet, attention in zip(self.down2, self.down2_attention, strict=True):
            x = attention(resnet(x, embedding), modulation2, text)
            skips.append(x)
        x = self.to3(x)
        x = x + self.place3(places(*x.shape[2:], like=x))
        for attention in self.middle:
            x = attention(x, modulation3, text)
        x = self.from3(raised(x, skips[-1]))
        for resnet, attention in zip(self.up2, self.up2_attention, strict=True):
            x = attention(resnet(torch.cat((x, skips.pop()), 1), embedding), modulation2, text)
        x = self.from2(raised(x, skips[-1]))
        for resnet in self.up1:
            x = resnet(torch.cat((x, skips.pop()), 1), embedding)
        return (self.conv_out(F.silu(norm(x))),)


def norm(x: Tensor) -> Tensor:
    """Each cell's channels to mean 0 and deviation 1: (B, C, H, W)."""
    return F.layer_norm(x.permute(0, 2, 3, 1), x.shape[1:2]).permute(0, 3, 1, 2)


def raised(x: Tensor, skip: Tensor) -> Tensor:
    """Enlarged to the size of the skip: sides that are odd are met by that, not by doubling."""
    return F.interpolate(x, size=skip.shape[2:], mode="nearest")


def places(height: int, width: int, *, like: Tensor) -> Tensor:
    """Where each cell of a picture is, as waves along both sides and away from the middle: (1, PLACES, H, W).

    The shorter side runs from -1 to 1. One number more tells how large the cells are.
    """
    short = min(height, width)
    y, x = (
        (torch.arange(side, device=like.device, dtype=torch.float32) + 0.5 - side / 2) * (2 / short)
        for side in (height, width)
    )
    y, x = y[:, None].expand(height, width), x[None].expand(height, width)
    radius = (x * x + y * y).sqrt()
    waves = [
        wave(math.pi * turns * along)
        for along, rates in ((x, (0.5, 1.0)), (y, (0.5, 1.0)), (radius, (0.5, 1.0)))
        for turns in rates
        for wave in (torch.sin, torch.cos)
    ]
    size = torch.full_like(x, math.log2(short / 32))
    return torch.stack([x, y, *waves, size])[None].to(like.dtype)


class Embedding(nn.Module):
    """What is the same for all cells, the noise level, the guidance scale and the gist of the text: (B, width)."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        width = settings.embedding_width
        self.level1, self.level2 = nn.Linear(width, width), nn.Linear(width, width)
        self.scale = nn.Linear(settings.time_cond_proj_dim, width, bias=False)
        self.text1, self.text2 = nn.Linear(2 * settings.text_width, width), nn.Linear(width, width)

    def forward(self, timestep: Tensor, text: Tensor, scales: Tensor) -> Tensor:
        level = sinusoidal_embedding(timestep, self.level1.in_features, shift=0).to(scales.dtype)
        gist = torch.cat((text.mean(1), text.amax(1)), -1)
        return F.silu(
            self.level2(F.silu(self.level1(level) + self.scale(scales))) + self.text2(F.silu(self.text1(gist)))
        )


class Resnet(nn.Module):
    """Two convolutions, scaled and shifted by the embedding in between, beside the input."""

    def __init__(self, width: int, out: int, embedding_width: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(width, out, 3, padding=1), nn.Conv2d(out, out, 3, padding=1)
        self.modulation = nn.Linear(embedding_width, 2 * out)
        self.shortcut = nn.Conv2d(width, out, 1) if width != out else nn.Identity()

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        scale, shift = self.modulation(embedding)[:, :, None, None].chunk(2, 1)
        inner = self.conv1(F.silu(norm(x)))
        inner = self.conv2(F.silu(torch.addcmul(shift, norm(inner), 1 + scale)))
        return self.shortcut(x) + inner


class Transformer(nn.Module):
    """Cells that look at each other and at the text, and then think; each part beside the input.

    The blocks of a level share their modulation, but for a table of their own (PixArt-alpha: Chen et al., ICLR 2024).
    """

    def __init__(self, width: int, head_width: int, text_width: int) -> None:
        super().__init__()
        self.head_width = head_width
        self.modulation = nn.Parameter(torch.zeros(4 * width))
        self.query_key_value = nn.Linear(width, 3 * width, bias=False)
        self.seen = nn.Linear(width, width)
        self.query = nn.Linear(width, width, bias=False)
        self.text_key_value = nn.Linear(text_width, 2 * width, bias=False)
        self.read = nn.Linear(width, width)
        self.inner, self.outer = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor, modulation: Tensor, text: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        cells = x.permute(0, 2, 3, 1).reshape(batch, height * width, channels)
        scale1, shift1, scale2, shift2 = (modulation + self.modulation)[:, None].chunk(4, 2)
        calm = torch.addcmul(shift1, F.layer_norm(cells, (channels,)), 1 + scale1)
        cells = cells + self.seen(self._attend(*self.query_key_value(calm).chunk(3, 2)))
        calm = F.layer_norm(cells, (channels,))
        cells = cells + self.read(self._attend(self.query(calm), *self.text_key_value(text).chunk(2, 2)))
        calm = torch.addcmul(shift2, F.layer_norm(cells, (channels,)), 1 + scale2)
        cells = cells + self.outer(F.gelu(self.inner(calm)))
        return cells.reshape(batch, height, width, channels).permute(0, 3, 1, 2)

    def _attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Multi-head attention; queries and keys of length 1 each, so that no score is extreme."""
        query, key, value = (part.unflatten(-1, (-1, self.head_width)).transpose(1, 2) for part in (query, key, value))
        query, key = (F.layer_norm(part, (self.head_width,)) for part in (query, key))
        return F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
