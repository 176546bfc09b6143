"""What Deforum and Parseq have in common: a value for each frame of the file's fps, and what neither can say."""

import json
import re
import warnings
from collections.abc import Collection
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from audioviz.clock import Clock
from audioviz.errors import AudiovizWarning, ScheduleError
from audioviz.schedule.columns import EFFECTS, NEUTRAL, lora_columns
from audioviz.schedule.prompt import NEGATIVE, Prompt
from audioviz.schedule.seeds import random

if TYPE_CHECKING:
    from audioviz.schedule.schedule import Schedule

_UNSAID = ("interp", "slerp", "unsample", "anchor", "wrap", "in_picture", "flow", "travel", "control", "style")
_LAST_COMMA = re.compile(r'("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])')
_BARE_BACKSLASH = re.compile(r'(\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})|\\')


def read_object(text: str) -> dict:
    """A JSON object, as people write it by hand.

    A comma after its last entry, line breaks inside of texts and `\\(`, the prompts' bracket itself, are let pass.

    Raises
    ------
    ScheduleError
        If it is anything else; the message names the line.
    """
    try:
        try:
            document = json.loads(text)
        except ValueError:
            document = json.loads(_LAST_COMMA.sub(lambda found: found[1] or "", with_escapes(text)), strict=False)
    except json.JSONDecodeError as error:
        quoted = error.doc[error.pos : error.pos + 1] in tuple("'‘’“”")
        hint = "; keys and texts stand between straight double quotes" if quoted else ""
        raise ScheduleError(f"not JSON: {error}{hint}") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, brackets in thousands
        raise ScheduleError(f"not JSON: {error}") from error
    if not isinstance(document, dict):
        raise ScheduleError("expected a JSON object")
    return document


def with_escapes(text: str) -> str:
    """JSON whose backslashes that escape nothing, as in `\\(`, stand for themselves."""
    return _BARE_BACKSLASH.sub(lambda found: found[1] or r"\\", text)


@dataclass(frozen=True)
class FileFrames:
    """The frames of a file of some fps, against those of our clock.

    Parameters
    ----------
    fps : Fraction
    at : float, shape (T,)
        Where our frames lie among them, with fractions.
    count : int
        How many there are in our song.
    end : float
        The latest that a key may lie: ours end up to half a frame before the song.
    seed : int
        The first seed, the `s` of formulas.
    outside : list of str
        The keys that were left out as they lie outside of the song, to be said once.
    """

    fps: Fraction
    at: np.ndarray
    count: int
    end: float
    seed: int = 0
    outside: list[str] = field(default_factory=list)

    @classmethod
    def on(cls, clock: Clock, fps: Fraction, *, seed: int = 0) -> "FileFrames":
        """Those of a file of that fps and first seed."""
        ratio = fps / clock.fps
        if ratio > 1:
            warnings.warn(
                f"the file has {fps} frames a second and the video {clock.fps}: what it says for less than a frame "
                "may be missed",
                AudiovizWarning,
                stacklevel=3,
            )
        at = np.arange(clock.frames) * float(ratio)
        return cls(fps, at, max(1, round(clock.frames * ratio)), float(clock.latest * fps), seed)

    @property
    def whole(self) -> np.ndarray:
        """Each of them, and one more: float, shape (count + 1,)."""
        return np.arange(self.count + 1.0)

    @property
    def held(self) -> np.ndarray:
        """The one of them that is on at each of ours: float, shape (T,)."""
        return np.floor(self.at + 1e-9)

    def drawn(self, base: int) -> np.ndarray:
        """A seed drawn by chance for each of ours, the same in each of them: uint64, shape (T,)."""
        return random(base % 2**64, clock=Clock(self.fps, self.count + 1))[self.held.astype(np.int64)]

    @property
    def names(self) -> dict[str, np.float64]:
        """What formulas and keys know besides the frame: `max_f`, the last one, and `s`, the first seed."""
        return {"max_f": np.float64(self.count - 1), "s": np.float64(self.seed)}

    def say_outside(self) -> None:
        """One warning with the keys outside of the song, which the tools pass over."""
        if self.outside:
            more = f" and {len(self.outside) - 1} more" if len(self.outside) > 1 else ""
            warnings.warn(
                f"{self.outside[0]}{more}: outside of the song, which ends at frame {self.count}, and left out",
                AudiovizWarning,
                stacklevel=3,
            )


def prompt_to_text(prompt: Prompt) -> str:
    """`a cat --neg a dog`."""
    return f"{prompt.text} {NEGATIVE} {prompt.negative}" if prompt.negative else prompt.text


def whole(values, drawn) -> list[int]:
    """Seeds as Python's own integers, of 0 .. 2^64 - 1, without their fractions.

    Where they come to -1, which means a new one by chance, they are those of `drawn`, one for each of the values.
    """
    numbers = [int(value) for value in values]  # towards 0, as the tools do
    return [int(drawn[k]) if number == -1 else number % 2**64 for k, number in enumerate(numbers)]


def loop_to_columns(contrast: np.ndarray, amount: np.ndarray) -> dict[str, Any]:
    """Columns of what the tools do to the frame before: `contrast` multiplies it, `amount` of antiblur sharpens it."""
    columns = {"brightness": contrast - 1, "sharpen": amount}
    columns = {name: values for name, values in columns.items() if values.any()}
    return columns | ({"in_loop": 1.0} if columns else {})


def said_in_loop(schedule: "Schedule") -> list[str]:
    """The columns that columns_to_loop tells."""
    return ["brightness", "sharpen"] if columns_to_loop(schedule) else []


def columns_to_loop(schedule: "Schedule") -> dict[str, np.ndarray]:
    """The inverse of loop_to_columns, by its arguments, of what a schedule has of them in the loop."""
    columns = schedule.columns
    if "in_loop" not in columns or (columns["in_loop"] < 0.5).any():
        return {}
    convert = {"brightness": ("contrast", lambda v: v + 1), "sharpen": ("amount", lambda v: v)}
    return {convert[name][0]: convert[name][1](values) for name, values in columns.items() if name in convert}


def lost_columns(schedule: "Schedule", *, said: Collection[str] = ()) -> list[str]:
    """What a schedule says, but for the columns that are `said`, and neither Deforum nor Parseq can."""
    columns = schedule.columns
    lost = [
        name
        for name in (*_UNSAID, *EFFECTS)
        if name in columns
        and name not in said
        and not (name in ("interp", *EFFECTS) and (columns[name] == NEUTRAL.get(name, 1.0)).all())
    ]
    lost += [name for name in lora_columns(columns) if name not in said]
    if schedule.mix:
        lost.append("mix")
    if len(dict(schedule.prompt_rows())) < len(schedule.prompts):
        lost.append("all but the last of several prompts in a frame")
    if any(prompt.ease != "hold" for prompt in schedule.prompts[:-1]):
        lost.append("easing from prompt to prompt")
    return lost


def say_lost(tool: str, lost: list[str]) -> None:
    """One warning with all that a file of that tool cannot carry over."""
    if lost:
        warnings.warn(
            f"{tool}: left out, as it has no equal on the other side: {', '.join(lost)}", AudiovizWarning, stacklevel=3
        )
