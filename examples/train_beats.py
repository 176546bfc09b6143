"""Make the network that hears beats, bars and drums from nothing: render songs, train on them, judge, and ship.

    python examples/train_beats.py --stage render train export
    python examples/train_beats.py --stage render train export --further 3000    # from the shipped weights
    python examples/train_beats.py --stage confidence               # prints what beats.py tells how sure it is by
    python examples/train_beats.py --stage judge --songs FOLDER     # songs with a JSON of beats beside each

Each stage goes on where it was interrupted. It wants two hours of two cores, FluidSynth's library and the Debian
packages that `beat_model/render.py` and `beat_model/found.py` name: sounds, kits and scores, which are learned from but
not shipped. The Python packages it wants besides are mido, music21 and pyfluidsynth.
"""

import argparse
import os
from pathlib import Path
from shutil import copyfile

import torch
from beat_model import confidence, judge, pool, songs
from beat_model.network import arrays
from beat_model.training import RATE, train
from safetensors.numpy import load_file, save_file

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ROOT / "audioviz" / "audio" / "hearing" / "beats.safetensors"
STEPS = 14000
OFTEN = {"composed": 1.0, "tunes": 0.5, "modules": 3.0, "lmms": 1.5, "hard": 0.7}  # songs of a source are drawn
STAGES = ("render", "train", "export", "confidence", "judge")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stage", nargs="+", choices=STAGES, default=STAGES[:3])
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "beats")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="that render")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="of training, to go on another time")
    parser.add_argument("--further", type=int, metavar="STEPS", help="train the shipped weights by so many steps more")
    parser.add_argument("--half", action="store_true", help="train in bfloat16, which some processors do faster")
    parser.add_argument("--songs", type=Path, help="a folder of songs to judge by, besides those that are made")
    parser.add_argument("--count", type=int, default=24, help="songs of each set that is drawn")
    parser.add_argument("--only", default="", help="sets whose names hold this")
    parser.add_argument("--each", action="store_true", help="a line for each song")
    options = parser.parse_args()
    state, kept = options.work / "network.pt", options.work / "begin.safetensors"
    if options.further and not kept.exists():
        options.work.mkdir(parents=True, exist_ok=True)
        copyfile(SHIPPED, kept)
    begin = load_file(kept) if options.further else {}  # what is exported lies halfway from it to what is learned
    if "render" in options.stage:
        for judges in (False, True):
            pool.fill(options.work / ("judge" if judges else "learn"), songs.jobs(judges), processes=options.processes)
    if "train" in options.stage:
        train(
            options.work / "learn",
            state,
            seconds=options.seconds,
            steps=options.further or STEPS,
            weights=OFTEN,
            begin=begin,
            rate=RATE / 2 if options.further else RATE,
            half=options.half,
        )
    if "export" in options.stage:
        learned = arrays(torch.load(state, weights_only=True)["average"])
        save_file(learned | {name: (learned[name] + value) / 2 for name, value in begin.items()}, SHIPPED)
    if "confidence" in options.stage:
        confidence.fit(options.work / "judge")
    if "judge" in options.stage:
        judge.report(options.songs, options.count, each=options.each, only=options.only)


if __name__ == "__main__":
    main()
