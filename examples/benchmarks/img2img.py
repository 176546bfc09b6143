"""Frames a second of the frame loop, beside diffusers' image-to-image pipeline driven by frames with the same model."""

import tempfile
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from PIL import Image
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

import audioviz as av
from audioviz.clock import Clock
from audioviz.models import Model
from audioviz.models.speed.graphs import graphed
from audioviz.rendering.frame_table import frame_table
from audioviz.rendering.plans import plan_frames
from audioviz.rendering.settings import RenderSettings
from audioviz.sampling import sequence

VOCABULARY = Path(av.__file__).parent / "models" / "embedded" / "tokenizer"
SMALL = {"unet": (64, 128, 256, 256), "vae": (32, 64, 128, 128), "size": 256}  # channels of each level, and pixels
SD15 = {"unet": (320, 640, 1280, 1280), "vae": (128, 256, 512, 512), "size": 512}
MOST_FRAMES = 200
STEPS, FRAMES, DENOISE = (1, 4, 20), {"cpu": 2, "cuda": 24}, 0.5
PROMPT = "neon nebula"


def measure(device: str) -> list[tuple[str, str]]:
    """Rows of (what, figure): on a GPU of a model of Stable Diffusion 1.5's size; on a CPU of a smaller one."""
    model, pipe = both(device, SMALL if device == "cpu" else SD15)
    size, rows = model.defaults.size, []
    for steps in STEPS:
        ways = {
            "guided": loop(model, steps, cfg=4.0),
            "unsampled": loop(model, steps, cfg=4.0, unsample=1.0),
            "by diffusers' img2img, guided": redrawn(pipe, size, steps),
        }
        if not model.denoiser.distilled:
            ways["at cfg 1"] = loop(model, steps, cfg=1.0)
        told = ", ".join(f"{rate(make, FRAMES[device]):.2f} {way}" for way, make in ways.items())
        rows.append((f"frames a second at {size}x{size}, {steps} {'step' if steps == 1 else 'steps'}, decoded", told))
    return rows


def both(device: str, widths: dict[str, Any]) -> tuple[Model, StableDiffusionImg2ImgPipeline]:
    """A Stable Diffusion with random weights, as a render has it and as diffusers' pipeline."""
    with tempfile.TemporaryDirectory() as folder:
        write_random_model(Path(folder), **widths)
        model = av.load_model(folder, device=device)
        pipe = StableDiffusionImg2ImgPipeline.from_pretrained(folder).to(device, model.denoiser.dtype)
    pipe.set_progress_bar_config(disable=True)
    return graphed(model), pipe


def loop(model: Model, steps: int, *, cfg: float, unsample: float = 0.0) -> Callable[[], object]:
    """A function that makes the next picture of a video."""
    clock = Clock(Fraction(12), MOST_FRAMES)
    schedule = av.Schedule(
        clock=clock, seed=av.seeds.step(7, clock=clock), denoise=DENOISE, unsample=unsample, prompts=[PROMPT]
    )
    settings = RenderSettings((model.defaults.size,) * 2, steps, cfg, "euler", "normal")
    latents = sequence(
        model.denoiser,
        plan_frames(model, frame_table(schedule, settings), settings),
        start=model.empty_latent(settings.size),
        sampler=settings.sampler,
        scheduler=settings.scheduler,
    )
    return lambda: model.decode(next(latents))


def redrawn(pipe: StableDiffusionImg2ImgPipeline, size: int, steps: int) -> Callable[[], object]:
    """A function that redraws the picture it made last."""

    def frames() -> Iterator[Image.Image]:
        picture = Image.new("RGB", (size, size), "grey")
        while True:
            picture = pipe(
                PROMPT, picture, strength=DENOISE, num_inference_steps=round(steps / DENOISE), guidance_scale=4.0
            ).images[0]
            yield picture

    made = frames()
    return lambda: next(made)


def rate(make: Callable[[], object], count: int) -> float:
    """Calls a second, after a first one to warm up; each ends with a picture in main memory."""
    make()
    begin = time.perf_counter()
    for _ in range(count):
        make()
    return count / (time.perf_counter() - begin)


def write_random_model(folder: Path, *, unet: tuple[int, ...], vae: tuple[int, ...], size: int) -> None:
    """A diffusers folder of Stable Diffusion 1.5's architecture in some widths with random weights, float16."""
    tokenizer = CLIPTokenizer.from_pretrained(VOCABULARY)
    StableDiffusionPipeline(
        unet=UNet2DConditionModel(sample_size=size // 8, block_out_channels=unet, cross_attention_dim=768),
        vae=AutoencoderKL(
            block_out_channels=vae,
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=2,
            latent_channels=4,
            sample_size=size,
        ),
        text_encoder=CLIPTextModel(
            CLIPTextConfig(
                hidden_size=768,
                intermediate_size=3072,
                num_attention_heads=12,
                vocab_size=len(tokenizer),
                eos_token_id=tokenizer.eos_token_id,
            )
        ),
        tokenizer=tokenizer,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
        scheduler=DDIMScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, steps_offset=1
        ),
    ).to(torch.float16).save_pretrained(folder)
