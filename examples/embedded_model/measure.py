"""How good the shipped folder is, measured through StableDiffusionPipeline as a user would load it."""
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from PIL import Image

from .autoencoder import psnr
from .captions import PALETTE_WORDS, PATTERN_WORDS
from .judge import accuracy, load_judge
from .pictures import NAMES, label_at, picture_at

STEPS, GUIDANCE = 10, 3.5
FRESH = 10**6  # drawings from this index on are in no pool
SHEET = ("neon nebula", "gold mandala", "fire fractal", "ocean waves", "rose glass", "violet crystal", "emerald marble",
         "ice mountains", "sunset lights", "mono tunnel", "candy bubbles", "forest tiles", "rainbow spiral", "neon aurora",
         "gold plasma", "ocean ripples", "fire flowers", "violet nebula", "sunset mountains", "rainbow glass")


@dataclass(frozen=True)
class Figures:
    """What the model card reports."""
    psnr: float           # dB, median over fresh drawings
    palette: float        # share of generated pictures whose palette the judge names right
    pattern: float
    drawn_palette: float  # the same for fresh drawings: the judge's own ceiling
    drawn_pattern: float
    contrast_first: float  # standard deviation of pixels (0..1) in feedback
    contrast_last: float
    decode_ms: float
    unet_ms: float


def load(folder: Path) -> StableDiffusionPipeline:
    """The shipped folder, in float32, without progress bars."""
    pipe = StableDiffusionPipeline.from_pretrained(folder, torch_dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def paint(
    pipe: StableDiffusionPipeline, prompts: list[str], *, seed: int, steps: int = STEPS, guidance: float = GUIDANCE
) -> np.ndarray:
    """One picture a prompt, uint8 (B, 256, 256, 3)."""
    made = [
        pipe(prompts[start : start + 8], num_inference_steps=steps, guidance_scale=guidance, output_type="np",
             generator=torch.Generator().manual_seed(seed + start)).images
        for start in range(0, len(prompts), 8)
    ]
    return (np.concatenate(made) * 255).round().astype(np.uint8)


def asked(count: int) -> list[tuple[str, str]]:
    """Pairs of (pattern, palette) that go round all of both."""
    return [(label_at(index).pattern, label_at(index * 7 // 5 + index).palette) for index in range(count)]


@torch.inference_mode()
def feedback(
    pipe: StableDiffusionPipeline, prompt: str, *, frames: int = 60, denoise: float = 0.4, steps: int = 8
) -> list[np.ndarray]:
    """Each frame sampled from the latent before it, with new noise: does the loop wash out? uint8 (256, 256, 3) each."""
    conditional, empty = pipe.encode_prompt(prompt, "cpu", 1, True)
    conditioning = torch.cat([empty, conditional])
    latents, out = torch.zeros(1, 8, 16, 16), []
    for frame in range(frames):
        pipe.scheduler.set_timesteps(steps if frame == 0 else int(steps / denoise))
        pipe.scheduler.set_begin_index(max(0, len(pipe.scheduler.timesteps) - steps))
        times = pipe.scheduler.timesteps[-steps:]
        noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(frame))
        latents = pipe.scheduler.add_noise(latents, noise, times[:1])
        for moment in times:
            scaled = pipe.scheduler.scale_model_input(torch.cat([latents] * 2), moment)
            without, with_ = pipe.unet(scaled, moment, conditioning).sample.chunk(2)
            latents = pipe.scheduler.step(without + GUIDANCE * (with_ - without), moment, latents).prev_sample
        picture = pipe.vae.decode(latents / pipe.vae.config.scaling_factor).sample.clamp(-1, 1)
        out.append((picture[0].permute(1, 2, 0) * 127.5 + 127.5).round().byte().numpy())
    return out


@torch.inference_mode()
def milliseconds(call, *, times: int = 9) -> float:
    """Median time of a call after a warm-up."""
    call()
    spent = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        spent.append(1e3 * (time.perf_counter() - start))
    return float(np.median(spent))


def measure(folder: Path, work: Path, *, count: int = 200) -> Figures:
    """All figures for the folder, with the judge from the work folder."""
    pipe, judge = load(folder), load_judge(work)
    fresh = range(FRESH, FRESH + 221)
    drawn = np.stack([picture_at(index, seed=1) for index in fresh])
    drawn_share = accuracy(judge, drawn, [(label_at(index).pattern, label_at(index).palette) for index in fresh])
    names = asked(count)
    prompts = [f"{PALETTE_WORDS[palette][0]} {PATTERN_WORDS[pattern][0]}" for pattern, palette in names]
    made_share = accuracy(judge, paint(pipe, prompts, seed=0), names)
    loop = feedback(pipe, "neon nebula")
    latents, states = torch.zeros(2, 8, 16, 16), torch.cat(pipe.encode_prompt("neon nebula", "cpu", 1, True))
    return Figures(
        psnr=float(np.median(psnr(pipe.vae, drawn[:68]))),
        palette=made_share["palette"], pattern=made_share["pattern"],
        drawn_palette=drawn_share["palette"], drawn_pattern=drawn_share["pattern"],
        contrast_first=float(np.mean([frame.std() / 255 for frame in loop[:5]])),
        contrast_last=float(np.mean([frame.std() / 255 for frame in loop[-5:]])),
        decode_ms=milliseconds(lambda: pipe.vae.decode(latents[:1])),
        unet_ms=milliseconds(lambda: pipe.unet(latents, torch.tensor(500), states)),
    )


def contact_sheet(folder: Path, path: Path, *, seed: int = 7, size: int = 160) -> None:
    """Twenty prompts, four rows of five, as one picture file."""
    pictures = paint(load(folder), list(SHEET), seed=seed)
    small = [np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.LANCZOS)) for picture in pictures]
    rows = [np.concatenate(small[start : start + 5], 1) for start in range(0, len(small), 5)]
    Image.fromarray(np.concatenate(rows)).save(path, quality=90)


def known_names() -> str:
    """The patterns and palettes by name, for the card."""
    return f"Patterns: {', '.join(NAMES['pattern'])}.\nPalettes: {', '.join(NAMES['palette'])}."
