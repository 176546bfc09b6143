"""Prompt: a text that holds from a time on, and what is steered away from."""

from dataclasses import dataclass
from numbers import Real

import numpy as np

from audioviz.clock import read_time
from audioviz.curve import easing
from audioviz.errors import ScheduleError, nearest
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
            hint = nearest(self.way, WAYS)
            raise ScheduleError(f"prompt {self.text!r}: unknown way {self.way!r}{hint}: use one of {', '.join(WAYS)}")
        if not isinstance(self.seconds, Real) or not np.isfinite(self.seconds) or self.seconds < 0:
            raise ScheduleError(f"prompt {self.text!r} at {self.seconds!r} seconds: expected a time of at least 0")
        for text in (self.text, self.negative):
            if not isinstance(text, str):
                raise ScheduleError(f"prompt {text!r:.60}: expected text")


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
