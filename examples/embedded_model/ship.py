"""The trained networks become a Stable Diffusion folder that diffusers loads as it is, with a card."""
import hashlib
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline

from .autoencoder import load_autoencoder
from .denoiser import ENCODED, load_latents, load_unet, new_scheduler
from .measure import GUIDANCE, STEPS, Figures, known_names
from .text import load_text

CARD = """\
---
license: mit
library_name: diffusers
pipeline_tag: text-to-image
---
# The embedded model

A text-conditioned latent diffusion model small enough to travel inside `audioviz`, so that the first video needs neither a
graphics card nor a network. It loads with `diffusers.StableDiffusionPipeline.from_pretrained`.

    an autoencoder (AutoencoderTiny)  256x256x3 <-> 16x16x8        {vae:.1f} M parameters
    a text encoder (CLIP, 2 layers)   32 tokens -> 32x128          {text:.1f} M parameters
    a UNet (v prediction)             16x16x8, conditioned on text {unet:.1f} M parameters

## What it was trained on

{pictures} pictures, all drawn by `examples/embedded_model/` (numpy, seeded); there are no photographs and no works of
other people in it. Captions are composed of synonyms by the same code.

{names}

"dark" and "bright" are understood as well, and many synonyms ("fiery", "galaxy", "black and white"). Other words are
tokenized and do no harm.

## How

    python examples/train_embedded.py

{history}

The shipped weights came from this script's run of 21 November 2026, with three differences from its defaults. The
autoencoder's number of steps was lowered while it ran (4000, then 3200, then 2800), and its first 2312 steps saw an earlier
version of the drawings with smaller shapes; the classifier was trained on that version alone. The UNet's first 2816 steps
saw 3500 pictures and were planned as 7000, the rest saw all {encoded}. Seeds are fixed, but another processor or number of
threads gives other rounding, and so similar but not equal weights. On a machine that did other work as well it took 38
minutes for the autoencoder, 4 for the text encoder, and 54 for the UNet.

## Figures

Measured by the same script, default settings ({steps} steps of DPM-Solver++ 2M on Karras sigmas, guidance {guidance}):

| figure | value |
|---|---|
| autoencoder, fresh drawings, median | {f.psnr:.1f} dB |
| generated pictures whose palette a classifier names right | {f.palette:.0%} (of drawn ones: {f.drawn_palette:.0%}) |
| generated pictures whose pattern it names right | {f.pattern:.0%} (of drawn ones: {f.drawn_pattern:.0%}) |
| contrast in feedback, 60 frames at denoise 0.4, first and last | {f.contrast_first:.2f}, {f.contrast_last:.2f} |
| decoding one picture | {f.decode_ms:.0f} ms |
| one guided UNet call | {f.unet_ms:.0f} ms |

Times are from {threads} threads of a shared x86 processor while it did other work, and say no more than the
order of magnitude. Decoding is twice as fast or better in channels-last memory (`pipe.vae.to(memory_format=torch.channels_last)`).

## Limits

It knows its patterns and palettes and nothing else: a prompt about a person or a place gives an abstract picture. Colours
and textures follow the prompt closely; geometry is loose: mandalas, spirals and tunnels are recognisable (the classifier is
content) but far from the symmetry of the drawings. Fine detail is soft, since a picture is stored in 2048 numbers. In a long
feedback loop contrast rises rather than fades; hold the latents' deviation where that is not wanted. It is trained at 256x256; other sizes (multiples of 16) work, with
the same pattern repeated or cut. UNet and autoencoder are stored in float16; compute in float32 on a CPU.

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
        vae=load_autoencoder(work, scaling_factor=scaling), text_encoder=encoder, tokenizer=tokenizer, unet=load_unet(work),
        scheduler=new_scheduler(), safety_checker=None, feature_extractor=None, requires_safety_checker=False,
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


def write_card(folder: Path, figures: Figures, *, pictures: int, history: str) -> None:
    """Write README.md: sizes and hashes are read from the folder, figures were measured."""
    pipe = StableDiffusionPipeline.from_pretrained(folder)
    sizes = {name: sum(p.numel() for p in getattr(pipe, part).parameters()) / 1e6
             for name, part in (("vae", "vae"), ("text", "text_encoder"), ("unet", "unet"))}
    listing = "\n".join(f"    {digest}  {path}" for path, digest in hashes(folder).items())
    (folder / "README.md").write_text(CARD.format(
        f=figures, pictures=pictures, encoded=ENCODED, history=history, names=known_names(), hashes=listing, steps=STEPS, guidance=GUIDANCE,
        threads=torch.get_num_threads(), **sizes,
    ), encoding="utf-8")
