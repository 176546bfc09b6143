"""One picture from a prompt."""

from pathlib import Path

import click
from PIL import Image

import audioviz as av
from audioviz.sampling import ksampler


@click.command()
@click.argument("prompt")
@click.option("--out", default="still.png", type=click.Path(path_type=Path), show_default=True)
@click.option("--negative", default="")
@click.option("--model", "source", default="embedded", show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--steps", default=20, show_default=True)
def still(prompt: str, out: Path, negative: str, source: str, seed: int, steps: int) -> None:
    """Draw PROMPT."""
    model = av.load_model(source)
    own = model.defaults
    latent = ksampler(
        model.denoiser,
        seed,
        steps,
        own.cfg,
        own.sampler,
        own.scheduler,
        model.encode_text(prompt),
        model.encode_text(negative),
        model.empty_latent((own.size, own.size)),
    )
    Image.fromarray(model.decode(latent)).save(out)
    click.echo(out)


if __name__ == "__main__":
    still()
