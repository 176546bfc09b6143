"""The UNet of the embedded model: diffusers' UNet2DConditionModel of its one configuration."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from audioviz.models.denoiser import sinusoidal_embedding
from audioviz.models.plain.settings import Settings, device_of, dtype_of

EPS, EPS_BEFORE_ATTENTION = 1e-5, 1e-6


class UNet(nn.Module):
    """Noise level, text and guidance scale in; the prediction out, shaped as the noisy latents are.

    Parameters
    ----------
    settings : what the config.json says

    Source
    ------
    Rombach et al., CVPR 2022.
    """

    device, dtype = property(device_of), property(dtype_of)

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.config = settings
        widths, heads, groups = settings.block_out_channels, settings.attention_head_dim, settings.norm_num_groups
        embedding_width, text_width = 4 * widths[0], settings.cross_attention_dim

        def transformers(width: int, heads: int, kind: str, count: int) -> list["Transformer"]:
            return [Transformer(width, heads, text_width, groups) for _ in range(count)] if "CrossAttn" in kind else []

        self.conv_in = nn.Conv2d(settings.in_channels, widths[0], 3, padding=1)
        self.time_embedding = TimeEmbedding(widths[0], embedding_width, settings.time_cond_proj_dim)
        self.add_embedding = TextEmbedding(text_width, embedding_width, settings.addition_embed_type_num_heads)
        levels = list(zip(widths, heads, settings.down_block_types, strict=True))
        skips, width = [widths[0]], widths[0]
        self.down_blocks = nn.ModuleList()
        for number, (out, count, kind) in enumerate(levels, 1):
            last = number == len(levels)
            resnets = [Resnet(width, out, embedding_width, groups)]
            self.down_blocks.append(DownBlock(resnets, transformers(out, count, kind, 1), None if last else out))
            skips += [out] if last else [out, out]
            width = out
        resnets = [Resnet(width, width, embedding_width, groups) for _ in range(2)]
        self.mid_block = MidBlock(resnets, [Transformer(width, heads[-1], text_width, groups)])
        self.up_blocks = nn.ModuleList()
        for number, (out, count, kind) in enumerate(reversed(levels), 1):
            ins = [width + skips.pop(), out + skips.pop()]
            resnets = [Resnet(inner, out, embedding_width, groups) for inner in ins]
            last = number == len(levels)
            self.up_blocks.append(UpBlock(resnets, transformers(out, count, kind, 2), None if last else out))
            width = out
        self.conv_norm_out = nn.GroupNorm(groups, widths[0], eps=EPS)
        self.conv_out = nn.Conv2d(widths[0], settings.out_channels, 3, padding=1)

    def forward(
        self,
        sample: Tensor,
        timestep: Tensor,
        *,
        encoder_hidden_states: Tensor,
        timestep_cond: Tensor,
        return_dict: bool = False,
        **unused,
    ) -> tuple[Tensor]:
        """The prediction, (B, C, H, W), in a tuple as diffusers gives it.

        Parameters
        ----------
        sample : (B, C, H, W)
        timestep : (B,)
        encoder_hidden_states : (B, tokens, width)
        timestep_cond : (B, time_cond_proj_dim)
            The guidance scale, from `guidance_scale_embedding`.
        unused : None each
            What a ControlNet or an IP-Adapter would add; models with those are diffusers' own.
        """
        text = encoder_hidden_states
        embedding = self.time_embedding(timestep, timestep_cond) + self.add_embedding(text)
        x = self.conv_in(sample)
        skips = [x]
        for block in self.down_blocks:
            x = block(x, embedding, text, skips)
        x = self.mid_block(x, embedding, text)
        for block in self.up_blocks:
            x = block(x, embedding, text, skips)
        return (self.conv_out(F.silu(self.conv_norm_out(x))),)


class Block(nn.Module):
    """Resnets, and behind each a transformer where there is one: what the levels of the UNet have in common."""

    def __init__(self, resnets: "list[Resnet]", transformers: "list[Transformer]") -> None:
        super().__init__()
        self.resnets, self.attentions = nn.ModuleList(resnets), nn.ModuleList(transformers)

    def layer(self, number: int, x: Tensor, embedding: Tensor, text: Tensor) -> Tensor:
        x = self.resnets[number](x, embedding)
        return self.attentions[number](x, text) if number < len(self.attentions) else x


class DownBlock(Block):
    """A level on the way down; all that comes out of it is kept as a skip."""

    def __init__(self, resnets: "list[Resnet]", transformers: "list[Transformer]", resized: int | None) -> None:
        super().__init__(resnets, transformers)
        self.downsamplers = nn.ModuleList([Resize(resized, stride=2)] if resized else [])

    def forward(self, x: Tensor, embedding: Tensor, text: Tensor, skips: list[Tensor]) -> Tensor:
        x = self.layer(0, x, embedding, text)
        skips.append(x)
        for downsampler in self.downsamplers:
            x = downsampler(x)
            skips.append(x)
        return x


class MidBlock(Block):
    def forward(self, x: Tensor, embedding: Tensor, text: Tensor) -> Tensor:
        return self.layer(1, self.layer(0, x, embedding, text), embedding, text)


class UpBlock(Block):
    """A level on the way up, where each layer reads the last skip too."""

    def __init__(self, resnets: "list[Resnet]", transformers: "list[Transformer]", resized: int | None) -> None:
        super().__init__(resnets, transformers)
        self.upsamplers = nn.ModuleList([Resize(resized)] if resized else [])

    def forward(self, x: Tensor, embedding: Tensor, text: Tensor, skips: list[Tensor]) -> Tensor:
        for number in range(2):
            x = self.layer(number, torch.cat((x, skips.pop()), 1), embedding, text)
        for upsampler in self.upsamplers:
            # sides that are odd further up are met by the size of the skip, not by doubling
            x = upsampler(F.interpolate(x, size=skips[-1].shape[2:], mode="nearest"))
        return x


class Resize(nn.Module):
    """The convolution that takes one level to the next."""

    def __init__(self, width: int, *, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class TimeEmbedding(nn.Module):
    """Embedding of the noise level and the guidance scale: (B, embedding_width)."""

    def __init__(self, width: int, embedding_width: int, scales: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(width, embedding_width)
        self.cond_proj = nn.Linear(scales, width, bias=False)
        self.linear_2 = nn.Linear(embedding_width, embedding_width)

    def forward(self, timestep: Tensor, scales: Tensor) -> Tensor:
        levels = sinusoidal_embedding(timestep, self.linear_1.in_features, cosine_first=True, shift=0)
        return self.linear_2(F.silu(self.linear_1(levels.to(scales.dtype) + self.cond_proj(scales))))


class TextEmbedding(nn.Module):
    """Embedding of the text, pooled by attention from its mean: (B, embedding_width)."""

    def __init__(self, text_width: int, embedding_width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(text_width)
        self.pool = nn.ModuleDict({name: nn.Linear(text_width, text_width) for name in ("k_proj", "q_proj", "v_proj")})
        self.pool.register_parameter("positional_embedding", nn.Parameter(torch.empty(1, text_width)))
        self.proj = nn.Linear(text_width, embedding_width)
        self.norm2 = nn.LayerNorm(embedding_width)
        self.heads = heads

    def forward(self, text: Tensor) -> Tensor:
        x = self.norm1(text)
        mean = x.mean(dim=1, keepdim=True) + self.pool.positional_embedding
        x = torch.cat((mean, x), dim=1)
        query, key, value = (
            self._by_head(self.pool[name](of)) for name, of in (("q_proj", mean), ("k_proj", x), ("v_proj", x))
        )
        scale = 1 / math.sqrt(math.sqrt(query.shape[1]))
        weight = torch.softmax(torch.einsum("bct,bcs->bts", query * scale, key * scale), dim=-1)
        pooled = torch.einsum("bts,bcs->bct", weight, value).reshape(len(text), -1, 1).transpose(1, 2)[:, 0]
        return self.norm2(self.proj(pooled))

    def _by_head(self, x: Tensor) -> Tensor:
        """(B, tokens, text_width) as (B * heads, text_width / heads, tokens)."""
        batch, _, text_width = x.shape
        size = text_width // self.heads
        return x.view(batch, -1, self.heads, size).transpose(1, 2).reshape(batch * self.heads, -1, size).transpose(1, 2)


class Resnet(nn.Module):
    """Two convolutions, scaled and shifted by the embedding in between, beside the input."""

    def __init__(self, width: int, out: int, embedding_width: int, groups: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, width, eps=EPS)
        self.conv1 = nn.Conv2d(width, out, 3, padding=1)
        self.time_emb_proj = nn.Linear(embedding_width, 2 * out)
        self.norm2 = nn.GroupNorm(groups, out, eps=EPS)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(width, out, 1) if width != out else nn.Identity()

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        inner = self.conv1(F.silu(self.norm1(x)))
        scale, shift = self.time_emb_proj(F.silu(embedding))[:, :, None, None].chunk(2, dim=1)
        inner = self.conv2(F.silu(self.norm2(inner) * (1 + scale) + shift))
        return self.conv_shortcut(x) + inner


class Transformer(nn.Module):
    """Self-attention of the latent cells, and cross-attention to the text."""

    def __init__(self, width: int, heads: int, text_width: int, groups: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups, width, eps=EPS_BEFORE_ATTENTION)
        self.proj_in = nn.Conv2d(width, width, 1)
        self.transformer_blocks = nn.ModuleList([TransformerBlock(width, heads, text_width)])
        self.proj_out = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor, text: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        cells = self.proj_in(self.norm(x)).permute(0, 2, 3, 1).reshape(batch, height * width, channels)
        cells = self.transformer_blocks[0](cells, text)
        return self.proj_out(cells.reshape(batch, height, width, channels).permute(0, 3, 1, 2).contiguous()) + x


class TransformerBlock(nn.Module):
    def __init__(self, width: int, heads: int, text_width: int) -> None:
        super().__init__()
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width) for _ in range(3))
        self.attn1 = Attention(width, heads, width)
        self.attn2 = Attention(width, heads, text_width)
        # the place of dropout in diffusers' layout, 1, stays empty
        net = nn.Sequential(GatedGelu(width, 4 * width), nn.Identity(), nn.Linear(4 * width, width))
        self.ff = nn.ModuleDict({"net": net})

    def forward(self, x: Tensor, text: Tensor) -> Tensor:
        inner = self.norm1(x)
        x = self.attn1(inner, inner) + x
        x = self.attn2(self.norm2(x), text) + x
        return self.ff["net"](self.norm3(x)) + x


class Attention(nn.Module):
    def __init__(self, width: int, heads: int, text_width: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k, self.to_v = (nn.Linear(text_width, width, bias=False) for _ in range(2))
        self.to_out = nn.Sequential(nn.Linear(width, width))

    def forward(self, x: Tensor, text: Tensor) -> Tensor:
        query, key, value = (
            part.view(len(x), -1, self.heads, part.shape[-1] // self.heads).transpose(1, 2)
            for part in (self.to_q(x), self.to_k(text), self.to_v(text))
        )
        return self.to_out(F.scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(x.shape))


class GatedGelu(nn.Module):
    """Source: Shazeer, arXiv 2002.05202."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.proj = nn.Linear(width, 2 * inner)

    def forward(self, x: Tensor) -> Tensor:
        x, gate = self.proj(x).chunk(2, dim=-1)
        return x * F.gelu(gate)
