"""One picture varied a little, more, and a lot: a contact sheet of stochastic variations."""

from pathlib import Path

import click
import numpy as np
from PIL import Image

import audioviz as av
from audioviz.sampling import stochastic_variations


@click.command()
@click.argument("prompt")
@click.option("--out", default="variations.png", type=click.Path(path_type=Path), show_default=True)
@click.option("--model", "source", default="embedded", show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option(
    "--strength",
    "strengths",
    multiple=True,
    type=float,
    default=[0.2, 0.5, 0.7, 0.9],
    show_default=True,
    help="One row of the sheet each.",
)
@click.option("--count", default=5, show_default=True, help="Variations in a row.")
def variations(prompt: str, out: Path, source: str, seed: int, strengths: tuple[float, ...], count: int) -> None:
    """Vary the picture of PROMPT at several strengths."""
    model = av.load_model(source)
    own = model.defaults
    latent = model.empty_latent((own.size, own.size)).repeat(count, 1, 1, 1)
    rows = []
    for strength in strengths:
        latents = stochastic_variations(
            model.denoiser,
            noise_seed=seed,
            steps=25,
            cfg=own.cfg,
            sampler=own.sampler,
            scheduler=own.scheduler,
            positive=model.encode_text(prompt),
            negative=model.encode_text(""),
            variation_seed=seed + 1,
            variation_strength=strength,
            latent_image=latent,
        )
        rows.append(np.concatenate([model.decode(one[None]) for one in latents], axis=1))
    Image.fromarray(np.concatenate(rows)).save(out)
    click.echo(out)


if __name__ == "__main__":
    variations()
