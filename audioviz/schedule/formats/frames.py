"""What Deforum and Parseq have in common: numbers for each of their own frames, a camera in pixels a frame, said losses.

Their zoom is a factor a frame, their angle turns against the clock in degrees a frame, and their translation moves the
picture right and down in pixels a frame; ours are a second, with the clock, and in widths and heights.
"""

import json
import warnings
from fractions import Fraction

import numpy as np

from audioviz.clock import Clock
from audioviz.errors import AudiovizWarning, ScheduleError
from audioviz.schedule.prompts import NEGATIVE, Prompt
from audioviz.schedule.schedule import Schedule

SIDE = 512  # pixels, of a picture whose size the file does not say


def read_object(text: str) -> dict:
    """A JSON object.

    Raises
    ------
    ScheduleError
        If it is anything else; the message names the line.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ScheduleError(f"not JSON: {error}") from error
    if not isinstance(document, dict):
        raise ScheduleError("expected a JSON object")
    return document


def their_frames(clock: Clock, fps: Fraction) -> np.ndarray:
    """Where our frames lie among those of a file of that fps: float (T,), with fractions."""
    return np.arange(clock.frames) * float(fps / clock.fps)


def camera_to_columns(moves: dict[str, np.ndarray], fps: Fraction, size: tuple[float, float]) -> dict[str, np.ndarray]:
    """Columns zoom, angle, shift_x, shift_y of what was given of zoom, angle, translation_x, translation_y."""
    rate, (width, height) = float(fps), size
    convert = {"zoom": ("zoom", lambda v: np.maximum(v, 0) ** rate), "angle": ("angle", lambda v: -v * rate),
               "translation_x": ("shift_x", lambda v: v * rate / width),
               "translation_y": ("shift_y", lambda v: v * rate / height)}
    return {convert[name][0]: convert[name][1](values) for name, values in moves.items()}


def columns_to_camera(schedule: Schedule) -> dict[str, np.ndarray]:
    """The inverse of camera_to_columns, for a picture of SIDE pixels."""
    rate = float(schedule.clock.fps)
    convert = {"zoom": ("zoom", lambda v: v ** (1 / rate)), "angle": ("angle", lambda v: -v / rate),
               "shift_x": ("translation_x", lambda v: v * SIDE / rate), "shift_y": ("translation_y", lambda v: v * SIDE / rate)}
    return {convert[name][0]: convert[name][1](values) for name, values in schedule.columns.items() if name in convert}


def prompt_to_text(prompt: Prompt) -> str:
    """`a cat --neg a dog`."""
    return f"{prompt.text} {NEGATIVE} {prompt.negative}" if prompt.negative else prompt.text


def whole(values) -> list[int]:
    """Seeds as Python's own integers, of 0 .. 2^64 - 1, without their fractions."""
    return [int(value // 1) % 2**64 for value in values]


def lost_columns(schedule: Schedule) -> list[str]:
    """What a schedule says that neither Deforum nor Parseq can."""
    lost = [name for name in ("interp", "unsample", "anchor", "wrap", "in_picture", "travel")
            if name in schedule.columns and not (name == "interp" and (schedule.interp == 1).all())]
    if schedule.mix:
        lost.append("mix")
    if any(prompt.ease != "hold" for prompt in schedule.prompts[:-1]):
        lost.append("easing from prompt to prompt")
    return lost


def say_lost(tool: str, lost: list[str]) -> None:
    """One warning with all that a file of that tool cannot carry over."""
    if lost:
        warnings.warn(f"{tool}: left out, as it has no equal on the other side: {', '.join(lost)}", AudiovizWarning, stacklevel=3)
