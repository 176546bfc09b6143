"""Lyrics with times, or subtitles, as prompts: each line is what is shown from the moment that it is sung.

LRC, SubRip (.srt), WebVTT (.vtt) and Advanced SubStation (.ass); which one is told by the content.
"""

import html
import math
import re
import warnings
from pathlib import Path

from audioviz.errors import AudiovizWarning, ScheduleError

LYRICS = (".lrc", ".srt", ".vtt", ".ass", ".ssa")
_TIME = r"(?:(?P<hours>\d{1,4}):)?(?P<minutes>\d{1,4}):(?P<seconds>\d{1,2}(?:[.,]\d{1,9})?)"
_STAMP = re.compile(rf"\[-?(?:(?P<m>\d{{1,4}}):(?P<s>\d{{1,2}}):(?P<fraction>\d{{1,3}})|{_TIME})\]")
_WORD = re.compile(r"[<\[](?:\d+:)?\d+:\d{1,2}(?:[.,:]\d+)?[>\]]")  # of a word or syllable, and no key of a prompt
_OFFSET = re.compile(r"\[\s*offset\s*:(.*)\]", re.IGNORECASE)
# A tag, the name of a part, a comment, or the credits that NetEase puts first.
_NO_WORDS = re.compile(r'\[\s*[A-Za-z#]\w*\s*:.*\]|\[(?!\d+:)[^\]]*\]|#.*|\{"t":.*\}')
_CUE = re.compile(rf"\s*{_TIME}\s*-->.*")
_DIALOGUE = re.compile(rf"Dialogue:(?P<cells>(?:[^,]*,)??\s*{_TIME}\s*,.*)")
_FORMAT = re.compile(r"Format:(?P<names>.*\bStart\b.*\bText\b\s*)")
_COLUMNS = "Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text"
_DRAWING = re.compile(r"\{[^}]*\\p[1-9][^}]*\}.*?(?=\{[^}]*\\p0|$)")
_BREAK = re.compile(r"\\[Nnh]|<br\s*/?>", re.IGNORECASE)
_MARKUP = re.compile(r"<[^>]*>|\{[^}]*\}")


def is_lyrics(text: str) -> bool:
    """Whether a file's text has the times of one of these formats."""
    return any(_STAMP.match(line.strip()) or _CUE.match(line) or _DIALOGUE.match(line) for line in text.split("\n"))


def lyrics_to_prompts(text: str, path: Path, *, start: float, end: float) -> list[tuple[float, str]]:
    """Seconds and words of each line of the text of a file, in order.

    Parameters
    ----------
    text : str
        Of .lrc lines of `[mm:ss.xx] text`, several stamps for one that comes again; `[offset:ms]` moves all, to
        earlier if positive. Lines without words are rests, in which the last ones stay; other lines in brackets, and
        those after a `#`, are not sung. Of subtitles the beginnings of the cues; their marks of style are left out.
    path : Path
        The file, for messages.
    start, end : float
        The part of the song that is meant, seconds from its beginning. The line that is being sung at its start belongs
        to it; others outside are left out, and that is said.

    Raises
    ------
    ScheduleError
        If a line has no time (the message names it), or all lie outside of the song.
    """
    lines = re.split(r"\r*\n|\r", text)
    subtitles = _cues(lines) or _dialogue(lines)
    keys = sorted((time - start, words) for time, words in subtitles or _lrc(lines) if words)
    if not keys:
        raise ScheduleError("has no words with a time: expected lines of [mm:ss.xx] and words, or subtitles")
    return _inside(path, keys, end - start)


def _lrc(lines: list[str]) -> list[tuple[float, str]]:
    offset, sung = 0.0, []
    for number, line in enumerate(lines, 1):
        times, words = _split(line.strip())
        if not times and (moved := _OFFSET.fullmatch(words)):
            offset = _milliseconds(moved[1], f"line {number}") / 1000
        elif not times and words and not _NO_WORDS.fullmatch(words):
            raise ScheduleError(f"line {number}: {words!r:.60} has no time: expected [mm:ss.xx] and its words")
        else:
            sung += [(time, words) for time in times]
    return [(max(0.0, time - offset), words) for time, words in sung]


def _cues(lines: list[str]) -> list[tuple[float, str]]:
    """Cues of SubRip and WebVTT: a line of times, and lines of words to the next empty one."""
    found = []
    for number, line in enumerate(lines):
        if cue := _CUE.match(line):
            end = number + 1
            if end < len(lines) and lines[end] and not lines[end].strip():  # YouTube's cues begin with a space
                end += 1
            while end < len(lines) and not _is_end(*lines[end : end + 2]):
                end += 1
            found.append((_seconds(cue), _spoken(" ".join(lines[number + 1 : end]))))
    return found


def _is_end(line: str, after: str = "") -> bool:
    """Whether a cue is over at a line: it is empty, or the times or the number of the next one."""
    return not line.strip() or bool(_CUE.match(after if line.strip().isdecimal() else line))


def _dialogue(lines: list[str]) -> list[tuple[float, str]]:
    """Lines of Advanced SubStation, `Dialogue: ...`, with the columns that the `Format: ...` before them names."""
    found, names = [], _COLUMNS.split(", ")
    for line in lines:
        if named := _FORMAT.match(line):
            names = [name.strip() for name in named["names"].split(",")]
        elif dialogue := _DIALOGUE.match(line):
            cells = dict(zip(names, dialogue["cells"].split(",", len(names) - 1)))
            start = re.fullmatch(rf"\s*{_TIME}\s*", cells.get("Start", ""))
            found += [(_seconds(start), _spoken(_DRAWING.sub("", cells.get("Text", ""))))] if start else []
    return found


def _spoken(text: str) -> str:
    return " ".join(html.unescape(_MARKUP.sub("", _BREAK.sub(" ", text))).split())


def _seconds(match: re.Match[str]) -> float:
    return 3600 * int(match["hours"] or 0) + 60 * int(match["minutes"]) + float(match["seconds"].replace(",", "."))


def _inside(path: Path, keys: list[tuple[float, str]], duration: float) -> list[tuple[float, str]]:
    before = [words for time, words in keys if time < 0]
    inside = [(0.0, before[-1])] if before and all(time != 0 for time, _ in keys) else []
    inside += [(time, words) for time, words in keys if 0 <= time <= duration]
    if not inside:
        raise ScheduleError(
            f"none of its {len(keys)} lines is sung within the song, the first at {keys[0][0]:.2f} s "
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
        before = -1 if stamp[0].startswith("[-") else 1
        short = stamp["m"] is not None  # [mm:ss:xx], and no hours
        seconds = 60 * int(stamp["m"]) + float(f"{stamp['s']}.{stamp['fraction']}") if short else _seconds(stamp)
        times.append(before * seconds)
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
