"""Prompt keyframes: which two prompts a frame lies between, and how far along."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from audioviz.clock import Clock
from audioviz.curve import Curve, easing
from audioviz.errors import ScheduleError
from audioviz.schedule.binding import bound_song
from audioviz.schedule.formats import read_columns
from audioviz.schedule.lyrics import lyrics_to_prompts
from audioviz.schedule.prompt import Prompt, text_to_prompt
from audioviz.schedule.times import is_key, key_to_times

_LABEL = re.compile(r"\s*[A-Z]\s*")


def to_prompts(value, clock: Clock, *, negative: str = "") -> tuple[Prompt, ...]:
    """Prompt keyframes in order of time from what a user writes.

    Parameters
    ----------
    value : str, sequence of str or Prompt, or mapping of time to str
        Plain texts are spread evenly over the song. A time is a number of seconds, or text such as `8s`, `96f`,
        `16b` (beats), `4bar` or the label of a section, which means every section that has it; in a sequence it stands
        before the text: `8s: gold mandala`. In place of a text may be a file: lyrics with times, `words.lrc`, or
        prompts at frames, `prompts.txt` or `prompts.json`, as the formats of schedules have them.
        What to steer away from may follow the text: `gold mandala --neg grey`.
    clock : Clock
    negative : str
        For every prompt that has none of its own.

    Raises
    ------
    ScheduleError
        If a time is unknown, lies past the end, or only some of several prompts have one.
    """
    if isinstance(value, Mapping):
        keys = [(seconds, text) for key, text in value.items() for seconds in key_to_times(key, clock)]
    else:
        items = [value] if isinstance(value, (str, Prompt)) else value
        keys = [key for item in items for key in _split(item, clock)]
    times = [seconds for seconds, _ in keys if seconds is not None]
    if times and len(times) < len(keys):
        untimed = next(text for seconds, text in keys if seconds is None)
        raise ScheduleError(f"prompt {untimed!r} has no time but others have: give all of them one ('8s: ...') or none")
    prompts = [
        replace(text, negative=text.negative or negative)
        if isinstance(text, Prompt)
        else text_to_prompt(seconds, text, negative=negative)
        for seconds, (_, text) in zip(times or _spread(len(keys), clock), keys)
    ]
    for prompt in prompts:
        if prompt.seconds > float(clock.duration):
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
    weight = np.zeros(clock.frames)
    for i, prompt in enumerate(prompts[:-1]):
        weight[left == i] = np.clip(easing(prompt.ease)(progress[left == i]), 0, 1)  # some easings overshoot
    return left, right, weight


def _spread(count: int, clock: Clock) -> list[float]:
    """The seconds of so many texts without a time: evenly over the song."""
    return [float(clock.duration) * i / count for i in range(count)]


def _split(item, clock: Clock) -> Sequence[tuple[float | None, str | Prompt]]:
    """Seconds, or None where it names none, and the text or Prompt of each prompt that an entry of a list means."""
    if isinstance(item, Prompt):
        return [(item.seconds, item)]
    if not isinstance(item, str):
        raise ScheduleError(f"prompt {item!r}: expected text")
    key, colon, text = item.partition(":")
    if colon and is_key(key):
        return [(seconds, text.strip()) for seconds in key_to_times(key, clock)]
    if colon and _LABEL.fullmatch(key):
        raise ScheduleError(
            f"prompt {item!r}: the song has no section {key.strip()}; write '0s: {item}' if that is no section"
        )
    path = prompt_file(item)
    if path is not None and path.suffix.lower() == ".lrc":
        start = getattr(bound_song(), "start", 0.0)
        return lyrics_to_prompts(path, start=start, end=start + float(clock.duration))
    if path is not None:
        return [(prompt.seconds, prompt) for prompt in _prompts_of(path, clock)]
    return [(None, item.strip())]


def prompt_file(text: str) -> Path | None:
    """The file that is meant by what stands in the place of a prompt; None if it is a prompt."""
    path, (key, colon, _) = Path(text.strip()), text.partition(":")
    if colon and is_key(key):
        return None
    named = path.suffix.lower() in (".txt", ".json") and (path.exists() or " " not in text.strip())
    return path if named or path.suffix.lower() == ".lrc" else None


def _prompts_of(path: Path, clock: Clock) -> tuple[Prompt, ...]:
    """The prompts of a schedule file."""
    prompts = read_columns(path, clock).get("prompts", ())
    if not prompts:
        raise ScheduleError(f"{path}: has no prompts")
    return tuple(sorted(prompts, key=lambda prompt: prompt.seconds))
