"""Video: the path of a finished video, which plays in a notebook and tells what it was made of."""

import base64
import html
import mimetypes
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audioviz.errors import InputError
from audioviz.files import user_path

if TYPE_CHECKING:
    from PIL.Image import Image

    from audioviz.insight.report import VideoReport

    _Path = Path
else:
    _Path = type(Path())  # that of this system, which alone can have subclasses before Python 3.12

EMBEDDED_BYTES = 64 * 2**20  # a page with more becomes slow: it links to a larger video


class Video(_Path):
    """The path of a video. A notebook shows the video itself.

    Examples
    --------
    >>> video = av.Video("video.mp4")
    >>> video.info().video.size
    (64, 64)
    >>> sheet = video.sheet("sheet.png")
    """

    def __new__(cls, *parts: Any) -> "Video":
        if wrong := [part for part in parts if not isinstance(part, (str, os.PathLike))]:
            raise InputError(f"video {wrong[0]!r:.60}: expected a path")
        return super().__new__(cls, *parts)

    def info(self) -> "VideoReport":
        """What it was made of, and how well its picture follows its sound: as `audioviz info` prints it.

        Raises
        ------
        InputError
            If it is no video.
        """
        from audioviz.insight.reaction import measure_video
        from audioviz.insight.report import VideoReport

        return VideoReport(self, *measure_video(user_path(self)))

    def sheet(self, path: str | Path | None = None, *, columns: int = 6, rows: int = 5, width: int = 192) -> "Image":
        """Its frames in a grid, a picture that a notebook shows; with a path, in a file too.

        Parameters
        ----------
        columns, rows : int >= 1
        width : pixels of one frame
        """
        from audioviz.insight.sheet import contact_sheet

        return contact_sheet(user_path(self), path, columns=columns, rows=rows, width=width)

    def _repr_html_(self) -> str | None:
        kind = mimetypes.guess_type(self.name)[0] or ""
        if not self.is_file() or not kind.startswith(("video/", "image/")):
            return None
        small = self.stat().st_size <= EMBEDDED_BYTES
        source = f"data:{kind};base64,{base64.b64encode(self.read_bytes()).decode()}" if small else self.as_posix()
        style = 'style="max-width: 100%"'
        if kind.startswith("image/"):
            return f'<img src="{html.escape(source)}" {style}>'
        return f'<video src="{html.escape(source)}" {style} controls loop></video>'
