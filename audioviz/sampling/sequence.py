"""The frame loop of a scheduled sequence: plans in, latents out, one at a time."""

from collections.abc import Iterable, Iterator

from torch import Tensor

from audioviz.sampling.denoiser import Denoiser
from audioviz.sampling.drawn import Drawn, made_ahead
from audioviz.sampling.frame import check_finite, check_latent, fit_mask, frame_draws, next_latent
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
    checked: bool = True,
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
    checked : bool
        Raise ModelError, as sample_frame does. To look for what is not a number waits for a GPU: whoever shows the
        latents can look when they are there.

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
    mask = None if noise_mask is None else fit_mask(noise_mask, latent)

    def draws(plan: FramePlan) -> Drawn:
        return frame_draws(denoiser, plan, latent.shape, kind, table)

    def frames() -> Iterator[Tensor]:
        previous = latent
        on_cpu = latent.device.type == "cpu"  # which has nothing to do meanwhile
        for plan, drawn in ((plan, draws(plan)) for plan in plans) if on_cpu else made_ahead(plans, draws):
            frame = next_latent(denoiser, plan, previous, kind, drawn, mask)
            # In the order that it is read back in from a file, on which the last bits of sums and arcs depend.
            previous = frame.contiguous()
            yield check_finite(previous, plan.frame) if checked else previous

    return frames()
