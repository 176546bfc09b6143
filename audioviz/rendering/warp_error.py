"""How steady a redrawn video is: the warp error along the optical flow of the video that it was made of."""

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from audioviz.clock import Clock
from audioviz.errors import AudiovizWarning, InputError
from audioviz.rendering.pictures import check_pictures, load_pictures
from audioviz.video.optical_flow import Motion, follow, motion
from audioviz.video.probe import VideoInfo, read_frames, read_metadata

SIDE = 256  # pixels of the shorter side at which it is measured
LEAST = 0.01  # part of a picture that can be followed where it is no cut


@dataclass(frozen=True)
class WarpError:
    """Warp errors in levels of 255, and the part of the pictures that they are measured in."""

    made: float
    init: float  # of the initial video itself: what the flow leaves to be wished
    followed: float

    def __str__(self) -> str:
        return (
            f"{self.made:.1f} levels of 255, where {100 * self.followed:.0f}% can be followed; of the initial video "
            f"itself {self.init:.1f}"
        )


def warp_error(video: Path, info: VideoInfo, init: Path) -> WarpError:
    """Mean difference between each frame of a video and the one before it, moved along the flow of an initial video.

    It is measured where that flow agrees there and back, and not across cuts.

    Parameters
    ----------
    video : Path
    info : what `probe` says of it
    init : the file of the initial video

    Raises
    ------
    InputError
        If it is no video, or the flow cannot be found.

    Source
    ------
    Lai et al., "Learning Blind Video Temporal Consistency", ECCV 2018, eq. 7, with the difference in place of its
    square.
    """
    check_pictures(init, what="init")
    width, height = info.size
    scale = min(1.0, SIDE / min(info.size))
    size = (max(2, round(width * scale)), max(2, round(height * scale)))
    start, sha256 = _manifest_facts(info)
    pictures = load_pictures(init, size=size, clock=Clock(info.fps, info.frames), song=video, start=start)
    if not pictures.moves:
        raise InputError(f"init {init}: an image does not move; expected the video that {video} was made of")
    if sha256 not in (None, pictures.sha256):
        warnings.warn(f"init {init}: not the file that {video} was made of", AudiovizWarning, stacklevel=2)
    totals = np.zeros(3)
    before = None
    for k, after in enumerate(read_frames(video, size=size)):
        if before is not None:
            source, target = pictures.at(k - 1), pictures.at(k)
            way = motion(source, target)
            if (followed := float(way.agrees.mean())) >= LEAST:
                totals += [residual(before, after, way), residual(source, target, way), followed]
        before = after
    if not totals[2]:
        raise InputError(f"init {init}: nothing in it can be followed from frame to frame")
    return WarpError(*(totals / max(1, info.frames - 1)).tolist())


def residual(before: np.ndarray, after: np.ndarray, way: Motion) -> float:
    """Mean difference, in levels, between a picture and the one before it moved to where its things are now.

    Parameters
    ----------
    before, after : uint8, shape (H, W, 3)
    way : Motion
        Counts by how far it agrees.
    """
    first, second = (torch.from_numpy(picture).permute(2, 0, 1)[None].float() for picture in (before, after))
    apart = (follow(first, way.back) - second).abs().mean(1)[0].numpy()
    return float((apart * way.agrees).sum() / way.agrees.sum())


def _manifest_facts(info: VideoInfo) -> tuple[float, str | None]:
    """Where the video begins in its song, seconds, and the digest of its initial video, as far as its manifest says."""
    facts = read_metadata(info.metadata)
    start, sha256 = facts.get("start"), facts.get("init_sha256")
    return (
        float(start) if isinstance(start, (int, float)) and 0 <= start < 1e6 else 0.0,
        sha256 if isinstance(sha256, str) else None,
    )
