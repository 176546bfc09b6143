"""The trained networks become a Stable Diffusion folder that diffusers loads as it is, with a card."""

import hashlib
import json
from pathlib import Path

from safetensors.torch import load_file, save_file

from audioviz.models.plain.load import KIND

from . import autoencoder, denoiser
from .autoencoder import load_autoencoder
from .denoiser import load_unet
from .measure import COUNT, OWN, known_names
from .text import load_text
from .training import progress

PARTS = {  # checkpoint: what it is called
    "autoencoder": "autoencoder",
    "detail": "its decoder again, for what eyes expect",
    "text": "text encoder",
    "unet": "UNet",
    "quick": "UNet that is told its guidance and sees the end of the way",
    "matched": "UNet that ships, matched to what the one before finds likely, and to drawings",
}

SCHEDULER = {  # Stable Diffusion's noise levels
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "v_prediction",
    "timestep_spacing": "trailing",
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
    "crops": ("the same of squares of 64 pixels", "{crops:.2f} (drawings to others: {crops_drawn:.2f})"),
    "fine": ("energy of the spectrum's upper half against drawings", "{fine:.2f}"),
    "symmetry_least": (
        "symmetry against drawings: mandala, kaleidoscope, spiral, tunnel, tiles, lattice",
        "{symmetry_mandala:.0%}, {symmetry_kaleidoscope:.0%}, {symmetry_spiral:.0%}, {symmetry_tunnel:.0%}, "
        "{symmetry_tiles:.0%}, {symmetry_lattice:.0%}",
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
    "call_ms": ("one call of the UNet, decoding one picture", "{call_ms:.0f} ms, {decode_ms:.0f} ms on two threads"),
}

CARD = """\
---
license: mit
pipeline_tag: text-to-image
---
# The embedded model

A text-conditioned latent diffusion model small enough to travel inside `audioviz`, so that the first video needs
neither a graphics card nor a network. Its networks are `audioviz/models/plain/`.

    an autoencoder                    512x512x3 <-> 32x32x16                    {vae:.1f} M parameters
    a text encoder (CLIP, 2 layers)   32 tokens -> 32x128                       {text_encoder:.1f} M parameters
    a UNet (v prediction)             32x32x16, conditioned on text and place  {unet:.1f} M parameters

The UNet is told the guidance scale, from 1 to 8, as LCM's are, and from any noise level it sees where the way of a
guided model ends: two calls make a frame, and one a softer one (`--steps 1`). So a negative prompt does nothing.

## What it was trained on

{pictures}, all drawn by `examples/embedded_model/` (numpy, seeded); there are no
photographs and no works of other people in it. Captions are composed of synonyms by the same code.

{names}

Each has many synonyms ("fiery", "milky way", "black and white", "macro"), some words stand for a kind of picture in
its usual colours ("cyberpunk", "lava"), and words that name a colour in everyday speech act as one ("forest nebula").
Other words do no harm; audioviz names those that it does not know.

## How

    python examples/train_embedded.py --device cuda --threads 15

AdamW, averaged weights; pictures were drawn while the networks learned, on one NVIDIA H100 in two sittings: the UNet
that is not shipped, and the decoder, learned in the second from what they were after the first, carried in 8 and 16
bits. The text encoder, and the last UNet after its first 320 steps, learned on an x86_64 processor, this UNet from
4,000 other scenes. A critic came to it for the last 870 steps, on one thread; six tenths of what ships is what it was
after them, and four what it was before: neither alone has as small a distance to drawings.

{history}

Seeds are fixed, but another processor or number of threads gives other rounding, and so similar but not equal weights.

## Figures

Measured by the same script at the model's own settings ({own.steps} steps of {own.sampler} on {own.scheduler}, guidance
{own.cfg}, {own.size}x{own.size}), {count} pictures. The classifier learned from other drawings than the model.

| figure | value |
|---|---|
{figures}

## Limits

It knows its patterns and palettes and nothing else: a prompt about a person or a thing gives an abstract picture. It
was trained at 512x512, 512x288, 288x512, 256x256 and 256x144; other sizes (multiples of 16) work less well. Frames that
are made from each other for some seconds with the same seed and little denoise grow somewhat harder. UNet and
autoencoder are stored in float16.

## Weights

{hashes}

Licence: MIT, as the rest of audioviz.
"""


def export(work: Path, folder: Path) -> None:
    """Write the folder from the checkpoints in the work folder; UNet and autoencoder in float16.

    The text encoder stays float32, and transformers can read it.
    """
    tokenizer, encoder = load_text(work)
    tokenizer.save_pretrained(folder / "tokenizer")
    for name in ("vocab.json", "merges.txt"):
        (folder / "tokenizer" / name).write_bytes((work / "tokenizer" / name).read_bytes())
    encoder.save_pretrained(folder / "text_encoder")
    scaling = json.loads((work / "scaling.json").read_text(encoding="utf-8"))
    parts = {
        "unet": (denoiser.SETTINGS, load_unet(work / "matched.safetensors")),
        "vae": (autoencoder.SETTINGS | {"scaling_factor": scaling}, load_autoencoder(work, detailed=True)),
    }
    for name, (settings, network) in parts.items():
        write_json(folder / name / "config.json", settings)
        weights = {key: weight.half().contiguous() for key, weight in network.state_dict().items()}
        save_file(weights, folder / name / "diffusion_pytorch_model.safetensors")
    write_json(folder / "scheduler" / "scheduler_config.json", SCHEDULER)
    write_json(folder / "model_index.json", {"_class_name": KIND})
    for path in folder.rglob("*.safetensors"):
        path.chmod(0o644)


def write_json(path: Path, value: dict) -> None:
    """A settings file, in a folder that may not be there yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def hashes(folder: Path) -> dict[str, str]:
    """sha256 of every weights file, by its path inside the folder."""
    weights = sorted(folder.rglob("*.safetensors"))
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in weights}


def learned(work: Path) -> str:
    """How long each network learned, for the card."""
    lines = []
    trained = ((work / f"{name}.safetensors", called) for name, called in PARTS.items())
    for path, called in trained:
        if not path.exists():  # the UNet may be matched at once, without the ends of ways before
            continue
        steps, seconds = progress(path)
        lines.append(f"- {called}: {steps} steps in {seconds / 60:.0f} minutes")
    return "\n".join(lines)


def write_card(folder: Path, work: Path) -> None:
    """Write README.md: sizes and hashes are read from the folder, figures from work/figures.json."""
    figures = json.loads((work / "figures.json").read_text(encoding="utf-8"))
    sizes = {
        path.parent.name: sum(weight.numel() for weight in load_file(path).values()) / 1e6
        for path in folder.rglob("*.safetensors")
    }
    rows = [f"| {says} | {form.format(**figures)} |" for name, (says, form) in ROWS.items() if name in figures]
    card = CARD.format(
        pictures="48,000 paintings of 24,000 drawn scenes and 6,000 blends of two",
        history=learned(work),
        names=known_names(),
        hashes="\n".join(f"    {digest}  {path}" for path, digest in hashes(folder).items()),
        own=OWN,
        count=COUNT,
        figures="\n".join(rows),
        **sizes,
    )
    (folder / "README.md").write_text(card, encoding="utf-8")
