"""Lanes: keyframes or an expression that replace a column of a schedule, or bend what its script says."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from audioviz.curve import Curve
from audioviz.errors import ScheduleError, nearest, to_number
from audioviz.schedule.binding import bound
from audioviz.schedule.columns import (
    COLOUR,
    COLUMNS,
    NEUTRAL,
    RANGES,
    SEEDS,
    column_name,
    columns_to_keywords,
    expected_columns,
    is_column,
    lora_columns,
    to_colours,
)
from audioviz.schedule.curves import expression, keyframes
from audioviz.schedule.eases import ease_of_each
from audioviz.schedule.schedule import Schedule

MODES = ("replace", "multiply", "add")
_EXACT = 2.0**53  # floats hold every whole number up to here


@dataclass(frozen=True)
class Lane:
    """What is drawn or written over one column, over the whole song.

    Parameters
    ----------
    keys : mapping of time to value, or text of Deforum and FizzNodes, `0:(0.95), 24:(0.3)`, optional
        As for `av.curves.keyframes`: `8s`, `1:30`, `96f`, `16b` (beats), `4bar` or the label of a section. Values of
        `flash_colour` are colours, `gold` or `#ff8000`, of which red, green and blue are each eased.
    ease : any of `audioviz.curve.easing`, or a mapping of a key, as it is written in keys, to one
        From each key to the next, or from that key alone; keys that are not named are linear.
    expression : str, optional
        As for `av.curves.expression`, in place of keys.
    mode : "replace", "multiply" or "add"
        What becomes of the values that the script gives.

    Raises
    ------
    ScheduleError
        If there are not either keys or an expression, or ease, a key of it, or mode is unknown.

    Examples
    --------
    >>> from audioviz.schedule.lanes import Lane
    >>> louder = Lane(keys={"0s": 0.5, "4bar": 1.0}, mode="multiply")
    >>> project = av.Project("song.mp3", lanes={"denoise": louder, "zoom": Lane(expression="1 + 0.3 * low")})
    """

    keys: Mapping[str, int | float | str] | str | None = None
    ease: str | Mapping[str, str] = "linear"
    expression: str | None = None
    mode: str = "replace"

    def __post_init__(self) -> None:
        if bool(self.keys) == bool(self.expression):
            raise ScheduleError("expected either keys, such as {'0s': 0.3, '4bar': 0.9}, or an expression")
        if self.mode not in MODES:
            raise ScheduleError(f"mode is {self.mode!r}{nearest(self.mode, MODES)}, expected one of {', '.join(MODES)}")
        ease_of_each(self.ease, self.keys)


def with_lanes(schedule: Schedule, lanes: Mapping[str, Lane], *, song) -> Schedule:
    """The schedule with lanes laid over its columns.

    Parameters
    ----------
    schedule : Schedule
    lanes : mapping of a column's name to its Lane
    song : Song
        Whose beats, sections and curves keys and expressions speak of.

    Raises
    ------
    ScheduleError
        If a column is unknown, or a lane cannot be computed; the message begins with the column.
    """
    columns = {column: lane_values(schedule, column, lane, song=song) for column, lane in lanes.items()}
    return with_columns(schedule, columns, song=song)


def lane_values(schedule: Schedule, column: str, lane: Lane, *, song) -> np.ndarray:
    """What a column of a schedule becomes under a lane, shape (T,); `with_columns` clips it to the column's range.

    Raises
    ------
    ScheduleError
        If the column is unknown, or the lane cannot be computed; the message begins with the column.
    """
    if not is_column(column):
        hint = nearest(column, COLUMNS)
        raise ScheduleError(f"lane {column}{hint}: expected one of the columns {expected_columns()}")
    try:
        with bound(song):
            return np.asarray(_laid_over(schedule, column_name(column), lane))
    except ScheduleError as error:
        raise ScheduleError(f"lane {column}: {error}") from error


def with_columns(schedule: Schedule, columns: Mapping[str, np.ndarray], *, song) -> Schedule:
    """The schedule with other values in some columns, each of shape (T,).

    Raises
    ------
    ScheduleError
        If they cannot be.
    """
    named = {column_name(column): values for column, values in columns.items()}
    loras = {name: schedule.columns[name] for name in lora_columns(schedule.columns)}
    with bound(song):
        return replace(schedule, **columns_to_keywords(loras | named))


def _laid_over(schedule: Schedule, column: str, lane: Lane) -> Any:
    if column == COLOUR and lane.mode == "replace" and isinstance(lane.keys, Mapping) and lane.keys:
        return _colours(lane.keys, lane.ease)
    keys = cast("Mapping[str, float] | str | None", lane.keys)  # what is no number is refused there
    curve = keyframes(keys, ease=lane.ease) if keys else expression(lane.expression or "")
    if column in SEEDS:
        return _seeds(schedule.columns.get(column), curve, lane.mode)
    if lane.mode == "replace":
        return curve
    if column not in schedule.columns and column not in NEUTRAL:
        raise ScheduleError(f"the schedule has none to {lane.mode}; let the lane replace it")
    values = schedule.columns.get(column, NEUTRAL.get(column))
    return curve * values if lane.mode == "multiply" else curve + values


def _colours(keys: Mapping[str, int | float | str], ease: str | Mapping[str, str]) -> Curve:
    """Colours at keys, whose red, green and blue are each eased in between."""
    colours = {key: int(to_number(f"keyframe {key}", to_colours(value))) for key, value in keys.items()}
    for key, colour in colours.items():
        if not 0 <= colour <= RANGES[COLOUR][1]:
            raise ScheduleError(f"keyframe {key} {colour}: expected a colour, such as gold, #ff8000 or {0xFF8000}")
    red, green, blue = (
        keyframes({key: colour >> shift & 255 for key, colour in colours.items()}, ease=ease).clip(0, 255)
        for shift in (16, 8, 0)
    )
    return Curve(np.rint(red.values) * 65536 + np.rint(green.values) * 256 + np.rint(blue.values), red.clock)


def _seeds(given: np.ndarray | None, curve: Curve, mode: str) -> np.ndarray:
    whole = np.floor(curve.values)
    if mode == "multiply" or (mode == "add" and given is None):
        raise ScheduleError("a seed is not multiplied: replace it, or add to one that is there")
    if (np.abs(whole) >= _EXACT).any() or (mode == "replace" and (whole < 0).any()):
        raise ScheduleError(f"expected seeds from 0 to {_EXACT:.0f}")
    moved = whole.astype(np.int64).astype(np.uint64)  # what is below 0 wraps around, as sums of seeds do
    return moved if given is None or mode == "replace" else given + moved
