"""Keyframe strings, such as `0:(0.65), 30:(0.5+0.1*sin(2*3.14*t/15))`.

Numbers are joined by straight lines; a formula of the frame `t` holds from its key to the next.
"""

import re
import warnings

import numpy as np

from audioviz.clock import Clock
from audioviz.errors import AudiovizWarning, ScheduleError
from audioviz.schedule.expression import evaluate
from audioviz.schedule.formats.frames import FileFrames, whole

_NO_COMMA = re.compile(r"(?<=\))\s+(?=[^\s:(),][^:(),]*:\s*\()")
_KEY = re.compile(r"\s*\"?(?P<frame>[^:\"]+?)\"?\s*:\s*(?P<value>.+?)\s*", re.DOTALL)


def keyframes_to_values(text: str, frames: np.ndarray, file_frames: FileFrames, *, where: str) -> np.ndarray:
    """The value of a keyframe string at these frames of its file, with fractions.

    Parameters
    ----------
    text : str
        `FRAME: (VALUE)`, separated by commas or spaces; a value is a number or a formula of `t`, the frame, and the
        file's `names`. Keys outside of the song are left out, as the tools do, and `file_frames` keeps which.
    frames : float, shape (T,)
    file_frames : FileFrames
    where : str
        Begins the message of an error.

    Returns
    -------
    float, shape (T,)
    """
    keys = _keys(text, file_frames, where)
    starts = list(keys)
    current = np.maximum(np.searchsorted(starts, frames, side="right") - 1, 0)
    values, numbers = np.full(len(frames), np.nan), []
    for i, start in enumerate(starts):
        number = _as_number(keys[start].strip("() "))
        if number is None:
            inside = np.flatnonzero(current == i)
            at = np.append(frames[inside], start)  # a line from a number before it ends where the formula begins
            found = formula_at(keys[start], at, file_frames, f"{where}, key {start:g}")
            values[inside], number = found[:-1], found[-1]
        numbers.append(number)
    return np.where(np.isnan(values), np.interp(frames, starts, numbers), values)


def text_to_values(text: str, clock: Clock) -> np.ndarray:
    """The value of a keyframe string in each frame of a clock, whose frames are its keys: float, shape (T,)."""
    file_frames = FileFrames.on(clock, clock.fps)
    values = keyframes_to_values(text.rstrip(", \n\t"), file_frames.at, file_frames, where="keyframes")
    file_frames.say_outside()
    return values


def keyframes_to_seeds(text: str, file_frames: FileFrames, *, where: str, base: int) -> list[int]:
    """The seed at each of our frames, in 0 .. 2^64 - 1: that of the whole frame of the file, so that none is made up.

    A number is kept to its last digit where it holds, which floats do not. -1 is a new seed by chance in each frame of
    the file, drawn from `base`.
    """
    keys = _keys(text, file_frames, where)
    starts, written = list(keys), [value.strip("() ") for value in keys.values()]
    values = keyframes_to_values(text, file_frames.held, file_frames, where=where)
    seeds = whole(values, file_frames.drawn(base))
    current = np.maximum(np.searchsorted(starts, file_frames.held, side="right") - 1, 0)
    for k, (frame, i) in enumerate(zip(file_frames.held.tolist(), current.tolist())):
        held = frame <= starts[i] or i + 1 == len(starts) or written[i + 1] == written[i]
        if held and written[i].isdecimal():
            seeds[k] = int(written[i]) % 2**64
    for start, end, value, after in zip(starts, starts[1:], written, written[1:]):
        if _as_number(after) == -1 and _as_number(value) not in (None, -1) and end - start > 1:
            warnings.warn(
                f"{where}: its seeds run from {value} to -1 between frames {start:g} and {end:g}, as in Deforum; to "
                f"hold {value}, write {end - 1:g}: ({value}) too",
                AudiovizWarning,
                stacklevel=3,
            )
    return seeds


def formula_at(text: str, frames: np.ndarray, file_frames: FileFrames, where: str) -> np.ndarray:
    """The value of a formula of `t` at frames of its file: float, shape (n,)."""
    try:
        return np.broadcast_to(evaluate(text, file_frames.names | {"t": frames}), frames.shape)
    except ScheduleError as error:
        wired = "; pw_a to pw_d are wired to FizzNodes from elsewhere: write what they are wired to in their place"
        hint = wired if re.search(r"\bpw_[a-d]\b", text) else ""
        raise ScheduleError(f"{where}: {error}{hint}") from error


def values_to_keyframes(values: np.ndarray) -> str:
    """The keyframe string that gives these values: a key a frame, without those inside a run of equal values."""
    same = np.r_[False, values[1:-1] == values[:-2], False][: len(values)] & np.r_[values[:-1] == values[1:], False]
    if (values == values[0]).all():
        return f"0: ({values[0].item()!r})"
    return ", ".join(f"{k}: ({value!r})" for k, value in enumerate(values.tolist()) if not same[k])


def key_to_frame(key: str, file_frames: FileFrames, where: str) -> float | None:
    """The frame of a key: a number, or a formula of the file's `names`; None, and noted there, outside of the song."""
    frame = _as_number(key)
    if frame is None:
        try:
            frame = float(evaluate(key, file_frames.names))
        except (ScheduleError, TypeError) as error:
            raise ScheduleError(f"{where}: {key.strip()!r:.40} is no frame: expected a whole number") from error
    frame = np.floor(frame)
    if 0 <= frame <= file_frames.end:
        return frame
    if (name := f"{where}: key {key.strip():.40}") not in file_frames.outside:
        file_frames.outside.append(name)
    return None


def _keys(text: str, file_frames: FileFrames, where: str) -> dict[float, str]:
    """Frame -> value, as written, of each key in order."""
    keys = {}
    for part in _split(text, where):
        match = _KEY.fullmatch(part)
        if not match:
            raise ScheduleError(f"{where}: {part.strip()!r} is no keyframe: expected FRAME: (VALUE), such as 0: (0.65)")
        frame = key_to_frame(match["frame"], file_frames, where)
        if frame is not None:
            keys[frame] = match["value"]
    if not keys:
        raise ScheduleError(
            f"{where}: none of its keys lies within the song, which ends at frame {file_frames.count}: "
            f"{text.strip():.60}"
        )
    return dict(sorted(keys.items()))


def _split(text: str, where: str) -> list[str]:
    """The parts between the commas outside all brackets; one that is missing between a value and a key is put in."""
    parts, depth = [""], 0
    for letter in _NO_COMMA.sub(", ", text):
        depth += (letter == "(") - (letter == ")")
        if depth < 0:
            break
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    if depth:
        raise ScheduleError(f"{where}: brackets that do not match in {text:.60}")
    return [part for part in parts if part.strip()] or [text]


def _as_number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if np.isfinite(number) else None
