"""Default settings of a model: what works when the user says nothing."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

FEW_STEPS = ("turbo", "lightning", "hyper", "lcm", "schnell")


@dataclass(frozen=True)
class Defaults:
    """Default settings of a model.

    Parameters
    ----------
    size : pixels, of a square picture
    steps, cfg, sampler, scheduler : as for `render`
    denoise : float in 0..1
        Of a frame that is made from the one before.
    """

    size: int
    steps: int
    cfg: float
    sampler: str
    scheduler: str
    denoise: float = 0.5


def few_steps_of(name: str) -> str | None:
    """What a name says of how a model was distilled to few steps: it is often known by nothing else."""
    return next((word for word in FEW_STEPS if re.search(rf"(?<![a-z]){word}(?![a-z])", name.lower())), None)


def at_few_steps(own: Defaults, name: str, *, steps: int, scheduler: str) -> Defaults:
    """The defaults of a model of few steps without guidance, of so many as its name says."""
    named = re.search(r"(?<!\d)(\d{1,2})[-_ ]?steps?(?![a-z])", name.lower())
    steps = int(named[1]) if named and int(named[1]) else steps
    return replace(own, steps=steps, cfg=1.0, sampler="euler", scheduler=scheduler, denoise=0.5)


def sized(own: Defaults, config: Mapping[str, Any]) -> Defaults:
    """The defaults at the size that a core was trained at, which its config tells in latent cells."""
    return replace(own, size=8 * config["sample_size"]) if config.get("sample_size") else own
