"""What goes where when a GPU is small: computed on the real sizes, which need no memory on the meta device."""

from types import SimpleNamespace

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from audioviz.errors import AudiovizWarning
from audioviz.models.placement import bytes_of, place, tile_if_needed, working_bytes

GB = 2**30


@pytest.fixture(scope="module")
def sdxl():
    """The parts of SDXL in half precision."""
    with torch.device("meta"):
        unet = UNet2DConditionModel(
            sample_size=128,
            block_out_channels=(320, 640, 1280),
            cross_attention_dim=2048,
            attention_head_dim=(5, 10, 20),
            transformer_layers_per_block=(1, 2, 10),
            addition_embed_type="text_time",
            addition_time_embed_dim=256,
            projection_class_embeddings_input_dim=2816,
            use_linear_projection=True,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        )
        vae = AutoencoderKL(
            block_out_channels=(128, 256, 512, 512),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=2,
            sample_size=1024,
        )
        vae.tile_sample_min_size = 512
        first = CLIPTextModel(
            CLIPTextConfig(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12)
        )
        second = CLIPTextModelWithProjection(
            CLIPTextConfig(
                hidden_size=1280,
                intermediate_size=5120,
                num_hidden_layers=32,
                num_attention_heads=20,
                projection_dim=1280,
            )
        )
    return {"unet": unet.half(), "vae": vae.half(), "text_encoder": first.half(), "text_encoder_2": second.half()}


def test_sdxl_at_1024_fits_in_8_gb(sdxl):
    assert bytes_of(sdxl["unet"]) == pytest.approx(5.14e9, rel=0.01)  # as its published weights
    room = 7.5 * GB - bytes_of(sdxl["unet"]) - bytes_of(sdxl["vae"])  # what a card of 8 GB has for programs
    assert working_bytes(sdxl["vae"], (1024, 1024)) > room
    assert tile_if_needed(sdxl["vae"], (1024, 1024), int(room)) and sdxl["vae"].use_tiling
    assert working_bytes(sdxl["vae"], (1024, 1024)) < room
    assert not tile_if_needed(sdxl["vae"], (1024, 1024), 0), "it is done once"


@pytest.mark.parametrize(("free", "on_the_cpu"), [(12.0, False), (6.0, True)])
def test_text_is_read_on_the_cpu_where_a_gpu_is_small(sdxl, free, on_the_cpu, monkeypatch):
    moved = {}

    class Part(torch.nn.Linear):
        def to(self, where, *kind):
            moved[self.name] = str(where)

    parts = {name: Part(1, 1) for name in sdxl}
    for name, part in parts.items():
        part.name = name
    parts["unet"].ballast = torch.nn.Parameter(torch.empty(int(2.5 * GB), dtype=torch.half, device="meta"))
    parts["text_encoder_2"].ballast = torch.nn.Parameter(torch.empty(GB // 2, dtype=torch.half, device="meta"))
    parts["vae"].config = sdxl["vae"].config
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda where: (int(free * GB), 24 * GB))
    pipeline = SimpleNamespace(components=parts | {"tokenizer": None}, vae=parts["vae"])
    texts = ("text_encoder", "text_encoder_2")
    if on_the_cpu:
        with pytest.warns(AudiovizWarning, match="6.0 GB are free on the GPU: text is read on the CPU"):
            place(pipeline, torch.device("cuda"), text_encoders=texts, size=1024)
    else:
        place(pipeline, torch.device("cuda"), text_encoders=texts, size=1024)
    assert {name: moved[name] for name in texts} == dict.fromkeys(texts, "cpu" if on_the_cpu else "cuda")
    assert moved["unet"] == moved["vae"] == "cuda"
