"""What a frame takes from the CPU: its sigmas and its random numbers, which may be there before it begins."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor

from audioviz.sampling.noise import Draw, Noise, injected
from audioviz.sampling.plan import FramePlan
from audioviz.sampling.samplers import SAMPLERS, Sampler
from audioviz.transfer import to_device

Item = TypeVar("Item")
Made = TypeVar("Made")


@dataclass(frozen=True, eq=False)
class Drawn:
    """The sigmas and the random numbers of a frame; None in place of those that it does not use.

    Parameters
    ----------
    sigmas : float32, shape (n + 1,), on the CPU
    before, after : float32, shape (B, C, H, W)
        Unit noise that is injected before the camera moves, and after it.
    initial : float32, shape (B, C, H, W)
        Unit noise that sampling starts from.
    outside : float32, shape (B, C, H, W)
        Unit noise around a mask, where that is not the initial.
    steps, rising_steps : Noise
        Of the sampler's steps, and of those along the plan's rising sigmas.
    """

    sigmas: Tensor
    before: Tensor | None = None
    after: Tensor | None = None
    initial: Tensor | None = None
    outside: Tensor | None = None
    steps: "Noise | StepNoise | None" = None
    rising_steps: "Noise | StepNoise | None" = None

    def to(self, device: torch.device) -> "Drawn":
        """The same with all random numbers on a device."""
        return replace(
            self,
            **{
                name: to_device(value, device) if isinstance(value, Tensor) else value.to(device)
                for name, value in vars(self).items()
                if name != "sigmas" and isinstance(value, (Tensor, StepNoise))
            },
        )


def draw(
    plan: FramePlan, sigmas: Tensor, kind: Sampler, shape: torch.Size, *, training: Tensor, device: torch.device
) -> Drawn:
    """All random numbers of a frame, on the CPU; those of its steps only for a GPU, which is not to wait for each.

    Parameters
    ----------
    sigmas : float32, shape (n + 1,)
        That the plan's run visits.
    shape : (B, C, H, W)
        Of the latent.
    training : float64, shape (timesteps,)
        The model's own sigmas.
    device : where they will be used
    """
    own = device.type != "cpu" and kind in SAMPLERS.values()  # others may ask for noise that hangs on the picture

    def unit(strength: float, stream: Draw | None, purpose: str) -> Tensor | None:
        return (stream or injected(plan.seed, plan.frame, purpose))(shape) if strength > 0 else None

    def steps(visited: Tensor, spanned: Tensor) -> "Noise | StepNoise | None":
        if len(visited) < 2:
            return None
        noise = kind.noise(plan.seed, torch.empty(1, device="cpu" if own else device).expand(shape), spanned)
        asked = asked_noise(kind, visited, training) if own else []
        return StepNoise(asked, torch.stack([noise(*pair) for pair in asked])) if asked else noise

    rising = torch.tensor(plan.rising_sigmas)
    spanned = torch.tensor(plan.path_sigmas) if plan.path_sigmas else None
    drawn = Drawn(
        sigmas,
        before=unit(plan.noise_before, plan.draw_before, "before"),
        after=unit(plan.noise_after, plan.draw_after, "after"),
        outside=Draw(plan.seed + kind.mask_seed)(shape) if kind.mask_seed else None,
        steps=steps(sigmas, sigmas if spanned is None else spanned),
        rising_steps=steps(rising, rising if spanned is None else spanned),
    )
    if len(sigmas) < 2 or plan.unsample_steps or not plan.add_noise:
        return drawn
    return replace(drawn, initial=Draw(plan.seed)(shape) if plan.initial_noise is None else plan.initial_noise)


@dataclass(frozen=True, eq=False)
class StepNoise:
    """The noise of a sampler's steps, drawn before the first.

    Parameters
    ----------
    asked : of sigma and the sigma after it
        For what it will be asked, in order.
    values : float32, shape (len(asked), B, C, H, W)
    """

    asked: list[tuple[float, float]]
    values: Tensor

    def to(self, device: torch.device) -> "StepNoise":
        """The same on a device."""
        return replace(self, values=to_device(self.values, device))

    def __call__(self) -> Noise:
        """A Noise that gives one after the other."""
        left = zip(self.asked, self.values, strict=True)

        def noise(sigma: float, after: float) -> Tensor:
            asked, value = next(left)
            assert asked == (sigma, after), "a sampler asks for the same noise whatever the picture is"
            return value

        return noise


def asked_noise(kind: Sampler, sigmas: Tensor, training: Tensor) -> list[tuple[float, float]]:
    """For what noise a sampler asks on its way along a table of sigmas: it is watched where there is no picture."""
    asked: list[tuple[float, float]] = []
    nothing = torch.zeros(1, 1, 1, 1)

    def noise(sigma: float, after: float) -> Tensor:
        asked.append((sigma, after))
        return nothing

    kind.run(_Nothing(training), nothing, sigmas, noise)
    return asked


@dataclass(frozen=True, eq=False)
class _Nothing:
    """A denoiser that leaves x as it is."""

    sigmas: Tensor

    def __call__(self, x: Tensor, sigma: float) -> Tensor:
        return x

    def pair(self, x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        return x, x


def made_ahead(items: Iterable[Item], make: Callable[[Item], Made]) -> Iterator[tuple[Item, Made]]:
    """Each item and what is made of it, in a thread and while the one before is used."""
    with ThreadPoolExecutor(1) as thread:
        before: tuple[Item, Future[Made]] | None = None
        for item in items:
            started = item, thread.submit(make, item)
            if before is not None:
                yield before[0], before[1].result()
            before = started
        if before is not None:
            yield before[0], before[1].result()
