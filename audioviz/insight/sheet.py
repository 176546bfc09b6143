"""A contact sheet: frames of a video in time order, on one picture."""

import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from audioviz.clock import Clock
from audioviz.errors import InputError, to_number
from audioviz.figures import picture_or_file
from audioviz.video.probe import probe, read_frames

MARGIN = 4  # pixels between tiles


def contact_sheet(
    frames: Iterable[np.ndarray] | Path | str,
    out: str | Path | None = None,
    *,
    clock: Clock | None = None,
    columns: int = 6,
    rows: int = 5,
    width: int = 192,
) -> Image.Image:
    """A picture of evenly spaced frames, from the first to the last, with their times.

    Parameters
    ----------
    frames : iterable of uint8 (H, W, 3), or the path of a video
        The T frames; only those that are drawn are kept.
    out : str or Path, optional
        The picture to write, as PNG, JPEG or what else it ends in; replaced only by a whole one.
    clock : Clock
        Exact fps, and T; measured where frames is a path.
    columns, rows : int >= 1
        Tiles on the sheet; a shorter video fills fewer.
    width : int
        Pixels across a tile.

    Raises
    ------
    InputError
        If the video cannot be read, frames come without a clock, there are none, a count is none, or `out` cannot be
        written.
    """
    for what, value in (("columns", columns), ("rows", rows), ("width", width)):
        to_number(f"contact sheet: {what}", value, low=1, whole=True, kind=InputError)
    if isinstance(frames, (str, Path)):
        info = probe(Path(frames))
        clock, frames = Clock(info.fps, info.frames), read_frames(Path(frames))
    if clock is None:
        raise InputError("a contact sheet of frames has no times: expected their clock")
    count = min(columns * rows, clock.frames)
    picks = {round(i * (clock.frames - 1) / max(1, count - 1)): i for i in range(count)}
    sheet = None
    for k, frame in enumerate(frames):
        if k not in picks:
            continue
        tile = _tile(frame, clock.frame_to_seconds(k), width)
        step_x, step_y = tile.width + MARGIN, tile.height + MARGIN
        if sheet is None:
            size = (min(columns, count) * step_x + MARGIN, math.ceil(count / columns) * step_y + MARGIN)
            sheet = Image.new("RGB", size, "black")
        row, column = divmod(picks[k], columns)
        sheet.paste(tile, (MARGIN + column * step_x, MARGIN + row * step_y))
    if sheet is None:
        raise InputError("a contact sheet of no frames: expected at least one")
    return picture_or_file(sheet, out)


def _tile(frame: np.ndarray, seconds: float, width: int) -> Image.Image:
    height = max(1, round(width * frame.shape[0] / frame.shape[1]))
    tile = Image.fromarray(frame).resize((width, height), Image.Resampling.LANCZOS)
    draw = ImageDraw.Draw(tile)
    minutes, rest = divmod(round(seconds, 2), 60)
    label = f"{minutes:.0f}:{rest:05.2f}"
    left, top, right, bottom = draw.textbbox((5, 3), label)
    draw.rectangle((left - 3, top - 2, right + 3, bottom + 2), fill="black")
    draw.text((5, 3), label, fill="white")
    return tile
