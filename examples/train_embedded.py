"""Make the embedded model from nothing: draw pictures, train on them, measure, and write the folder that ships.

    python examples/train_embedded.py

Every stage leaves its result in the work folder and is skipped or continued when it is run again. On one thread of a
2020s x86 processor the whole takes about two and a half hours.
"""
import argparse
import json
from dataclasses import asdict
from pathlib import Path

import torch

from embedded_model import autoencoder, denoiser, judge, measure, pictures, ship, text

ROOT = Path(__file__).resolve().parents[1]
COUNT, SEED = 14000, 2024
HISTORY = (
    f"{COUNT} pictures drawn; autoencoder {autoencoder.PLAN.steps} steps of {autoencoder.PLAN.batch} crops; text encoder "
    f"{text.PLAN.steps} steps of {text.PLAN.batch} captions; UNet {denoiser.PLAN.steps} steps of {denoiser.PLAN.batch}\n"
    "latents: each AdamW with warm-up and cosine decay, averaged weights, one thread of a shared x86 processor, float32."
)


def finish(work: Path, out: Path) -> None:
    """Measure the folder, and write its card and the contact sheet."""
    figures = measure.measure(out, work)
    print(json.dumps(asdict(figures), indent=2))
    ship.write_card(out, figures, pictures=COUNT, history=HISTORY)
    measure.contact_sheet(out, ROOT / "examples" / "embedded.jpg")


STAGES = {
    "draw": lambda work, out: pictures.draw_pool(work / "pictures", count=COUNT, seed=SEED),
    "autoencoder": lambda work, out: autoencoder.train_autoencoder(work),
    "text": lambda work, out: text.train_text(work),
    "judge": lambda work, out: judge.train_judge(work),
    "latents": lambda work, out: denoiser.encode_pool(work),
    "unet": lambda work, out: denoiser.train_unet(work),
    "export": lambda work, out: ship.export(work, out),
    "measure": finish,
}


def main() -> None:
    """Run the stages asked for, in order."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "embedded", help="checkpoints, pictures, latents")
    parser.add_argument("--out", type=Path, default=ROOT / "audioviz" / "models" / "embedded", help="the folder that ships")
    parser.add_argument("--stage", choices=[*STAGES, "all"], default="all")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for name, run in STAGES.items():
        if options.stage in (name, "all"):
            print(f"stage {name}", flush=True)
            run(options.work, options.out)


if __name__ == "__main__":
    main()
