"""The frame loop of a scheduled sequence: plans in, latents out, one at a time."""

from collections.abc import Iterable, Iterator

from torch import Tensor

from audioviz.sampling.denoiser import Denoiser
from audioviz.sampling.frame import check_latent, fit_mask, sample_frame
from audioviz.sampling.plan import FramePlan
from audioviz.sampling.samplers import Run, Sampler, sampler_for
from audioviz.sampling.sigmas import Schedule, scheduler_for


def sequence(
    denoiser: Denoiser,
    plans: Iterable[FramePlan],
    *,
    start: Tensor,
    sampler: str | Run | Sampler = "euler",
    scheduler: str | Schedule = "normal",
    noise_mask: Tensor | None = None,
) -> Iterator[Tensor]:
    """The latent of each frame in turn; memory does not grow, and each frame depends on its predecessor and plan alone.

    Parameters
    ----------
    denoiser : as for sample_frame
    plans : FramePlan for each frame
    start : float, shape (B, C, H, W)
        Latent that the first frame is made from, in the autoencoder's units; or the last one of an earlier run, whose
        next frame is then the same as if that run had gone on.
    sampler, scheduler, noise_mask : as for sample_frame

    Yields
    ------
    float32, shape (B, C, H, W), in the autoencoder's units.

    Raises
    ------
    InputError
        At the call itself, if a name is not known, or the start or the mask do not fit the model.
    """
    kind, table = sampler_for(sampler, flow=denoiser.flow), scheduler_for(scheduler)
    latent = check_latent(denoiser, start)
    if noise_mask is not None:
        fit_mask(noise_mask, latent)

    def frames() -> Iterator[Tensor]:
        previous = latent
        for plan in plans:
            frame = sample_frame(denoiser, plan, previous, sampler=kind, scheduler=table, noise_mask=noise_mask)
            # In the order that it is read back in from a file, on which the last bits of sums and arcs depend.
            previous = frame.contiguous()
            yield previous

    return frames()
