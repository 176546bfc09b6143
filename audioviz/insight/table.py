"""A contact sheet as a table: a strip of frames of each video, in the row and the column of what it was made with."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from audioviz.figures import picture_or_file
from audioviz.video.probe import probe, read_frames
from audioviz.video.typeset import FONT

STRIP = 3  # frames of a video: the first, the middle one, the last
MARGIN, LABEL, LETTERS = 6, 180, 14  # pixels: between tiles, of the labels of rows, of the font
MOST_PIXELS = 10**8
LINES = 3  # of a label


@dataclass(frozen=True)
class Tile:
    """A video on the sheet: a label for each parameter, and what is written below its frames."""

    labels: tuple[str, ...]
    video: Path
    caption: str


def table_sheet(
    tiles: Sequence[Tile],
    out: str | Path | None = None,
    *,
    columns: Sequence[str],
    marked: Path | None = None,
    width: int = 144,
) -> Image.Image:
    """The tiles in a table: a column for each value of the last parameter, a row for those of the others.

    Of one parameter each value has a row. Where a combination was left out, its place stays empty.

    Parameters
    ----------
    tiles : sequence of Tile, at least one
    out : str or Path, optional
        The picture to write.
    columns : sequence of str
        The labels of the last parameter in their order.
    marked : Path, optional
        The video that gets a frame.
    width : int
        Pixels across a frame of a video, at most: a very large table has smaller ones.

    Raises
    ------
    InputError
        If a video cannot be read, or `out` cannot be written.
    """
    places = [(one.labels[:-1], one.labels[-1]) if len(one.labels) > 1 else (one.labels, "") for one in tiles]
    rows, used = (list(dict.fromkeys(labels)) for labels in zip(*places, strict=True))
    columns = [column for column in columns if column in used] or used
    shape = probe(tiles[0].video).size
    width = max(16, min(width, round((MOST_PIXELS / STRIP / len(rows) / len(columns)) ** 0.5)))
    height = max(1, round(width * shape[1] / shape[0]))
    step_x, step_y = STRIP * width + MARGIN, height + 2 * LETTERS + MARGIN
    heads = [_label([column], STRIP * width) for column in columns]
    top = 2 * MARGIN + max(head.count("\n") + bool(head) for head in heads) * LETTERS * 3 // 2
    sheet = Image.new("RGB", (LABEL + len(columns) * step_x, top + len(rows) * step_y), "black")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.truetype(FONT, LETTERS)
    for i, head in enumerate(heads):
        draw.multiline_text((LABEL + i * step_x, MARGIN), head, "white", font)
    for i, row in enumerate(rows):
        draw.multiline_text((MARGIN, top + i * step_y), _label(row, LABEL), "white", font)
    for tile, (row, column) in zip(tiles, places, strict=True):
        x, y = LABEL + columns.index(column) * step_x, top + rows.index(row) * step_y
        best = tile.video == marked
        if best:
            draw.rectangle((x - 3, y - 3, x + STRIP * width + 2, y + height + 2), outline="gold", width=3)
        _paste_strip(sheet, tile.video, (x, y), (width, height))
        draw.text((x, y + height + 5), tile.caption, "gold" if best else "white", font)
    return picture_or_file(sheet, out)


def _paste_strip(sheet: Image.Image, video: Path, place: tuple[int, int], size: tuple[int, int]) -> None:
    """Put the first frame of a video, the middle one and the last beside each other."""
    info = probe(video)
    picks = [round(i * (info.frames - 1) / (STRIP - 1)) for i in range(STRIP)]
    for k, frame in enumerate(read_frames(video, size=info.size)):
        for i in (i for i, pick in enumerate(picks) if pick == k):
            sheet.paste(ImageOps.pad(Image.fromarray(frame), size), (place[0] + i * size[0], place[1]))


def _label(texts: Sequence[str], pixels: int) -> str:
    """Texts on a few short lines."""
    letters = max(8, pixels * 2 // LETTERS - 2)
    return "\n".join(line for text in texts for line in textwrap.wrap(text, letters, max_lines=LINES, placeholder="…"))
