"""One training loop for every network here: AdamW, a long even stretch, averaged weights, exact resumption."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

SAVE_SECONDS = 150

Loss = Callable[[int, torch.Generator], torch.Tensor]
Weights = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Plan:
    """How long and how fast one network learns."""

    steps: int
    batch: int
    rate: float  # peak learning rate
    warmup: int = 200  # steps
    decay: float = 0.01  # weight decay
    average: float = 0.999  # how slowly the averaged weights follow
    fall: float = 0.3  # share of the steps, at the end, in which the rate falls
    seed: int = 0


@dataclass(frozen=True)
class Machine:
    """Where the networks learn, and until when."""

    device: torch.device = torch.device("cpu")
    workers: int = 1  # processes that draw
    deadline: float = math.inf  # time.monotonic() at which training stops at a checkpoint

    def generator(self, *key: int) -> torch.Generator:
        """A source of chance on the device that depends on the key alone."""
        seed = int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0])
        return torch.Generator(self.device).manual_seed(seed >> 1)

    def mixed(self) -> torch.autocast:
        """bfloat16 where it is fast."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda")


class Paused(Exception):
    """The time is up; the checkpoint holds what was reached."""


def rate_at(step: int, plan: Plan) -> float:
    """Learning rate: linear warm-up, then even, then a line down to a hundredth.

    The even stretch lets a plan be made longer after it has begun.
    """
    rise = min(1.0, (step + 1) / plan.warmup)
    left = (plan.steps - step) / max(1, plan.fall * plan.steps)
    return plan.rate * rise * min(1.0, max(0.01, left))


def fit(network: torch.nn.Module, loss_at: Loss, plan: Plan, path: Path, machine: Machine) -> None:
    """Train a network in place and leave its averaged weights in it.

    Parameters
    ----------
    network : Module
        Trained in place; on the machine's device.
    loss_at : (step, torch.Generator) -> scalar tensor
        The generator depends on the plan's seed and the step alone, so a resumed run sees what an unbroken one sees.
    plan : Plan
    machine : Machine
    path : Path
        Checkpoint, .safetensors, rewritten every few minutes and continued from where it exists.

    Raises
    ------
    Paused
        At the machine's deadline.
    """
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=plan.rate, betas=(0.9, 0.99), weight_decay=plan.decay, fused=True
    )
    average = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
    start, spent = restore(path, network, optimizer, average) if path.exists() else (0, 0.0)
    network.train()
    recent, begun, saved = [], time.monotonic(), time.monotonic()
    for step in range(start, plan.steps):
        for group in optimizer.param_groups:
            group["lr"] = rate_at(step, plan)
        with machine.mixed():
            loss = loss_at(step, machine.generator(plan.seed, step))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        follow(average, network, keep=min(plan.average, (1 + step) / (10 + step)))
        recent.append(loss.detach())
        now = time.monotonic()
        if now - saved > SAVE_SECONDS or step + 1 == plan.steps or now > machine.deadline:
            store(path, step + 1, spent + now - begun, network, optimizer, average)
            saved = time.monotonic()
        if (step + 1) % 50 == 0:
            loss = torch.stack(recent).mean().item()
            print(f"{time.strftime('%H:%M:%S')} {path.stem} {step + 1}/{plan.steps} loss {loss:.4f}", flush=True)
            recent.clear()
        if now > machine.deadline and step + 1 < plan.steps:
            raise Paused(f"{path.stem}: {step + 1} of {plan.steps} steps done")
    network.load_state_dict(average)
    network.eval()


@torch.no_grad()
def follow(average: Weights, network: torch.nn.Module, *, keep: float) -> None:
    """Move the averaged weights a little towards the network's."""
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point():
            average[name].lerp_(tensor, 1 - keep)


def store(
    path: Path, step: int, seconds: float, network: torch.nn.Module, optimizer: torch.optim.Optimizer, average: Weights
) -> None:
    """Write weights, averaged weights and the optimizer's moments to one safetensors file, whole or not at all."""
    tensors = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    tensors |= {f"average.{name}": tensor for name, tensor in average.items()}
    for name, parameter in network.named_parameters():
        for kind, tensor in optimizer.state.get(parameter, {}).items():
            tensors[f"{kind}.{name}"] = tensor
    part = path.with_suffix(".part")
    save_file(
        {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()},
        part,
        metadata={"step": str(step), "seconds": f"{seconds:.0f}"},
    )
    part.rename(path)


def restore(
    path: Path, network: torch.nn.Module, optimizer: torch.optim.Optimizer, average: Weights
) -> tuple[int, float]:
    """Read what `store` wrote; returns the number of steps already done and the seconds they took."""
    groups: dict[str, Weights] = {}
    with safe_open(path, framework="pt") as file:
        done = progress(path)
        for key in file.keys():  # noqa: SIM118 (a safetensors file is no mapping)
            kind, name = key.split(".", 1)
            groups.setdefault(kind, {})[name] = file.get_tensor(key)
    network.load_state_dict(groups.pop("network"))
    for name, tensor in groups.pop("average").items():
        average[name].copy_(tensor)
    for name, parameter in network.named_parameters():
        optimizer.state[parameter] = {
            kind: group[name].to(parameter.device) for kind, group in groups.items() if name in group
        }
    return done


def progress(path: Path) -> tuple[int, float]:
    """How many steps a checkpoint has behind it, and how many seconds they took."""
    with safe_open(path, framework="pt") as file:
        return int(file.metadata()["step"]), float(file.metadata()["seconds"])


def averaged(path: Path) -> Weights:
    """The averaged weights in a checkpoint."""
    with safe_open(path, framework="pt") as file:
        averaged = [key for key in file.keys() if key.startswith("average.")]  # noqa: SIM118
        return {key.removeprefix("average."): file.get_tensor(key) for key in averaged}
