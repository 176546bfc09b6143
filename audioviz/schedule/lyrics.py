"""Lyrics with times, and subtitles: lines with their beginnings, ends and word times; as prompts, the beginnings alone.

LRC, also with word times (enhanced, A2), SubRip (.srt), WebVTT (.vtt) and Advanced SubStation (.ass), also with karaoke
(`\\k`); which one is told by the content.
"""

import html
import math
import re
import unicodedata
import warnings
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path

from audioviz.errors import AudiovizWarning, ScheduleError

LYRICS = (".lrc", ".srt", ".vtt", ".ass", ".ssa")
STAY_SECONDS = 8.0  # how long after its last time a line stays that has no end, if none follows
_SYLLABLE_SECONDS = 0.25  # what a word without an end takes for each three characters
_TIME = r"(?:(?P<hours>\d{1,4}):)?(?P<minutes>\d{1,4}):(?P<seconds>\d{1,2}(?:[.,]\d{1,9})?)"
_STAMP = re.compile(rf"\[-?(?:(?P<m>\d{{1,4}}):(?P<s>\d{{1,2}}):(?P<fraction>\d{{1,3}})|{_TIME})\]")
_CLOCK = r"((?:\d+:)?\d+:\d{1,2}(?:[.,:]\d+)?)"
_WORD = re.compile(rf"[<\[]{_CLOCK}[>\]]")  # of a word or syllable, and no key of a prompt
_CUE_WORD = re.compile(f"<{_CLOCK}>")
_OFFSET = re.compile(r"\[\s*offset\s*:(.*)\]", re.IGNORECASE)
# Nothing, a tag, the name of a part, a comment, or the credits that NetEase puts first.
_NO_WORDS = re.compile(r'|\[\s*[A-Za-z#]\w*\s*:.*\]|\[(?!\d+:)[^\]]*\]|#.*|\{"t":.*\}')
_CUE = re.compile(rf"\s*{_TIME}\s*-->(?P<after>.*)")
_DIALOGUE = re.compile(rf"Dialogue:(?P<cells>(?:[^,]*,)??\s*{_TIME}\s*,.*)")
_FORMAT = re.compile(r"Format:(?P<names>.*\bStart\b.*\bText\b\s*)")
_COLUMNS = "Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text"
_DRAWING = re.compile(r"\{[^}]*\\p[1-9][^}]*\}.*?(?=\{[^}]*\\p0|$)")
_KARAOKE = re.compile(r"\\[kK][fo]?(\d+)")
_BREAK = re.compile(r"\\[Nn]|<br\s*/?>", re.IGNORECASE)
_UNSEEN = re.compile("[\u00ad\u200b\u2060\ufe00-\ufe0f\ufeff]")  # hyphens where a word may be parted, and the like
_MARKUP = re.compile(r"<[^>]*>|\{[^}]*\}")

Pieces = list[tuple[float | None, str]]  # text, each piece with the time that it is sung at, if that is told


@dataclass(frozen=True)
class Line:
    """A line of a song.

    Parameters
    ----------
    start, end : seconds from the beginning of the song
    text : str
        A cue of subtitles may have several lines, parted by line breaks.
    marks : pairs of int and seconds, in order
        When the voice comes to which character of the text: the first is 0, the last the end of the text. Empty if the
        file has no word times.
    """

    start: float
    end: float
    text: str
    marks: tuple[tuple[int, float], ...] = ()


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
    keys = sorted((line.start - start, " ".join(line.text.split())) for line in read_lyrics(text))
    return _inside(path, keys, end - start)


def read_lyrics(text: str) -> list[Line]:
    """The lines of the text of a file that have words, in order of their beginnings.

    A line that has no end, as in LRC, is there until another begins or the rest that a stamp without words makes, but
    at most STAY_SECONDS after the last time in it.

    Raises
    ------
    ScheduleError
        If a line has no time (the message names it), or there is none.
    """
    lines = re.split(r"\r*\n|\r", text)
    found = list(_cues(lines)) or list(_dialogue(lines)) or _lrc(lines)
    if not any(line.text for line in found):
        raise ScheduleError("has no words with a time: expected lines of [mm:ss.xx] and words, or subtitles")
    starts = sorted(line.start for line in found)
    return sorted((_ended(line, starts) for line in found if line.text), key=lambda line: line.start)


def _ended(line: Line, starts: list[float]) -> Line:
    """A line with an end, and marks from its beginning to that."""
    last, end = max([line.start, *(seconds for _, seconds in line.marks)]), line.end
    if not end > line.start:
        after = bisect_right(starts, line.start)
        end = min([last + STAY_SECONDS, *starts[after : after + 1]])
    if not line.marks:
        return replace(line, end=end)
    left = len(line.text) - line.marks[-1][0]
    marks = [] if line.marks[0][0] == 0 else [(0, line.start)]
    marks += line.marks
    marks += [(len(line.text), max(last, min(end, last + _SYLLABLE_SECONDS * left / 3)))] if left else []
    return replace(line, end=end, marks=tuple(zip([at for at, _ in marks], accumulate([t for _, t in marks], max))))


def _line(start: float, end: float, pieces: Pieces) -> Line:
    text, marks = "", []
    for seconds, piece in pieces:
        if seconds is not None:
            marks.append((len(_tidy(text)), seconds))
        text += unicodedata.normalize("NFC", _UNSEEN.sub("", piece))
    return Line(start, end, _tidy(text), tuple(marks))


def _tidy(text: str) -> str:
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def _lrc(lines: list[str]) -> list[Line]:
    offset, sung = 0.0, []
    for number, line in enumerate(lines, 1):
        times, words = _split(line.strip())
        if not times and (moved := _OFFSET.fullmatch(words)):
            offset = _milliseconds(moved[1], f"line {number}") / 1000
        elif not times and not _NO_WORDS.fullmatch(_WORD.sub("", words).strip()):
            raise ScheduleError(f"line {number}: {words!r:.60} has no time: expected [mm:ss.xx] and its words")
        else:
            sung += [(time, time - times[0], words) for time in dict.fromkeys(times)]
    found = []
    for time, later, words in sung:
        shift = later - offset
        pieces = [(at if at is None else max(0.0, at + shift), piece) for at, piece in _timed(words, _WORD)]
        found.append(_line(max(0.0, time - offset), math.nan, pieces))
    return found


def _timed(text: str, stamp: re.Pattern[str]) -> Pieces:
    """Text in the pieces that its word times part it into."""
    first, *rest = stamp.split(text)
    return [(None, first), *((_clock_seconds(time), piece) for time, piece in zip(rest[::2], rest[1::2]))]


def _clock_seconds(text: str) -> float:
    """Seconds of `mm:ss.xx`, `hh:mm:ss.xx`, or `mm:ss:xx` as some write it."""
    parts = text.replace(",", ".").split(":")
    if len(parts) == 3 and "." not in text:
        parts = [parts[0], f"{parts[1]}.{parts[2]}"]
    return sum(float(part) * 60**power for power, part in enumerate(reversed(parts)))


def _cues(lines: list[str]) -> Iterator[Line]:
    """Cues of SubRip and WebVTT: a line of times, and lines of words to the next empty one."""
    for number, line in enumerate(lines):
        if cue := _CUE.match(line):
            end = number + 1
            if end < len(lines) and lines[end] and not lines[end].strip():  # YouTube's cues begin with a space
                end += 1
            while end < len(lines) and not _is_end(*lines[end : end + 2]):
                end += 1
            over = re.match(rf"\s*{_TIME}", cue["after"])
            yield _line(
                _seconds(cue), _seconds(over) if over else math.nan, _spoken("\n".join(lines[number + 1 : end]))
            )


def _is_end(line: str, after: str = "") -> bool:
    """Whether a cue is over at a line: it is empty, or the times or the number of the next one."""
    return not line.strip() or bool(_CUE.match(after if line.strip().isdecimal() else line))


def _dialogue(lines: list[str]) -> Iterator[Line]:
    """Lines of Advanced SubStation, `Dialogue: ...`, with the columns that the `Format: ...` before them names."""
    names = _COLUMNS.split(", ")
    for line in lines:
        if named := _FORMAT.match(line):
            names = [name.strip() for name in named["names"].split(",")]
        elif dialogue := _DIALOGUE.match(line):
            cells = dict(zip(names, dialogue["cells"].split(",", len(names) - 1)))
            start, end = (re.fullmatch(rf"\s*{_TIME}\s*", cells.get(name, "")) for name in ("Start", "End"))
            if start:
                text = _DRAWING.sub("", cells.get("Text", ""))
                yield _line(_seconds(start), _seconds(end) if end else math.nan, _syllables(text, _seconds(start)))


def _syllables(text: str, start: float) -> Pieces:
    """Text in the pieces that karaoke tags part it into, each of which says how long its piece lasts."""
    first, *rest = re.split(r"(\{[^}]*\})", text)
    pieces: Pieces = [*_spoken(first)]
    time = start
    for tags, piece in zip(rest[::2], rest[1::2]):
        *passed, last = map(int, _KARAOKE.findall(tags)) if _KARAOKE.search(tags) else (None,)
        time += sum(passed) / 100
        words = _spoken(piece)
        pieces += words if last is None else [(time, ""), *words]
        time += (last or 0) / 100
    return [*pieces, (time, "")] if time > start else pieces


def _spoken(text: str) -> Pieces:
    text = _BREAK.sub("\n", text).replace("\\h", " ")
    return [(time, html.unescape(_MARKUP.sub("", piece))) for time, piece in _timed(text, _CUE_WORD)]


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
    """The times that a line begins with, seconds, and what follows."""
    times = []
    while stamp := _STAMP.match(line):
        before = -1 if stamp[0].startswith("[-") else 1
        short = stamp["m"] is not None  # [mm:ss:xx], and no hours
        seconds = 60 * int(stamp["m"]) + float(f"{stamp['s']}.{stamp['fraction']}") if short else _seconds(stamp)
        times.append(before * seconds)
        line = line[stamp.end() :].lstrip()
    return times, line


def _milliseconds(text: str, where: str) -> float:
    try:
        value = float(text.strip() or 0)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ScheduleError(f"{where}: offset {text.strip()!r:.20}: expected milliseconds, such as [offset:+250]")
    return value
