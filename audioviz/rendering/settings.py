"""RenderSettings: size, steps, cfg, sampler and scheduler of a render; where the look is silent, the model's own."""

from dataclasses import dataclass

from audioviz.errors import InputError
from audioviz.models.defaults import Defaults
from audioviz.project import Look
from audioviz.project.look import OF_TWO_STEPS
from audioviz.video.frame import sampled_size


@dataclass(frozen=True)
class RenderSettings:
    """Settings of the sampler that stay the same in every frame of a render."""

    size: tuple[int, int]  # width and height, pixels
    steps: int  # model calls a frame
    cfg: float
    sampler: str
    scheduler: str
    batch: int = 1  # frames that are sampled together, where cuts part them


def settings_for(
    look: Look, own: Defaults, *, shape: tuple[int, int] | None = None, step: int | None = None
) -> RenderSettings:
    """The render settings that a look asks for, and the model's own for the rest.

    Parameters
    ----------
    shape : (width, height), optional
        Of the video, which a size that the look does not give is to be nearest to.
    step : int, optional
        Pixels that sides are multiples of; 8 if not known.

    Raises
    ------
    InputError
        If the sampler needs more steps.
    """
    check_steps(look.sampler or own.sampler, look.steps or own.steps)
    size = (own.size, own.size)
    if shape is not None:
        size = sampled_size(shape, side=own.size, step=step or 8)
    return RenderSettings(
        look.size or size,
        look.steps or own.steps,
        own.cfg if look.cfg is None else look.cfg,
        look.sampler or own.sampler,
        look.scheduler or own.scheduler,
        look.batch,
    )


def check_steps(sampler: str | None, steps: int | None) -> None:
    """Refuse a sampler that makes nothing in so many steps; what is None is not known yet.

    Raises
    ------
    InputError
    """
    if sampler in OF_TWO_STEPS and steps == 1:
        raise InputError(
            f"sampler {sampler}: calls no model in 1 step, so that pictures stay noise; expected 2 steps or more "
            "(--steps 2), or another sampler"
        )


def describe_settings(name: str, settings: RenderSettings, own: Defaults) -> str:
    """The render settings in one line."""
    (width, height), steps = settings.size, "1 step" if settings.steps == 1 else f"{settings.steps} steps"
    return (
        f"{name}: {width}x{height}, {steps} of {settings.sampler} ({settings.scheduler}), "
        f"cfg {settings.cfg:g}; a denoise about {own.denoise:g} suits it"
    )
