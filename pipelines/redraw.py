"""A picture or a video redrawn in time with a song: kicks redraw it, the deep notes loosen what holds it in shape."""

from pathlib import Path

import click

import audioviz as av


@click.command()
@click.argument("song", type=click.Path(path_type=Path))
@click.argument("init", type=click.Path(path_type=Path))
@click.option("--out", default="redraw.mp4", type=click.Path(path_type=Path), show_default=True)
@click.option("--model", default="embedded", show_default=True)
@click.option("--prompt", "prompts", multiple=True, default=["rose glass", "neon aurora"], show_default=True)
@click.option("--mask", help="An image, white where INIT is redrawn.")
@click.option("--controlnet", help="Holds the shapes of INIT, or of --control.")
@click.option("--control", help="An image or video of edges, depth or poses, as the ControlNet reads them.")
@click.option("--ip-adapter", help="Follows the style of --style,")
@click.option("--style", help="an image, more where the song is harmonic.")
@click.option(
    "--flow", default=0.0, show_default=True, help="Holds what moves along INIT, a video: 0.85, less on kicks."
)
@click.option("--fps", default="12", show_default=True)
@click.option("--size", default=None, type=int, help="Pixels of each side; the model's own if not given.")
@click.option("--steps", default=None, type=int)
def redraw(
    song, init, out, model, prompts, mask, controlnet, control, ip_adapter, style, flow, fps, size, steps
) -> None:
    """Redraw INIT, an image or a video, in time with SONG."""
    track = av.load_song(song, fps=fps)
    kicks = track.kicks or track.beats  # which a song without drums has
    hits = av.curves.at(kicks, kicks.strength).decay(0.3)
    plan = av.Schedule(
        seed=av.seeds.change_at(track.beats[::8]),
        denoise=0.25 + 0.4 * hits,
        flow=flow * (1 - 0.6 * hits),
        control=1.0 - 0.6 * track.low,
        style=0.2 + 0.6 * track.harmonic,
    ).with_prompts(prompts, song=track)
    av.render(
        track,
        plan,
        out=out,
        model=av.load_model(model, controlnet=controlnet, ip_adapter=ip_adapter),
        init=init,
        mask=mask,
        control=(control or init) if controlnet else None,
        style=style,
        size=size and (size, size),
        steps=steps,
    )
    click.echo(out)


if __name__ == "__main__":
    redraw()
