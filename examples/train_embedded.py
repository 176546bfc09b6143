"""Make the embedded model from nothing: draw pictures, train on them, measure, and write the folder that ships.

    python examples/train_embedded.py
    python examples/train_embedded.py --out audioviz/models/embedded --stage export measure drift card show  # ships it

Every stage leaves its result in the work folder and is skipped or continued when it is run again, so the same command
goes on after an interruption. It is planned for a night on two cores of a 2020s x86 processor, or for less than an hour
on a GPU of a data centre (--device cuda --threads 16).
"""

import argparse
import json
import os
import platform
import time
from pathlib import Path

import torch
from embedded_model import autoencoder, denoiser, guided, judge, measure, pictures, ship, text
from embedded_model.drift import drift
from embedded_model.show import show
from embedded_model.training import Machine, Paused

EXAMPLES = Path(__file__).resolve().parent
ROOT = EXAMPLES.parent
POOLS = {"cpu": 15200, "cuda": 45600}  # pictures to learn from: every pattern in every palette equally often
SEED = 2024


def name_of(machine: Machine) -> str:
    """What the networks learn on, in words."""
    if machine.device.type == "cuda":
        return torch.cuda.get_device_name()
    return f"{torch.get_num_threads()} threads of a {platform.machine()} processor"


def note(work: Path, figures: dict[str, float]) -> None:
    """Add to the figures in the work folder."""
    path = work / "figures.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    path.write_text(json.dumps(known | figures, indent=2), encoding="utf-8")
    print(json.dumps(figures, indent=2), flush=True)


def draw(work: Path, machine: Machine) -> None:
    """Draw what the networks and the judge learn from."""
    pictures.draw_pool(work / "pictures", count=POOLS[machine.device.type], seed=SEED, workers=machine.workers)
    pictures.draw_pool(
        work / "judge-pictures", count=judge.COUNT, seed=judge.SEED, factor=judge.FACTOR, workers=machine.workers
    )


def card(work: Path, out: Path, machine: Machine) -> None:
    """Write the card."""
    count = pictures.CHUNK * len(list((work / "latents").glob("latents-*.safetensors")))
    ship.write_card(out, work, pictures=count, machine=name_of(machine))


STAGES = {
    "draw": lambda work, out, machine: draw(work, machine),
    "autoencoder": lambda work, out, machine: autoencoder.train_autoencoder(work, machine),
    "text": lambda work, out, machine: text.train_text(work, machine),
    "judge": lambda work, out, machine: judge.train_judge(work, machine),
    "latents": lambda work, out, machine: denoiser.encode_pool(work, machine),
    "unet": lambda work, out, machine: denoiser.train_unet(work, machine),
    "guided": lambda work, out, machine: guided.train_guided(work, machine),
    "export": lambda work, out, machine: ship.export(work, out),
    "measure": lambda work, out, machine: note(work, measure.measure(out, work, machine)),
    "drift": lambda work, out, machine: note(work, drift(out, work, EXAMPLES / "song.ogg", machine)),
    "card": card,
    "show": lambda work, out, machine: show(out, EXAMPLES, machine),
}


def main() -> None:
    """Run the stages asked for, in order."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "embedded", help="checkpoints, pictures, latents")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "build" / "embedded" / "model", help="diffusers folder to write"
    )
    parser.add_argument("--stage", choices=STAGES, nargs="+", default=[name for name in STAGES if name != "show"])
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument(
        "--threads", type=int, default=min(2, os.cpu_count() or 1), help="of computing, and processes that draw"
    )
    parser.add_argument(
        "--minutes", type=float, default=float("inf"), help="stop training at a checkpoint after this time"
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    machine = Machine(torch.device(options.device), options.threads, time.monotonic() + 60 * options.minutes)
    for name in options.stage:
        print(f"stage {name}", flush=True)
        try:
            STAGES[name](options.work, options.out, machine)
        except Paused as pause:
            parser.exit(0, f"{pause}; the same command goes on from there\n")


if __name__ == "__main__":
    main()
