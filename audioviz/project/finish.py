"""Finish: what is made of the sampled frames of a project."""

import re
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, PlainValidator, Strict
from pydantic_core import PydanticCustomError

from audioviz.clock import fps_to_json, to_fps
from audioviz.colours import colour_to_rgb
from audioviz.errors import nearest
from audioviz.project.records import checked, one_of, record, with_reason, within
from audioviz.project.values import File, Number
from audioviz.video.formats import CODECS
from audioviz.video.frame import read_frame, read_upscale

PLACES = ("bottom", "middle", "top")
TWEENS = ("arc", "blend", "flow")  # ways to make them that need no file


def _to_smooth(value: Any) -> Any:
    """A factor as text, `2x`; or an exact frame rate."""
    if isinstance(value, str) and re.fullmatch(r"[234][xX]", value):
        return value.lower()
    if isinstance(value, str) and re.fullmatch(r".*[xX]", value):
        raise PydanticCustomError("smooth", "expected 2x, 3x or 4x, or a frame rate such as 24 or 30000/1001")
    return value if value is None else with_reason(value, to_fps)


def _from_smooth(value: Any) -> Any:
    return fps_to_json(value) if isinstance(value, Fraction) else value


def _to_way(value: Any) -> Any:
    """One of TWEENS, or the path of a file."""
    if isinstance(value, str) and value not in TWEENS and not re.search(r"[./\\]", value):
        hint = nearest(value, TWEENS)
        reason = f"unknown way {value!r}{hint}: use one of {', '.join(TWEENS)}, or the .safetensors file of RIFE"
        raise PydanticCustomError("name", "{reason}", {"reason": reason})
    return value


@record
class Finish:
    """What is made of the sampled frames; what is None or empty is left as it is.

    Parameters
    ----------
    upscale : text
        `2x`, a size such as `1920x1080`, the .safetensors file of a network, or a file with one of them, `FILE:2x`.
    frame : "square", "wide", "vertical", or a ratio such as `2.39:1`
        The exact shape and size of the video; what is sampled is the nearest to it, if the look gives no size.
    codec : name
        Of the video, where the container of its file may hold several.
    smooth : frame rate, or `2x`, `3x`, `4x`
        Frames a second that are shown, exact, or how many times as many as are sampled.
    smooth_by : arc, blend, flow, or the .safetensors file of a RIFE network
        How those between are made.
    lyrics : Path
        Drawn into the pictures while they are sung: .lrc, .srt, .vtt or .ass.
    title : str
        Drawn at the beginning; what follows a `|` stands below it.
    font : Path
        TrueType or OpenType, for all words.
    font_size : percent of the height
    words_place : "bottom", "middle" or "top"
    words_colour : name or #rrggbb
    words_outline : percent of the font's size
    words_fade : seconds
    safe : bool
        Hold flashes below the limit of WCAG 2.3.1.
    """

    upscale: Annotated[str, AfterValidator(lambda text: checked(text, read_upscale))] | None = None
    frame: Annotated[str, AfterValidator(lambda text: checked(text, read_frame))] | None = None
    codec: Annotated[str, one_of("codec", tuple(CODECS))] | None = None
    smooth: Annotated[Fraction | str | None, PlainValidator(_to_smooth), PlainSerializer(_from_smooth)] = None
    smooth_by: Annotated[Literal["arc", "blend", "flow"] | File, BeforeValidator(_to_way)] = "arc"
    lyrics: File | None = None
    title: str = ""
    font: File | None = None
    font_size: Annotated[Number, within(1, 50)] | None = None
    words_place: Annotated[str, one_of("place", PLACES)] = "bottom"
    words_colour: Annotated[str, AfterValidator(lambda text: checked(text, colour_to_rgb))] = "white"
    words_outline: Annotated[Number, within(0, 30)] = 7.0
    words_fade: Annotated[Number, within(0, 5)] = 0.3
    safe: Annotated[bool, Strict()] = False

    def shown_fps(self, fps: Fraction) -> Fraction:
        """Frames a second of the video, of so many that are sampled."""
        return fps * int(self.smooth[0]) if isinstance(self.smooth, str) else self.smooth or fps
