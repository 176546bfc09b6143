"""A model of a few layers in the shape of a real one: torch traces it at once, where a tiny checkpoint takes long."""

from types import SimpleNamespace

import numpy as np
import torch
from diffusers.models.attention_processor import Attention, IPAdapterAttnProcessor2_0
from torch import Tensor, nn

from audioviz.models.autoencoder import Autoencoder
from audioviz.models.defaults import Defaults
from audioviz.models.denoisers.unet import unet_denoiser
from audioviz.models.model import Model
from audioviz.models.plain.autoencoder import Autoencoder as PlainAutoencoder
from audioviz.models.plain.settings import Settings
from audioviz.sampling import Conditioning

WIDTH, CHANNELS = 8, 4


class MiniUNet(nn.Module):
    """What a UNet is called with, and diffusers' own cross-attention with an IP-Adapter inside."""

    dtype, device = torch.float32, torch.device("cpu")
    config = SimpleNamespace(out_channels=CHANNELS, time_cond_proj_dim=None, addition_embed_type=None)

    def __init__(self) -> None:
        super().__init__()
        self.conv_in, self.conv_out = (nn.Conv2d(*pair, 3, padding=1) for pair in ((4, WIDTH), (WIDTH, 4)))
        processor = IPAdapterAttnProcessor2_0(WIDTH, WIDTH)
        self.attention = Attention(WIDTH, WIDTH, heads=2, dim_head=4, processor=processor)
        self.attn_processors = {"attention.processor": processor}

    def forward(
        self,
        sample: Tensor,
        timestep: Tensor,
        *,
        encoder_hidden_states: Tensor,
        added_cond_kwargs: dict | None = None,
        mid_block_additional_residual: Tensor | None = None,
        **unused,
    ) -> tuple[Tensor]:
        x = self.conv_in(sample) + timestep[:, None, None, None] / 1000
        if added_cond_kwargs:
            x = x + self.attention(x, encoder_hidden_states=(encoder_hidden_states, added_cond_kwargs["image_embeds"]))
        else:
            x = x + encoder_hidden_states.mean(1)[:, :, None, None]
        return (self.conv_out(x if mid_block_additional_residual is None else x + mid_block_additional_residual),)


class MiniControlNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, WIDTH, 16, stride=16)

    def forward(self, sample: Tensor, timestep: Tensor, *, controlnet_cond: Tensor, conditioning_scale, **unused):
        return [], self.conv(controlnet_cond) * conditioning_scale


def mini_model(*, controlnet: bool = False, ip_adapter: bool = False) -> Model:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        settings = Settings(
            latent_channels=CHANNELS,
            block_out_channels=(3, 4, 4, 4, 4),
            encoder_blocks=(1, 1, 1),
            decoder_blocks=(1, 1, 1, 1),
        )
        module = PlainAutoencoder(settings).eval().requires_grad_(False)
        unet = MiniUNet()
        net = MiniControlNet().eval().requires_grad_(False) if controlnet else None
    denoiser = unet_denoiser(unet, controlnet=net)
    return Model(
        name="mini",
        digest="0" * 64,
        denoiser=denoiser,
        autoencoder=Autoencoder(module, denoiser.units, factor=16),
        text_encoder=lambda text: Conditioning(torch.full((1, 4, WIDTH), len(text) / 10)),
        defaults=Defaults(64, 2, 3.0, "euler", "normal"),
        encode_reference=_image_tokens if ip_adapter else None,
    )


@torch.inference_mode()
def _image_tokens(picture: np.ndarray) -> tuple[Tensor, Tensor]:
    return torch.full((1, 4, WIDTH), picture.mean() / 255), torch.zeros(1, 4, WIDTH)
