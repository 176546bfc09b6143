"""The whole frame loop of a render, from plans to pictures in main memory, without the encoder behind it."""

import logging
import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any, cast

import numpy as np
from tqdm import tqdm

import audioviz as av
from audioviz.clock import Clock
from audioviz.models import Model
from audioviz.project import Finish
from audioviz.rendering.batches import batch_plan, sampled_latents
from audioviz.rendering.chunk_loop import make_pictures
from audioviz.rendering.decoding import Decoder
from audioviz.rendering.finish import Finisher
from audioviz.rendering.frame_table import frame_table
from audioviz.rendering.guides import Guides
from audioviz.rendering.settings import RenderSettings
from audioviz.video.chunks import Latents

CAMERA = {"zoom": 1.2, "angle": 5.0}


class Film:
    """Stands in for the work folder of a render: pictures come, and are timed.

    Attributes
    ----------
    times : seconds at which each picture came
    pictures : uint8, shape (height, width, 3), of each frame, where they are kept
    latent : float32, shape (1, C, H, W), of the last frame
    """

    def __init__(self, frames: int, *, keep: bool = False, seen: Callable[[int], object] = lambda frame: None):
        self.times: list[float] = []
        self.pictures: list[np.ndarray] = []
        self.latent = np.empty(0)
        self._frames, self._keep, self._seen = frames, keep, seen

    def missing(self) -> list[range]:
        return [range(self._frames)]

    def kept(self) -> None:
        return None

    def before(self) -> tuple[None, dict]:
        return None, {}

    def finish_chunk(self, made: Latents, state: object) -> None:
        self.latent = made.last

    def write(self, picture: np.ndarray) -> None:
        self.times.append(time.perf_counter())
        if self._keep:
            self.pictures.append(picture.copy())
        self._seen(len(self.times))


def film(
    model: Model,
    frames: int,
    *,
    guides: Guides | None = None,
    keep: bool = False,
    seen: Callable[[int], object] = lambda frame: None,
    **columns: Any,
) -> Film:
    """Frames of a model in its own size and steps; `seen` is called with the number of those that are there.

    Parameters
    ----------
    model : Model
        Captured, if frames are to be made as a render does it.
    columns : of the schedule
    """
    own = model.defaults
    settings = RenderSettings((own.size, own.size), own.steps, own.cfg, own.sampler, own.scheduler)
    clock, guides = Clock(Fraction(12), frames), guides or Guides()
    given = {"denoise": own.denoise, "prompts": ["neon nebula"], "seed": av.seeds.step(7, clock=clock)} | columns
    table = frame_table(av.Schedule(clock=clock, **given), settings, anew=guides.init is None)
    made, decode = Film(frames, keep=keep, seen=seen), Decoder(model)
    finisher = Finisher(model, table, settings, Finish(), guides=guides, decode=decode)
    plan = batch_plan(model, table, settings, guides)
    latents = sampled_latents(model, table, settings, plan, guides=guides, decode=decode)
    log, bar = logging.getLogger("benchmarks"), tqdm(total=frames, disable=True)
    make_pictures(latents, finisher, cast(Any, made), log, bar, part=range(frames), keep_decoded=False)
    return made
