"""A song becomes a music video in smooth motion, with a contact sheet and a plot of the schedule beside it."""

from pathlib import Path

import click

import audioviz as av


@click.command()
@click.argument("song", type=click.Path(path_type=Path))
@click.option("--out", default="video.mp4", type=click.Path(path_type=Path), show_default=True)
@click.option("--schedule", default="vhs", show_default=True)
@click.option("--prompt", "prompts", multiple=True, help="The schedule's own, if not given.")
@click.option("--fps", default="12", show_default=True, help="Frames that are drawn a second,")
@click.option("--smooth", default="2x", show_default=True, help="and how many more are shown.")
def music_video(song: Path, out: Path, schedule: str, prompts: tuple[str, ...], fps: str, smooth: str) -> None:
    """Render SONG to a video, its frames in a grid, and its schedule as a plot."""
    track = av.load_song(song, fps=fps)
    plan = av.load_schedule(schedule)(track)
    if prompts:
        plan = plan.with_prompts(prompts, song=track)
    av.render(track, plan, out=out, smooth=smooth).sheet(out.with_suffix(".png"))
    plan.plot(out.with_name(f"{out.stem}-schedule.png"))


if __name__ == "__main__":
    music_video()
