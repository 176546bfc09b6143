"""What the painting process draws: the frame at the playhead, exact or an estimate, and then those that lead to it."""

import io
import time
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from PIL import Image
from torch import Tensor

from audioviz.project import Look, Project
from audioviz.rendering.process import asked_to_stop, tell
from audioviz.sampling import plan_frame, sample_frame
from audioviz.studio.canvas import DRAFT_SIDE, Canvas, canvas_of, model_of

SOON = 0.6  # seconds in which a picture is to be there: an estimate, where the exact one takes longer
MOST_BEHIND = 600  # frames that are drawn after an estimate, to come to the exact one
MOST_TRACKED = 4000  # pictures whose keys are remembered, to tell when they are of the project no more
_LATENT_BYTES = 200 * 2**20
_QUALITY = 80


@dataclass(frozen=True)
class Picture:
    """A picture of a frame as the page shows it.

    Parameters
    ----------
    frame : int
        Of the song.
    key : str
        Of its content.
    size : "draft" or "final"
    estimate : bool
        Whether it began with a fresh picture a few frames before, and not at the cut before.
    webp : bytes
    """

    frame: int
    key: str
    size: str
    estimate: bool
    webp: bytes


class Latents:
    """Latents by their keys, those that were used last, as many as fit."""

    def __init__(self, most: int) -> None:
        self._kept: OrderedDict[bytes, Tensor] = OrderedDict()
        self._most, self._bytes = most, 0

    def get(self, key: bytes) -> Tensor | None:
        """The latent of a key; None if it is not there."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def put(self, key: bytes, latent: Tensor) -> None:
        """Keep a latent."""
        if key in self._kept:
            return
        self._kept[key] = latent
        self._bytes += latent.nbytes
        while self._bytes > self._most:
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= dropped.nbytes


_latents = Latents(_LATENT_BYTES)
_canvas: list[tuple[object, Canvas]] = []
_tracked: OrderedDict[tuple[str, int], str] = OrderedDict()  # size and frame of each picture that was told -> its key
_pace: dict[tuple, float] = {}  # seconds a frame, by model and settings


def warm() -> None:
    """Load the embedded model, which the first frame is likely to need, and draw with it once."""
    import torch

    model = model_of(Look(), frozenset())
    empty = model.empty_latent((DRAFT_SIDE, DRAFT_SIDE)).to(model.denoiser.device)
    guidance = model.guidance("")
    with torch.inference_mode():
        plan = plan_frame(guidance, seed=0, frame=0, steps=1, cfg=2.0, denoise=1.0)
        sample_frame(model.denoiser, plan, empty, sampler="euler", scheduler="sgm_uniform")
        model.decode(empty)


def paint(project: Project, frame: int, size: str) -> None:
    """Draw a frame, and tell the picture of it; then go on to the exact one, until asked to stop.

    Raises
    ------
    AudiovizError
        If the project cannot be drawn.
    """
    canvas = _canvas_of(project, size, frame)
    row = frame - canvas.table.part.start
    first, before = _nearest(canvas, row)
    pace = _pace.get(_kind(canvas), 0.15)
    if (row + 1 - first) * pace > SOON:
        _estimate(canvas, row, size, frames=max(1, int(SOON / pace)))
        if row + 1 - first > MOST_BEHIND:
            return
    _draw(canvas, first, before, row, size)


def gone(project: Project, *, anew: bool) -> list[tuple[str, int]]:
    """The size and the frame of each picture that was told, and which is of the project no more.

    Parameters
    ----------
    anew : bool
        Whether a file that the project names was written.
    """
    lost: list[tuple[str, int]] = []
    if anew:
        _canvas.clear()
    for size in dict.fromkeys(size for size, _ in _tracked):
        frames = [frame for of, frame in _tracked if of == size]
        canvas = _canvas_of(project, size, frames[-1])
        for frame in frames:
            inside = frame in canvas.table.part
            if not inside or _key(canvas, frame - canvas.table.part.start) != _tracked[size, frame]:
                lost.append((size, frame))
                del _tracked[size, frame]
    return lost


def _canvas_of(project: Project, size: str, frame: int) -> Canvas:
    """The canvas of a project, kept while it stays the same."""
    key = (project, project.schedule.trusted, size)
    if _canvas and _canvas[0][0] == key and frame in _canvas[0][1].table.part:
        return _canvas[0][1]
    _canvas.clear()
    _canvas.append((key, canvas_of(project, size, frame)))
    return _canvas[0][1]


def _nearest(canvas: Canvas, row: int) -> tuple[int, Tensor | None]:
    """The first row that is to be drawn for another one, and the latent before it, if it needs one."""
    start = canvas.chain.run_of(row).start
    for i in range(row - 1, start - 1, -1):
        if (latent := _latents.get(canvas.chain.key(i))) is not None:
            return i + 1, latent
    return start, None


def _draw(canvas: Canvas, first: int, before: Tensor | None, row: int, size: str) -> None:
    """Draw the rows up to one, and tell the picture of each."""
    began = None
    for i, (latent, levels) in zip(range(first, row + 1), canvas.latents(canvas.table, first, before)):
        _latents.put(canvas.chain.key(i), latent)
        _tell(canvas, i, levels, size, estimate=False)
        began = _time(canvas, began)
        if asked_to_stop():
            return


def _estimate(canvas: Canvas, row: int, size: str, *, frames: int) -> None:
    """Draw a row from a fresh picture a few frames before it, and tell its picture."""
    table, began = canvas.part_before(row, frames), None
    for i, (_, levels) in enumerate(canvas.latents(table, 0, None)):
        began = _time(canvas, began)
        if i + 1 == len(table):
            _tell(canvas, row, levels, size, estimate=True)
        if asked_to_stop():
            return


def _time(canvas: Canvas, began: float | None) -> float:
    """Remember how long a frame took, and when the next one begins; the first of several also reads texts."""
    now, kind = time.monotonic(), _kind(canvas)
    if began is not None:
        _pace[kind] = 0.7 * _pace.get(kind, now - began) + 0.3 * (now - began)
    return now


def _kind(canvas: Canvas) -> tuple:
    return canvas.model.digest, canvas.settings


def _key(canvas: Canvas, row: int) -> str:
    return canvas.chain.picture_key(row, canvas.finish)


def _tell(canvas: Canvas, row: int, levels: np.ndarray, size: str, *, estimate: bool) -> None:
    frame, key = canvas.table.part[row], _key(canvas, row)
    _tracked[size, frame] = key
    _tracked.move_to_end((size, frame))
    while len(_tracked) > MOST_TRACKED:
        _tracked.popitem(last=False)
    tell(Picture(frame, key + ("e" if estimate else ""), size, estimate, webp_of(levels)))


def webp_of(levels: np.ndarray) -> bytes:
    """A picture, uint8 of shape (H, W, 3), as WebP."""
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "WEBP", quality=_QUALITY, method=1)
    return file.getvalue()
