"""The camera of Deforum and Parseq: motion a frame, in their units, to ours a second and back.

In 2D their zoom is a factor, their angle turns against the clock in degrees, and their translation moves the picture
right and down in pixels. In 3D their camera looks round from where it stands: rotation_3d_x up, rotation_3d_y to the
right, rotation_3d_z with the clock, so that the picture turns against it; and it moves right, up and on by
translation_x, _y and _z, in two-hundredths of the unit of depth. Our picture turns about its own axes instead, and
needs a shift for the same view.

Source
------
anim_frame_warp_2d and anim_frame_warp_3d of Deforum, whose third dimension is Disco Diffusion's. There places of the
picture are taken for points in space without undoing the perspective, so that translation_z and rotation_3d_z work
1 / tan(fov / 2) times as much; what near_schedule and far_schedule say changes nothing.
"""

from typing import TYPE_CHECKING

import numpy as np

from audioviz.schedule.columns import NEUTRAL
from audioviz.schedule.formats.frames import FileFrames

if TYPE_CHECKING:
    from audioviz.schedule.schedule import Schedule

SIDE = 512  # pixels, of a picture whose size the file does not say
PLANE, WITH_DEPTH = 1.0, 1.5  # depth of their picture without depth warping, and the middle of what it has with it
FLAT = ("zoom", "angle", "translation_x", "translation_y")
SPACE = ("rotation_3d_x", "rotation_3d_y", "rotation_3d_z", "translation_x", "translation_y", "translation_z")
_UNIT = 200.0
_STEEPEST = 80.0  # degrees in a frame


def flat_to_columns(
    moves: dict[str, np.ndarray], file_frames: FileFrames, size: tuple[float, float]
) -> dict[str, np.ndarray]:
    """Columns zoom, angle, shift_x, shift_y of what was given of zoom, angle, translation_x, translation_y.

    Moves have a value for each of `file_frames.whole`, and take the picture to each from the one before; over our
    frames they add up to the same way.
    """
    rate, (width, height) = float(file_frames.fps), size
    convert = {
        "zoom": ("zoom", lambda v: np.exp(_mean_on_the_way(np.log(np.maximum(v, 1e-6)), file_frames) * rate)),
        "angle": ("angle", lambda v: -_mean_on_the_way(v, file_frames) * rate),
        "translation_x": ("shift_x", lambda v: _mean_on_the_way(v, file_frames) * rate / width),
        "translation_y": ("shift_y", lambda v: _mean_on_the_way(v, file_frames) * rate / height),
    }
    return {convert[name][0]: convert[name][1](values) for name, values in moves.items()}


def space_to_columns(
    moves: dict[str, np.ndarray],
    file_frames: FileFrames,
    size: tuple[float, float],
    *,
    fov: np.ndarray,
    distance: float,
) -> dict[str, np.ndarray]:
    """Columns tilt, pan, angle, shift_x, shift_y, dolly of what was given of SPACE; the rest is as for flat_to_columns.

    Parameters
    ----------
    fov : degrees, for each of `file_frames.whole`
        Of either side of their picture; ours has it along the longer one.
    distance : float
        Of their picture, PLANE or WITH_DEPTH.
    """
    rate, longer = float(file_frames.fps), max(size)
    width, height = (side / longer for side in size)
    strength = 1 / np.tan(np.radians(fov) / 2)
    up, aside, turn, right, lift, on = (moves.get(name, np.zeros_like(fov)) for name in SPACE)
    tilt, pan = (
        np.arctan(side * np.tan(np.radians(np.clip(way, -_STEEPEST, _STEEPEST))))
        for side, way in ((height, up), (width, aside))
    )
    right, down, on = -right / _UNIT, lift / _UNIT, on / _UNIT
    facing = np.cos(tilt) * np.cos(pan)
    nearer = np.minimum(strength * on / (distance * np.maximum(distance - on, 0.1)), 0.99)
    later = facing * (1 - nearer) / np.maximum(facing - on / distance, 0.01)  # our distance afterwards against theirs
    ways = {
        "tilt": np.degrees(tilt),
        "pan": np.degrees(pan),
        "angle": -turn * strength / distance,
        "shift_x": (width * right / distance - np.cos(tilt) * np.sin(pan)) * later * strength / (2 * width),
        "shift_y": (height * down / distance + np.sin(tilt)) * later * strength / (2 * height),
        "dolly": -np.log(facing * (1 - nearer)),
    }
    return {name: _mean_on_the_way(way, file_frames) * rate for name, way in ways.items() if way.any()}


def _mean_on_the_way(values: np.ndarray, file_frames: FileFrames) -> np.ndarray:
    """The mean of their values between each of our frames and the one before it: float, shape (T,)."""
    if len(file_frames.at) == 1:
        return values[:1]
    way = np.interp(file_frames.at, file_frames.whole, np.cumsum(values) - values[0])
    return np.concatenate([values[:1], np.diff(way) / file_frames.at[1]])


def moves_in_space(schedule: "Schedule") -> bool:
    """Whether the camera of a schedule ever leaves the plane of its picture."""
    return any((schedule.columns[name] != 0).any() for name in ("tilt", "pan", "dolly") if name in schedule.columns)


def columns_to_flat(schedule: "Schedule") -> dict[str, np.ndarray]:
    """The inverse of flat_to_columns, for a picture of SIDE pixels."""
    rate = float(schedule.clock.fps)
    convert = {
        "zoom": ("zoom", lambda v: v ** (1 / rate)),
        "angle": ("angle", lambda v: -v / rate),
        "shift_x": ("translation_x", lambda v: v * SIDE / rate),
        "shift_y": ("translation_y", lambda v: v * SIDE / rate),
    }
    return {convert[name][0]: convert[name][1](values) for name, values in schedule.columns.items() if name in convert}


def columns_to_space(schedule: "Schedule", *, distance: float) -> dict[str, np.ndarray]:
    """The inverse of space_to_columns, for a square picture; zoom, which is not there in space, comes closer too."""
    rate, names = float(schedule.clock.fps), ("tilt", "pan", "angle", "shift_x", "shift_y", "dolly", "zoom", "fov")
    tilt, pan, angle, shift_x, shift_y, dolly, zoom, fov = (
        schedule.columns.get(name, np.full(len(schedule), NEUTRAL[name])) for name in names
    )
    strength = 1 / np.tan(np.radians(fov) / 2)
    up, aside = (np.radians(np.clip(v / rate, -_STEEPEST, _STEEPEST)) for v in (tilt, pan))
    facing, after = np.cos(up) * np.cos(aside), np.exp(-(dolly + np.log(zoom)) / rate)
    nearer = 1 - after / facing
    on = nearer * distance**2 / (strength + nearer * distance)
    sooner = 2 / strength / rate * np.maximum(facing - on / distance, 0.01) / after
    return {
        "rotation_3d_x": np.degrees(up),
        "rotation_3d_y": np.degrees(aside),
        "rotation_3d_z": -angle / rate * distance / strength,
        "translation_x": -_UNIT * distance * (shift_x * sooner + np.cos(up) * np.sin(aside)),
        "translation_y": _UNIT * distance * (shift_y * sooner - np.sin(up)),
        "translation_z": _UNIT * on,
    }
