"""RenderSettings: size, steps, cfg, sampler and scheduler of a render; where the look is silent, the model's own."""

from dataclasses import dataclass

from audioviz.models.families import Defaults
from audioviz.project import Look


@dataclass(frozen=True)
class RenderSettings:
    """Settings of the sampler that stay the same in every frame of a render."""

    size: tuple[int, int]  # width and height, pixels
    steps: int  # model calls a frame
    cfg: float
    sampler: str
    scheduler: str


def settings_for(look: Look, own: Defaults) -> RenderSettings:
    """The render settings that a look asks for, and the model's own for the rest."""
    return RenderSettings(
        look.size or (own.size, own.size),
        look.steps or own.steps,
        own.cfg if look.cfg is None else look.cfg,
        look.sampler or own.sampler,
        look.scheduler or own.scheduler,
    )


def describe_settings(name: str, settings: RenderSettings, own: Defaults) -> str:
    """The render settings in one line."""
    width, height = settings.size
    return (
        f"{name}: {width}x{height}, {settings.steps} steps of {settings.sampler} ({settings.scheduler}), "
        f"cfg {settings.cfg:g}; a denoise about {own.denoise:g} suits it"
    )
