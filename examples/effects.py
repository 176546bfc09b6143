"""Write docs/effects.jpg: a picture of the embedded model under each effect, weak and strong.

python examples/effects.py [--model DIR] [--prompt TEXT] [--seed N] [--size N] [--tile N] [--out FILE.jpg]
"""

import math
from pathlib import Path

import click
import torch
from PIL import Image, ImageDraw, ImageFont

import audioviz as av
from audioviz.effects import EFFECTS, apply
from audioviz.sampling import plan_frame, sample_frame

SHEET = Path(__file__).parent.parent / "docs" / "effects.jpg"
STRENGTHS = {  # those that say little at 0.3 and 1
    "mirror": (3, 6),
    "roll": (5, 20),
    "hue": (1 / 6, 1 / 2),
    "saturation": (-0.7, 1),
    "contrast": (-0.5, 1),
    "brightness": (-0.5, 1),
}
COLUMNS = 8
TITLE = 22  # pixels above a tile


@click.command()
@click.option("--model", default="embedded", show_default=True)
@click.option("--prompt", default="neon horizon", show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--size", default=256, show_default=True, help="Pixels of the picture, which is square.")
@click.option("--tile", default=192, show_default=True, help="Pixels across a picture on the sheet.")
@click.option("--out", default=SHEET, type=click.Path(path_type=Path, dir_okay=False))
def main(model: str, prompt: str, seed: int, size: int, tile: int, out: Path) -> None:
    """Draw a picture, and a sheet of it under each effect."""
    picture = draw(av.load_model(model), prompt, seed=seed, size=(size, size))
    effects_sheet(picture, tile=tile).save(out, quality=78, optimize=True)


def draw(model, prompt: str, *, seed: int, size: tuple[int, int]) -> torch.Tensor:
    """A picture of a model: float32 in 0..1, shape (1, 3, H, W)."""
    usual = model.defaults
    text = model.guidance(prompt, steps=usual.steps)
    plan = plan_frame(text, seed=seed, frame=0, steps=usual.steps, cfg=usual.cfg, denoise=1.0)
    latent = sample_frame(
        model.denoiser, plan, model.empty_latent(size), sampler=usual.sampler, scheduler=usual.scheduler
    )
    return model.autoencoder.decode(latent).add(1).mul(0.5).clamp(0, 1)


def effects_sheet(picture: torch.Tensor, *, tile: int) -> Image.Image:
    """The picture (1, 3, H, W) under each effect at two strengths, with their names."""
    tiles = [
        (f"{name} {strength:.2g}", under(picture, name, strength))
        for name in EFFECTS
        for strength in STRENGTHS.get(name, (0.3, 1.0))
    ]
    tiles.append(("as it is", picture))
    height = round(tile * picture.shape[-2] / picture.shape[-1])
    rows = math.ceil(len(tiles) / COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * (tile + 4) + 4, rows * (height + TITLE + 4)), "#15161c")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for i, (label, shown) in enumerate(tiles):
        left, top = 4 + i % COLUMNS * (tile + 4), i // COLUMNS * (height + TITLE + 4)
        pen.text((left + 2, top + 3), label, fill="white", font=font)
        sheet.paste(to_image(shown).resize((tile, height), Image.Resampling.LANCZOS), (left, top + TITLE))
    return sheet


def under(picture: torch.Tensor, name: str, strength: float) -> torch.Tensor:
    """The picture under one effect; with trails, after it has rolled through some frames."""
    if name != "trails":
        return apply(picture, {name: strength}, seed=7, frame=3)
    shown = apply(picture, {"roll": -20}, seed=7, frame=0)
    for frame, roll in enumerate(range(-16, 1, 4), 1):
        shown = apply(picture, {"roll": roll, name: strength}, seed=7, frame=frame, before=shown)
    return shown


def to_image(picture: torch.Tensor) -> Image.Image:
    return Image.fromarray(picture[0].mul(255).round().to(torch.uint8).permute(1, 2, 0).numpy())


if __name__ == "__main__":
    main()
