"""Write gallery.md: every ready-made schedule on the example song, as frames, as a plot, and in figures of reaction.

python examples/gallery.py [--model DIR] [--size 256x256] [--steps N] [--duration S] [--out FOLDER]
"""

import tempfile
from pathlib import Path

import click

import audioviz as av
from audioviz.insight.reaction import Reaction
from audioviz.rendering.inputs import DEFAULT_PROMPTS
from audioviz.shelf import names

HERE = Path(__file__).parent
WIDTH = 960  # pixels, of a picture on the page

HEAD = """# Gallery

Each ready-made schedule on `{song}`: frames in time order, then what it says to the sampler. Made by
`python examples/gallery.py`; `audioviz render SONG --schedule NAME` makes the video.

*Change with kicks* is the correlation of the change of the picture within a twelfth of a second with the kicks of the
song, *kicks seen* the part of them with a peak of the change between frames within one frame, and *loud to quiet* the
change in the loudest passage against that in the quietest.

| schedule | change with kicks | kicks seen | loud to quiet |
|---|---|---|---|
"""


@click.command()
@click.option("--song", default=HERE / "song.ogg", type=click.Path(path_type=Path))
@click.option("--model", default="embedded", show_default=True)
@click.option("--size", help="Pixels, such as 256x256; the model's own if not given.")
@click.option("--steps", type=int, help="Model calls a frame; the model's own if not given.")
@click.option("--fps", default="8", show_default=True)
@click.option("--duration", type=float, default=18.0, show_default=True, help="Seconds of the song.")
@click.option(
    "--out", default=HERE, type=click.Path(path_type=Path, file_okay=False, exists=True), help="Folder of gallery.md."
)
def main(song: Path, model: str, size: str | None, steps: int | None, fps: str, duration: float, out: Path) -> None:
    """Render every ready-made schedule and write the page."""
    track = av.load_song(song, fps=fps, duration=duration)
    write_gallery(track, av.load_model(model), list(names("schedules")), out, size=size, steps=steps)


def write_gallery(
    song,
    model,
    schedules: list[str],
    folder: Path,
    *,
    size: str | tuple[int, int] | None = None,
    steps: int | None = None,
) -> None:
    """Write folder/gallery.md, and its pictures into folder/gallery."""
    pictures = folder / "gallery"
    pictures.mkdir(exist_ok=True)
    rows, parts = [], []
    for name in schedules:
        figures = _draw(song, model, name, pictures, size=size, steps=steps)
        rows.append(
            f"| [{name}](#{name}) | {figures.correlation:.2f} | {figures.hits:.0%} | {figures.loud_to_quiet:.1f} |\n"
        )
        parts.append(
            f"\n## {name}\n\n{names('schedules')[name]}\n\n![frames](gallery/{name}.jpg)\n\n"
            f"![columns](gallery/{name}-plot.jpg)\n"
        )
    (folder / "gallery.md").write_text(HEAD.format(song=song.path.name) + "".join(rows + parts), encoding="utf-8")


def _draw(song, model, name: str, pictures: Path, *, size: str | tuple[int, int] | None, steps: int | None) -> Reaction:
    """Render one schedule, keep its frames and plot as small pictures, and measure it."""
    plan = av.load_schedule(name)(song)
    plan = plan if plan.prompts else plan.with_prompts(DEFAULT_PROMPTS)
    with tempfile.TemporaryDirectory() as work:
        video = av.render(song, plan, out=Path(work) / "video.mp4", model=model, size=size, steps=steps)
        sheet = video.sheet(columns=8, rows=3, width=120)
        for picture, target in ((sheet, f"{name}.jpg"), (plan.plot(), f"{name}-plot.jpg")):
            picture.thumbnail((WIDTH, 4 * WIDTH))
            picture.save(pictures / target, quality=85, optimize=True)
        return video.info().reaction


if __name__ == "__main__":
    main()
