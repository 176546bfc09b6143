"""Default settings of a model: what works when the user says nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from audioviz.models.distilled import FewSteps, steps_in


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


EMBEDDED_DEFAULTS = Defaults(size=512, steps=2, cfg=3.0, sampler="euler", scheduler="sgm_uniform")


def flow_at_few_steps(own: Defaults, name: str, *, steps: int) -> Defaults:
    """The defaults of a model of flow matching that was distilled to few steps without guidance, which its name counts.

    Parameters
    ----------
    steps : int
        Where the name has no number of them.
    """
    return with_few_steps(own, FewSteps(steps_in(name) or steps), flow=True)


def with_few_steps(own: Defaults, few: FewSteps, *, flow: bool = False, told_scale: bool = False) -> Defaults:
    """The defaults of a model as it is to be sampled after it was distilled.

    Parameters
    ----------
    flow : bool
        It is one of flow matching, which keep their sampler and scheduler.
    told_scale : bool
        It is told the guidance scale, and keeps its own.
    """
    own = replace(own, steps=few.steps, cfg=own.cfg if told_scale else few.cfg, denoise=few.denoise)
    return own if flow else replace(own, sampler=few.sampler, scheduler="sgm_uniform")


def sized(own: Defaults, config: Mapping[str, Any]) -> Defaults:
    """The defaults at the size that a core was trained at, which its config tells in latent cells."""
    return replace(own, size=8 * config["sample_size"]) if config.get("sample_size") else own
