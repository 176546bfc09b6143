"""The frame table: a row for each frame of a render, all that a schedule says of it, with the defaults filled in."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from audioviz.curve import Curve
from audioviz.digests import json_digest
from audioviz.effects import LEAST
from audioviz.rendering.settings import RenderSettings
from audioviz.schedule.columns import COLOUR, EFFECTS, LORA, NEUTRAL, lora_columns
from audioviz.schedule.prompt import Prompt
from audioviz.schedule.prompts import between
from audioviz.schedule.schedule import Schedule
from audioviz.schedule.shots import cut_points

CAMERA = ("zoom", "angle", "shift_x", "shift_y", "tilt", "pan", "dolly")
SWITCHES = ("slerp", "unsample", "wrap", "in_picture", "in_loop")  # on from 0.5


@dataclass(frozen=True, eq=False)
class FrameTable:
    """Columns of shape (T,) for the T frames of a part of a song; row i is frame part[i] of the song.

    Parameters
    ----------
    part : range
    fps : Fraction
    columns : dict of name to array
        Those of the schedule as the sampler wants them: cfg filled in, the camera's motion in a frame and not in a
        second, switches as booleans, and the first row as what has no frame before it.
    effects : dict of name to array
        The columns of effects that are not at rest in all of the part.
    prompts : tuple of Prompt
        The schedule's.
    prompt_before, prompt_after : int64
        Which of the prompts each frame lies between,
    weight : float64
        and how far along.
    mix : dict of text to float64
        How far each text that is mixed in draws the frame from what came before it in this order.
    """

    part: range
    fps: Fraction
    columns: dict[str, np.ndarray]
    effects: dict[str, np.ndarray]
    prompts: tuple[Prompt, ...]
    prompt_before: np.ndarray
    prompt_after: np.ndarray
    weight: np.ndarray
    mix: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.part)

    @property
    def cut_points(self) -> np.ndarray:
        """Whether each row is drawn wholly anew, so that nothing of the rows before it is left: bool, shape (T,)."""
        columns = self.columns
        return (columns["denoise"] == 1) & (columns["interp"] == 1) & ~columns["unsample"]

    def row(self, i: int) -> dict[str, Any]:
        """The columns at row i as plain numbers."""
        return {name: values[i].item() for name, values in self.columns.items()}

    def loras_at(self, i: int) -> dict[str, float]:
        """How strongly LoRAs act at row i, by their names."""
        return {name.removeprefix(LORA): self.columns[name][i].item() for name in lora_columns(self.columns)}

    def camera(self, i: int) -> dict[str, Any] | None:
        """How the camera moves before row i; None if it rests."""
        move = {name: self.columns[name][i].item() for name in (*CAMERA, "fov", "wrap", "in_picture")}
        return None if all(move[name] == NEUTRAL[name] for name in CAMERA) else move

    def effects_at(self, i: int, *, in_loop: bool = False) -> dict[str, float]:
        """The effects on row i that are not at rest: those on the finished frame, or those on the frame before it."""
        if self.columns["in_loop"][i] != in_loop:
            return {}
        values = {name: column[i].item() for name, column in self.effects.items()}
        acting = {name: value for name, value in values.items() if abs(value - NEUTRAL[name]) >= LEAST}
        if "flash" not in acting:
            acting.pop(COLOUR, None)
        if in_loop:  # it is an echo itself
            acting.pop("trails", None)
        return acting

    def prompts_at(self, i: int) -> tuple[Prompt, Prompt, float]:
        """The prompt before row i, the one after it, and the weight of the latter."""
        before, after = (self.prompts[which[i]] for which in (self.prompt_before, self.prompt_after))
        return before, after, self.weight[i].item()

    def mixed_at(self, i: int) -> list[tuple[str, float]]:
        """The texts that are mixed into row i one after the other, and how far each draws."""
        return [(text, step) for text, steps in self.mix.items() if (step := steps[i].item()) > 0]

    def digest(self, i: int) -> str:
        """A hash of all that row i's latent depends on: where it differs, this frame and all later ones may."""
        before, after, weight = self.prompts_at(i)
        words = [before.text, before.negative, weight, self.mixed_at(i)]
        words += [after.text, after.negative, before.way] if weight else []
        return json_digest([self.part[i], self.row(i), self.effects_at(i, in_loop=True), words])


def frame_table(
    schedule: Schedule, settings: RenderSettings, *, part: range | None = None, anew: bool = True
) -> FrameTable:
    """The table of a part of a schedule; of the whole if none is given.

    Parameters
    ----------
    schedule : Schedule
        With prompts.
    settings : RenderSettings
    part : range, optional
        Frames of the schedule.
    anew : bool
        Whether the first frame is drawn wholly anew, whatever the columns say, and not from an initial picture, which
        is neither moved nor noised.
    """
    part = part or range(len(schedule))
    here = slice(part.start, part.stop)
    given = {"cfg": np.full(len(schedule), settings.cfg)} | schedule.columns
    effects = {name: values[here] for name, values in given.items() if name in EFFECTS}
    columns = {name: np.full(len(part), value) for name, value in NEUTRAL.items() if name not in EFFECTS}
    columns |= {name: values[here].copy() for name, values in given.items() if name not in EFFECTS | {"travel": ()}}
    first = {"interp": 1.0, "unsample": 0.0, "flow": 0.0} | ({"denoise": 1.0} if anew else {})
    if part.start == 0 or not anew:
        first |= {"noise": 0.0} | {name: NEUTRAL[name] for name in CAMERA}
    for name, value in first.items():
        columns[name][0] = value
    fps = float(schedule.clock.fps)
    columns["zoom"] = np.array([factor ** (1 / fps) for factor in columns["zoom"].tolist()])  # alike on all processors
    columns |= {name: columns[name] / fps for name in CAMERA[1:]}
    columns |= {name: columns[name] >= 0.5 for name in SWITCHES}
    travel = None if schedule.travel is None else Curve(schedule.travel, schedule.clock)
    before, after, weight = (values[here] for values in between(schedule.prompts, schedule.clock, travel=travel))
    mix = {text: steps[here] for text, steps in _mix_steps(schedule).items()}
    effects = {name: values for name, values in effects.items() if (values != NEUTRAL[name]).any()}
    return FrameTable(part, schedule.clock.fps, columns, effects, schedule.prompts, before, after, weight, mix)


def next_cut_point(schedule: Schedule, *, first: int) -> int | None:
    """The first frame from `first` on whose picture depends on none before it; None if there is none."""
    later = np.flatnonzero(cut_points(schedule)[first:])
    return first + int(later[0]) if len(later) else None


def _mix_steps(schedule: Schedule) -> dict[str, np.ndarray]:
    """Weights of the mixed texts as interpolation steps, one after the other, which come to the same."""
    total = np.maximum(0.0, 1 - sum(schedule.mix.values(), np.zeros(len(schedule))))
    steps = {}
    for text, weights in schedule.mix.items():
        total = total + weights
        steps[text] = np.divide(weights, total, out=np.zeros_like(total), where=weights > 0)
    return steps
