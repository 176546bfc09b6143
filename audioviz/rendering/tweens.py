"""Tweens: more frames a second out of those sampled. Where each frame of the video lies, and what waits for a hit.

A hit (the drive of the schedule leaps: denoise, noise, an effect, the camera's speed, the seed) is not approached
smoothly, or it would show before it is heard: up to its moment the frame before it stays, and its fall afterwards is
smooth. The moment is that of the kick, snare, beat or onset that its frame was rounded from, so that at the higher rate
it comes closer to the sound than frames could be sampled.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from audioviz.audio.song import Song
from audioviz.clock import Clock
from audioviz.digests import json_digest
from audioviz.project import Finish
from audioviz.rendering.frame_table import FrameTable
from audioviz.schedule.columns import COLOUR, NEUTRAL

LEAP = 0.08  # rise of denoise times interp, of noise or of an effect, from a frame to the next, that can be a hit
STEPS = {"zoom": 0.02, "angle": 2.0, "shift_x": 0.02, "shift_y": 0.02, "tilt": 2.0, "pan": 2.0, "dolly": 0.02}
SUDDEN = 1.5  # times the rise before it: what goes on rising is no hit
NEW = 0.3  # denoise from which a new seed is a hit
HELD = (COLOUR, "mirror", "posterize", "pixelate")  # effects that have no values between two
TURNING = ("hue", "roll")  # effects that go round, so that more of them is not stronger
MOMENTS = ("kicks", "snares", "beats", "hats", "onsets")  # of a song; the first kind that is near says when a hit is


@dataclass(frozen=True, eq=False)
class TweenTable:
    """Where the N frames of a video lie among the T that were sampled.

    Parameters
    ----------
    row : int64, shape (N,)
        The sampled frame that each follows on the way to, or is.
    part : float64, shape (N,)
        How far each is on the way to it from the one before: 1 is the sampled frame itself.
    held : bool, shape (T,)
        Whether the sampled frame is a hit: on the way to it the frame before stays, and moves on as the camera did.
    fps : Fraction
        Frames a second of the video.
    start : int
        The number of its first frame in the video of the whole song.
    """

    row: np.ndarray
    part: np.ndarray
    held: np.ndarray
    fps: Fraction
    start: int = 0

    def __len__(self) -> int:
        return len(self.row)

    def frames(self, row: int) -> range:
        """The frames of the video that can be shown once a row is sampled, and not before."""
        return range(*np.searchsorted(self.row, (row, row + 1)).tolist())

    def digest(self, row: int) -> str:
        """A hash of all that is said of the frames of a row."""
        here = self.frames(row)
        said = [self.start + here.start, self.part[here.start : here.stop].tolist(), bool(self.held[row])]
        return json_digest(said)


def shown_clock(finish: Finish, song: Song, part: range) -> Clock:
    """The clock of the video of a part of a song: as long as that, to half a frame."""
    fps = song.clock.fps
    to_fps = finish.shown_fps(fps)
    if to_fps == fps:
        return Clock(fps, len(part))
    end = Fraction(song.duration) if part.stop == song.clock.frames else part.stop / fps
    return Clock.for_duration(end - part.start / fps, to_fps)


def smoothed(table: FrameTable, shown: Clock, song: Song) -> TweenTable | None:
    """Where the frames of a song's video lie among those of its table; None if it shows just those that are sampled."""
    if shown.fps == table.fps:
        return None
    begin = float(table.part.start / table.fps)
    moments = [getattr(song, name).seconds - begin for name in MOMENTS]
    return tween_table(table, to_fps=shown.fps, frames=shown.frames, moments=moments)


def tween_table(table: FrameTable, *, to_fps: Fraction, frames: int, moments: Sequence[np.ndarray] = ()) -> TweenTable:
    """Lay the frames of a video at a higher rate among those of a table.

    Frame j is at j * fps / to_fps among the sampled ones, which are shown at their time; hits are shown at the nearest
    of their moments, or else in the first frame that is not before their time. The last sampled frame is held.

    Parameters
    ----------
    table : FrameTable
        T rows.
    to_fps : Fraction
        Frames a second of the video, not less than those of the table.
    frames : int
        N.
    moments : arrays of seconds from the table's first frame
        Exact times of events, the kinds that are taken first before the others.
    """
    held = hits(table)
    over, under = (to_fps / table.fps).as_integer_ratio()  # times are counted in parts of a frame shown: exact
    at = np.arange(len(table), dtype=np.int64) * over
    for row in np.flatnonzero(held[1:]).tolist():
        row += 1
        near = next((near for times in moments if len(near := _near(times, row, table.fps))), None)
        shown = -(-row * over // under) if near is None else int(np.floor(near[0] * float(to_fps) + 0.5))
        at[row] = max(shown * under, at[row - 1] + under)
    now = np.arange(frames, dtype=np.int64) * under
    row = np.minimum(np.searchsorted(at, now), len(table) - 1)
    row[-1] = len(table) - 1
    begin = at[np.maximum(row - 1, 0)]
    length = np.where(held[row], over, np.maximum(at[row] - begin, 1))  # towards a hit the camera keeps its pace
    part = np.where(now >= at[row], 1.0, np.clip((now - begin) / length, 0, np.nextafter(1, 0)))
    return TweenTable(row, part, held, to_fps, int(table.part.start * to_fps / table.fps))


def hits(table: FrameTable) -> np.ndarray:
    """The rows in which the drive leaps, or that are cut from frames which each led to the next: bool, shape (T,)."""
    columns = table.columns
    drives = [columns["denoise"] * columns["interp"], columns["noise"]]
    drives += [np.abs(v - NEUTRAL[name]) for name, v in table.effects.items() if name not in (COLOUR, *TURNING)]
    drives = [drive / LEAP for drive in drives]
    ways = {name: np.log(columns[name]) if name == "zoom" else columns[name] for name in STEPS if name in columns}
    drives += [np.abs(way) / STEPS[name] for name, way in ways.items()]
    found = _new_seeds(columns)
    found[1:] |= table.cut_points[1:] & ~table.cut_points[:-1]
    for drive in drives:
        rise = np.diff(drive, prepend=drive[:1])
        before = np.maximum(np.concatenate(([0], rise[:-1])), 0)
        found |= (rise >= 1) & (rise > SUDDEN * before)
    return found


def _new_seeds(columns: dict[str, np.ndarray]) -> np.ndarray:
    """Rows whose seed changed at once, after it had been one and the same, where much of the frame is new."""
    seed = columns["seed"]
    following = columns.get("seed_to", seed)
    changed = np.zeros(len(seed), bool)
    changed[1:] = (seed[1:] != seed[:-1]) & (seed[1:] != following[:-1])
    steady = np.concatenate(([False, False], ~changed[1:-1]))[: len(seed)]
    return changed & steady & (columns["denoise"] >= NEW)


def _near(times: np.ndarray, row: int, fps: Fraction) -> np.ndarray:
    """Those of some times whose frame is a row."""
    frames = np.floor(times * fps.numerator / fps.denominator + 0.5)
    return times[frames == row]


def effects_between(before: dict[str, float], after: dict[str, float], part: float, *, held: bool) -> dict[str, float]:
    """The effects on a frame on the way between two, by name; those that are missing are at rest.

    What gets stronger stays as it was until then, so that nothing flashes early, and before a hit all does; what gets
    weaker fades smoothly.

    Parameters
    ----------
    before, after : dict of name to value
    part : 0..1
    held : bool
        Whether the later frame is a hit.
    """
    if part == 1 or before == after:
        return after
    return {name: _between(name, before, after, part, held=held) for name in {**before, **after}}


def _between(name: str, before: dict[str, float], after: dict[str, float], part: float, *, held: bool) -> float:
    rest = NEUTRAL[name]
    first, second = before.get(name, rest), after.get(name, rest)
    stronger = name not in TURNING and abs(second - rest) > abs(first - rest)
    return first if held or stronger or name in HELD else first + (second - first) * part
