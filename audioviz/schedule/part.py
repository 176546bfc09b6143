"""A part of a schedule as one of its own, and back in its place in the whole song."""

import warnings
from dataclasses import replace

import numpy as np

from audioviz.clock import Clock
from audioviz.errors import AudiovizWarning
from audioviz.schedule.columns import columns_to_keywords
from audioviz.schedule.prompts import between, spread
from audioviz.schedule.schedule import Schedule


def cut_schedule(schedule: Schedule, part: range) -> Schedule:
    """These frames of a schedule, whose seconds count from the first of them.

    The way to a prompt that comes after the part has no place in it; that is said. Where `travel` walks along the
    prompts, all of them are there, evenly, as their times say nothing.
    """
    clock = Clock(schedule.clock.fps, len(part))
    begin, end = (float(schedule.clock.frame_to_seconds(frame)) for frame in (part.start, part.stop))
    before = [prompt for prompt in schedule.prompts if prompt.seconds <= begin][-1:]
    inside = [prompt for prompt in schedule.prompts if begin < prompt.seconds < end]
    prompts = [replace(prompt, seconds=max(0.0, prompt.seconds - begin)) for prompt in before + inside]
    prompts = prompts or [replace(prompt, seconds=0.0) for prompt in schedule.prompts[:1]]
    if schedule.travel is not None:
        times = spread(len(schedule.prompts), clock)
        prompts = [replace(prompt, seconds=seconds) for prompt, seconds in zip(schedule.prompts, times)]
    here = slice(part.start, part.stop)
    columns = columns_to_keywords({name: values[here] for name, values in schedule.columns.items()})
    mix = {text: values[here] for text, values in schedule.mix.items()}
    if schedule.prompts and schedule.travel is None:
        found = replace(schedule, **columns, prompts=prompts, mix=mix, clock=clock)
        if not np.allclose(
            between(schedule.prompts, schedule.clock)[2][here], between(found.prompts, clock)[2], atol=0.02
        ):
            warnings.warn(
                "the part begins or ends on the way from one prompt to the next, which it holds only as far as its own "
                "prompts go",
                AudiovizWarning,
                stacklevel=2,
            )
        return found
    return replace(schedule, **columns, prompts=prompts, mix=mix, clock=clock)


def placed_schedule(schedule: Schedule, part: range, clock: Clock) -> Schedule:
    """A schedule that was cut from a whole one, back in its place; its first and last values hold outside of it."""
    margins = (part.start, clock.frames - part.stop)
    begin = float(clock.frame_to_seconds(part.start))
    columns = columns_to_keywords(
        {name: np.pad(values, margins, mode="edge") for name, values in schedule.columns.items()}
    )
    mix = {text: np.pad(values, margins, mode="edge") for text, values in schedule.mix.items()}
    prompts = [replace(prompt, seconds=prompt.seconds + begin) for prompt in schedule.prompts]
    return replace(schedule, **columns, prompts=prompts, mix=mix, clock=clock)
