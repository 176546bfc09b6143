"""Measure audioviz on this machine and print one table, in Markdown.

    python examples/benchmarks [--device cpu|cuda]

About fifteen minutes on two cores that have nothing else to do, of which torch.compile takes ten.
"""

import argparse
import platform
from datetime import date
from functools import partial
from importlib.metadata import version

import analysis
import batches
import busy
import engines
import frames
import growth
import img2img
import torch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    device = parser.parse_args().device
    print(
        f"{date.today()}, {machine(device)}; Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in ("torch", "diffusers", "librosa"))
        + "\n"
    )
    print("| what | figure |\n|---|---|")
    of_device = (frames.measure, batches.measure, img2img.measure, engines.measure)
    for measure in (*(partial(one, device) for one in of_device), busy.measure, growth.measure, analysis.measure):
        for what, figure in measure():
            print(f"| {what} | {figure} |", flush=True)


def machine(device: str) -> str:
    """What the figures were taken on."""
    cores = f"{torch.get_num_threads()} cores of {platform.machine()}"
    return (
        f"{torch.cuda.get_device_name()}, {cores}"
        if device == "cuda"
        else f"{cores} ({torch.backends.cpu.get_cpu_capability()})"
    )


if __name__ == "__main__":
    main()
