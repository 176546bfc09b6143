"""torch.compile: a model's networks, compiled for this machine and for pictures of one size.

Such a model is slower to start, and quicker from then on.
"""

import copy
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

from audioviz.errors import ModelError, is_out_of_memory
from audioviz.models.model import Model
from audioviz.sampling import Control, Guidance
from audioviz.sampling.guidance import guided

COMPILERS = {"cpu": "a C++ compiler", "cuda": "Triton and a C compiler"}


def compiled(model: Model, size: tuple[int, int], scales: Iterable[float], *, backend: str = "inductor") -> Model:
    """The model with its networks compiled, for pictures of (width, height) pixels; the one given stays as it is.

    torch keeps what it compiled, so another render of the same kind starts in a part of the time.

    Parameters
    ----------
    model : Model
    size : (width, height)
    scales : guidance scales that frames use
        Guided calls and those at 1 have batches of different sizes, each of which is compiled before the first frame.
    backend : of torch.compile

    Raises
    ------
    ModelError
        If there is no compiler, or it fails.
    """
    from torch._dynamo.exc import TorchDynamoException

    device = model.denoiser.device
    quick = replace(model.with_networks(partial(Compiled, backend=backend)), compiled=True)
    try:
        _warm_up(model, size, scales)  # some networks keep what they compute at first, in ways that no compiler follows
        _warm_up(quick, size, scales)
    except (RuntimeError, TorchDynamoException) as error:
        if is_out_of_memory(error):
            raise
        reason = str(error).strip().partition("\n")[0]
        needed = COMPILERS.get(device.type, "its compiler")
        raise ModelError(
            f"{model.name} cannot be compiled here ({reason:.200}): install {needed}, or render without --compile"
        ) from error
    quick.autoencoder.sound = None  # no frame is made of these pictures
    return quick


class Compiled(nn.Module):
    """A compiled network, with all attributes of the network.

    torch compiles anew for another grad mode and for tensors of inference mode, so each call is made to look alike.
    """

    def __init__(self, network: nn.Module, *, backend: str) -> None:
        super().__init__()
        self.network, self.backend = network, backend
        self.quick = torch.compile(network, dynamic=False, backend=backend)

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("network"), name)

    def __deepcopy__(self, memo: dict) -> "Compiled":
        return Compiled(copy.deepcopy(self.network, memo), backend=self.backend)

    def forward(self, *arguments: Any, **keywords: Any) -> Any:
        with torch.inference_mode(False), torch.no_grad():
            arguments, keywords = tree_map_only(Tensor, _of_no_mode, (arguments, keywords))
            return self.quick(*arguments, **keywords)


def _of_no_mode(tensor: Tensor) -> Tensor:
    return tensor.clone() if tensor.is_inference() else tensor


@torch.no_grad()
def _warm_up(model: Model, size: tuple[int, int], scales: Iterable[float]) -> None:
    """Compile what frames will call: a batch of each kind, with a picture for each part that follows one."""
    denoiser = model.denoiser
    latent = model.empty_latent(size).to(denoiser.device)
    level = denoiser.sigmas[-1:].float().to(latent.device)
    for guidance in _guidances(model, size):
        for scale in {scale == 1: scale for scale in scales}.values():
            guided(denoiser, latent, level, guidance, scale)
    model.autoencoder.encode(model.autoencoder.decode(latent))


def _guidances(model: Model, size: tuple[int, int]) -> list[Guidance]:
    """Guidance by the empty text, and where the model has a ControlNet with and without a hint."""
    guidance = model.guidance("")
    if model.encode_reference:
        image, no_image = model.encode_reference(np.zeros((size[1], size[0], 3), np.uint8))
        negative = guidance.negative and replace(guidance.negative, image=no_image)
        guidance = replace(guidance, positive=replace(guidance.positive, image=image), negative=negative)
    if getattr(model.denoiser, "controlnet", None) is None:
        return [guidance]
    return [guidance, replace(guidance, control=Control(torch.zeros(1, 3, size[1], size[0])))]
