"""Prompts of other tools at their frames: formulas in backticks, and texts with weights that are joined by AND.

`a cat :0.7 AND a dog :0.3 --neg grey` becomes columns of `mix`; `(a cat:`1 + t / max_f`)` a prompt for each weight;
`<lora:ink:`t / max_f`>` the column of a LoRA.
"""

import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
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
_LORA = re.compile(r"<(?:lora|lyco):([^:<>]+)(?::([-+]?(?:\d+\.?\d*|\.\d+)))?>", re.IGNORECASE)


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
    """The `prompts` of a schedule, which jump from one to the next, its `mix` where AND joins texts, and its `loras`.

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
    rows, columns = _without_moving_loras(rows, file_frames)
    rows = rows[:1] + [row for last, row in pairwise(rows) if (row.parts, row.negative) != (last.parts, last.negative)]
    heads = rows
    if any(len(row.parts) > 1 for row in rows):
        heads = rows[:1] + [row for last, row in pairwise(rows) if row.negative != last.negative]
        columns |= {"mix": _mix(rows, file_frames)}
    return {"prompts": [_prompt(row, clock, file_frames) for row in heads]} | columns


def _without_moving_loras(rows: list[_Row], file_frames: FileFrames) -> tuple[list[_Row], dict[str, Any]]:
    """Rows without the tags of those LoRAs whose weight changes from text to text, and these as columns.

    A text that does not name a LoRA is drawn without it, as in the AUTOMATIC1111 web interface.
    """
    told = [
        {name.lower(): float(weight or 1) for text, _ in row.parts for name, weight in _LORA.findall(text)}
        for row in rows
    ]
    names = dict.fromkeys(name for weights in told for name in weights)
    moving = {name: [weights.get(name, 0.0) for weights in told] for name in names}
    moving = {name: np.array(weights) for name, weights in moving.items() if len(set(weights)) > 1}
    if not moving:
        return rows, {}

    def without(text: str) -> str:
        return _LORA.sub(lambda tag: "" if tag[1].lower() in moving else tag[0], text).strip()

    held = _held(rows, file_frames)
    bare = [replace(row, parts=tuple((without(text), weight) for text, weight in row.parts)) for row in rows]
    return bare, {"loras": {name: weights[held] for name, weights in moving.items()}}


def _held(rows: list[_Row], file_frames: FileFrames) -> np.ndarray:
    """The row that holds in each of our frames."""
    return np.maximum(np.searchsorted([row.frame for row in rows], file_frames.at + 1e-9, side="right") - 1, 0)


def _mix(rows: list[_Row], file_frames: FileFrames) -> dict[str, np.ndarray]:
    """The share of each text in each of our frames."""
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
    return {text: (values * share)[_held(rows, file_frames)] for text, values in weights.items()}


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
