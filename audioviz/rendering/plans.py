"""A Schedule and a Model become the FramePlans of a render, one at a time."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np
from torch import Tensor

from audioviz.curve import Curve
from audioviz.models import Model
from audioviz.rendering.guides import Guides, init_by_frame, lead_by_frame
from audioviz.sampling import Anchor, FramePlan, Guidance, interpolate, lerp, plan_frame, sample_frame, slerp
from audioviz.sampling.noise import Draw
from audioviz.sampling.warp import warp
from audioviz.schedule import Prompt, Schedule
from audioviz.schedule.prompts import between

ANCHOR_STILLS = 4
STILL = {"zoom": 1.0, "angle": 0.0, "shift_x": 0.0, "shift_y": 0.0}


@dataclass(frozen=True)
class Look:
    """What stays the same in every frame of a render."""

    size: tuple[int, int]  # width and height, pixels
    steps: int
    cfg: float
    sampler: str
    scheduler: str


def plan_frames(
    model: Model,
    schedule: Schedule,
    look: Look,
    *,
    part: range | None = None,
    first: int = 0,
    guides: Guides = Guides(),
) -> Iterator[FramePlan]:
    """The plans of the frames of a part (the whole song if none is given) from its `first` on.

    Text is encoded, and colours are looked up, when a frame first needs them. A frame that is drawn wholly anew starts
    from an empty latent: what came before it leaves no trace in it.
    """
    part = part or range(len(schedule))
    guidance = _guidance_by_frame(model, schedule)
    lead, init = lead_by_frame(model, schedule, guides), init_by_frame(model, guides)
    anchor = _anchor_by_frame(model, schedule, look, lambda guidance: lead(guidance, part.start))
    rows = _rows(schedule, look, begin=part.start, anew=guides.init is None)
    empty = model.empty_latent(look.size)
    for k in part[first:]:
        row = rows(k)
        unsample, mode = row["unsample"] >= 0.5, "slerp" if row.get("slerp", 0.0) >= 0.5 else "blend"
        plan = plan_frame(
            lead(guidance(k), k),
            seed=row["seed"],
            frame=k,
            steps=look.steps,
            cfg=row["cfg"],
            denoise=row["denoise"],
            noise=row["noise"],
            interp=row["interp"],
            mode=mode,
            unsample=unsample,
            conditioning_before=lead(guidance(k - 1), k) if unsample else None,
            warp=_camera(model, row["camera"]),
            anchor=anchor(k, row["anchor"]),
        )
        if row.get("seed_mix"):
            noise = interpolate.slerp(
                Draw(row["seed"])(empty.shape), Draw(row["seed_to"])(empty.shape), row["seed_mix"]
            )
            plan = replace(plan, initial_noise=noise)
        if plan.denoise == 1 and not plan.unsample_steps:
            plan = replace(plan, start=empty, warp=plan.warp if plan.interp < 1 else None)
        if guides.init and (guides.moves or k == part.start):
            plan = replace(plan, start=init(k), warp=plan.warp if plan.interp < 1 else None)
        yield plan if guides.mask is None else replace(plan, keep=init(k))


def frame_digests(schedule: Schedule, look: Look, *, part: range | None = None, anew: bool = True) -> list[str]:
    """For each frame of a part a hash of what the schedule says of it: it differs where its hash or one before it does.

    `anew` is whether the first is drawn wholly anew, as it is without an initial picture.
    """
    part = part or range(len(schedule))
    rows, pair, mixed = _rows(schedule, look, begin=part.start, anew=anew), _prompt_pairs(schedule), _mixed_in(schedule)

    def digest(k: int) -> str:
        before, after, weight = pair(k)
        words = [
            before.text,
            before.negative,
            weight,
            mixed(k),
            *([after.text, after.negative, before.way] if weight else []),
        ]
        return hashlib.sha256(json.dumps([k, rows(k), words]).encode()).hexdigest()

    return [digest(k) for k in part]


def frame_without_past(schedule: Schedule, *, first: int) -> int | None:
    """The first frame from `first` on whose picture does not depend on any before it; None if all later ones do."""
    unsample = np.zeros(len(schedule)) if schedule.unsample is None else schedule.unsample
    alone = (schedule.denoise == 1) & (schedule.interp == 1) & (unsample < 0.5)
    alone[0] = True
    later = np.flatnonzero(alone[first:])
    return first + int(later[0]) if len(later) else None


def _rows(schedule: Schedule, look: Look, *, begin: int, anew: bool) -> Callable[[int], dict]:
    """What each frame's columns say, as plain numbers, with what was not given filled in.

    The frame `begin` has nothing before it: with `anew` it is drawn so, whatever the columns say, else from a picture that
    is neither moved nor noised.
    """
    columns = {
        "cfg": np.full(len(schedule), look.cfg),
        "unsample": np.zeros(len(schedule)),
        "anchor": np.zeros(len(schedule)),
    } | schedule.columns
    moves = any(name in columns for name in STILL)
    fps = float(schedule.clock.fps)

    def row(k: int) -> dict:
        values = {name: values[k].item() for name, values in columns.items()}
        speed = {name: values.pop(name, still) for name, still in STILL.items()}
        edges = {name: values.pop(name, usual) >= 0.5 for name, usual in (("wrap", 0.0), ("in_picture", 1.0))}
        camera = {name: value / fps for name, value in speed.items()} | {"zoom": speed["zoom"] ** (1 / fps)} | edges
        alone = ({"interp": 1.0, "unsample": 0.0} | ({"denoise": 1.0} if anew else {})) if k == begin else {}
        rests = k == 0 or (k == begin and not anew)
        return values | {"camera": camera if moves and not rests else None} | alone | ({"noise": 0.0} if rests else {})

    return row


def _camera(model: Model, move: dict | None) -> Callable[[Tensor], Tensor] | None:
    """What the camera makes of a latent, there or in its picture."""
    if move is None or all(move[name] == still for name, still in STILL.items()):
        return None
    inside = partial(warp, **{name: value for name, value in move.items() if name != "in_picture"})
    return (lambda latent: model.to_latent(inside(model.to_picture(latent)))) if move["in_picture"] else inside


def _prompt_pairs(schedule: Schedule) -> Callable[[int], tuple[Prompt, Prompt, float]]:
    """The prompt before each frame, the one after it, and the weight of the latter."""
    travel = None if schedule.travel is None else Curve(schedule.travel, schedule.clock)
    left, right, weight = between(schedule.prompts, schedule.clock, travel=travel)
    return lambda k: (schedule.prompts[left[k]], schedule.prompts[right[k]], float(weight[k]))


def _mixed_in(schedule: Schedule) -> Callable[[int], list[tuple[str, float]]]:
    """The prompts that are mixed into each frame one after the other, and how far each draws what came before it."""

    def mixed(k: int) -> list[tuple[str, float]]:
        weight = max(0.0, 1 - sum(values[k].item() for values in schedule.mix.values()))
        steps = []
        for text, values in schedule.mix.items():
            if values[k] > 0:
                weight += values[k].item()
                steps.append((text, values[k].item() / weight))
        return steps

    return mixed


def _guidance_by_frame(model: Model, schedule: Schedule) -> Callable[[int], Guidance]:
    encode, pair, mixed = cache(model.encode_text), _prompt_pairs(schedule), _mixed_in(schedule)
    ways = {"slerp": slerp, "lerp": lerp}

    def guidance(k: int) -> Guidance:
        before, after, weight = pair(k)
        mix = ways[before.way]
        wanted = mix(encode(before.text), encode(after.text), weight)
        for text, step in mixed(k):
            wanted = slerp(wanted, encode(text), step)
        return Guidance(wanted, mix(encode(before.negative), encode(after.negative), weight))

    return guidance


def _anchor_by_frame(
    model: Model, schedule: Schedule, look: Look, lead: Callable[[Guidance], Guidance]
) -> Callable[[int, float], Anchor | None]:
    """The colours to hold at each frame: those of a few fresh pictures of its prompts."""
    pair, mixed = _prompt_pairs(schedule), _mixed_in(schedule)

    @cache
    def statistics(text: str, negative: str):
        guidance = lead(model.guidance(text, negative))
        empty = model.empty_latent(look.size)
        plans = [
            plan_frame(guidance, seed=seed, frame=0, steps=look.steps, cfg=look.cfg, denoise=1.0)
            for seed in range(ANCHOR_STILLS)
        ]
        stills = [
            sample_frame(model.denoiser, plan, empty, sampler=look.sampler, scheduler=look.scheduler) for plan in plans
        ]
        means = [still.mean((0, 2, 3)) for still in stills]
        stds = [still.std((0, 2, 3), correction=0) for still in stills]
        return sum(means) / len(means), sum(stds) / len(stds)

    def anchor(k: int, strength: float) -> Anchor | None:
        if strength == 0:
            return None
        before, after, weight = pair(k)
        mean, std = statistics(before.text, before.negative)
        others = [(after.text, after.negative, weight)] if weight else []
        for text, negative, step in [*others, *((text, before.negative, step) for text, step in mixed(k))]:
            next_mean, next_std = statistics(text, negative)
            mean, std = mean.lerp(next_mean, step), std.lerp(next_std, step)
        return Anchor(mean, std, strength)

    return anchor
