"""Text of files that people have, in whatever encoding their editor wrote."""

import codecs
import unicodedata
import warnings
from pathlib import Path

from audioviz.errors import AudiovizWarning, ScheduleError

_MARKS = {  # the longer first: that of UTF-32 begins with that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_MOST_BYTES = 100_000_000
_MARKS_OF_WORDS = "‘’“”–—…•«»¿¡°´ªº€"
_ENCODINGS = (  # that editors have written; of others, such as those of DOS, a few words would look like one
    *("cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "cp874"),
    *("koi8_r", "mac_roman", "gb18030", "big5", "cp932", "euc_jp", "cp949"),
)
_NAMES = {
    "gb18030": "GBK",
    "cp932": "Shift-JIS",
    "cp949": "EUC-KR",
    "euc_kr": "EUC-KR",
    "big5": "Big5",
    "euc_jp": "EUC-JP",
    "koi8_r": "KOI8-R",
    "mac_roman": "Mac Roman",
}


def read_text(path: Path) -> str:
    """The text of a file: in UTF-8, or as its first bytes say; else the encoding is guessed, and that is said.

    Raises
    ------
    ScheduleError
        If the file cannot be read, or is no text.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ScheduleError(f"{path}: is too large for text, {path.stat().st_size / 1e6:.0f} MB")
        data = path.read_bytes()
    except OSError as error:
        raise ScheduleError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:  # a NUL in its name
        raise ScheduleError(f"{path}: cannot be read ({error})") from error
    encoding = next((name for mark, name in _MARKS.items() if data.startswith(mark)), None) or _utf(data)
    try:
        return data.decode(encoding) if encoding else _guessed(path, data)
    except UnicodeDecodeError as error:
        raise ScheduleError(
            f"{path}: is not text in {encoding}, which its first bytes say: save it in UTF-8"
        ) from error


def _utf(data: bytes) -> str | None:
    """UTF-8, or UTF-16 without a mark, whose text in any script has line ends and digits with a zero byte."""
    for name, zeros in (("utf-16-le", data[1::2]), ("utf-16-be", data[::2])):
        if zeros.count(0) > len(zeros) / 10 and len(data) % 2 == 0:
            return name
    try:
        data.decode()
    except UnicodeDecodeError:
        return None
    return "utf-8"


def _guessed(path: Path, data: bytes) -> str:
    from charset_normalizer import from_bytes

    if b"\0" in data:
        raise ScheduleError(f"{path}: is no text: expected a schedule, prompts or lyrics")
    best = from_bytes(data, cp_isolation=[*_ENCODINGS]).best()
    if best is not None and best.encoding == "cp932" and _is_halfwidth(str(best)):
        best = from_bytes(data, cp_isolation=[name for name in _ENCODINGS if name != "cp932"]).best() or best
    if best is None:
        raise ScheduleError(f"{path}: is not text in UTF-8: save it in UTF-8, or iconv -f ENCODING -t UTF-8")
    text, name = str(best), best.encoding
    western = [("cp1254", _is_turkish), ("cp1252", _is_western)] if _is_western(text) or name == "mac_roman" else []
    for likely, fits in (("cp932", _is_japanese), ("euc_jp", _is_japanese), *western):
        found = data.decode(likely, errors="ignore")  # a few words are too few for statistics alone
        if found.encode(likely) == data and fits(found):
            text, name = found, likely
            break
    foreign = " ".join("".join(letter if ord(letter) > 127 else " " for letter in text).split())
    warnings.warn(
        f"{path}: is not UTF-8, and read as {_NAMES.get(name, name.replace('cp', 'Windows-'))}: {foreign:.30}; if that "
        "is wrong: iconv -f ENCODING -t UTF-8",
        AudiovizWarning,
        stacklevel=3,
    )
    return text


def _is_japanese(text: str) -> bool:
    """Whether a fair part of what is not ASCII is kana, which the bytes of no other language come to."""
    foreign = [letter for letter in text if ord(letter) > 127]
    return sum("\u3041" <= letter <= "\u30ff" for letter in foreign) > len(foreign) / 5


def _is_turkish(text: str) -> bool:
    """Whether what is not ASCII is Turkish, and has the letters that Windows-1252 has others for."""
    foreign = {letter for letter in text.lower() if letter > "\x7f"} - set(_MARKS_OF_WORDS)
    return foreign <= set("çğıöşüâîû\u0307") and bool(foreign & set("ğış"))


def _is_halfwidth(text: str) -> bool:
    """Whether most of what is not ASCII are halfwidth kana, which nobody writes songs in: other encodings look so."""
    foreign = [letter for letter in text if ord(letter) > 127]
    return sum("\uff61" <= letter <= "\uff9f" for letter in foreign) > len(foreign) / 2


def _is_western(text: str) -> bool:
    """Whether what is not ASCII are Latin letters and the marks of western languages."""
    return all(
        letter in _MARKS_OF_WORDS or "LATIN" in unicodedata.name(letter, "") for letter in text if letter > "\x7f"
    )
