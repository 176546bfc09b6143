"""What a stranger looks at first: a sheet of forty prompts, and three short videos."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

import audioviz as av

from .measure import load, paint
from .training import Machine

SHEET = (
    "neon nebula",
    "gold mandala",
    "fire fractal",
    "ocean waves",
    "rose stained glass",
    "violet crystal",
    "emerald marble",
    "ice mountains",
    "sunset city lights",
    "mono tunnel",
    "candy bubbles",
    "moss forest",
    "rainbow spiral",
    "neon aurora",
    "copper plasma",
    "lagoon caustics",
    "fire flames",
    "cosmic galaxy",
    "sunset mountains",
    "midnight city",
    "crimson lightning",
    "sand dunes",
    "acid lattice",
    "violet silk",
    "gold cathedral",
    "neon horizon",
    "rose flowers",
    "emerald leaves",
    "copper feathers",
    "midnight stars",
    "cosmic planet",
    "mono ink",
    "candy kaleidoscope",
    "lagoon coral",
    "crimson tiles",
    "ice clouds",
    "gold ether",
    "underwater",
    "cyberpunk",
    "dark lava, glowing",
)
VIDEOS = {
    "drift": ("lagoon caustics", "violet crystal", "sunset clouds"),
    "pulse": ("fire flames", "neon horizon"),
    "sections": ("ocean waves", "acid lattice", "gold cathedral"),
}
SECONDS, FPS = 20.0, 12


def show(folder: Path, examples: Path, machine: Machine) -> None:
    """Write embedded.jpg, and a video for each of VIDEOS, beside the example song."""
    contact_sheet(folder, examples / "embedded.jpg", machine)
    song = av.load_song(examples / "song.ogg", fps=FPS, duration=SECONDS)
    model = replace(load(folder, machine), name="embedded")
    for name, prompts in VIDEOS.items():
        av.render(
            song,
            av.load_schedule(name)(song),
            prompts=prompts,
            model=model,
            out=examples / f"{name}.mp4",
            progress=False,
        )


def contact_sheet(
    folder: Path, path: Path, machine: Machine, *, seed: int = 7, side: int = 144, columns: int = 8
) -> None:
    """The prompts of SHEET as one picture file."""
    model = load(folder, machine)
    pictures = paint(model, [model.encode_text(prompt) for prompt in SHEET], seed=seed)
    small = [
        np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.LANCZOS)) for picture in pictures
    ]
    rows = [np.concatenate(small[start : start + columns], 1) for start in range(0, len(small), columns)]
    Image.fromarray(np.concatenate(rows)).save(path, quality=88)
