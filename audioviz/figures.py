"""Plots of curves, songs and schedules over time, as pictures that notebooks show and files hold."""

import base64
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from audioviz.clock import Clock
from audioviz.errors import InputError
from audioviz.files import asked_for, write_whole

if TYPE_CHECKING:
    from PIL.Image import Image

INK, ACCENT, FAINT = "#1d1f27", "#c2410c", "#9aa0ac"


def draw_rows(
    rows: Mapping[str, np.ndarray], clock: Clock, *, song: Any = None, marks: Iterable[tuple[float, str]] = ()
) -> "Image":
    """A picture with a plot for each row over time.

    Parameters
    ----------
    rows : mapping of name to float, shape (T,)
    clock : Clock
    song : Song, optional
        Its waveform stands above them, and its beats behind them.
    marks : (seconds, text) each
        Prompts, or the labels of sections.
    """
    from matplotlib.figure import Figure

    heights = [1.6] * (song is not None) + [1] * len(rows)
    figure = Figure(figsize=(14, 0.6 + sum(heights)), layout="constrained", facecolor="white")
    axes = list(np.atleast_1d(figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)))
    if song is not None:
        _draw_waveform(axes[0], song)
    for axis, (name, values) in zip(axes[len(heights) - len(rows) :], rows.items()):
        if song is not None:
            axis.vlines(song.beats.seconds, 0, 1, transform=axis.get_xaxis_transform(), color=FAINT, lw=0.4)
        axis.step(clock.times, values, where="post", color=ACCENT, lw=1.1)
        axis.fill_between(clock.times, values, values.min(), step="post", color=ACCENT, alpha=0.15, lw=0)
        axis.set_ylabel(name, rotation=0, ha="right", va="center", color=INK)
        axis.margins(x=0, y=0.1)
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8)
    for seconds, text in marks:
        axes[0].axvline(seconds, color=INK, lw=1, ls=":")
        axes[0].annotate(text, (seconds, 1.02), xycoords=axes[0].get_xaxis_transform(), fontsize=9, color=INK)
    axes[-1].set_xlabel("seconds")
    return _picture_of(figure)


def _draw_waveform(axis, song) -> None:
    low, high = song.waveform
    axis.fill_between(np.linspace(0, float(song.duration), len(low)), low, high, color=INK, lw=0)
    axis.vlines(song.beats.seconds, 0, 1, transform=axis.get_xaxis_transform(), color=ACCENT, lw=0.4, alpha=0.5)
    axis.vlines(song.downbeats.seconds, 0, 1, transform=axis.get_xaxis_transform(), color=ACCENT, lw=1.2)
    axis.set_title(str(song), loc="left", pad=18, fontsize=11, color=INK)
    axis.set_ylabel("waveform", rotation=0, ha="right", va="center", color=INK)
    axis.set_yticks([])
    axis.margins(x=0)
    axis.spines[["top", "right", "left"]].set_visible(False)


def _picture_of(figure) -> "Image":
    from PIL import Image

    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=100)
    return Image.open(drawn).convert("RGB")


def picture_or_file(picture: "Image", path: str | Path | None, *, apart: Iterable[Path] = ()) -> "Image":
    """The picture; written to a file first, in the format that its name ends in, if there is one.

    Raises
    ------
    InputError
        If the name has an ending of no picture, cannot be written, or is one of the files `apart`.
    """
    if path is not None:
        with asked_for(path, apart=apart) as place:
            write_whole(place, _encoded(picture, _format_of(place)))
    return picture


def picture_to_html(picture: "Image") -> str:
    """The picture, for a page."""
    data = base64.b64encode(_encoded(picture, "PNG")).decode()
    return f'<img src="data:image/png;base64,{data}" style="max-width: 100%">'


def _format_of(path: Path) -> str:
    """The format that the name of a picture ends in; PNG if it has no ending."""
    from PIL import Image

    known = {ending: kind for ending, kind in Image.registered_extensions().items() if kind in Image.SAVE}
    if path.suffix and path.suffix.lower() not in known:
        raise InputError(f"{path}: expected the name of a picture, such as {path.with_suffix('.png').name}")
    return known.get(path.suffix.lower(), "PNG")


def _encoded(picture: "Image", kind: str) -> bytes:
    encoded = io.BytesIO()
    picture.save(encoded, kind)
    return encoded.getvalue()
