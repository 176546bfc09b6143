"""Words in the picture: the lines of a song while they are sung, filled as the voice goes on, and a title at first."""

import hashlib
import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter

from audioviz.colours import LUMA, colour_to_rgb
from audioviz.video.subtitles import times_of_lines, tops_of_lines
from audioviz.video.typeset import Row, Typeface, set_rows

if TYPE_CHECKING:
    from audioviz.schedule.lyrics import Line

TITLE_SECONDS = 4.5
_TITLE_FADE = 0.6  # seconds
_TITLE_SIZE, _ARTIST_SIZE = 1.7, 0.95  # times the size of the words
_SIZE, _SIZE_OF_WIDTH = 0.06, 0.075  # of the height, and of the width at most
_WIDTH, _HEIGHT = 0.86, 0.4  # of the picture, at most
_EDGE, _EDGE_UPRIGHT = 0.075, 0.17  # of the height, left free; players of upright videos have their buttons there
_GAP = 0.15  # between lines that are sung together, in sizes of the font
_UNSUNG = 0.45  # how far the colour of what is still to be sung is towards that of the outline
_SOFT = 0.18  # width of the edge between sung and unsung, in sizes of the font
_SHADOW, _SHADOW_BLUR = 0.55, 0.12  # opacity; sizes of the font
_DARK, _LIGHT = (14, 14, 18), (255, 255, 255)
_LUMA = np.array(LUMA, np.float32)


@dataclass(frozen=True)
class WordsStyle:
    """How words look.

    Parameters
    ----------
    font : Path, optional
        TrueType or OpenType; that which comes along if not given.
    size : percent of the height, optional
        Of the font; if not given, 6, and less where the picture is narrow.
    place : "bottom", "middle" or "top"
    colour : str
        A name, #rrggbb, or another way in which Pillow reads colours.
    outline : percent of the font's size
        Dark around light words, light around dark ones; 0 is none.
    fade : seconds
    """

    font: Path | None = None
    size: float | None = None
    place: str = "bottom"
    colour: str = "white"
    outline: float = 7.0
    fade: float = 0.3


def check_words(lines: "Sequence[Line]", style: WordsStyle, *, title: str = "") -> None:
    """Refuse words that cannot be written in a style.

    Raises
    ------
    InputError
        In one line: the first character that the font lacks, or what is missing for a script.
    """
    face = Typeface(style.font)
    for line in lines:
        face.check(line.text, what="lyrics")
    face.check(title, what="title")


@dataclass(frozen=True)
class _Block:
    """Rows that are shown together."""

    rows: tuple[Row, ...]
    height: float
    top: float
    times: tuple[float, float, float, float]  # it begins to appear, is there, begins to go, is gone
    marks: tuple[tuple[int, float], ...] = ()

    def opacity(self, seconds: float) -> float:
        """0 to 1."""
        x = float(np.interp(seconds, self.times, (0, 1, 1, 0)))
        return x * x * (3 - 2 * x)

    def sung(self, seconds: float) -> float:
        """How many characters are sung."""
        if not self.marks:
            return math.inf
        places, times = zip(*self.marks)
        return float(np.interp(seconds, times, places))


@dataclass(frozen=True, eq=False)
class _Band:
    """The part of a painted block that a row is in."""

    row: Row
    lines: slice
    left: float  # of the row in the block, pixels
    edges: np.ndarray  # how far each beginning of its text reaches, pixels

    def filled(self, sung: float, width: int) -> np.ndarray | bool:
        """How far each column is sung, 0..1: float32, shape (width, 1); or whether all are."""
        if sung <= self.row.first or sung >= self.row.last:
            return sung >= self.row.last
        soft = _SOFT * self.row.size
        reached = np.interp(sung - self.row.first, np.arange(len(self.edges)), self.edges) / self.edges[-1]
        column = np.arange(width, dtype=np.float32)[:, None] + 0.5 - self.left
        if _is_right_to_left(self.row.text):
            column = self.edges[-1] - column
        return np.clip((reached * (self.edges[-1] + soft) - column) / soft, 0, 1)


@dataclass(frozen=True, eq=False)
class _Painted:
    """The pixels of a block: what is added to a picture, of which so much is taken away before."""

    left: int
    top: int
    cover: np.ndarray  # float32, shape (H, W, 1), 0..1
    sung: np.ndarray  # float32, shape (H, W, 3), 0..255
    unsung: np.ndarray
    bands: list[_Band]


class Words:
    """Draws the words of a song into pictures; a pure function of the picture and its time.

    Parameters
    ----------
    lines : sequence of Line
        In order of their beginnings, seconds.
    style : WordsStyle
    size : (width, height) of the pictures
    title : str
        Shown for the first seconds, larger; what follows a `|` or a line break stands below it, such as the artist.
    begin : float
        When the title begins, seconds.

    Raises
    ------
    InputError
        If the font is none, or lacks what the words need.
    """

    def __init__(
        self,
        lines: "Sequence[Line]",
        style: WordsStyle = WordsStyle(),
        *,
        size: tuple[int, int],
        title: str = "",
        begin: float = 0.0,
    ):
        self._face, self._style, self._size = Typeface(style.font), style, size
        width, height = size
        self._pixels = height * style.size / 100 if style.size else min(_SIZE * height, _SIZE_OF_WIDTH * width)
        parts = [part.strip() for part in re.split(r"[|\n]", title) if part.strip()]
        self._blocks = self._lines(lines) + ([self._title(parts, begin)] if parts else [])
        self._times = np.array([block.times for block in self._blocks]).reshape(-1, 4)
        self._painted = lru_cache(maxsize=8)(self._paint)

    def __call__(self, picture: np.ndarray, seconds: float) -> np.ndarray:
        """The picture with the words of a time; the very same where there are none.

        Parameters
        ----------
        picture : uint8, shape (H, W, 3)
        seconds : float
            In the song: the middle of the time that the picture is on screen.
        """
        shown = self._shown_at(seconds)
        out = picture.copy() if shown else picture
        for index, opacity, sung in shown:
            _compose(out, self._painted(index), sung, opacity)
        return out

    def digest(self, seconds: float) -> str:
        """What the words of a time depend on besides style and size; empty where there are none."""
        shown = [(self._blocks[index], opacity, sung) for index, opacity, sung in self._shown_at(seconds)]
        return hashlib.sha256(repr(shown).encode()).hexdigest() if shown else ""

    def _shown_at(self, seconds: float) -> list[tuple[int, float, float]]:
        """The blocks of a time: their number, opacity, and how many characters are sung."""
        near = np.flatnonzero((self._times[:, 0] < seconds) & (seconds < self._times[:, 3])).tolist()
        shown = [(index, self._blocks[index].opacity(seconds), self._blocks[index].sung(seconds)) for index in near]
        return [block for block in shown if block[1]]

    def _lines(self, lines: "Sequence[Line]") -> list[_Block]:
        rows = [self._rows(line.text) for line in lines]
        heights = [self._height(some) for some in rows]
        bases = [self._base(height, self._style.place) for height in heights]
        upwards = self._style.place == "bottom"
        tops = tops_of_lines(lines, heights, bases, upwards=upwards, gap=_GAP * self._pixels)
        times = times_of_lines(lines, tops, heights, fade=self._style.fade)
        marks = [line.marks for line in lines]
        return [_Block(*block) for block in zip(rows, heights, tops, times, marks, strict=True)]

    def _title(self, parts: Sequence[str], begin: float) -> _Block:
        scales = [_TITLE_SIZE, *[_ARTIST_SIZE] * (len(parts) - 1)]
        rows = tuple(row for part, scale in zip(parts, scales) for row in self._rows(part, scale))
        height, end = self._height(rows), begin + TITLE_SECONDS
        base = self._base(height, "top" if self._style.place == "middle" else "middle")
        return _Block(rows, height, base, (begin, begin + _TITLE_FADE, end - _TITLE_FADE, end))

    def _rows(self, text: str, scale: float = 1.0) -> tuple[Row, ...]:
        width, height = self._size
        size = scale * self._pixels
        return tuple(set_rows(self._face, text, size=size, width=_WIDTH * width, height=_HEIGHT * height))

    def _height(self, rows: tuple[Row, ...]) -> float:
        return sum(self._face.leading * row.size for row in rows)

    def _base(self, height: float, place: str) -> float:
        """The upper edge of a block that has the picture for itself."""
        width, whole = self._size
        edge = whole * (_EDGE_UPRIGHT if whole > 1.2 * width else _EDGE)
        return {"top": edge, "middle": (whole - height) / 2, "bottom": whole - edge - height}[place]

    def _paint(self, index: int) -> _Painted:
        block, face, outline = self._blocks[index], self._face, self._style.outline / 100
        edges = [face.edges(row.text) * row.size for row in block.rows]
        largest = max(row.size for row in block.rows)
        pad = round((outline + 3 * _SHADOW_BLUR) * largest) + 1
        size = (round(max(edge[-1] for edge in edges)) + 2 * pad, round(block.height) + 2 * pad)
        drawn, bands, y = [], [], float(pad)
        for row, edge in zip(block.rows, edges):
            left, after = (size[0] - edge[-1]) / 2, y + face.leading * row.size
            drawn.append((row.text, left, y + face.ascent * row.size, row.size))
            begin, end = 0 if not bands else round(y), size[1] if row is block.rows[-1] else round(after)
            bands.append(_Band(row, slice(begin, end), left, edge))
            y = after
        letters, around = face.masks(drawn, size, outline)
        blurred = Image.fromarray(around).filter(ImageFilter.GaussianBlur(_SHADOW_BLUR * largest))
        letters, around, blurred = (
            np.asarray(mask, np.float32)[..., None] / 255 for mask in (letters, around, blurred)
        )
        below = 1 - (1 - around) * (1 - _SHADOW * blurred)
        colour = np.array(colour_to_rgb(self._style.colour), np.float32)
        edge = np.array(_DARK if colour @ _LUMA > 70 else _LIGHT, np.float32)
        below_letters = edge * (below * (1 - letters))
        return _Painted(
            left=round((self._size[0] - size[0]) / 2),
            top=round(block.top) - pad,
            cover=letters + below * (1 - letters),
            sung=colour * letters + below_letters,
            unsung=(colour + _UNSUNG * (edge - colour)) * letters + below_letters,
            bands=bands,
        )


def _compose(picture: np.ndarray, painted: _Painted, sung: float, opacity: float) -> None:
    """Draw a block of which so many characters are sung into a picture."""
    height, width = picture.shape[:2]
    inside = slice(max(0, -painted.left), min(painted.cover.shape[1], width - painted.left))
    for band in painted.bands:
        begin, end, _ = slice(max(band.lines.start, -painted.top), min(band.lines.stop, height - painted.top)).indices(
            painted.cover.shape[0]
        )
        area = (slice(begin, end), inside)
        filled = band.filled(sung, painted.cover.shape[1])
        if isinstance(filled, bool):
            paint = (painted.sung if filled else painted.unsung)[area]
        else:
            paint = painted.unsung[area] + (painted.sung[area] - painted.unsung[area]) * filled[inside]
        part = picture[
            painted.top + begin : painted.top + end, painted.left + inside.start : painted.left + inside.stop
        ]
        part[...] = part * (1 - opacity * painted.cover[area]) + opacity * paint + 0.5


def _is_right_to_left(text: str) -> bool:
    return next(
        (kind in ("R", "AL") for kind in map(unicodedata.bidirectional, text) if kind in ("L", "R", "AL")), False
    )
