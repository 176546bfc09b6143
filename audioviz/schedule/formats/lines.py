"""The text of FizzNodes: prompts at frames, `"0": "a cat", "max_f/2": "a dog"`, and values, `0:(0.95), 24:(0.3)`.

Frames are those of the song's own fps, as the text does not say another.
"""

import json
import re
from typing import TYPE_CHECKING, Any

from audioviz.clock import Clock
from audioviz.errors import ScheduleError
from audioviz.schedule.columns import (
    COLUMNS,
    LORA,
    SEEDS,
    column_name,
    columns_to_keywords,
    expected_columns,
    is_column,
)
from audioviz.schedule.formats.frames import FileFrames, prompt_to_text, say_lost, with_escapes
from audioviz.schedule.formats.keyframes import key_to_frame, keyframes_to_seeds, keyframes_to_values
from audioviz.schedule.formats.weighted import texts_to_prompts

if TYPE_CHECKING:
    from audioviz.schedule.schedule import Schedule

_ENTRY = re.compile(
    r'\s*(?:"(?P<quoted>[^"\n]+)"|(?P<bare>[^\s":,]+))\s*:\s*"(?P<text>(?:[^"\\]|\\.)*)"\s*,?', re.DOTALL
)
_INK = re.compile(r"\S")
_LORA = rf"(?i:{LORA})[^:=\n]+"
_VALUES = re.compile(rf"""\s*(?:(?:[a-z_]+|{_LORA})\s*[:=])?\s*["']?[\w\s+*/.-]+["']?\s*:\s*\(""")
_NAME = re.compile(rf"^\s*({'|'.join(sorted(COLUMNS, key=len, reverse=True))}|{_LORA})\s*[:=]", re.MULTILINE)


def lines_to_columns(text: str, clock: Clock) -> dict[str, Any]:
    """Read prompts alone: entries of `"FRAME": "prompt"`, one or more a line, with or without braces around them.

    Raises
    ------
    ScheduleError
        If an entry is anything else; the message names its line.
    """
    file_frames, texts, here, number = FileFrames.on(clock, clock.fps), {}, 0, 1
    text = text.strip()
    if text.startswith("{"):
        text = " " + text[1:].removesuffix("}")
    while ink := _INK.search(text, here):
        begin = ink.start()
        number += text.count("\n", here, begin)
        entry = _ENTRY.match(text, begin)
        if entry is None:
            line = text[begin:].partition("\n")[0]
            curly = any(mark in line for mark in "“”'") and '"' not in line
            raise ScheduleError(
                f'line {number}: {line!r:.60} is no keyframe: expected "FRAME": "prompt"'
                + (" between straight double quotes" if curly else "")
                + ("" if texts else ", or another kind of schedule: JSON, CSV, or lyrics with times")
            )
        frame = key_to_frame(entry["quoted"] or entry["bare"], file_frames, f"line {number}")
        if frame is not None:
            texts[frame] = json.loads(f'"{with_escapes(entry["text"])}"', strict=False)
        here = entry.end()
        number += text.count("\n", begin, here)
    file_frames.say_outside()
    return texts_to_prompts(dict(sorted(texts.items())), clock, file_frames)


def is_lines(text: str) -> bool:
    """Whether a text with braces around it, which is no JSON, has such entries."""
    entry = _ENTRY.match(text.strip()[1:])
    return entry is not None and (entry["quoted"] or entry["bare"]).strip().isdecimal()


def is_values(text: str) -> bool:
    """Whether a text is a value schedule."""
    return _VALUES.match(text) is not None


def values_to_columns(text: str, clock: Clock, *, name: str) -> dict[str, Any]:
    """Read value schedules: `FRAME:(VALUE)`, as in Deforum's settings, after the name of their column and a colon.

    Parameters
    ----------
    text : str
        `0:(0.95), 24:(0.3)`, or several of `denoise: 0:(0.95), 24:(0.3)`, each from a new line on.
    clock : Clock
    name : str
        The column of the first one where it has no name before it, such as that of the file.

    Raises
    ------
    ScheduleError
        If a column is unknown, or a keyframe broken.
    """
    first, *named = _NAME.split(text)
    schedules = ({name: first} if first.strip() else {}) | dict(zip(named[::2], named[1::2]))
    if name in schedules and not is_column(name):
        raise ScheduleError(
            f"values without their column: write its name before them, as in denoise: {' '.join(first.split()):.20}, "
            f"or call the file by it, as in denoise.txt; columns are {expected_columns()}"
        )
    file_frames = FileFrames.on(clock, clock.fps)
    columns = {
        column_name(column): keyframes_to_seeds(keys.rstrip(", \n\t"), file_frames, where=column, base=0)
        if column in SEEDS
        else keyframes_to_values(keys.rstrip(", \n\t"), file_frames.at, file_frames, where=column)
        for column, keys in schedules.items()
    }
    file_frames.say_outside()
    return columns_to_keywords(columns)


def schedule_to_lines(schedule: "Schedule") -> str:
    """The prompts as lines of `"FRAME": "prompt"`; the rest is left out, and that is said."""
    say_lost("lines", ["all columns"])
    rows = ((str(frame), prompt_to_text(prompt)) for frame, prompt in schedule.prompt_rows())
    return ",\n".join(f"{json.dumps(frame)}: {json.dumps(words, ensure_ascii=False)}" for frame, words in rows) + "\n"
