"""Make the embedded model from nothing: draw pictures, train on them, measure, and write the folder that ships.

    python examples/train_embedded.py
    python examples/train_embedded.py --out audioviz/models/embedded --stage export measure drift card show  # ships it

Every stage leaves its result in the work folder and is skipped or continued when it is run again, so the same command
goes on after an interruption. On a GPU of a data centre it takes ten minutes, and pictures are drawn meanwhile
(--device cuda --threads 15); on two cores it is planned for a night. `embedded_model/weights` holds the UNet that the
last one learns from, in 8 bits: --weights reads it into the work folder.
"""

import argparse
import json
import os
import time
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import torch
from embedded_model import autoencoder, bank, denoiser, distil, eyes, judge, match, measure, pack, pool, ship, text
from embedded_model.drift import drift
from embedded_model.pictures import CHUNK, draw_pool, files_of
from embedded_model.show import show
from embedded_model.training import Machine, Paused

EXAMPLES = Path(__file__).resolve().parent
ROOT = EXAMPLES.parent
SCENES = {"cpu": 6400, "cuda": 24000}  # to learn from: every pattern equally often
ENOUGH = {"cpu": 6400, "cuda": 960}  # scenes that the first network waits for
SEED = 2027


class Studio:
    """What the stages share: pictures and latents, made when they are first asked for."""

    def __init__(self, work: Path, out: Path, machine: Machine) -> None:
        self.work, self.out, self.machine = work, out, machine
        self._pool: pool.Pool | None = None
        self._bank: bank.Bank | None = None
        self.drawing = None

    def draw(self) -> None:
        """Begin to draw scenes, in processes of their own; on a CPU wait until all are there."""
        self.drawing = get_context("spawn").Process(
            target=draw_quietly, args=(self.work, self.machine, SCENES[self.machine.kind])
        )
        self.drawing.start()
        if self.machine.kind == "cpu":
            self.drawing.join()

    @property
    def pool(self) -> pool.Pool:
        """Pictures for the autoencoder."""
        if self._pool is None:
            pool.wait_for_scenes(self.work / "scenes", ENOUGH[self.machine.kind])
            self._pool = pool.Pool(self.work / "scenes", self.machine, seed=SEED)
        self._pool.refresh()
        return self._pool

    @property
    def bank(self) -> bank.Bank:
        """Latents for the UNet."""
        if self._bank is None:
            pool.wait_for_scenes(self.work / "scenes", ENOUGH[self.machine.kind])
            self._pool = None  # whose memory is needed
            self._bank = bank.Bank(self.work, self.machine, seed=SEED)
        self._bank.refresh(most=450)
        print(f"{len(self._bank)} latents of {len(files_of(self.work / 'scenes')) * CHUNK} scenes", flush=True)
        return self._bank

    def judge(self) -> None:
        """Draw for the classifier that measures, and train it."""
        folder, tokenizer = self.work / "judge-scenes", self.work / "tokenizer"
        draw_pool(folder, count=judge.COUNT, seed=judge.SEED, tokenizer=tokenizer, workers=self.machine.workers)
        judge.train_judge(self.work, self.machine)

    def note(self, figures: dict[str, float]) -> None:
        """Add to the figures in the work folder."""
        path = self.work / "figures.json"
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        path.write_text(json.dumps(known | figures, indent=2), encoding="utf-8")
        print(json.dumps(figures, indent=2), flush=True)


def draw_quietly(work: Path, machine: Machine, count: int) -> None:
    """Draw with less right to the processor than the training."""
    os.nice(10)
    draw_pool(work / "scenes", count=count, seed=SEED, tokenizer=work / "tokenizer", workers=machine.workers)


STAGES = {
    "text": lambda studio: text.train_text(studio.work, studio.machine),
    "draw": lambda studio: studio.draw(),
    "eyes": lambda studio: eyes.train_eyes(studio.work, studio.pool, studio.machine),
    "autoencoder": lambda studio: autoencoder.train_autoencoder(studio.work, studio.pool, studio.machine),
    "detail": lambda studio: autoencoder.train_detail(studio.work, studio.pool, studio.machine),
    "unet": lambda studio: denoiser.train_unet(studio.work, studio.bank, studio.machine),
    "quick": lambda studio: distil.train_quick(studio.work, studio.bank, studio.machine),
    "matched": lambda studio: match.train_matched(studio.work, studio.bank, studio.machine),
    "judge": lambda studio: studio.judge(),
    "export": lambda studio: ship.export(studio.work, studio.out),
    "measure": lambda studio: studio.note(measure.measure(studio.out, studio.work, studio.machine)),
    "drift": lambda studio: studio.note(drift(studio.out, studio.work, EXAMPLES / "song.ogg", studio.machine)),
    "card": lambda studio: ship.write_card(studio.out, studio.work),
    "show": lambda studio: show(studio.out, EXAMPLES, studio.machine),
}
LEARNING = ("text", "draw", "eyes", "autoencoder", "detail", "unet", "quick", "matched", "judge")  # what a GPU is for


def main() -> None:
    """Run the stages asked for, in order."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "embedded", help="checkpoints and pictures")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "embedded" / "model", help="folder of the model")
    parser.add_argument("--stage", choices=STAGES, nargs="+", default=[name for name in STAGES if name != "show"])
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1), help="processes that draw")
    parser.add_argument("--half", action="store_true", help="compute in bfloat16 on a CPU that is fast in it")
    parser.add_argument(
        "--share", type=float, default=1.0, help="of the steps, the time and the pictures: 0.01 is a rehearsal"
    )
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop at a checkpoint after this time")
    parser.add_argument("--weights", type=Path, help="folder of weights in small files: read first, and written")
    options = parser.parse_args()
    rehearse(options.share)
    torch.set_num_threads(min(2, options.threads))
    torch.set_float32_matmul_precision("high")
    deadline = time.monotonic() + 60 * options.minutes
    machine = Machine(torch.device(options.device), options.threads, deadline, options.half)
    studio = Studio(options.work, options.out, machine)
    options.work.mkdir(parents=True, exist_ok=True)
    if options.weights:
        pack.unpack(options.weights, options.work)
    try:
        for name in options.stage:
            print(f"{time.strftime('%H:%M:%S')} stage {name}", flush=True)
            try:
                STAGES[name](studio)
            finally:
                if options.weights and name in LEARNING:
                    pack.pack(options.work, name, options.weights)
    except Paused as pause:
        print(f"{pause}; the same command goes on from there", flush=True)
    finally:
        if studio.drawing:
            studio.drawing.terminate()


def rehearse(share: float) -> None:
    """Make every plan shorter."""
    if share == 1:
        return
    for module in (eyes, autoencoder, denoiser, distil, match, judge):
        for plans in (value for name, value in vars(module).items() if name.endswith("PLANS")):
            for kind, plan in plans.items():
                plans[kind] = replace(plan, steps=max(4, round(share * plan.steps)), seconds=share * plan.seconds)
    for counts in (SCENES, ENOUGH):
        for kind, count in counts.items():
            counts[kind] = max(2 * CHUNK, round(share * count))


if __name__ == "__main__":
    main()
