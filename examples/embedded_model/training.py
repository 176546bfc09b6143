"""One training loop for every network here: AdamW, a long even stretch, averaged weights, exact resumption."""

import math
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

SAVE_SECONDS = 150

Loss = Callable[[int, torch.Generator, float], torch.Tensor]
Weights = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Plan:
    """How long and how fast one network learns."""

    steps: int
    batch: int
    rate: float  # peak learning rate
    seconds: float = math.inf  # it ends after this time too, with the rate as low as at the last step
    warmup: int = 200  # steps
    decay: float = 0.01  # weight decay
    average: float = 0.999  # how slowly the averaged weights follow
    fall: float = 0.3  # share of the steps or the time, at the end, in which the rate falls
    seed: int = 0


@dataclass(frozen=True)
class Machine:
    """Where the networks learn, and until when."""

    device: torch.device = torch.device("cpu")
    workers: int = 1  # processes that draw
    deadline: float = math.inf  # time.monotonic() at which training stops at a checkpoint
    half: bool = False  # whether a CPU computes faster in bfloat16, as those with AMX do

    @property
    def kind(self) -> str:
        """Which plans are for it: those of "cpu" or those of "cuda"."""
        return self.device.type

    @property
    def dtype(self) -> torch.dtype:
        """What the networks compute in: bfloat16 where it is fast."""
        return torch.bfloat16 if self.half or self.kind == "cuda" else torch.float32

    def generator(self, *key: int) -> torch.Generator:
        """A source of chance on the device that depends on the key alone."""
        seed = int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0])
        return torch.Generator(self.device).manual_seed(seed >> 1)

    def wait(self) -> None:
        """Until the device has done what it was given."""
        if self.kind == "cuda":
            torch.cuda.synchronize()


class Paused(Exception):
    """The time is up; the checkpoint holds what was reached."""


class Half:
    """A network in float32, and a copy of it that computes in what the machine is fast in.

    In float32 both are the same.
    """

    def __init__(self, network: torch.nn.Module, machine: Machine) -> None:
        self.network = network.to(machine.device, memory_format=torch.channels_last)
        self.machine = machine
        self.working = network if machine.dtype == torch.float32 else deepcopy(self.network).to(machine.dtype)

    def call(self, method: str, *inputs: torch.Tensor, **named: torch.Tensor):
        """A method of the copy, with what it is given rounded too."""
        inputs, named = tuple(map(self.rounded, inputs)), {name: self.rounded(value) for name, value in named.items()}
        return getattr(self.working, method)(*inputs, **named)

    def rounded(self, value: torch.Tensor) -> torch.Tensor:
        """Floating-point values as the copy computes with them."""
        return value.to(self.machine.dtype) if value.is_floating_point() else value

    def trained(self) -> list[tuple[torch.nn.Parameter, torch.nn.Parameter]]:
        """What learns, in float32 and in the copy."""
        pairs = zip(self.network.parameters(), self.working.parameters())
        return [(whole, half) for whole, half in pairs if whole.requires_grad]

    @torch.no_grad()
    def hand_over(self) -> None:
        """The copy's gradients become the network's."""
        if self.working is not self.network:
            for whole, half in self.trained():
                whole.grad = None if half.grad is None else half.grad.float()
                half.grad = None

    @torch.no_grad()
    def renew(self) -> None:
        """The copy follows the network's weights."""
        if self.working is not self.network:
            pairs = self.trained()
            torch._foreach_copy_([half for _, half in pairs], [whole for whole, _ in pairs])


def rate_at(step: int, done: float, plan: Plan) -> float:
    """Learning rate: linear warm-up, then even, then a line down to a hundredth.

    The even stretch lets a plan be made longer after it has begun.
    """
    rise = min(1.0, (step + 1) / plan.warmup)
    return plan.rate * rise * min(1.0, max(0.01, (1 - done) / plan.fall))


def fit(model: Half, loss_at: Loss, plan: Plan, path: Path, machine: Machine) -> None:
    """Train a network and leave its averaged weights in it.

    Parameters
    ----------
    model : Half
        Trained in place. Only parameters that require a gradient change.
    loss_at : (step, torch.Generator, share done) -> scalar tensor
        The generator depends on the plan's seed and the step alone, so a resumed run sees what an unbroken one sees.
    plan : Plan
    machine : Machine
    path : Path
        Checkpoint, .safetensors, rewritten every few minutes and continued from where it exists.

    Raises
    ------
    Paused
        At the machine's deadline.
    FloatingPointError
        If the loss is no number.
    """
    network = model.network
    trained = [whole for whole, _ in model.trained()]
    optimizer = torch.optim.AdamW(trained, lr=plan.rate, betas=(0.9, 0.99), weight_decay=plan.decay, fused=True)
    average = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
    step, spent = restore(path, network, optimizer, average) if path.exists() else (0, 0.0)
    model.renew()
    recent, begun, saved = [], time.monotonic(), time.monotonic()
    done = max(step / plan.steps, spent / plan.seconds)
    while done < 1:
        for group in optimizer.param_groups:
            group["lr"] = rate_at(step, done, plan)
        loss = loss_at(step, machine.generator(plan.seed, step), done)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        model.hand_over()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        model.renew()
        follow(average, network, keep=min(plan.average, (1 + step) / (10 + step)))
        recent.append(loss.detach())
        step += 1
        if step % 50 == 0 or step == 1:
            loss = torch.stack(recent).mean().item()  # waits for the device, so that the time is right
            print(f"{time.strftime('%H:%M:%S')} {path.stem} {step} ({done:.1%}) loss {loss:.4f}", flush=True)
            if not math.isfinite(loss):
                raise FloatingPointError(f"{path.stem}: the loss is {loss} at step {step}")
            recent.clear()
        now = time.monotonic()
        done = max(step / plan.steps, (spent + now - begun) / plan.seconds)
        if now - saved > SAVE_SECONDS or done >= 1 or now > machine.deadline:
            store(path, step, spent + now - begun, network, optimizer, average)
            saved = time.monotonic()
        if now > machine.deadline and done < 1:
            raise Paused(f"{path.stem}: {done:.1%} done")
    network.load_state_dict(average)
    model.renew()


@torch.no_grad()
def follow(average: Weights, network: torch.nn.Module, *, keep: float) -> None:
    """Move the averaged weights a little towards the network's."""
    pairs = [(average[name], tensor) for name, tensor in network.state_dict().items() if tensor.is_floating_point()]
    torch._foreach_lerp_([old for old, _ in pairs], [new for _, new in pairs], 1 - keep)


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
    """Read what `store` or `unpack` wrote; returns the number of steps already done and the seconds they took."""
    groups: dict[str, Weights] = {}
    with safe_open(path, framework="pt") as file:
        done = progress(path)
        for key in file.keys():  # noqa: SIM118 (a safetensors file is no mapping)
            kind, name = key.split(".", 1)
            groups.setdefault(kind, {})[name] = file.get_tensor(key)
    average_weights = groups.pop("average")
    for name, tensor in average_weights.items():
        average[name].copy_(tensor)
    if "network" not in groups:  # brought from another machine: learn anew from there
        network.load_state_dict(average_weights)
        return 0, 0.0
    network.load_state_dict(groups.pop("network"))
    for name, parameter in network.named_parameters():
        moments = {kind: group[name] for kind, group in groups.items() if name in group}
        if moments:  # each laid out in memory as the parameter is
            optimizer.state[parameter] = {
                kind: torch.empty_like(parameter).copy_(moment)
                if moment.shape == parameter.shape
                else moment.to(parameter.device)
                for kind, moment in moments.items()
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
