"""Depth estimation: how near each place of a picture is, by a network that transformers loads."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate as resize

from audioviz.errors import ModelError
from audioviz.models.files.pipeline import hear_loaders, loading_failure, with_variant
from audioviz.models.sources import DEPTH_EXPECTED, check_depth_model

_METRIC = ("zoedepth", "glpn", "depth_pro", "prompt_depth_anything")  # tell metres, others how near things are
_EXTREMES = 0.01  # share of the places at either end that do not set the range


@dataclass(frozen=True, eq=False)
class DepthEstimator:
    """A network that tells depth.

    Parameters
    ----------
    name : str
        Its folder or its id.
    digest : sha256 of its settings and weights, hex
    estimate : function
        Of a picture, float (1, 3, H, W) in 0..1: float32 (1, 1, H, W) in 0..1, 1 is near.
    """

    name: str
    digest: str
    estimate: Callable[[Tensor], Tensor]


def load_depth(source: str | Path, *, device: torch.device, dtype: torch.dtype = torch.float32) -> DepthEstimator:
    """The depth-estimation model of a transformers folder or a hub id.

    Raises
    ------
    ModelError
        If there is none, or its weights are pickled or missing.

    Source
    ------
    Ranftl et al., PAMI 2022 (MiDaS); Yang et al., NeurIPS 2024 (Depth Anything V2).
    """
    hear_loaders()
    from transformers import AutoImageProcessor, AutoModelForDepthEstimation

    check_depth_model(str(source))
    place = Path(source)
    try:
        processor = AutoImageProcessor.from_pretrained(str(source), local_files_only=place.is_dir())
        net = with_variant(
            place, partial(AutoModelForDepthEstimation.from_pretrained, str(source), dtype=dtype), dtype=dtype
        )
    except ModelError:
        raise
    except Exception as error:  # a damaged folder makes transformers raise almost anything
        raise ModelError(f"depth {source}: {loading_failure(place, error, DEPTH_EXPECTED)}") from error
    if hasattr(processor, "do_pad"):
        processor.do_pad = False  # what is put around a picture would have to be cut off its depth
    net = net.to(device).eval().requires_grad_(False)
    return DepthEstimator(str(source), _digest(net, processor), partial(_estimate, net, processor))


@torch.inference_mode()
def _estimate(net: Any, processor: Any, picture: Tensor) -> Tensor:
    given = processor(images=picture.float().clamp(0, 1).cpu(), do_rescale=False, return_tensors="pt")
    answer = net(given["pixel_values"].to(net.device, net.dtype)).predicted_depth.float()[None]
    found = resize(answer, picture.shape[-2:], mode="bicubic", align_corners=False)
    if net.config.model_type in _METRIC or getattr(net.config, "depth_estimation_type", None) == "metric":
        found = 1 / found.clamp(min=1e-3)
    return _in_range(found).to(picture.device)


def _in_range(values: Tensor) -> Tensor:
    """Values in 0..1, but for the extremes; 0.5 where all are alike."""
    few = values.flatten()[:: max(1, values.numel() // 2**16)]
    low, high = torch.quantile(few, torch.tensor([_EXTREMES, 1 - _EXTREMES], device=values.device))
    return ((values - low) / (high - low)).clamp(0, 1) if high > low else torch.full_like(values, 0.5)


def _digest(net: Any, processor: Any) -> str:
    settings = [part.to_dict().items() for part in (net.config, processor)]
    digest = hashlib.sha256()
    for part in settings:
        digest.update(repr(sorted((name, value) for name, value in part if name[:1] != "_")).encode())
    for name, weight in sorted(net.state_dict().items()):
        digest.update(name.encode())
        digest.update(weight.cpu().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
