"""torch.compile: denoiser and decoder of a model, compiled for this machine and one size.

Such a model is slower to start, and quicker from then on.
"""

from dataclasses import replace

import torch

from audioviz.errors import ModelError
from audioviz.models.flow import FlowDenoiser
from audioviz.models.model import Model
from audioviz.sampling.guidance import guided


def compiled(model: Model, size: tuple[int, int], cfg: float) -> Model:
    """The model with denoiser and decoder compiled, for pictures of (width, height) pixels and a guidance scale.

    torch keeps what it compiled, so another render of the same kind starts in a part of the time.

    Raises
    ------
    ModelError
        If there is no compiler, or it fails.
    """
    from torch._dynamo.exc import TorchDynamoException

    denoiser = model.denoiser
    if isinstance(denoiser, FlowDenoiser):
        denoiser = replace(denoiser, transformer=torch.compile(denoiser.transformer, dynamic=False))
    else:
        denoiser = replace(denoiser, unet=torch.compile(denoiser.unet, dynamic=False))
    quick = replace(model, denoiser=denoiser, compiled=True)
    if not hasattr(quick.autoencoder.module.decoder, "_orig_mod"):  # for an earlier song already
        quick.autoencoder.module.decoder = torch.compile(quick.autoencoder.module.decoder, dynamic=False)
    latent = quick.empty_latent(size).to(denoiser.device)
    try:
        with torch.inference_mode():
            if quick.encode_reference is None:  # an IP-Adapter wants a picture: the first frame will have one
                guided(denoiser, latent, denoiser.sigmas[-1:].float().to(latent.device), quick.guidance(""), cfg)
            quick.decode(latent)
    except (RuntimeError, TorchDynamoException) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ModelError(
            f"{model.name} cannot be compiled here ({reason:.200}): install a C++ compiler, or render without --compile"
        ) from error
    return quick
