"""Shots: cut points, frames that need none before them, put into a schedule where the music has them."""

import re
from dataclasses import replace

import numpy as np

from audioviz.audio.song import Song
from audioviz.errors import InputError
from audioviz.schedule.binding import bound
from audioviz.schedule.schedule import Schedule
from audioviz.schedule.script import load_schedule
from audioviz.schedule.times import event_frames

EXPECTED = "section, cuts, or bar:N such as bar:8"
_SHOTS = re.compile(r"section|cuts|bar:(?P<bars>[1-9]\d{0,5})", re.ASCII)
_ANEW = {"denoise": 1.0, "interp": 1.0, "unsample": 0.0, "trails": 0.0}  # nothing of the frame before is left
_FROM_VIDEO = {"interp": 1.0, "flow": 0.0, "trails": 0.0}  # the same, where frames start from those of an initial video


def read_shots(text: str) -> int | None:
    """How many bars lie from cut to cut; None where these are at sections, or where the schedule `cuts` has them.

    Raises
    ------
    InputError
        If it is neither `section`, `cuts` nor `bar:N`.
    """
    match = _SHOTS.fullmatch(text)
    if match is None:
        raise InputError(f"unknown shots {text!r:.60}: expected {EXPECTED}")
    return int(match["bars"]) if match["bars"] else None


def shot_starts(shots: str, song: Song) -> np.ndarray:
    """The frames of a song that shots begin with, each once and in order, without the first frame of all: int64, (n,).

    Raises
    ------
    InputError
        If there is none: the song has too few bars or sections.
    """
    bars = read_shots(shots)
    if bars is not None:
        frames = song.downbeats[::bars].frames
    elif shots == "section":
        frames, _ = event_frames(song.sections)
    else:
        frames = np.flatnonzero(cut_points(load_schedule("cuts")(song)))
    starts = np.unique(frames[frames > 0])
    if not len(starts):
        raise InputError(
            f"shots {shots}: the song has no such place after its first frame (bars: {len(song.downbeats)}, sections: "
            f"{len(song.sections)}): give another of {EXPECTED}"
        )
    return starts


def cut_points(schedule: Schedule) -> np.ndarray:
    """Whether each frame needs none before it: bool, shape (T,)."""
    unsample = np.zeros(len(schedule)) if schedule.unsample is None else schedule.unsample
    alone = (schedule.denoise == 1) & (schedule.interp == 1) & (unsample < 0.5)
    alone[0] = True
    return alone


def with_shots(schedule: Schedule, starts: np.ndarray, *, redraws: bool = False) -> Schedule:
    """The schedule with cut points in some frames, whose other columns stay as they are, seeds and prompts too.

    Parameters
    ----------
    schedule : Schedule
    starts : int, shape (n,)
    redraws : bool
        Frames start from those of an initial video, as much as denoise leaves of them: so do shots.
    """
    columns = {name: schedule.columns[name].copy() for name in _ANEW | _FROM_VIDEO if name in schedule.columns}
    for name, value in (_FROM_VIDEO if redraws else _ANEW).items():
        if name in columns:
            columns[name][starts] = value
    with bound(schedule.song):
        return replace(schedule, **columns)
