"""The pictures of tweens: what stands between two sampled frames, by the arc, a cross-fade, optical flow or RIFE."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, max_pool2d, pad

from audioviz.digests import file_digest
from audioviz.models.model import Model
from audioviz.pixels import signed_to_unit, unit_to_levels
from audioviz.rendering.tweens import TweenTable
from audioviz.sampling.interpolate import slerp
from audioviz.sampling.warp import move_part, warp
from audioviz.video.rife import load_rife

RELATED = 0.2  # correlation of the luma of two pictures from which one can become the other smoothly
CELL = 8  # pixels, each way, that are compared
_SHRUNK = 0.2  # of a pixel: places that lie nearer to one another were mirrored at the border
_SEAM = 64  # cells of a side, four of which lie about what came from outside of a picture, where the two mix

Move = dict[str, Any]  # the camera's, by the keywords of `warp`


@dataclass(frozen=True, eq=False)
class Sampled:
    """A sampled frame.

    Parameters
    ----------
    latent : float, shape (1, C, h, w), in the autoencoder's own units
    picture : float32, shape (1, 3, H, W), in 0..1: the latent decoded
    """

    latent: Tensor
    picture: Tensor


Way = Callable[[Sampled, Sampled, Move | None, Sequence[float]], Iterator[Tensor]]


def way_to_tween(by: str | Path, model: Model) -> Way:
    """The function that makes the pictures between two frames at some parts of the way.

    Parameters
    ----------
    by : arc, blend, flow, or the file of a RIFE network
    model : Model
        Decodes the latents of the arc.

    Raises
    ------
    ModelError
        If the file is not what it should be.
    """
    if isinstance(by, str):
        return WAYS[by](model)
    network = load_rife(by, model.denoiser.device)
    return lambda before, after, move, parts: (network(before.picture, after.picture, part) for part in parts)


def way_identity(by: str | Path) -> str:
    """All that the pictures of a way depend on besides the frames."""
    if by == "flow":
        from audioviz.video.optical_flow import opencv_version

        return f"flow, OpenCV {opencv_version()}"
    return by if isinstance(by, str) else file_digest(by)


def tween_pictures(
    tweens: TweenTable,
    row: int,
    before: Sampled | None,
    after: Sampled,
    *,
    way: Way,
    move: Move | None,
    pace: Move | None,
) -> Iterator[tuple[int, Tensor]]:
    """The frames of the video that a row of the table leads to, with their numbers.

    Parameters
    ----------
    tweens : TweenTable
    row : int
    before, after : Sampled
        The row before, which the first has not, and the row itself.
    way : Way
    move : Move, optional
        The camera's before this row,
    pace : Move, optional
        and before the row before: a held frame moves on like that.

    Yields
    ------
    int, and float32, shape (1, 3, H, W), in 0..1
    """
    frames = tweens.frames(row)
    parts = [part for part in tweens.part[frames.start : frames.stop].tolist() if part < 1]
    assert before is not None or not parts, "only the first row has none before it"
    if before is not None and parts:
        if tweens.held[row] or not related(moved(before.picture, move, 1.0), after.picture):
            pictures = (moved(before.picture, pace, part) for part in parts)
        else:
            pictures = way(before, after, move, parts)
        yield from zip(frames, pictures, strict=False)
    for frame in frames[len(parts) :]:
        yield frame, after.picture


def related(before: Tensor, after: Tensor) -> bool:
    """Whether two pictures, float (1, 3, H, W), are so alike in their light that one can become the other."""
    cells = [avg_pool2d(picture.mean(1, keepdim=True), CELL, ceil_mode=True).flatten() for picture in (before, after)]
    first, second = (cell - cell.mean() for cell in cells)
    size = float(first.norm() * second.norm())
    return size < 1e-6 or float(first @ second) >= RELATED * size


def moved(picture: Tensor, move: Move | None, part: float) -> Tensor:
    """A picture after a part of the camera's way, in 0..1 as before."""
    return picture if move is None else warp(picture, **move_part(move, part)).clamp(0, 1)


def _arc(model: Model) -> Way:
    """The camera's exact way, and along the arc between the latents, the first of which is moved to where the other is.

    One decoding a tween, and with a moving camera one encoding a pair. The picture is moved back to its own place; at
    the border, where it has nothing there, the frame before goes on.
    """

    def pictures(before: Sampled, after: Sampled, move: Move | None, parts: Sequence[float]) -> Iterator[Tensor]:
        first = before.latent
        if move is not None:
            first = model.autoencoder.encode(moved(before.picture, move, 1.0) * 2 - 1).to(after.latent)
        for part in parts:
            picture = signed_to_unit(model.autoencoder.decode(slerp(first, after.latent, part)))
            yield picture if move is None else _moved_back(before.picture, picture, move, part)

    return pictures


def _moved_back(before: Tensor, picture: Tensor, move: Move, part: float) -> Tensor:
    """A picture that stands where a move ends, moved back to a part of it; its border is that of the frame before."""
    back = moved(picture, move, part - 1)
    if move.get("wrap"):
        return back
    return torch.lerp(moved(before, move, part), back, _inside(picture, move, part - 1))


def _inside(picture: Tensor, move: Move, part: float) -> Tensor:
    """Where a moved picture shows its inside, and not what is mirrored at its border: shape (1, 1, H, W), soft."""
    height, width = picture.shape[-2:]
    across, down = (torch.arange(n, device=picture.device, dtype=torch.float32) for n in (width, height))
    places = torch.stack((across.expand(height, width), down[:, None].expand(height, width)))[None]
    places = warp(places, **move_part(move, part))[0]
    grows = (places[0].diff(dim=1) > _SHRUNK)[:-1] & (places[1].diff(dim=0) > _SHRUNK)[:, :-1]
    outside = pad((~grows)[None, None].float(), (0, 1, 0, 1), mode="replicate")
    step = max(1, min(height, width) // _SEAM)
    coarse = max_pool2d(max_pool2d(outside, step, ceil_mode=True), 5, 1, 2)
    soft = avg_pool2d(pad(coarse, (2, 2, 2, 2), mode="replicate"), 5, 1)
    return 1 - interpolate(soft, size=(height, width), mode="bilinear", align_corners=False)


def _blend(model: Model) -> Way:
    """A cross-fade."""

    def pictures(before: Sampled, after: Sampled, move: Move | None, parts: Sequence[float]) -> Iterator[Tensor]:
        return (torch.lerp(before.picture, after.picture, part) for part in parts)

    return pictures


def _flow(model: Model) -> Way:
    """Along the optical flow of OpenCV; what is seen in one of the two pictures alone comes from that one.

    Source
    ------
    Jiang et al., Super SloMo, CVPR 2018, equation 4, for the flow from the tween; without its networks.
    """
    from audioviz.video.optical_flow import agreement, follow, optical_flow, soft

    def pictures(before: Sampled, after: Sampled, move: Move | None, parts: Sequence[float]) -> Iterator[Tensor]:
        first, second = (unit_to_levels(frame.picture) for frame in (before, after))
        onward, back = optical_flow(first, second), optical_flow(second, first)
        seen = [soft(agreement(back, onward)), soft(agreement(onward, back))]  # in the first, in the second
        seen = [torch.from_numpy(mask)[None, None].to(before.picture) for mask in seen]
        for part in parts:
            rest = 1 - part
            to_first, to_second = part * (part * back - rest * onward), rest * (rest * onward - part * back)
            shares = [
                weight * (follow(mask, flow) + 1e-3)
                for weight, mask, flow in ((rest, seen[0], to_first), (part, seen[1], to_second))
            ]
            mixed = follow(before.picture, to_first) * shares[0] + follow(after.picture, to_second) * shares[1]
            yield mixed / (shares[0] + shares[1])

    return pictures


WAYS: dict[str, Callable[[Model], Way]] = {"arc": _arc, "blend": _blend, "flow": _flow}
