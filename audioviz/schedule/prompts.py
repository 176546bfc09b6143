"""Prompt keyframes: which two prompts a frame lies between, and how far along."""

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from audioviz.clock import TIMES, Clock
from audioviz.curve import Curve
from audioviz.errors import AudiovizWarning, ScheduleError
from audioviz.files import user_path
from audioviz.schedule.eases import eased
from audioviz.schedule.formats import read_columns
from audioviz.schedule.formats.lines import lines_to_columns
from audioviz.schedule.lyrics import LYRICS
from audioviz.schedule.prompt import Prompt, text_to_prompt
from audioviz.schedule.times import key_to_times, split_key

_LABEL = re.compile(r"\s*[A-Z]\s*:(?![\\/])")  # and no drive of Windows
_AT_FRAMES = re.compile(r'\s*(?:\{\s*"?\d+"?|"\d+")\s*:\s*"')  # as FizzNodes and Deforum write prompts
_NEARLY_A_TIME = re.compile(r"\s*(\d[\d.]*\s*[A-Za-z]+)\s*:\s")
_OTHER_FILES = (  # endings that people give in the place of a prompt, and which a few words may have as well
    *(".txt", ".json", ".csv", ".md", ".rtf", ".doc", ".docx", ".odt", ".pdf", ".yaml", ".yml", ".toml", ".xml"),
    *(".html", ".ttml", ".sbv", ".sub", ".avz", ".py"),
)


def to_prompts(value, clock: Clock, *, negative: str = "") -> tuple[Prompt, ...]:
    """Prompt keyframes in order of time from what a user writes.

    Parameters
    ----------
    value : str, sequence of str or Prompt, or mapping of time to str
        Plain texts are spread evenly over the song. A time is a number of seconds, or text such as `8s`, `1:30`,
        `96f`, `16b` (beats), `4bar` or the label of a section, which means every section that has it; in a sequence it
        stands before the text: `8s: gold mandala`. In place of a text may be a file: lyrics with times or subtitles,
        `words.lrc`, or prompts at frames, `prompts.txt` or `prompts.json`, as the formats of schedules have them; or
        the text of such prompts itself: `"0": "a cat", "48": "a dog"`.
        What to steer away from may follow the text: `gold mandala --neg grey`.
    clock : Clock
    negative : str
        For every prompt that has none of its own.

    Raises
    ------
    ScheduleError
        If a time is unknown, lies past the end, or only some of several prompts have one; or a file is not there.
    """
    if isinstance(value, Mapping):
        keys = [(seconds, text) for key, text in value.items() for seconds in key_to_times(key, clock)]
    else:
        items = [value] if isinstance(value, (str, Prompt)) else value
        if not np.iterable(items):
            raise ScheduleError(f"prompts {value!r:.60}: expected texts, such as ['neon nebula', 'gold mandala']")
        keys = [key for item in items for key in _split(item, clock)]
    times = [seconds for seconds, _ in keys if seconds is not None]
    if times and len(times) < len(keys):
        untimed = next(text for seconds, text in keys if seconds is None)
        raise ScheduleError(
            f"prompt {untimed!r} has no time but others have: give all of them one ('8s: ...', '1:30: ...') or none"
        )
    prompts = [
        replace(text, negative=text.negative or negative)
        if isinstance(text, Prompt)
        else text_to_prompt(seconds, text, negative=negative)
        for seconds, (_, text) in zip(times or spread(len(keys), clock), keys)
    ]
    for prompt in prompts:
        if prompt.seconds > clock.latest:
            raise ScheduleError(
                f"prompt keyframe {prompt.text!r} at {prompt.seconds:g} s lies past the end "
                f"of the song at {float(clock.duration):g} s: give an earlier time"
            )
    return tuple(sorted(prompts, key=lambda prompt: prompt.seconds))


def between(prompts: Sequence[Prompt], clock: Clock, *, travel: Curve | None = None) -> tuple[np.ndarray, ...]:
    """For each frame the prompt before it, the prompt after it, and the weight of the latter.

    Parameters
    ----------
    prompts : in order of time, at least one
    clock : Clock
    travel : Curve in [0, 1], optional
        Walks along the prompts from first to last in its own pace, in place of their times.

    Returns
    -------
    int64 (T,), int64 (T,), float64 (T,) in [0, 1]
    """
    last = len(prompts) - 1
    if travel is not None:
        position = np.clip(np.asarray(travel), 0, 1) * last
        left = np.minimum(position.astype(np.int64), max(last - 1, 0))
        return left, np.minimum(left + 1, last), position - left
    frames = np.array([clock.seconds_to_frame(prompt.seconds) for prompt in prompts])
    k = np.arange(clock.frames)
    left = np.maximum(np.searchsorted(frames, k, side="right") - 1, 0)
    right = np.minimum(left + 1, last)
    progress = np.clip((k - frames[left]) / np.maximum(frames[right] - frames[left], 1), 0, 1)
    weight = np.clip(eased(progress, left, [prompt.ease for prompt in prompts]), 0, 1)  # some easings overshoot
    return left, right, np.where(left == last, 0.0, weight)


def spread(count: int, clock: Clock) -> list[float]:
    """The seconds of so many texts without a time: evenly over the song."""
    return [float(clock.duration) * i / count for i in range(count)]


def _split(item, clock: Clock) -> Sequence[tuple[float | None, str | Prompt]]:
    """Seconds, or None where it names none, and the text or Prompt of each prompt that an entry of a list means."""
    if isinstance(item, Prompt):
        return [(item.seconds, item)]
    if not isinstance(item, str):
        raise ScheduleError(f"prompt {item!r}: expected text")
    if _AT_FRAMES.match(item):
        return [(prompt.seconds, prompt) for prompt in lines_to_columns(item, clock)["prompts"]]
    if found := split_key(item):
        key, text = found
        times = key_to_times(key, clock)
        if times[0] > clock.latest:
            raise ScheduleError(
                f"prompt {item!r}: {key} lies past the end of the song at {float(clock.duration):g} s: give an earlier "
                f"time, or, if {key} is a word of the prompt, write '0s: {item}'"
            )
        return [(seconds, text.strip()) for seconds in times]
    if _LABEL.match(item):
        raise ScheduleError(
            f"prompt {item!r}: the song has no section {item.strip()[0]}; write '0s: {item}' if that is no section"
        )
    if nearly := _NEARLY_A_TIME.match(item):
        warnings.warn(
            f"prompt {item!r}: is drawn as it stands, as {nearly[1]!r} is no time; for a time write {TIMES}",
            AudiovizWarning,
            stacklevel=4,
        )
    path = prompt_file(item)
    return [(None, item.strip())] if path is None else [(prompt.seconds, prompt) for prompt in _prompts_of(path, clock)]


def prompt_file(text: str, *, is_there: Callable[[Path], bool] = Path.is_file) -> Path | None:
    """The file that is meant by what stands in the place of a prompt; None if it is a prompt.

    It is one if it is there, or ends like one of lyrics, or in up to three words like another that has text.
    """
    if split_key(text) or "\0" in text or not text.strip():
        return None
    path = user_path(text.strip())
    ending, few = path.suffix.lower(), len(text.split()) <= 3
    try:
        return path if ending in LYRICS or (few and ending in _OTHER_FILES) or is_there(path) else None
    except OSError:  # too long for a name
        return None


def check_prompt_file(path: Path) -> None:
    """Refuse a file of prompts that is not there.

    Raises
    ------
    ScheduleError
    """
    if not path.is_file():
        raise ScheduleError(
            f"prompt {path}: there is no such file; expected words, or a file: lyrics ({', '.join(LYRICS)}), or "
            f"prompts at frames (.txt, .json, .csv); to draw these words, write '0s: {path}'"
        )


def _prompts_of(path: Path, clock: Clock) -> tuple[Prompt, ...]:
    """The prompts of a schedule file."""
    check_prompt_file(path)
    columns = read_columns(path, clock)
    prompts = columns.get("prompts", ())
    if not prompts:
        raise ScheduleError(f"{path}: has no prompts")
    if columns.get("mix"):
        warnings.warn(
            f"{path}: of its prompts joined by AND only the first of each is taken; give it as the schedule for all",
            AudiovizWarning,
            stacklevel=5,
        )
    if columns.get("loras"):
        warnings.warn(
            f"{path}: {', '.join(columns['loras'])}: the weight of a LoRA that changes from prompt to prompt is a "
            "column, and is left out; give the file as the schedule for all",
            AudiovizWarning,
            stacklevel=5,
        )
    return tuple(sorted(prompts, key=lambda prompt: prompt.seconds))
