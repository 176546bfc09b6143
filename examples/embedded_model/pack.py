"""Averaged weights in few bytes, to be carried from the machine where they were learned."""

from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from .training import Weights, averaged, progress

LARGEST = 15_000_000  # bytes of one file
ROUGHLY = "unet"  # the stage whose weights are learned from further and not shipped: it is kept in 8 bits


def pack(work: Path, stage: str, folder: Path) -> None:
    """Write what a stage learned, if it learned anything that is kept: float16, or 8 bits."""
    checkpoint = work / f"{stage}.safetensors"
    if stage in ("eyes", "text") or not checkpoint.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    weights = averaged(checkpoint)
    if stage == "detail":
        weights = {name: weight for name, weight in weights.items() if name.startswith("decoder")}
    rounded = eighths(weights) if stage == ROUGHLY else {name: weight.half() for name, weight in weights.items()}
    steps, seconds = progress(checkpoint)
    parts: list[Weights] = [{}]
    size = 0
    for name, weight in rounded.items():
        size += weight.nbytes
        if size > LARGEST:
            parts.append({})
            size = weight.nbytes
        parts[-1][name] = weight.contiguous()
    for number, part in enumerate(parts):
        save_file(part, folder / f"{stage}-{number}.safetensors", {"step": str(steps), "seconds": f"{seconds:.0f}"})


def eighths(weights: Weights) -> Weights:
    """Each row of each weight as 8-bit numbers and a scale."""
    made: Weights = {}
    for name, weight in weights.items():
        if weight.ndim < 2:
            made[name] = weight.half()
            continue
        scale = weight.flatten(1).abs().amax(1).clamp_min(1e-8) / 127
        rows = scale.view(-1, *[1] * (weight.ndim - 1))
        made[name] = (weight / rows).round().to(torch.int8)
        made[f"{name}.scale"] = scale.half()
    return made


def unpack(folder: Path, work: Path) -> None:
    """Write checkpoints of averaged weights from what `pack` wrote on another machine, where there are none yet."""
    for stage in sorted({path.stem[:-2] for path in folder.glob("*-?.safetensors")}):
        checkpoint = work / f"{stage}.safetensors"
        if not checkpoint.exists():
            paths = sorted(folder.glob(f"{stage}-?.safetensors"))
            weights = whole({name: weight for path in paths for name, weight in load_file(path).items()})
            if stage == "detail":
                weights = averaged(work / "autoencoder.safetensors") | weights
            with safe_open(paths[0], framework="pt") as file:
                save_file({f"average.{name}": weight for name, weight in weights.items()}, checkpoint, file.metadata())


def whole(packed: Weights) -> Weights:
    """Weights that were rounded, float32."""
    return {
        name: (weight.float() * packed[f"{name}.scale"].float().view(-1, *[1] * (weight.ndim - 1))).contiguous()
        if f"{name}.scale" in packed
        else weight.float()
        for name, weight in packed.items()
        if not name.endswith(".scale")
    }
