"""Measure audioviz on this machine and print one table, in Markdown.

    python examples/benchmarks [--device cpu|cuda]

About five minutes on two cores that have nothing else to do.
"""

import argparse
import platform
from datetime import date
from importlib.metadata import version

import analysis
import batches
import busy
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
    for rows in (
        frames.measure(device),
        batches.measure(device),
        busy.measure(),
        img2img.measure(device),
        growth.measure(),
        analysis.measure(),
    ):
        for what, figure in rows:
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
