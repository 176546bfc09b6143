"""Typesetting of words for a picture: what a font can write, balanced rows, and their masks. Pillow draws them."""

import unicodedata
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, features

from audioviz.errors import InputError

FONT = Path(__file__).parent / "font" / "Inter-Bold.ttf"
_REFERENCE = 100  # pixels; what is measured at this size is scaled to others
_LEADING = 1.2  # from row to row, at least, in sizes of the font
_SMALLER = 0.92
_LEAST = 0.45  # of the size that is asked for; then words are broken anywhere
_FINE = 48  # pixels of a font, below which letters are drawn four times as large and reduced, above it twice
_MARKS_BEFORE = set("([{“‘«¿¡（［｛「『【〈《〔")  # no row ends with these
_MARKS_AFTER = set(
    ")]}”’»!?.,;:…、。，．・：；！？）］｝」』】〉》〕ーぁぃぅぇぉっゃゅょァィゥェォッャュョ々"
)  # none begins so
_JOINING = (  # scripts whose letters change with their neighbours, or stack: Hebrew to Arabic, Indic to Myanmar, Khmer
    *((0x0590, 0x08FF, "Hebrew or Arabic"), (0x0900, 0x0DFF, "an Indic script"), (0x0E00, 0x0EFF, "Thai or Lao")),
    *((0x0F00, 0x109F, "Tibetan or Burmese"), (0x1780, 0x18AF, "Khmer or Mongolian"), (0xFB1D, 0xFDFF, "Arabic")),
    *((0xFE70, 0xFEFC, "Arabic"), (0x10A00, 0x11FFF, "an Indic script"), (0x1E900, 0x1E95F, "Adlam")),
)


@dataclass(frozen=True)
class Row:
    """Words beside each other: part of a text, from its character `first` to that before `last`."""

    text: str
    first: int
    last: int
    size: float  # pixels


class Typeface:
    """A font file, in any size.

    Parameters
    ----------
    path : Path, optional
        TrueType or OpenType; that which comes along if not given. Of a variable font the Bold is taken, if it has one.

    Raises
    ------
    InputError
        If it is no font.
    """

    def __init__(self, path: Path | None = None):
        self.path = path or FONT
        self._at = lru_cache(maxsize=16)(self._open)
        try:
            self._at(_REFERENCE)
        except OSError as error:
            there = "expected a TrueType or OpenType font, .ttf or .otf" if self.path.is_file() else "no such file"
            raise InputError(f"font {self.path}: {there}") from error

    def _open(self, size: int) -> ImageFont.FreeTypeFont:
        font = ImageFont.truetype(self.path, size)
        try:
            if b"Bold" in font.get_variation_names():
                font.set_variation_by_name("Bold")
        except OSError:  # no variable font
            pass
        return font

    @cached_property
    def _characters(self) -> set[int]:
        from matplotlib.ft2font import FT2Font

        return set(FT2Font(str(self.path)).get_charmap())

    def check(self, text: str, *, what: str) -> None:
        """Refuse a text that cannot be written with it.

        Raises
        ------
        InputError
            If a character is missing, or its script needs a layout engine that Pillow lacks.
        """
        shaped = next((name for c in text for low, high, name in _JOINING if low <= ord(c) <= high), None)
        if shaped and not features.check("raqm"):
            raise InputError(
                f"{what}: {text!r:.40} is written in {shaped}, whose letters Pillow cannot join here without raqm: "
                "install FriBiDi (apt install libfribidi0, brew install fribidi), and Pillow anew (pip install -U)"
            )
        missing = next((c for c in text if not _is_unseen(c) and ord(c) not in self._characters), None)
        if missing:
            name = unicodedata.name(missing, f"U+{ord(missing):04X}")
            raise InputError(
                f"{what}: {text!r:.40} has {missing} ({name.lower()}), which the font {self.path.name} lacks: give one "
                "that has it (--font FILE)"
            )

    def edges(self, text: str) -> np.ndarray:
        """How far each part of a text reaches that begins with it: float, shape (len(text) + 1,), in sizes."""
        font = self._at(_REFERENCE)
        lengths = [font.getlength(text[:end]) for end in range(len(text) + 1)]
        return np.maximum.accumulate(lengths) / _REFERENCE

    @cached_property
    def ascent(self) -> float:
        """Above the base line, in sizes."""
        return self._at(_REFERENCE).getmetrics()[0] / _REFERENCE

    @cached_property
    def leading(self) -> float:
        """From one base line to the next, in sizes."""
        return max(_LEADING, sum(self._at(_REFERENCE).getmetrics()) / _REFERENCE)

    def masks(
        self, rows: list[tuple[str, float, float, float]], size: tuple[int, int], outline: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """The letters, and the letters with an outline around them.

        Parameters
        ----------
        rows : (text, x, y of the base line, size of the font), pixels
        size : (width, height) of the masks
        outline : part of the size

        Returns
        -------
        two of uint8, shape (H, W)
        """
        fine = 4 if max(pixels for *_, pixels in rows) < _FINE else 2
        letters, around = (Image.new("L", (fine * size[0], fine * size[1])) for _ in range(2))
        for text, x, y, pixels in rows:
            font = self._at(round(fine * pixels))
            place, width = (round(fine * x), round(fine * y)), round(fine * pixels * outline)
            ImageDraw.Draw(letters).text(place, text, 255, font, anchor="ls")
            ImageDraw.Draw(around).text(place, text, 255, font, anchor="ls", stroke_width=width)
        return np.asarray(letters.reduce(fine)), np.asarray(around.reduce(fine))


def set_rows(face: Typeface, text: str, *, size: float, width: float, height: float) -> list[Row]:
    """A text in as few rows as it takes, of about one length; smaller where it would be too wide or too high.

    Parameters
    ----------
    text : str
        Line breaks in it stay.
    size : pixels of the font
    width, height : pixels that there are
    """
    edges, smaller = face.edges(text), size
    while smaller >= _LEAST * size:
        rows = _rows(text, edges, width / smaller)
        wide = max(edges[last] - edges[first] for first, last in rows)
        if wide * smaller <= width and len(rows) * face.leading * smaller <= height:
            break
        smaller *= _SMALLER
    else:
        rows = _rows(text, edges, width / smaller, anywhere=True)
    return [Row(text[first:last], first, last, smaller) for first, last in rows]


def _rows(text: str, edges: np.ndarray, width: float, *, anywhere: bool = False) -> list[tuple[int, int]]:
    """First and last character of each row, of at most a width where the text can be broken for it."""
    rows, first = [], 0
    for line in text.split("\n"):
        last = first + len(line)
        breaks = [at for at in range(first + 1, last) if _breaks(text[at - 1], text[at], anywhere)]
        rows += _balanced(text, edges, width, [first, *breaks, last])
        first = last + 1
    return rows


def _balanced(text: str, edges: np.ndarray, width: float, breaks: list[int]) -> list[tuple[int, int]]:
    """As many rows as the width asks for, in the least width that needs no more."""
    rows = _filled(text, edges, width, breaks)
    low, high = 0.0, width
    while len(rows) > 1 and high - low > 0.05:
        middle = (low + high) / 2
        narrow = _filled(text, edges, middle, breaks)
        fits = len(narrow) == len(rows) and all(edges[last] - edges[first] <= middle for first, last in narrow)
        low, high, rows = (low, middle, narrow) if fits else (middle, high, rows)
    return rows


def _filled(text: str, edges: np.ndarray, width: float, breaks: list[int]) -> list[tuple[int, int]]:
    """Rows that are filled one after the other."""
    rows, first, end = [], breaks[0], breaks[0]
    for begin, at in pairwise(breaks):
        last = begin + len(text[begin:at].rstrip())
        if end > first and edges[last] - edges[first] > width:
            rows.append((first, end))
            first = begin
        end = last
    return [*rows, (first, end)]


def _breaks(before: str, after: str, anywhere: bool) -> bool:
    """Whether a row can end between two characters."""
    if anywhere or after.isspace():
        return not after.isspace()
    if before in _MARKS_BEFORE or after in _MARKS_AFTER:
        return False
    return before.isspace() or before in "-–—/" or _is_ideograph(before) or _is_ideograph(after)


def _is_ideograph(character: str) -> bool:
    """Of Chinese or Japanese, between whose words are no spaces; Korean has some."""
    return unicodedata.east_asian_width(character) in "WF" and not "\uac00" <= character <= "\ud7af"


def _is_unseen(character: str) -> bool:
    """Whether it has no shape of its own: spaces, and what tells how to join or order others."""
    return character.isspace() or unicodedata.category(character) == "Cf"
