"""Prompts of other tools at their frames: formulas in backticks, and texts with weights that are joined by AND.

`a cat :0.7 AND a dog :0.3 --neg grey` becomes columns of `mix`; `(a cat:`1 + t / max_f`)` a prompt for each weight.
"""

import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np

from audioviz.clock import Clock
from audioviz.errors import AudiovizWarning, ScheduleError
from audioviz.schedule.formats.frames import FileFrames, read_object
from audioviz.schedule.formats.keyframes import formula_at, key_to_frame
from audioviz.schedule.prompt import NEGATIVE, Prompt

_AND = re.compile(r"\bAND\b")
_WEIGHT = re.compile(r"(?P<text>.*?)\s*:\s*(?P<weight>`[^`]*`|[-+]?(?:\d+\.?\d*|\.\d+))\s*", re.DOTALL)
_FORMULA = re.compile(r"`([^`]*)`")


@dataclass(frozen=True)
class _Row:
    """What is drawn from a frame of the file on, till the next row."""

    frame: float
    parts: tuple[tuple[str, float], ...]  # text and weight
    negative: str


def prompts_to_columns(
    entries: Any, clock: Clock, file_frames: FileFrames, *, before: str = "", after: str = ""
) -> dict[str, Any]:
    """The same of an object of key and text, as JSON has it: keys are frames, or formulas of the last one.

    Raises
    ------
    ScheduleError
        If it is anything else; the message names the key.
    """
    try:
        entries = read_object(entries) if isinstance(entries, str) else entries or {}
    except ScheduleError as error:
        raise ScheduleError(f"prompts: {error}") from error
    if not isinstance(entries, dict):
        raise ScheduleError('prompts: expected an object of frame and text, such as {"0": "a cat", "30": "a dog"}')
    texts = {}
    for key, text in entries.items():
        where = f"prompts, key {key!r}"
        if not isinstance(text, str):
            raise ScheduleError(f"{where}: expected text, not {text!r:.40}")
        frame = key_to_frame(key, file_frames, where)
        if frame is not None:
            texts[frame] = text
    file_frames.say_outside()
    return texts_to_prompts(dict(sorted(texts.items())), clock, file_frames, before=before, after=after)


def texts_to_prompts(
    texts: Mapping[float, str], clock: Clock, file_frames: FileFrames, *, before: str = "", after: str = ""
) -> dict[str, Any]:
    """The `prompts` of a schedule, which jump from one to the next, and its `mix` where texts are joined by AND.

    Parameters
    ----------
    texts : frame of the file -> text, in order
    clock : Clock
    file_frames : FileFrames
    before, after : str
        What stands before each text, and after what each is steered away from.

    Raises
    ------
    ScheduleError
        If a formula cannot be computed.

    Source
    ------
    AUTOMATIC1111's composable diffusion splits at AND, and takes the number after the last colon as the weight.
    """
    ends = [*list(texts)[1:], file_frames.count + 1.0]
    rows = [
        _Row(row.frame, tuple((_joined(before, text), w) for text, w in row.parts), _joined(row.negative, after))
        for (start, text), end in zip(texts.items(), ends)
        for row in _rows(text, start, max(start + 1, end), file_frames)
    ]
    rows = rows[:1] + [row for last, row in pairwise(rows) if (row.parts, row.negative) != (last.parts, last.negative)]
    if all(len(row.parts) == 1 for row in rows):  # also where there are none
        return {"prompts": [_prompt(row, clock, file_frames) for row in rows]}
    heads = rows[:1] + [row for last, row in pairwise(rows) if row.negative != last.negative]
    return {"prompts": [_prompt(row, clock, file_frames) for row in heads], "mix": _mix(rows, file_frames)}


def _mix(rows: list[_Row], file_frames: FileFrames) -> dict[str, np.ndarray]:
    """The share of each text in each of our frames."""
    held = np.maximum(np.searchsorted([row.frame for row in rows], file_frames.at + 1e-9, side="right") - 1, 0)
    weights = {text: np.zeros(len(rows)) for row in rows for text, _ in row.parts}
    for i, row in enumerate(rows):
        for text, weight in row.parts:
            weights[text][i] += max(0.0, weight)
    total = sum(weights.values(), np.zeros(len(rows)))
    uneven = np.flatnonzero(np.abs(total - 1) > 0.02)
    if len(uneven):
        first = uneven[0]
        warnings.warn(
            f"prompts: weights of those that AND joins add up to {total[first]:.3g} at frame {rows[first].frame:g}: "
            "they are read as shares of 1",
            AudiovizWarning,
            stacklevel=4,
        )
    share = np.divide(1, total, out=np.zeros_like(total), where=total > 0)
    return {text: (values * share)[held] for text, values in weights.items()}


def _rows(text: str, start: float, end: float, file_frames: FileFrames) -> Iterator[_Row]:
    """The rows of one text: one for each frame to its end where formulas change it."""
    frames = np.arange(start, end) if "`" in text else np.array([start])
    has_weights = _AND.search(text) is not None

    def split(words: str) -> list[tuple[list[str], np.ndarray]]:
        """The text and the weight, in each of the frames, of each part."""
        matches = ((_WEIGHT.fullmatch(part) if has_weights else None, part) for part in _AND.split(words))
        parts = [(match["text"], match["weight"].strip("`")) if match else (part, "1") for match, part in matches]
        return [
            (
                _with_numbers(part, frames, file_frames),
                formula_at(weight, frames, file_frames, f"prompt {part.strip()!r}"),
            )
            for part, weight in parts
        ]

    wanted, _, unwanted = text.partition(NEGATIVE)
    positive, negative = split(wanted), split(unwanted)
    for k, frame in enumerate(frames.tolist()):
        parts = tuple((texts[k], weights[k].item()) for texts, weights in positive if texts[k]) or (("", 1.0),)
        away = dict.fromkeys(texts[k] for texts, weights in negative if texts[k] and weights[k] > 0)
        yield _Row(frame, parts, ", ".join(away))


def _with_numbers(text: str, frames: np.ndarray, file_frames: FileFrames) -> list[str]:
    """A text in each of the frames, its formulas replaced by their values, to hundredths: a finer one is not seen."""
    pieces = _FORMULA.split(text)
    values = [
        [f"{value:.2f}" for value in formula_at(piece, frames, file_frames, f"prompt {text.strip()!r:.40}")]
        if i % 2
        else [piece] * len(frames)
        for i, piece in enumerate(pieces)
    ]
    return ["".join(row).strip() for row in zip(*values)]


def _prompt(row: _Row, clock: Clock, file_frames: FileFrames) -> Prompt:
    """The text of a row with the greatest weight."""
    seconds = float(min(Fraction(row.frame) / file_frames.fps, clock.duration))
    return Prompt(seconds, max(row.parts, key=lambda part: part[1])[0], row.negative, ease="hold")


def _joined(*words: str) -> str:
    return " ".join(word.strip() for word in words if word.strip())
