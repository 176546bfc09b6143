"""Family: what is particular to the models of one kind, in one record."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from audioviz.models.autoencoder import Autoencoder, config_units
from audioviz.models.defaults import Defaults
from audioviz.models.denoisers.flow import FlowDenoiser
from audioviz.sampling import Conditioning
from audioviz.sampling.units import LatentUnits

if TYPE_CHECKING:
    from audioviz.models.denoisers.unet import UNetDenoiser


@dataclass(frozen=True)
class Family:
    """A kind of models, and how one of them is driven.

    Parameters
    ----------
    name : str
    matches : function of a config
        Whether the UNet or transformer of this config, `_class_name` among it, is of the family.
    needs : names of parts
        That the pipeline of a model must have.
    defaults : function of the core's config, the scheduler's, and the model's name
    read : function of a pipeline and a text
        Its conditioning.
    denoiser : function of a pipeline, an Autoencoder and a ControlNet or None
        The parts lie where they are to run.
    flow : bool
        Trained by flow matching; others have a scheduler with betas.
    half : torch.dtype
        What `auto` means on a GPU: bfloat16 where values go beyond the range of float16.
    units : function of the model's own autoencoder, and of the one that is used in its place, if any, or itself
        How latents become the model's.
    wide : bool
        The values of its autoencoder go beyond the range of float16, unless its config has `force_upcast` off.
    packed : int
        By how many cells of the autoencoder of diffusers, each way, a latent cell is.
    """

    name: str
    matches: Callable[[Mapping[str, Any]], bool]
    needs: tuple[str, ...]
    defaults: Callable[[Mapping[str, Any], Mapping[str, Any], str], Defaults]
    read: Callable[[Any, str], Conditioning]
    denoiser: "Callable[[Any, Autoencoder, Any], UNetDenoiser | FlowDenoiser]"
    flow: bool
    half: torch.dtype = torch.float16
    units: Callable[[Any, Any], LatentUnits] = config_units
    wide: bool = False
    packed: int = 1
