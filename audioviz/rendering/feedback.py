"""What happens to the frame before, between two frames: it moves along an initial video, and the camera moves it, and
effects in the loop work on it.
"""

from collections.abc import Callable
from functools import partial

from torch import Tensor

from audioviz.effects import apply
from audioviz.pixels import signed_to_unit
from audioviz.rendering.decoding import Decoder
from audioviz.rendering.flow import FlowStep
from audioviz.rendering.frame_table import FrameTable
from audioviz.rendering.guides import Guides
from audioviz.sampling.warp import warp

PARALLAX = ("shift_x", "shift_y", "tilt", "pan", "dolly")  # moves that show what is near and what is far


def feedback(
    table: FrameTable, i: int, guides: Guides, decode: Decoder, *, flow_step: FlowStep | None = None
) -> Callable[[Tensor], Tensor] | None:
    """What is done to the frame before row i, latent in and latent out; None if nothing is.

    The camera moves the latent itself where in_picture is off; else what was shown is worked on and encoded, once.
    What moves along an initial video may stay for long, so that what is lost by decoding and encoding it is given back.
    """
    encode = partial(decode.model.autoencoder.encode, about=f"frame {table.part[i]}, the picture that it starts from")
    move, effects = table.camera(i), table.effects_at(i, in_loop=True)
    in_picture = bool(move and move.pop("in_picture"))
    if not move and not effects and not flow_step:
        return None

    def moved(latent: Tensor) -> Tensor:
        if move and not in_picture:
            latent = warp(latent, **move)
        if not in_picture and not effects and not flow_step:
            return latent
        picture = decode(latent)
        lost = flow_step.moved_latent(latent - encode(picture)) if flow_step else 0
        if flow_step:
            picture = flow_step.moved(picture)
        if move and in_picture:
            deep = guides.depth is not None and any(move[name] for name in PARALLAX)
            shown = table.part[i] if flow_step else table.part[i] - 1
            depth = guides.depth(shown, signed_to_unit(picture)) if guides.depth and deep else None
            picture = warp(picture, **move, depth=depth)
        if effects:
            seed, frame = int(table.columns["seed"][i]), table.part[i]
            picture = apply(signed_to_unit(picture), effects, seed=seed, frame=frame).mul(2).sub(1)
        return encode(picture) + lost

    return moved
