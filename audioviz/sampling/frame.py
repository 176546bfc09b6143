"""Sampling of one frame, image to image: a latent, a plan, the next latent."""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import interpolate as resize

from audioviz.errors import InputError, ModelError, kind_of
from audioviz.sampling.anchor import hold
from audioviz.sampling.conditioning import Guidance
from audioviz.sampling.denoiser import Denoiser
from audioviz.sampling.drawn import Drawn, StepNoise, draw
from audioviz.sampling.guidance import guided, guided_pair
from audioviz.sampling.interpolate import MODES
from audioviz.sampling.inversion import invert, stretch
from audioviz.sampling.plan import FramePlan
from audioviz.sampling.samplers import Run, Sampler, sampler_for
from audioviz.sampling.sigmas import Schedule, sigmas_for
from audioviz.transfer import to_device


@torch.no_grad()
def sample_frame(
    denoiser: Denoiser,
    plan: FramePlan,
    previous: Tensor,
    *,
    sampler: str | Run | Sampler = "euler",
    scheduler: str | Schedule = "normal",
    noise_mask: Tensor | None = None,
) -> Tensor:
    """The latent of one frame, made from the one before.

    Parameters
    ----------
    denoiser : Denoiser
        See the contract in denoiser.py.
    plan : FramePlan
    previous : float, shape (B, C, H, W)
        Latent of the frame before, in the autoencoder's units.
    sampler, scheduler : name or function
    noise_mask : float in [0, 1], shape (H, W), (B, H, W) or (B, 1, H, W), optional
        1 where the frame is sampled; of any size, latent or picture.

    Returns
    -------
    float32, shape (B, C, H, W), on the denoiser's device, in the autoencoder's units.

    Raises
    ------
    InputError
        If a name is not known, or the latent or the mask do not fit the model.
    ModelError
        If the model gives values that are not numbers.
    """
    kind = sampler_for(sampler, flow=denoiser.flow)
    previous = check_latent(denoiser, previous)
    latent = previous if plan.start is None else check_latent(denoiser, plan.start)
    mask = None if noise_mask is None else fit_mask(noise_mask, latent)
    if plan.keep is not None:
        check_latent(denoiser, plan.keep)
    drawn = frame_draws(denoiser, plan, latent.shape, kind, scheduler)
    return check_finite(next_latent(denoiser, plan, previous, kind, drawn, mask), plan.frame)


def frame_draws(
    denoiser: Denoiser, plan: FramePlan, shape: torch.Size, kind: Sampler, scheduler: str | Schedule
) -> Drawn:
    """What a frame takes from the CPU, there; the shape is that of the latent before."""
    return draw(
        plan,
        run_sigmas(denoiser, plan, kind, scheduler),
        kind,
        shape if plan.start is None else plan.start.shape,
        training=denoiser.sigmas,
        device=denoiser.device,
    )


@torch.no_grad()
def next_latent(
    denoiser: Denoiser, plan: FramePlan, previous: Tensor, kind: Sampler, drawn: Drawn, mask: Tensor | None
) -> Tensor:
    """As `sample_frame`, but nothing is read back from a GPU: it is for the caller to look whether all is finite.

    Parameters
    ----------
    previous : float32, shape (B, C, H, W)
        On the denoiser's device.
    drawn : Drawn
        By `frame_draws`.
    mask : float32, shape (B or 1, 1, H, W), optional
        By `fit_mask`.
    """
    place = previous.device
    drawn = drawn.to(place)
    latent = previous if plan.start is None else to_device(plan.start, place).float()
    check_texts(plan.conditioning, latent)
    latent = _inject(latent, plan.noise_before, drawn.before)
    if plan.warp is not None:
        moved = plan.warp(previous)
        if plan.start is None:
            latent = moved if latent is previous else plan.warp(latent)
        previous = moved
    if plan.rising_sigmas:
        rising = replace(drawn, sigmas=torch.tensor(plan.rising_sigmas), steps=drawn.rising_steps)
        latent = _run(denoiser, plan, kind, rising, latent, torch.zeros_like(latent), mask)
    noise = _initial_noise(denoiser, plan, kind, drawn, latent)
    latent = _inject(latent, plan.noise_after, drawn.after)
    new = _run(denoiser, plan, kind, drawn, latent, noise, mask)
    if plan.interp < 1:
        new = MODES[plan.mode](previous, new, plan.interp)
    if plan.held is not None:
        new = torch.lerp(new, previous, plan.held.to(new))
    if plan.anchor is not None:
        new = hold(new, plan.anchor)
    if plan.keep is not None and mask is not None:
        new = torch.lerp(to_device(plan.keep, place).float(), new, mask)
    return new


def check_finite(latent: Tensor, frame: int) -> Tensor:
    """The latent of a frame as it is. A GPU is waited for.

    Raises
    ------
    ModelError
        If a value is not a number.
    """
    if not torch.isfinite(latent).all():
        raise NotFinite(frame)
    return latent


class NotFinite(ModelError):
    """A model failed in a frame: its latent is not of numbers."""

    def __init__(self, frame: int) -> None:
        super().__init__(
            f"frame {frame}: the model gave values that are not numbers; try another sampler, a lower cfg, or float32"
        )
        self.frame = frame

    def __reduce__(self) -> tuple[type["NotFinite"], tuple[int]]:
        return NotFinite, (self.frame,)  # which goes from process to process


def run_sigmas(denoiser: Denoiser, plan: FramePlan, kind: Sampler, scheduler: str | Schedule) -> Tensor:
    """The sigmas that a plan's run visits: float32, shape (n + 1,), or fewer than two where it does nothing."""
    sigmas = sigmas_for(scheduler, denoiser.sigmas, plan.steps, plan.denoise, drop_penultimate=kind.drop_penultimate)
    if plan.last_step is not None and plan.last_step < len(sigmas) - 1:
        sigmas = sigmas[: plan.last_step + 1]
        if plan.force_full_denoise:
            sigmas = torch.cat((sigmas[:-1], torch.zeros(1)))
    return sigmas[plan.first_step or 0 :]


def check_latent(denoiser: Denoiser, latent: Tensor) -> Tensor:
    """The latent in float32 on the denoiser's device.

    Raises
    ------
    InputError
        If its shape does not fit the model, or a value is not a number.
    """
    if not isinstance(latent, Tensor):
        raise InputError(f"a latent is {kind_of(latent)}: expected a tensor (batch, channels, height, width)")
    if latent.ndim != 4 or latent.shape[1] != denoiser.channels:
        raise InputError(
            f"a latent has the shape {tuple(latent.shape)}: "
            f"this model expects (batch, {denoiser.channels}, height, width)"
        )
    if not torch.isfinite(latent).all():
        raise InputError("a latent holds values that are not numbers (NaN or infinity)")
    return latent.to(denoiser.device, torch.float32)


def check_texts(conditioning: Guidance, latent: Tensor) -> None:
    """Check the batch size of conditionings: one row for all latents, or one for each.

    Raises
    ------
    InputError
    """
    texts = [text for _, now in ((0, conditioning), *conditioning.later) for text, _ in now.positives]
    for text in (*texts, conditioning.negative):
        if text is not None and len(text.embeddings) not in (1, len(latent)):
            raise InputError(
                f"a conditioning has {len(text.embeddings)} rows for {len(latent)} latents: expected 1 or {len(latent)}"
            )


def fit_mask(mask: Tensor, latent: Tensor) -> Tensor:
    """The mask in the size of the latent (B, C, H, W), bilinear: float32, shape (B or 1, 1, H, W).

    Raises
    ------
    InputError
        If its shape is not one of those a mask may have, or a value is not in 0 .. 1.
    """
    planes = mask.reshape(-1, 1, *mask.shape[-2:]) if mask.ndim in (2, 3, 4) else None
    if planes is None or (mask.ndim == 4 and mask.shape[1] != 1) or len(planes) not in (1, len(latent)):
        raise InputError(
            f"a noise mask has the shape {tuple(mask.shape)}: expected (height, width), "
            f"(1, height, width) or ({len(latent)}, height, width)"
        )
    if not ((planes >= 0) & (planes <= 1)).all():
        raise InputError("a noise mask holds values that are not from 0 to 1")
    return resize(planes.to(latent), latent.shape[-2:], mode="bilinear")


def _inject(latent: Tensor, strength: float, noise: Tensor | None) -> Tensor:
    return latent if noise is None else latent + noise * strength


def _initial_noise(denoiser: Denoiser, plan: FramePlan, kind: Sampler, drawn: Drawn, latent: Tensor) -> Tensor:
    """Unit noise (B, C, H, W) that sampling starts from."""
    sigmas = drawn.sigmas
    if len(sigmas) < 2:
        return torch.zeros_like(latent)
    if plan.unsample_steps:
        x = denoiser.units.to_model(latent)
        follow = _Bound(denoiser, plan.conditioning_before or plan.conditioning, 1.0)
        noisy = invert(follow, x, stretch(sigmas, plan.unsample_steps), first_order=kind.first_order)
        return (noisy - _signal(denoiser, x, sigmas[0].item())) / _start_scale(denoiser, sigmas)
    return torch.zeros_like(latent) if drawn.initial is None else drawn.initial.to(latent)


def _run(
    denoiser: Denoiser,
    plan: FramePlan,
    kind: Sampler,
    drawn: Drawn,
    latent: Tensor,
    noise: Tensor,
    mask: Tensor | None,
) -> Tensor:
    """The latent after one run of the sampler, in the autoencoder's units like the latent before."""
    sigmas, steps = drawn.sigmas, drawn.steps
    if len(sigmas) < 2 or steps is None:
        return latent
    x = denoiser.units.to_model(latent)
    bound = _Bound(denoiser, plan.conditioning, plan.cfg, sigmas)
    if mask is not None:
        bound = _Masked(bound, mask, x, noise if drawn.outside is None else drawn.outside)
    x = _signal(denoiser, x, sigmas[0].item()) + noise * _start_scale(denoiser, sigmas)
    x = kind.run(bound, x, sigmas, steps() if isinstance(steps, StepNoise) else steps)
    return denoiser.units.from_model(x)


def _start_scale(denoiser: Denoiser, sigmas: Tensor) -> float:
    """The factor of the initial noise: at the largest sigma the latent counts as one more unit of noise."""
    first, largest = sigmas[0].item(), denoiser.sigmas[-1].item()
    at_top = first > largest or math.isclose(first, largest, rel_tol=1e-5)
    return math.sqrt(1 + first * first) if at_top and not denoiser.flow else first


def _signal(denoiser: "Denoiser | _Bound", x: Tensor, sigma: float) -> Tensor:
    """What is left of a clean x (B, C, H, W) at a noise level."""
    return x * (1 - sigma) if denoiser.flow else x


@dataclass(frozen=True, eq=False)
class _Bound:
    """The denoiser as samplers call it: of x and one sigma alone."""

    denoiser: Denoiser
    conditioning: Guidance
    cfg: float
    run: Tensor | None = None  # the sigmas of the run, whose steps choose what is drawn

    @property
    def sigmas(self) -> Tensor:
        return self.denoiser.sigmas

    def _guidance(self, sigma: float) -> Guidance:
        """What holds at the step that a sigma belongs to: the last whose own is not smaller."""
        if self.run is None or not self.conditioning.later:
            return self.conditioning
        return self.conditioning.at(int((self.run[:-1] >= sigma * (1 - 1e-5)).sum()) - 1)

    @property
    def flow(self) -> bool:
        return self.denoiser.flow

    def __call__(self, x: Tensor, sigma: float) -> Tensor:
        return guided(self.denoiser, x, self._level(x, sigma), self._guidance(sigma), self.cfg)

    def pair(self, x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        """Denoised with the guidance, and by the negative alone."""
        return guided_pair(self.denoiser, x, self._level(x, sigma), self._guidance(sigma), self.cfg)

    def _level(self, x: Tensor, sigma: float) -> Tensor:
        return torch.full((len(x),), sigma, device=x.device)


@dataclass(frozen=True, eq=False)
class _Masked:
    """The denoiser where only the mask is sampled, and the latent stays as it is around it."""

    inside: _Bound
    mask: Tensor  # (B or 1, 1, H, W)
    latent: Tensor  # (B, C, H, W), scaled
    outside: Tensor  # (B, C, H, W), unit noise

    @property
    def sigmas(self) -> Tensor:
        return self.inside.sigmas

    def __call__(self, x: Tensor, sigma: float) -> Tensor:
        x = torch.lerp(_signal(self.inside, self.latent, sigma) + self.outside * sigma, x, self.mask)
        return torch.lerp(self.latent, self.inside(x, sigma), self.mask)

    def pair(self, x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        x = torch.lerp(self.latent + self.outside * sigma, x, self.mask)
        guided, plain = self.inside.pair(x, sigma)
        return torch.lerp(self.latent, guided, self.mask), plain
