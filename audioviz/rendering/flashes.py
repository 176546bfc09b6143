"""Flashes that a schedule asks for, told before anything is rendered."""

from collections.abc import Iterator

import numpy as np

from audioviz.schedule.columns import NEUTRAL
from audioviz.schedule.schedule import Schedule
from audioviz.video.photosensitive import Flashing, FlashMeter

_LIGHTS = ("flash", "flash_colour", "strobe", "invert", "brightness", "contrast", "glow")  # what changes much light
_DIGITS = 2


def expected_flashes(schedule: Schedule, part: range) -> list[Flashing]:
    """When the effects of a schedule flash too often on a typical picture, seconds from the beginning of the part.

    The picture is a ramp from dark to light grey that does not move: what the model draws is not known yet, and a dark
    or a light video may flash less, one whose pictures change much more. `audioviz info` measures the finished video.
    """
    meter = FlashMeter(schedule.clock.fps)
    for picture in _pictures(schedule, part):
        meter.see(picture)
    return meter.found


def _pictures(schedule: Schedule, part: range) -> Iterator[np.ndarray]:
    lights = {
        name: values[part.start : part.stop] for name in _LIGHTS if (values := schedule.columns.get(name)) is not None
    }
    if not any((values != NEUTRAL[name]).any() for name, values in lights.items()):
        return
    import torch

    from audioviz.effects import apply
    from audioviz.pixels import unit_to_levels

    ramp = np.tile(np.linspace(0.2, 0.75, 32, dtype=np.float32), (3, 32, 1))
    typical = torch.from_numpy(ramp)[None]
    made: dict[tuple[float, ...], np.ndarray] = {}
    for values in zip(*lights.values()):
        key = tuple(round(float(value), _DIGITS) for value in values)
        if key not in made:
            shown = {name: value for name, value in zip(lights, key) if value != NEUTRAL[name]}
            picture = apply(typical, shown, seed=0, frame=0, before=None)
            made[key] = unit_to_levels(picture)
        yield made[key]
