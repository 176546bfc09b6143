"""Draw the studio's small picture of each ready-made schedule: four moments of two lively seconds, side by side.

python examples/studio_pictures.py [NAME ...]
"""

import io
import tempfile
from pathlib import Path

import click
import numpy as np
from PIL import Image

import audioviz as av
from audioviz.audio.part import liveliest
from audioviz.rendering.render import render_project
from audioviz.shelf import names

SONG = Path(__file__).parent / "song.ogg"
FOLDER = Path(av.__file__).parent / "studio" / "page" / "schedules"
SECONDS, MOMENTS = 2, 4
SIDE = 96  # pixels of a moment
MOST = 4200  # bytes of a picture, so that those of all schedules come with the page
WORDS = {  # of those that have none of their own, or the same as another, so that each looks like itself
    "pulse": "fire flames",
    "drift": "lagoon caustics",
    "salt": "violet silk",
    "was": "gold mandala",
    "strobe": "neon tunnel",
}


@click.command()
@click.argument("schedules", nargs=-1)
def main(schedules: tuple[str, ...]) -> None:
    """Draw the pictures of these schedules, or of all."""
    song, model = av.load_song(SONG, fps=12), av.load_model("embedded")
    lively = liveliest(song, range(song.clock.frames), frames=SECONDS * 12)
    FOLDER.mkdir(exist_ok=True)
    for name in schedules or names("schedules"):
        project = av.Project(SONG, fps=12, schedule=name, prompts=WORDS.get(name, ())).changed(
            start=lively.start / 12, duration=SECONDS
        )
        seen: list[np.ndarray] = []
        with tempfile.TemporaryDirectory() as folder:
            render_project(
                project,
                out=Path(folder) / "out.mp4",
                song=song,
                model=model,
                progress=False,
                watch=lambda _, picture, seen=seen: seen.append(picture.copy()),
            )
        strip = side_by_side(seen)
        (FOLDER / f"{name}.webp").write_bytes(strip)
        click.echo(f"{name}: {len(strip)} bytes")


def side_by_side(pictures: list[np.ndarray]) -> bytes:
    """Moments at equal distances, each at the end of its part, as a WebP picture as fine as its size allows."""
    chosen = [pictures[len(pictures) * (i + 1) // MOMENTS - 1] for i in range(MOMENTS)]
    strip = Image.new("RGB", (SIDE * MOMENTS, SIDE))
    for i, picture in enumerate(chosen):
        strip.paste(Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.LANCZOS), (SIDE * i, 0))
    for quality in range(70, 0, -5):
        found = io.BytesIO()
        strip.save(found, "WEBP", quality=quality, method=6)
        if found.tell() <= MOST:
            break
    return found.getvalue()


if __name__ == "__main__":
    main()
