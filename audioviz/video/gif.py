"""GIF: a palette for each frame, times in hundredths of a second, and text in the file."""

import shutil
from pathlib import Path

from audioviz.clock import Clock
from audioviz.files import create

# The palette of each frame is its own, for a video has more than 256 colours; what is between them is dithered in a
# pattern that stands still, where the diffusion of errors would swarm.
PALETTES = (
    "split[seen][shown];[seen]palettegen=stats_mode=single:reserve_transparent=0[palette];"
    "[shown][palette]paletteuse=new=1:dither=bayer:bayer_scale=4"
)


def last_delay(clock: Clock, *, ticks: int) -> int:
    """Ticks that the last frame is shown, so that all together take what they should."""
    begins = round((clock.frames - 1) / clock.fps * ticks)
    return max(1, round(clock.duration * ticks) - begins)


def write_with_comment(source: Path, target: Path, text: str) -> None:
    """Copy a GIF with a comment before its first frame.

    Source
    ------
    W3C, Graphics Interchange Format, version 89a: sections 18 (the table of colours), 24 (comment).
    """
    encoded = text.encode()
    with source.open("rb") as gif, create(target) as file:
        head = gif.read(13)
        table = 3 * 2 ** ((head[10] & 7) + 1) if head[10] & 0x80 else 0
        file.write(head + gif.read(table) + b"!\xfe")
        for first in range(0, len(encoded), 255):
            block = encoded[first : first + 255]
            file.write(bytes([len(block)]) + block)
        file.write(b"\0")
        shutil.copyfileobj(gif, file)
