"""What `--batch N` brings: frames of N stretches between cuts, sampled and decoded together."""

import statistics
import time
from fractions import Fraction
from itertools import islice

import numpy as np
import torch

import audioviz as av
from audioviz.clock import Clock
from audioviz.models.memory.footprint import pictures_at_once
from audioviz.rendering.batches import batch_plan, sampled_latents
from audioviz.rendering.decoding import Decoder
from audioviz.rendering.frame_table import frame_table
from audioviz.rendering.guides import Guides
from audioviz.rendering.settings import RenderSettings

BATCHES = (1, 2, 4, 8)
RUN = 6  # frames between cuts
REPEATS = 3


def measure(device: str) -> list[tuple[str, str]]:
    """Rows of (what, figure)."""
    model, size = av.load_model("embedded", device=device), (256, 256)
    found = times_faster(model, size=size)
    figures = ", ".join(f"{times:.2f} at {batch}" for batch, (_, times) in found.items() if batch > 1)
    return [
        (f"frames of N runs together (--batch N), {size[0]}x{size[1]}", f"{figures} times as many a second as alone")
    ]


def times_faster(
    model, *, size: tuple[int, int] | None = None, batches=BATCHES, repeats: int = REPEATS, **columns
) -> dict[int, tuple[float, float]]:
    """Milliseconds a frame, and how many times faster than one by one: for each batch, the medians of paired rounds.

    Parameters
    ----------
    model : Model
    size : (width, height); the model's own if not given
    columns : of the schedule, such as zoom=1.2 for a camera
    """
    most = max(batches)
    frame_seconds(model, batch=1, runs=1, size=size, **columns)  # first calls take longer,
    for batch in batches:
        frame_seconds(model, batch=batch, runs=batch, size=size, **columns)
    rounds = [
        {batch: frame_seconds(model, batch=batch, runs=most, size=size, **columns) for batch in batches}
        for _ in range(repeats)
    ]
    return {
        batch: (
            1000 * statistics.median(seconds[batch] for seconds in rounds),
            statistics.median(seconds[batches[0]] / seconds[batch] for seconds in rounds),
        )
        for batch in batches
    }


def frame_seconds(model, *, batch: int, runs: int, size: tuple[int, int] | None = None, **columns) -> float:
    """Seconds a frame, from the plan to the picture in main memory, of so many runs of equal length."""
    own = model.defaults
    settings = RenderSettings(size or (own.size, own.size), own.steps, own.cfg, own.sampler, own.scheduler, batch)
    frames = runs * RUN
    cuts = np.arange(frames) % RUN == 0
    schedule = av.Schedule(
        seed=np.arange(frames, dtype=np.uint64),
        denoise=np.where(cuts, 1.0, own.denoise),
        prompts=["neon nebula", "gold mandala"],
        clock=Clock(Fraction(12), frames),
        **columns,
    )
    table, guides, decode = frame_table(schedule, settings), Guides(), Decoder(model)
    _wait(model)
    began = time.perf_counter()
    plan = batch_plan(model, table, settings, guides)
    latents = sampled_latents(model, table, settings, plan, guides=guides, decode=decode)
    rows = pictures_at_once(settings.size, batch)
    while group := list(islice(latents, rows)):
        torch.cat(list(decode.together(group, rows=rows))).cpu()
    _wait(model)
    return (time.perf_counter() - began) / frames


def _wait(model) -> None:
    if model.denoiser.device.type == "cuda":
        torch.cuda.synchronize(model.denoiser.device)
