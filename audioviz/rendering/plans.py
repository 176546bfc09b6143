"""The FramePlans of a render, one at a time, from a frame table and a model."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
from torch import Tensor

from audioviz.models.memory.reader import TextReader
from audioviz.models.model import Model
from audioviz.models.text.composition import Positives, mixed, positives_at, staged
from audioviz.models.text.editing import text_at
from audioviz.rendering.decoding import Decoder
from audioviz.rendering.feedback import feedback
from audioviz.rendering.flow import flow_steps
from audioviz.rendering.frame_table import FrameTable
from audioviz.rendering.guides import Guides, image_conditions, init_latents
from audioviz.rendering.settings import RenderSettings
from audioviz.sampling import (
    Anchor,
    Conditioning,
    FramePlan,
    Guidance,
    interpolate,
    lerp,
    plan_frame,
    sample_frame,
    slerp,
)
from audioviz.sampling.noise import Draw

ANCHOR_STILLS = 4
MOST_TEXTS = 16  # that lie on the device, of all that were read
INTERPOLATIONS = {"slerp": slerp, "lerp": lerp}


@dataclass(frozen=True, eq=False)
class Known:
    """What was read and measured for a model, its settings and its guides: the conditionings of texts, and statistics.

    Whoever plans frames of several tables with the same ones reads each text once.
    """

    texts: dict[str, Conditioning] = field(default_factory=dict)
    statistics: dict[tuple[str, str], tuple[Tensor, Tensor]] = field(default_factory=dict)


def plan_frames(
    model: Model, table: FrameTable, settings: RenderSettings, *, first: int = 0, guides: Guides | None = None
) -> Iterator[FramePlan]:
    """The plans of a table's frames from row `first` on: see `frame_planner`."""
    plan_at, decode = frame_planner(model, table, settings, guides=guides), Decoder(model)
    return (plan_at(i, decode) for i in range(first, len(table)))


def frame_planner(
    model: Model,
    table: FrameTable,
    settings: RenderSettings,
    *,
    guides: Guides | None = None,
    known: Known | None = None,
) -> Callable[[int, Decoder], FramePlan]:
    """A function that gives the plan of a row of a table, which starts from the picture that a decoder has shown.

    Text is encoded, and anchors are measured, when a frame first needs them; for those LoRAs act as they were loaded. A
    frame that is drawn wholly anew starts from an empty latent: what came before it leaves no trace in it.
    """
    guides, known = guides or Guides(), known or Known()
    device = model.denoiser.device

    @lru_cache(MOST_TEXTS)
    def encode(text: str) -> Conditioning:
        if text not in known.texts:
            known.texts[text] = model.encode_text(text)
        return known.texts[text].to(device)

    with_images, init, step_to = (
        image_conditions(model, guides),
        init_latents(model, guides),
        flow_steps(table, guides, device),
    )
    empty = model.empty_latent(settings.size).to(device)

    def guidance(text: Guidance, i: int, loras: Mapping[str, float]) -> Guidance:
        control, style = (table.columns[name][i].item() for name in ("control", "style"))
        return with_images(text, table.part[i], control, style, loras)

    def statistics(text: str, negative: str) -> tuple[Tensor, Tensor]:
        if (text, negative) not in known.statistics:
            fresh = guidance(model.guidance(text, negative, steps=settings.steps), 0, {})
            known.statistics[text, negative] = still_statistics(model, fresh, settings)
        return known.statistics[text, negative]

    def plan_at(i: int, decode: Decoder) -> FramePlan:
        frame, row, unsample, flow_step = table.part[i], table.row(i), bool(table.columns["unsample"][i]), step_to(i)
        plan = plan_frame(
            guidance(text_guidance_at(table, i, encode, steps=settings.steps), i, table.loras_at(i)),
            seed=row["seed"],
            frame=frame,
            steps=settings.steps,
            cfg=row["cfg"],
            denoise=row["denoise"],
            noise=row["noise"],
            interp=row["interp"],
            mode="slerp" if row["slerp"] else "blend",
            unsample=unsample,
            conditioning_before=guidance(
                text_guidance_at(table, i - 1, encode, steps=settings.steps), i, table.loras_at(i - 1)
            )
            if unsample
            else None,
            warp=feedback(table, i, guides, decode, flow_step=flow_step),
            anchor=anchor_at(table, i, statistics),
        )
        if row["seed_mix"]:
            noise, next_noise = (Draw(row[seed])(empty.shape) for seed in ("seed", "seed_to"))
            plan = replace(plan, initial_noise=interpolate.slerp(noise, next_noise, row["seed_mix"]))
        if plan.denoise == 1 and not plan.unsample_steps:
            plan = replace(plan, start=empty, warp=plan.warp if plan.interp < 1 else None)
        if init and flow_step:
            plan = replace(plan, start=init(frame), held=flow_step.held(empty) * row["flow"])
        elif init and (guides.moves or i == 0):
            plan = replace(plan, start=init(frame), warp=plan.warp if plan.interp < 1 else None)
        if init and guides.mask is not None:
            plan = replace(plan, keep=init(frame))
        return plan

    return plan_at


def read_texts(model: Model, table: FrameTable, settings: RenderSettings) -> None:
    """Read all texts of a table now, where text encoders have to make room on the GPU before frames are made."""
    if not isinstance(model.text_encoder, TextReader) or not model.text_encoder.placement.limited:
        return
    used = {int(which) for which in np.unique(np.concatenate((table.prompt_before, table.prompt_after)))}
    model.text_encoder.forget()
    with model.text_encoder.placement.reading():
        model.guidance("")
        for prompt in (table.prompts[which] for which in sorted(used)):
            model.guidance(prompt.text, prompt.negative, steps=settings.steps)
        for text in table.mix:
            model.guidance(text, steps=settings.steps)


def text_guidance_at(table: FrameTable, i: int, encode: Callable[[str], Conditioning], *, steps: int) -> Guidance:
    """Text conditioning at row i, of so many steps: its prompts interpolated, and the mix drawn in."""
    before, after, weight = table.prompts_at(i)
    between, mix = INTERPOLATIONS[before.way], table.mixed_at(i)

    def guidance_at(step: int) -> tuple[Positives, Conditioning]:
        first, second = (positives_at(encode, prompt.text, step, steps) for prompt in (before, after))
        drawn = mixed(between, first, second, weight)
        for text, share in mix:
            drawn = mixed(slerp, drawn, positives_at(encode, text, step, steps), share)
        unwanted, next_unwanted = (encode(text_at(prompt.negative, step, steps)) for prompt in (before, after))
        return drawn, between(unwanted, next_unwanted, weight)

    texts = (
        before.text,
        before.negative,
        *((after.text, after.negative) if weight else ()),
        *(text for text, _ in mix),
    )
    return staged(texts, steps, guidance_at, about=encode)


def anchor_at(table: FrameTable, i: int, statistics: Callable[[str, str], tuple[Tensor, Tensor]]) -> Anchor | None:
    """Anchor at row i: latent statistics of fresh pictures of its prompts, interpolated as they are."""
    strength = table.columns["anchor"][i].item()
    if strength == 0:
        return None
    before, after, weight = table.prompts_at(i)
    mean, std = statistics(before.text, before.negative)
    others = [(after.text, after.negative, weight)] if weight else []
    for text, negative, step in [*others, *((text, before.negative, step) for text, step in table.mixed_at(i))]:
        next_mean, next_std = statistics(text, negative)
        mean, std = mean.lerp(next_mean, step), std.lerp(next_std, step)
    return Anchor(mean, std, strength)


def still_statistics(model: Model, guidance: Guidance, settings: RenderSettings) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each latent channel, shape (C,), over a few fresh pictures."""
    empty = model.empty_latent(settings.size)
    plans = [
        plan_frame(guidance, seed=seed, frame=0, steps=settings.steps, cfg=settings.cfg, denoise=1.0)
        for seed in range(ANCHOR_STILLS)
    ]
    stills = [
        sample_frame(model.denoiser, plan, empty, sampler=settings.sampler, scheduler=settings.scheduler)
        for plan in plans
    ]
    means = [still.mean((0, 2, 3)) for still in stills]
    stds = [still.std((0, 2, 3), correction=0) for still in stills]
    return sum(means[1:], means[0]) / len(means), sum(stds[1:], stds[0]) / len(stds)
