"""KSampler Stochastic Variations: one composition, finished in many ways."""

from torch import Tensor

from audioviz.errors import InputError
from audioviz.sampling.conditioning import Conditioning
from audioviz.sampling.denoiser import Denoiser
from audioviz.sampling.frame import check_latent
from audioviz.sampling.ksampler import ksampler
from audioviz.sampling.samplers import Run
from audioviz.sampling.sigmas import Schedule


def stochastic_variations(
    model: Denoiser,
    *,
    latent_image: Tensor,
    noise_seed: int = 0,
    steps: int = 25,
    cfg: float = 7.0,
    sampler: str | Run,
    scheduler: str | Schedule,
    positive: Tensor | Conditioning,
    negative: Tensor | Conditioning,
    variation_seed: int = 0,
    variation_strength: float = 0.2,
    cfg_scale: float = 1.0,
) -> Tensor:
    """Variations of one picture, as KSampler Stochastic Variations makes them.

    Parameters
    ----------
    model : Denoiser
    latent_image : float, shape (B, C, H, W)
        The first latent is used, and B variations are made; in the autoencoder's units.
    noise_seed : int
        Of the composition, which all of them share.
    variation_seed : int
        Of what differs.
    variation_strength : float in [0, 1]
        Share of the steps that differ.
    cfg_scale : float in [0, 1]
        Factor of cfg in those steps.
    The others as for ksampler.

    Returns
    -------
    float32, shape (B, C, H, W), in the autoencoder's units.

    Raises
    ------
    InputError
        As for ksampler, and if variation_strength is not from 0 to 1.
    """
    if not 0 <= variation_strength <= 1:
        raise InputError(f"variation_strength is {variation_strength!r}: expected a number from 0 to 1")
    latent = check_latent(model, latent_image)
    composed = max(int(steps * (1 - variation_strength)), 1)  # one step is composed at least
    composition = ksampler(
        model,
        noise_seed,
        steps,
        cfg,
        sampler,
        scheduler,
        positive,
        negative,
        latent[:1],
        start_step=0,
        last_step=composed,
    )
    # always dpmpp_2m_sde, whose table may not meet the first sampler's where that one leaves out a sigma
    return ksampler(
        model,
        variation_seed,
        steps,
        max(cfg * cfg_scale, 1.0),
        "dpmpp_2m_sde",
        scheduler,
        positive,
        negative,
        composition.repeat(len(latent), 1, 1, 1),
        start_step=composed,
        last_step=steps,
        force_full_denoise=True,
        disable_noise=True,
    )
