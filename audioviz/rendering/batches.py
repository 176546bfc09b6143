"""Frames of several runs, sampled in one batch: their samplers take turns, and meet where they call the model."""

from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from audioviz.errors import AudiovizError
from audioviz.models.autoencoder import Autoencoder
from audioviz.models.memory.footprint import pictures_at_once
from audioviz.models.model import Model
from audioviz.rendering.decoding import Decoder
from audioviz.rendering.frame_table import FrameTable
from audioviz.rendering.guides import Guides
from audioviz.rendering.plans import Known, frame_planner
from audioviz.rendering.runs import BatchPlan
from audioviz.rendering.settings import RenderSettings
from audioviz.sampling import sequence
from audioviz.sampling.batched import BatchedDenoiser
from audioviz.sampling.lanes import Lanes

Sampled = Generator[Tensor, None, None]  # the latents of a run, one after the other


def batch_plan(model: Model, table: FrameTable, settings: RenderSettings, guides: Guides) -> BatchPlan:
    """Which frames of a render are sampled together."""
    latent_bytes = model.empty_latent(settings.size).nbytes
    return BatchPlan.of(table, batch=settings.batch, latent_bytes=latent_bytes, redraws=guides.moves)


def sampled_latents(
    model: Model,
    table: FrameTable,
    settings: RenderSettings,
    plan: BatchPlan,
    *,
    guides: Guides | None = None,
    first: int = 0,
    before: Tensor | None = None,
    decode: Decoder | None = None,
    known: Known | None = None,
) -> Sampled:
    """The latent of each row of a table from `first` on, in order: (1, C, H, W), in the autoencoder's units.

    Parameters
    ----------
    plan : BatchPlan
        By `batch_plan`.
    guides : Guides, optional
    first : int
    before : float, shape (1, C, H, W), optional
        The latent before `first`, if there is one.
    decode : Decoder, optional
        That shows the latents; where they are not sampled alone, each run decodes what it starts from once more.
    known : Known, optional
        What was read and measured before, for the same model, settings and guides.

    Raises
    ------
    AudiovizError
        If a frame fails, which it names. No thread is left then, nor when the iterator is closed.
    """
    guides = guides or Guides()
    start = model.empty_latent(settings.size) if before is None else before
    plan_at = frame_planner(model, table, settings, guides=guides, known=known)

    def sample(decode: Decoder, rows: range) -> Sampled:
        yield from sequence(
            decode.model.denoiser,
            (plan_at(i, decode) for i in rows),
            start=start,
            sampler=settings.sampler,
            scheduler=settings.scheduler,
            noise_mask=guides.mask,
            checked=model.denoiser.device.type == "cpu",
        )

    if plan.batch == 1:
        yield from sample(decode or Decoder(model), range(first, len(table)))
        return
    made: dict[int, Tensor] = {}
    with closing(_batches(model, plan, sample, first, table.part)) as batches:
        for latents in batches:
            made |= latents
            while first in made:
                yield made.pop(first)
                first += 1


def _batches(
    model: Model, plan: BatchPlan, sample: Callable[[Decoder, range], Sampled], first: int, part: range
) -> Generator[dict[int, Tensor], None, None]:
    """The latents of each batch, by frame."""
    begun: dict[range, Sampled] = {}
    try:
        with Lanes(plan.batch) as lanes:
            batched = replace(
                model,
                denoiser=BatchedDenoiser(model.denoiser, lanes),
                autoencoder=BatchedAutoencoder(model.autoencoder, lanes),
            )
            for frames in plan.after(first):
                runs = {frame: plan.run_of(frame) for frame in frames}
                begun |= {
                    run: sample(Decoder(batched), range(i, run.stop)) for i, run in runs.items() if run not in begun
                }
                jobs = {plan.places[i].row: partial(_next, begun[run], part[i]) for i, run in runs.items()}
                try:
                    latents = lanes.run(jobs, rows=plan.places[frames[0]].rows)
                except Exception as error:
                    error.add_note(f"while frames {', '.join(str(part[i]) for i in frames)} were sampled together")
                    raise
                yield {i: latents[plan.places[i].row] for i in frames}
                for run in [run for frame, run in runs.items() if frame + 1 == run.stop]:
                    begun.pop(run).close()
    finally:
        for latents in begun.values():
            latents.close()


def _next(latents: Sampled, frame: int) -> Tensor:
    try:
        return next(latents)
    except AudiovizError as error:
        if str(error).startswith("frame "):
            raise
        raise type(error)(f"frame {frame}: {error}") from error


class BatchedAutoencoder:
    """An autoencoder that works at once on what lanes wait for; outside of a lane it is the autoencoder itself."""

    rank = 0

    def __init__(self, autoencoder: Autoencoder, lanes: Lanes):
        self._autoencoder, self._lanes = autoencoder, lanes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._autoencoder, name)

    def decode(self, latent: Tensor) -> Tensor:
        """As that of the autoencoder."""
        return self._ask("decode", latent)

    def encode(self, picture: Tensor, *, about: str | None = None) -> Tensor:
        """As that of the autoencoder."""
        latent = self._ask("encode", picture)
        self._autoencoder.check_encoded(latent, picture, about)
        return latent

    def _ask(self, way: str, given: Tensor) -> Tensor:
        if not self._lanes.inside:
            return getattr(self._autoencoder, way)(given)
        assert len(given) == 1, "a lane is one row"
        return self._lanes.ask(self, (way, given.contiguous()))

    def answer(self, calls: Mapping[int, tuple[str, Tensor]], rows: int) -> dict[int, Tensor]:
        """What each lane's call gives."""
        answers: dict[int, Tensor] = {}
        for way in sorted({way for way, _ in calls.values()}):
            given = {lane: tensor for lane, (asked, tensor) in calls.items() if asked == way}
            first = next(iter(given.values()))
            batch = torch.cat([given.get(row, first) for row in range(rows)])
            height, width = (side * (self._autoencoder.factor if way == "decode" else 1) for side in first.shape[2:])
            parts = batch.split(pictures_at_once((width, height), rows))
            found = torch.cat([getattr(self._autoencoder, way)(part) for part in parts])
            answers |= {lane: found[lane : lane + 1] for lane in given}
        return answers
