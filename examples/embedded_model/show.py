"""What a stranger looks at first: a sheet of forty prompts, and a short video."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

import audioviz as av

from .measure import load, make
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
    "rose iris",
    "mono tunnel",
    "candy particles",
    "moss forest",
    "rainbow spiral",
    "neon aurora",
    "copper chrome",
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
    "crimson flight",
    "violet ribbons",
    "midnight stars",
    "cosmic planet",
    "gold fireworks",
    "candy kaleidoscope",
    "lagoon coral",
    "crimson tiles",
    "midnight rain on glass",
    "cosmic eclipse",
    "neon circuit",
    "emerald waveform",
    "dark lava, glowing",
)
VIDEO = ("pulse", ("fire flames", "lagoon caustics"))  # schedule, prompts
SECONDS, FPS = 10.0, 12


def show(folder: Path, examples: Path, machine: Machine) -> None:
    """Write embedded.jpg and the video beside the example song."""
    contact_sheet(folder, examples / "embedded.jpg", machine)
    song = av.load_song(examples / "song.ogg", fps=FPS, duration=SECONDS)
    model = replace(load(folder, machine), name="embedded")
    name, prompts = VIDEO
    plan = av.load_schedule(name)(song)
    av.render(song, plan, prompts=prompts, model=model, out=examples / f"{name}.mp4", progress=False)


def contact_sheet(
    folder: Path, path: Path, machine: Machine, *, seed: int = 7, side: int = 144, columns: int = 8
) -> None:
    """The prompts of SHEET as one picture file."""
    model = load(folder, machine)
    pictures = make(model, [model.encode_text(prompt) for prompt in SHEET], seed=seed)
    small = [
        np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.LANCZOS)) for picture in pictures
    ]
    rows = [np.concatenate(small[start : start + columns], 1) for start in range(0, len(small), columns)]
    Image.fromarray(np.concatenate(rows)).save(path, quality=88)
