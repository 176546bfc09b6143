"""Prompt: a text that holds from a time on, and what is steered away from."""

from dataclasses import dataclass

import numpy as np

from audioviz.clock import read_time
from audioviz.curve import easing
from audioviz.errors import ScheduleError
from audioviz.schedule.binding import bound_clock, bound_song
from audioviz.schedule.times import key_to_seconds

WAYS = ("slerp", "lerp")
NEGATIVE = "--neg"


@dataclass(frozen=True)
class Prompt:
    """A prompt that holds from a time on, and the way from it to the next.

    Examples
    --------
    >>> cut = av.Prompt(8.0, "gold mandala", negative="grey", ease="hold")
    >>> plan = av.Schedule(prompts=[av.Prompt(0.0, "neon nebula"), cut])
    """

    seconds: float  # or text, as of other times: 1:30, 96f, 16b ...
    text: str
    negative: str = ""
    ease: str = "late"  # any easing; hold jumps
    way: str = "slerp"  # along the arc between the two, or straight: lerp

    def __post_init__(self):
        easing(self.ease)
        if isinstance(self.seconds, str):
            object.__setattr__(self, "seconds", _to_seconds(self.seconds))
        if self.way not in WAYS:
            raise ScheduleError(f"prompt {self.text!r}: unknown way {self.way!r}: use one of {', '.join(WAYS)}")
        if not np.isfinite(self.seconds) or self.seconds < 0:
            raise ScheduleError(f"prompt {self.text!r} at {self.seconds} seconds: expected a time of at least 0")
        if not isinstance(self.text, str) or not isinstance(self.negative, str):
            raise ScheduleError(f"prompt {self.text!r}: expected text")


def _to_seconds(time: str) -> float:
    """The seconds of a time; what is counted in frames or beats, or a section, needs the song of the script."""
    if bound_song() is None:
        number, unit = read_time(time)
        if unit == "s":
            return number
    return key_to_seconds(time, bound_clock())


def text_to_prompt(seconds: float, text: str, *, negative: str = "") -> Prompt:
    """`gold mandala --neg grey` at a time; `negative` is taken where the text has none."""
    if not isinstance(text, str):
        raise ScheduleError(f"prompt {text!r}: expected text")
    wanted, mark, unwanted = text.partition(NEGATIVE)
    return Prompt(seconds, wanted.strip(), unwanted.strip()) if mark else Prompt(seconds, text, negative)
