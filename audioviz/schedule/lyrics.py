"""Lyrics with times (.lrc) as prompts: each line is what is shown from the moment that it is sung."""

import math
import re
import warnings
from pathlib import Path

from audioviz.errors import AudiovizWarning, ScheduleError

_STAMP = re.compile(r"\[(\d{1,4}):(\d{1,2}(?:[.:]\d{1,9})?)\]")
_WORD = re.compile(r"[<\[]\d+:\d{1,2}(?:[.:]\d+)?[>\]]")  # the time of a word or syllable, which is no key of a prompt
_OFFSET = re.compile(r"\[\s*offset\s*:(.*)\]", re.IGNORECASE)
_NO_WORDS = re.compile(r"\[\s*[A-Za-z#]\w*\s*:.*\]|\[(?!\d+:)[^\]]*\]|#.*")  # a tag, the name of a part, or a comment


def lyrics_to_prompts(path: Path, *, start: float, end: float) -> list[tuple[float, str]]:
    """Seconds and text of each line of a .lrc file, in order.

    Parameters
    ----------
    path : Path
        Lines of `[mm:ss.xx] text`, several stamps for one that comes again; `[offset:ms]` moves all, to earlier if
        positive. Lines without words are rests, in which the last ones stay; other lines in brackets, and those after a
        `#`, are not sung.
    start, end : float
        The part of the song that is meant, seconds from its beginning. The line that is being sung at its start belongs
        to it; others outside are left out, and that is said.

    Raises
    ------
    ScheduleError
        If the file cannot be read, a line has no time (the message names it), or all lie outside of the song.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except OSError as error:
        raise ScheduleError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise ScheduleError(f"{path}: is not text in UTF-8") from error
    offset, sung = 0.0, []
    for number, line in enumerate(lines, 1):
        times, words = _split(line.strip())
        if not times and (moved := _OFFSET.fullmatch(words)):
            offset = _milliseconds(moved[1], f"{path}, line {number}") / 1000
        elif not times and words and not _NO_WORDS.fullmatch(words):
            raise ScheduleError(f"{path}, line {number}: {words!r:.60} has no time: expected [mm:ss.xx] and its words")
        else:
            sung += [(time, words) for time in times if words]
    keys = sorted((max(0.0, time - offset) - start, words) for time, words in sung)
    if not keys:
        raise ScheduleError(f"{path}: has no words with a time: expected lines of [mm:ss.xx] and words")
    return _inside(path, keys, end - start)


def _inside(path: Path, keys: list[tuple[float, str]], duration: float) -> list[tuple[float, str]]:
    before = [words for time, words in keys if time < 0]
    inside = [(0.0, before[-1])] if before and all(time != 0 for time, _ in keys) else []
    inside += [(time, words) for time, words in keys if 0 <= time <= duration]
    if not inside:
        raise ScheduleError(
            f"{path}: none of its {len(keys)} lines is sung within the song, the first at {keys[0][0]:.2f} s "
            f"of {duration:.2f} s: give the lyrics of this song, or their [offset:ms]"
        )
    if left := len(keys) - len(inside):
        warnings.warn(
            f"{path}: {left} of its {len(keys)} lines lie outside of the song and are left out",
            AudiovizWarning,
            stacklevel=2,
        )
    return inside


def _split(line: str) -> tuple[list[float], str]:
    """The times that a line begins with, seconds, and its words."""
    times = []
    while stamp := _STAMP.match(line):
        minutes, seconds = stamp.groups()
        times.append(60 * int(minutes) + float(seconds.replace(":", ".")))
        line = line[stamp.end() :].lstrip()
    return times, " ".join(_WORD.sub("", line).split())


def _milliseconds(text: str, where: str) -> float:
    try:
        value = float(text.strip() or 0)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ScheduleError(f"{where}: offset {text.strip()!r:.20}: expected milliseconds, such as [offset:+250]")
    return value
