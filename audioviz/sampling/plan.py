"""FramePlan, the parameters of one frame: the loop has no quirks, the plans have them."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral, Real

from torch import Tensor

from audioviz.errors import InputError
from audioviz.sampling.anchor import Anchor
from audioviz.sampling.conditioning import Guidance
from audioviz.sampling.interpolate import MODES
from audioviz.sampling.noise import Draw


@dataclass(frozen=True, eq=False)
class FramePlan:
    """What is done with the previous latent to make the next.

    In this order: noise_before is added, the camera moves, the latent is unsampled, noise_after is added, it is
    sampled, interpolated with the previous one (as the camera sees it now), which also stays where it is held, then
    held at the anchor, and laid over what is kept.
    """

    conditioning: Guidance
    seed: int
    frame: int = 0  # number of the frame: keys the streams of its injected noise
    steps: int = 20
    cfg: float = 8.0
    denoise: float = 1.0  # 0 keeps the latent, 1 redraws it
    first_step: int | None = None  # cut the sigma table at its start,
    last_step: int | None = None  # and at its end,
    force_full_denoise: bool = False  # which then becomes 0 all the same
    add_noise: bool = True  # fresh noise up to the first sigma
    noise_before: float = 0.0  # standard deviation, in the autoencoder's units
    unsample_steps: int = 0  # steps of the inversion up to the first sigma; 0 is off
    conditioning_before: Guidance | None = None  # what the inversion follows, if not the conditioning
    noise_after: float = 0.0  # standard deviation, in the autoencoder's units
    interp: float = 1.0  # weight of the new latent: 1 is off, 0 freezes
    mode: str = "blend"  # of the interpolation
    warp: Callable[[Tensor], Tensor] | None = None  # the camera: of a latent what it sees after it has moved
    held: Tensor | None = None  # (1, 1, H, W), 0..1: how far the previous latent, as it is seen now, stays there
    anchor: Anchor | None = None
    start: Tensor | None = None  # (B, C, H, W): taken instead of the previous latent
    keep: Tensor | None = None  # (B, C, H, W): what stands outside the noise mask, whatever was added there
    initial_noise: Tensor | None = None  # (B, C, H, W): taken instead of the seed's draw
    draw_before: Draw | None = None  # taken instead of the frame's own streams
    draw_after: Draw | None = None
    rising_sigmas: tuple[float, ...] = ()  # a run of the sampler itself along these, in place of the inversion
    path_sigmas: tuple[float, ...] = ()  # what a Brownian path spans, if not the sigmas that are run

    def __post_init__(self) -> None:
        for name in ("seed", "frame", "steps", "unsample_steps"):
            if not isinstance(getattr(self, name), Integral):
                raise InputError(f"frame {self.frame}: {name} is {getattr(self, name)!r}, expected a whole number")
        for name in ("first_step", "last_step"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, Integral) and int(value) >= 0):
                raise InputError(f"frame {self.frame}: {name} is {value!r}, expected a whole number, at least 0")
        for name, low, high in _RANGES:
            value = getattr(self, name)
            if not isinstance(value, Real) or not value <= high or value < low:  # nor NaN
                raise InputError(f"frame {self.frame}: {name} is {value!r}, expected {low} to {high}")
        if self.mode not in MODES:
            raise InputError(
                f"frame {self.frame}: interpolation {self.mode!r} is not known: expected one of {', '.join(MODES)}"
            )


def plan_frame(
    conditioning: Guidance,
    *,
    seed: int,
    frame: int,
    steps: int,
    cfg: float,
    denoise: float,
    noise: float = 0.0,
    interp: float = 1.0,
    mode: str = "blend",
    unsample: bool = False,
    conditioning_before: Guidance | None = None,
    warp: Callable[[Tensor], Tensor] | None = None,
    anchor: Anchor | None = None,
) -> FramePlan:
    """The plan of a frame as the documentation promises it.

    Noise is injected once, after the camera has moved, so that it stays fine; unsampling stands in the place of fresh
    noise; a frame whose denoise is 0 is the previous one, as the camera sees it now.

    Parameters
    ----------
    seed, denoise, noise, interp, cfg : the columns of a Schedule, at this frame
    warp : the camera, see warp.py
    unsample : bool
        Start from the inversion of the previous latent, at the cost of more model calls (see inversion.py).
    conditioning_before : Guidance, optional
        What the previous latent was made with: the inversion follows it, so that sampling changes what has changed
        since.
    """
    drawn = denoise > 0
    return FramePlan(
        conditioning=conditioning,
        seed=seed,
        frame=frame,
        steps=steps,
        cfg=cfg,
        denoise=denoise,
        add_noise=not unsample,
        unsample_steps=steps if unsample and drawn else 0,
        conditioning_before=conditioning_before,
        noise_after=noise if drawn else 0.0,
        interp=interp,
        mode=mode,
        warp=warp,
        anchor=anchor if drawn else None,
    )


_RANGES = (
    ("seed", -(2**63), 2**64 - 1),
    ("frame", 0, math.inf),
    ("steps", 1, 10_000),
    ("cfg", 0, math.inf),
    ("denoise", 0, 1),
    ("noise_before", 0, math.inf),
    ("unsample_steps", 0, 10_000),
    ("noise_after", 0, math.inf),
    ("interp", 0, 1),
)
