"""How a picture comes to be: an animation of the steps from noise to the prompt."""

from pathlib import Path

import click
from moviepy import ImageSequenceClip

import audioviz as av
from audioviz.sampling import progress


@click.command()
@click.argument("prompt")
@click.option("--out", default="progress.mp4", type=click.Path(path_type=Path), show_default=True)
@click.option("--model", "source", default="embedded", show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--steps", default=24, show_default=True)
@click.option("--interval", default=1, show_default=True, help="Steps between two pictures.")
def animate(prompt: str, out: Path, source: str, seed: int, steps: int, interval: int) -> None:
    """Show how PROMPT comes to be."""
    model = av.load_model(source)
    own = model.defaults
    _, latents = progress(
        model.denoiser,
        seed=seed,
        steps=steps,
        cfg=own.cfg,
        sampler_name="euler",
        scheduler="normal",
        positive=model.encode_text(prompt),
        negative=model.encode_text(""),
        latent_image=model.empty_latent((own.size, own.size)),
        interval=interval,
    )
    pictures = [model.decode(latent[None]) for latent in latents]
    ImageSequenceClip(pictures, durations=[0.1] * (len(pictures) - 1) + [2.0]).write_videofile(out, fps=20, logger=None)
    click.echo(out)


if __name__ == "__main__":
    animate()
