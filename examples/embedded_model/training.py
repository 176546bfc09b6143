"""One training loop for every network here: AdamW, warm-up, cosine decay, averaged weights, exact resumption."""
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

SAVE_SECONDS = 150

Loss = Callable[[int, np.random.Generator], torch.Tensor]
Weights = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Plan:
    """How long and how fast one network learns."""
    steps: int
    batch: int
    rate: float            # peak learning rate
    warmup: int = 200      # steps
    decay: float = 0.01    # weight decay
    average: float = 0.999  # how slowly the averaged weights follow
    seed: int = 0


def rate_at(step: int, plan: Plan) -> float:
    """Learning rate: linear warm-up, then half a cosine down to a hundredth."""
    rise = min(1.0, (step + 1) / plan.warmup)
    done = max(0, step - plan.warmup) / max(1, plan.steps - plan.warmup)
    return plan.rate * rise * (0.01 + 0.99 * 0.5 * (1 + np.cos(np.pi * done)))


def fit(network: torch.nn.Module, loss_at: Loss, plan: Plan, path: Path) -> None:
    """Train a network in place and leave its averaged weights in it.

    Parameters
    ----------
    network : Module
        Trained in place, on the CPU.
    loss_at : (step, numpy Generator) -> scalar tensor
        The generator depends on the plan's seed and the step alone, so a resumed run sees what an unbroken one sees.
    plan : Plan
    path : Path
        Checkpoint, .safetensors, rewritten every few minutes and continued from where it exists.
    """
    optimizer = torch.optim.AdamW(network.parameters(), lr=plan.rate, betas=(0.9, 0.99), weight_decay=plan.decay, fused=True)
    average = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
    start = restore(path, network, optimizer, average) if path.exists() else 0
    network.train()
    recent, saved = [], time.monotonic()
    for step in range(start, plan.steps):
        for group in optimizer.param_groups:
            group["lr"] = rate_at(step, plan)
        loss = loss_at(step, np.random.default_rng((plan.seed, step)))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        follow(average, network, keep=min(plan.average, (1 + step) / (10 + step)))
        recent.append(loss.item())
        if time.monotonic() - saved > SAVE_SECONDS or step + 1 == plan.steps:
            store(path, step + 1, network, optimizer, average)
            saved = time.monotonic()
        if (step + 1) % 50 == 0:
            print(f"{time.strftime('%H:%M:%S')} {path.stem} {step + 1}/{plan.steps} loss {np.mean(recent):.4f}", flush=True)
            recent.clear()
    network.load_state_dict(average)
    network.eval()


@torch.no_grad()
def follow(average: Weights, network: torch.nn.Module, *, keep: float) -> None:
    """Move the averaged weights a little towards the network's."""
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point():
            average[name].lerp_(tensor, 1 - keep)


def store(path: Path, step: int, network: torch.nn.Module, optimizer: torch.optim.Optimizer, average: Weights) -> None:
    """Write weights, averaged weights and the optimizer's moments to one safetensors file, whole or not at all."""
    tensors = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    tensors |= {f"average.{name}": tensor for name, tensor in average.items()}
    for name, parameter in network.named_parameters():
        for kind, tensor in optimizer.state.get(parameter, {}).items():
            tensors[f"{kind}.{name}"] = tensor
    part = path.with_suffix(".part")
    save_file({key: tensor.detach().contiguous() for key, tensor in tensors.items()}, part, metadata={"step": str(step)})
    part.rename(path)


def restore(path: Path, network: torch.nn.Module, optimizer: torch.optim.Optimizer, average: Weights) -> int:
    """Read what `store` wrote; returns the number of steps already done."""
    groups: dict[str, Weights] = {}
    with safe_open(path, framework="pt") as file:
        step = int(file.metadata()["step"])
        for key in file.keys():
            kind, name = key.split(".", 1)
            groups.setdefault(kind, {})[name] = file.get_tensor(key)
    network.load_state_dict(groups.pop("network"))
    average.update(groups.pop("average"))
    for name, parameter in network.named_parameters():
        optimizer.state[parameter] = {kind: group[name] for kind, group in groups.items() if name in group}
    return step


def averaged(path: Path) -> Weights:
    """The averaged weights in a checkpoint."""
    with safe_open(path, framework="pt") as file:
        return {key.removeprefix("average."): file.get_tensor(key) for key in file.keys() if key.startswith("average.")}
