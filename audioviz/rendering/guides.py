"""Image conditions beside the text: init image or video, mask, ControlNet hint, IP-Adapter reference, depth."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from audioviz.clock import Clock
from audioviz.digests import file_digest
from audioviz.errors import InputError
from audioviz.models.additions.depth import load_depth
from audioviz.models.model import Model
from audioviz.pixels import levels_to_unit
from audioviz.project import GuideFiles
from audioviz.rendering.pictures import load_pictures
from audioviz.sampling import Control, Guidance
from audioviz.transfer import to_device
from audioviz.video.optical_flow import Estimator
from audioviz.video.raft import load_raft

Found = TypeVar("Found")
ON_BLACK = ("mask", "control", "depth")  # where nothing is, there is nothing to draw or to follow; others lie on white


@dataclass(frozen=True, eq=False)
class Guides:
    """Image conditions of a render: functions of a frame's number that give uint8 pictures (height, width, 3)."""

    init: Callable[[int], np.ndarray] | None = None  # init image of the first frame,
    moves: bool = False  # or init video of each frame, in place of the one before
    mask: Tensor | None = None  # inpainting mask (height, width), 1 where frames are drawn; the init stays elsewhere
    control: Callable[[int], np.ndarray] | None = None  # ControlNet hint
    style: Callable[[int], np.ndarray] | None = None  # IP-Adapter reference
    depth: Callable[[int, Tensor], Tensor] | None = None  # of a frame and its picture in 0..1: (1, 1, H, W), 1 is near
    flow: Estimator | None = None  # how the optical flow of the init video is found, if not by OpenCV


def open_guides(
    model: Model,
    files: GuideFiles,
    *,
    size: tuple[int, int],
    clock: Clock,
    song: Path | None = None,
    start: float = 0.0,
) -> tuple[Guides, dict[str, str]]:
    """Open the image conditions of a render, and the sha256 of each file by its name; the rest as `load_pictures`.

    Raises
    ------
    InputError, ModelError
        If a file cannot be read, the model has no part that follows it, or there is no such depth model.
    """
    given = {name: Path(file) for name, file in asdict(files).items() if file is not None}
    flow_model = given.pop("flow_model", None)
    estimator = None
    if files.depth is not None and not given["depth"].is_file():
        del given["depth"]
        estimator = load_depth(files.depth, device=model.denoiser.device, dtype=model.autoencoder.dtype)
    followers = {
        "control": ("ControlNet", "controlnet", getattr(model.denoiser, "controlnet", None)),
        "style": ("IP-Adapter", "ip-adapter", model.encode_reference),
    }
    for name, (what, option, part) in followers.items():
        if name in given and part is None:
            raise InputError(f"{name} {given[name]}: the model has no {what} that follows it; load one (--{option})")
    if model.encode_reference and "style" not in given:
        raise InputError("the model has an IP-Adapter, but no picture whose style it follows; give one (--style FILE)")
    found = {
        name: load_pictures(
            file, size=size, clock=clock, song=song, start=start, background=0 if name in ON_BLACK else 255
        )
        for name, file in given.items()
    }
    at = {name: pictures.at for name, pictures in found.items() if name not in ("mask", "depth")}
    depth = _depth_of(found["depth"].at) if "depth" in found else None
    digests = {f"{name}_sha256": pictures.sha256 for name, pictures in found.items()}
    if estimator is not None:
        depth, digests["depth_sha256"] = (lambda frame, picture: estimator.estimate(picture)), estimator.digest
    flow = None
    if flow_model is not None:
        flow, digests["flow_model_sha256"] = (
            load_raft(flow_model, device=model.denoiser.device),
            file_digest(flow_model),
        )
    mask = torch.from_numpy(found["mask"].at(0).mean(2) / 255).float() if "mask" in found else None
    return (
        Guides(**at, mask=mask, moves="init" in found and found["init"].moves, depth=depth, flow=flow),
        digests,
    )


def _depth_of(at: Callable[[int], np.ndarray]) -> Callable[[int, Tensor], Tensor]:
    """The depth that pictures tell by their grey, where white is near."""
    grey = _for_last_picture(lambda picture: levels_to_unit(picture).mean(1, keepdim=True))
    return lambda frame, picture: grey(at(frame)).to(picture.device)


def init_latents(model: Model, guides: Guides) -> Callable[[int], Tensor] | None:
    """A function of a frame's number: the latent of its init image, in the autoencoder's units; None without one."""
    init = guides.init
    device = model.denoiser.device
    encode = _for_last_picture(
        lambda picture, about: model.autoencoder.encode(levels_to_unit(picture, device) * 2 - 1, about=about)
    )
    return None if init is None else lambda frame: encode(init(frame), _init_of(frame))


def _init_of(frame: int) -> str:
    """How errors name the init image of a frame."""
    return f"frame {frame}, its init"


def image_conditions(
    model: Model, guides: Guides
) -> Callable[[Guidance, int, float, float, Mapping[str, float]], Guidance]:
    """A function of guidance by text, a frame, strengths of control, style and LoRAs: the guidance with all of it."""
    mask, beside, device = guides.mask, getattr(model.denoiser, "inpainting", None), model.denoiser.device
    hint = _for_last_picture(lambda picture: levels_to_unit(picture, device))
    encode = model.encode_reference
    encode_reference = encode and _for_last_picture(lambda picture: [to_device(one, device) for one in encode(picture)])
    inpainting = None
    if mask is not None and beside:
        hole = to_device((mask >= 0.5).float()[None, None], device)
        inpainting = _for_last_picture(
            lambda picture, about: beside.beside(levels_to_unit(picture, device) * 2 - 1, hole, about=about)
        )

    def with_images(
        guidance: Guidance, frame: int, control: float, style: float, loras: Mapping[str, float]
    ) -> Guidance:
        if guides.style and encode_reference:
            image, no_image = encode_reference(guides.style(frame))
            guidance = guidance.mapped(lambda now: _with_reference(now, image, no_image))
        images = Control(
            hint(guides.control(frame)) if guides.control else None,
            control,
            style,
            inpainting(guides.init(frame), _init_of(frame)) if inpainting and guides.init else None,
            loras,
        )
        return guidance.mapped(lambda now: replace(now, control=images))

    return with_images


def _with_reference(guidance: Guidance, image: Tensor, no_image: Tensor) -> Guidance:
    """The guidance with an IP-Adapter's reference in what is drawn, and none in what is steered away from."""
    return replace(
        guidance,
        positive=replace(guidance.positive, image=image),
        others=tuple((replace(text, image=image), strength) for text, strength in guidance.others),
        negative=guidance.negative and replace(guidance.negative, image=no_image),
    )


def _for_last_picture(function: Callable[..., Found]) -> Callable[..., Found]:
    """The function of a picture and its name, not computed again for the picture that it was last asked about."""
    last: list[tuple[np.ndarray, Found]] = []

    def remembered(picture: np.ndarray, *said: str) -> Found:
        if not last or picture is not last[0][0]:
            last[:] = [(picture, function(picture, *said))]
        return last[0][1]

    return remembered
