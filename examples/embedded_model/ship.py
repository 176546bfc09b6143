"""The trained networks become a Stable Diffusion folder that diffusers loads as it is, with a card."""

import hashlib
import json
from pathlib import Path

from diffusers import StableDiffusionPipeline

from .autoencoder import load_autoencoder
from .denoiser import load_latents, new_scheduler
from .guided import load_guided
from .measure import COUNT, OWN, known_names
from .text import load_text
from .training import progress

PARTS = {
    "autoencoder": "autoencoder",
    "text": "text encoder",
    "unet": "UNet",  # checkpoint: what it is called
    "guided": "UNet that is told its guidance",
}

# figure: what it says, how it is written
ROWS = {
    "psnr": ("autoencoder on fresh drawings, median", "{psnr:.1f} dB"),
    "made_palette": (
        "palette named right by a classifier",
        "{made_palette:.0%} (of fresh drawings: {drawn_palette:.0%})",
    ),
    "made_pattern": ("pattern named right", "{made_pattern:.0%} (of fresh drawings: {drawn_pattern:.0%})"),
    "blend_palette": (
        "two prompts half and half: a palette, a pattern of the two is seen",
        "{blend_palette:.0%}, {blend_pattern:.0%}",
    ),
    "blend_grey": ("of these less than half as colourful as the paler of the two", "{blend_grey:.0%}"),
    "spread": (
        "spread of pictures of one prompt against drawings, median and least prompt",
        "{spread:.0%}, {spread_least:.0%}",
    ),
    "frechet": (
        "Fréchet distance to drawings in the classifier's features",
        "{frechet:.2f} (drawings to others: {frechet_drawn:.2f})",
    ),
    "drift_mean": (
        "2,000 frames of `drift`, worst window of 50 against the first: a channel's mean, in deviations",
        "{drift_mean:.2f}",
    ),
    "drift_deviation": (
        "the same: a channel's deviation, contrast, colour",
        "{drift_deviation:.0%}, {drift_contrast:.0%}, {drift_colour:.0%}",
    ),
    "still_seconds": ("the same: longest standstill", "{still_seconds:.1f} s"),
    "call_ms": ("one call of the UNet, decoding one picture", "{call_ms:.0f} ms, {decode_ms:.0f} ms on {machine}"),
}

CARD = """\
---
license: mit
library_name: diffusers
pipeline_tag: text-to-image
---
# The embedded model

A text-conditioned latent diffusion model small enough to travel inside `audioviz`, so that the first video needs
neither a graphics card nor a network. It loads with `diffusers.StableDiffusionPipeline.from_pretrained`.

    an autoencoder (AutoencoderTiny)  256x256x3 <-> 16x16x{channels}       {vae:.1f} M parameters
    a text encoder (CLIP, 2 layers)   32 tokens -> 32x128          {text:.1f} M parameters
    a UNet (v prediction)             16x16x{channels}, conditioned on text {unet:.1f} M parameters

The UNet is told the guidance scale, from 1 to 8, as LCM's are, and does in one call what takes others two; so a
negative prompt does nothing.

## What it was trained on

{pictures} pictures, all drawn by `examples/embedded_model/` (numpy, seeded); there are no photographs and no works of
other people in it. Captions are composed of synonyms by the same code.

{names}

Each has many synonyms ("fiery", "milky way", "black and white", "macro"), and some words stand for a kind of picture
in its usual colours ("underwater", "cyberpunk", "lava"). Other words do no harm; audioviz names those that it does not
know.

## How

    python examples/train_embedded.py

AdamW with an even rate that falls at the end, averaged weights, on {machine}:

{history}

Seeds are fixed, but another processor or number of threads gives other rounding, and so similar but not equal weights.

## Figures

Measured by the same script at the model's own settings ({own.steps} steps of {own.sampler} on {own.scheduler}, guidance
{own.cfg}), {count} pictures. The classifier learned from other drawings than the model.

| figure | value |
|---|---|
{figures}

## Limits

It knows its patterns and palettes and nothing else: a prompt about a person or a thing gives an abstract picture. It
was trained at 256x256; other sizes (multiples of 16) work, with the same pattern repeated or cut. UNet and autoencoder
are stored in float16; compute in float32 on a CPU.

## Weights

{hashes}

Licence: MIT, as the rest of audioviz.
"""


def export(work: Path, folder: Path) -> None:
    """Write the folder from the checkpoints in the work folder; weights are float16.

    The text encoder stays float32: transformers loads it as it was stored, and diffusers the others as float32.
    """
    _, scaling = load_latents(work)
    tokenizer, encoder = load_text(work)
    pipe = StableDiffusionPipeline(
        vae=load_autoencoder(work, scaling_factor=scaling),
        text_encoder=encoder,
        tokenizer=tokenizer,
        unet=load_guided(work),
        scheduler=new_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipe.unet.half()
    pipe.vae.half()
    pipe.save_pretrained(folder)
    for path in folder.rglob("*.safetensors"):
        path.chmod(0o644)
    for name in ("vocab.json", "merges.txt"):
        (folder / "tokenizer" / name).write_bytes((work / "tokenizer" / name).read_bytes())


def hashes(folder: Path) -> dict[str, str]:
    """sha256 of every weights file, by its path inside the folder."""
    weights = sorted(folder.rglob("*.safetensors"))
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in weights}


def learned(work: Path) -> str:
    """How long each network learned, for the card."""
    lines = []
    for name, called in PARTS.items():
        steps, seconds = progress(work / f"{name}.safetensors")
        lines.append(f"- {called}: {steps} steps in {seconds / 60:.0f} minutes")
    return "\n".join(lines)


def write_card(folder: Path, work: Path, *, pictures: int, machine: str) -> None:
    """Write README.md: sizes and hashes are read from the folder, figures from work/figures.json."""
    figures = json.loads((work / "figures.json").read_text(encoding="utf-8"))
    pipe = StableDiffusionPipeline.from_pretrained(folder)
    sizes = {
        name: sum(p.numel() for p in getattr(pipe, part).parameters()) / 1e6
        for name, part in (("vae", "vae"), ("text", "text_encoder"), ("unet", "unet"))
    }
    table = [
        f"| {says} | {form.format(machine=machine, **figures)} |"
        for name, (says, form) in ROWS.items()
        if name in figures
    ]
    listing = "\n".join(f"    {digest}  {path}" for path, digest in hashes(folder).items())
    (folder / "README.md").write_text(
        CARD.format(
            pictures=pictures,
            channels=pipe.vae.config.latent_channels,
            history=learned(work),
            names=known_names(),
            hashes=listing,
            own=OWN,
            count=COUNT,
            figures="\n".join(table),
            machine=machine,
            **sizes,
        ),
        encoding="utf-8",
    )
