"""Make the network that hears beats, bars and drums from nothing: render songs, train on them, judge, and ship.

    python examples/train_beats.py --stage render train export hits
    python examples/train_beats.py --stage render train export hits --further 3000    # from the shipped weights
    python examples/train_beats.py --stage hits                     # drums alone: beats and bars stay what they are
    python examples/train_beats.py --stage confidence               # prints what beats.py tells how sure it is by
    python examples/train_beats.py --stage judge --songs FOLDER     # songs with a JSON of beats beside each

Each stage goes on where it was interrupted; after `export` comes `hits`, which looks again at what that hears. They
want three hours of two cores, FluidSynth's library and the Debian packages that `beat_model/render.py` and
`beat_model/found_*.py` name: sounds, kits and scores, which are learned from but not shipped. The Python packages they
want besides are mido, music21 and pyfluidsynth.
"""

import argparse
import os
from pathlib import Path
from shutil import copyfile
from zlib import crc32

import numpy as np
import torch
from beat_model import confidence, hits, judge, pool, songs
from beat_model.network import Network, arrays
from beat_model.training import RATE, train
from safetensors.numpy import load_file, save, save_file

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ROOT / "audioviz" / "audio" / "hearing" / "beats.safetensors"
STEPS = 14000
HIT_STEPS = 5000
OFTEN = {"composed": 1.0, "tunes": 0.5, "modules": 3.0, "lmms": 1.5, "hard": 0.7}  # songs of a source are drawn
STAGES = ("render", "train", "export", "hits", "confidence", "judge")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stage", nargs="+", choices=STAGES, default=STAGES[:4])
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
    begin = _first_look(load_file(kept)) if options.further else {}  # what is exported lies halfway to what is learned
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
        learned |= {name: (learned[name] + value) / 2 for name, value in begin.items()}
        save_file(load_file(SHIPPED) | learned, SHIPPED)
    if "hits" in options.stage:
        _learn_hits(options.work, options.seconds)
    if "confidence" in options.stage:
        confidence.fit(options.work / "judge")
    if "judge" in options.stage:
        judge.report(options.songs, options.count, each=options.each, only=options.only)


def _learn_hits(work: Path, seconds: float) -> None:
    """Train the second look on what the shipped first one hears, and ship it."""
    shipped = load_file(SHIPPED)
    network = Network().eval()
    network.load_state_dict({name: torch.from_numpy(value) for name, value in _first_look(shipped).items()})
    place = work / f"hits-{crc32(save(_first_look(shipped))):08x}"  # another first look hears other hits
    hits.fill(work / "learn", place, network)
    state = place.with_suffix(".pt")
    hits.train(place, state, seconds=seconds, steps=HIT_STEPS, weights=OFTEN)
    learned = arrays(torch.load(state, weights_only=True)["average"])
    learned |= {name: learned[name] / 2 for name in ("out.weight", "out.bias")}  # halfway: other kits sound otherwise
    save_file(shipped | {f"hits.{name}": value for name, value in learned.items()}, SHIPPED)


def _first_look(weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: value for name, value in weights.items() if not name.startswith("hits.")}


if __name__ == "__main__":
    main()
