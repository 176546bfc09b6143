"""Schedule: one entry a video frame in each column, and prompts at keyframes."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, overload

import numpy as np

from audioviz.clock import Clock
from audioviz.curve import Curve, to_numbers
from audioviz.errors import AudiovizWarning, ScheduleError, nearest, no_attribute
from audioviz.files import text_or_file
from audioviz.schedule.binding import bound, bound_clock, bound_song
from audioviz.schedule.columns import ALWAYS, COLOUR, COLUMNS, LORA, RANGES, SEEDS, column_name, to_colours
from audioviz.schedule.formats.deforum import schedule_to_deforum
from audioviz.schedule.formats.json_csv import schedule_to_csv, schedule_to_json
from audioviz.schedule.formats.lists import schedule_to_lists
from audioviz.schedule.formats.parseq import schedule_to_parseq
from audioviz.schedule.prompt import NEGATIVE, Prompt
from audioviz.schedule.prompts import to_prompts

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, eq=False)
class Schedule:
    """What the sampler is told for each of T frames.

    A column takes a Curve, an array or list, or one value for all frames; a list shorter than the song is repeated.
    Values outside a column's range are clipped, and that is said. After construction every column is an array (T,),
    or None where it is optional and was not given. `plan["denoise"]` is a column, `plan[8]` what frame 8 is told, and
    `for frame in plan` goes through all of them.

    Raises
    ------
    ScheduleError
        If a column is unknown, not numbers, not finite, too long, or of another clock.
    """

    seed: Any = 0  # uint64; noise of frame k
    seed_to: Any = None  # uint64; the noise of seed is mixed with that of this one,
    seed_mix: Any = None  # 0..1, by so much, on the arc between them
    denoise: Any = 0.5  # 0 keeps the previous frame, 1 redraws it
    noise: Any = 0.0  # standard deviation of noise injected into the previous latent, in the autoencoder's units
    interp: Any = 1.0  # weight of the new frame against the previous one, 1 = off
    slerp: Any = None  # 0 or 1: that mix goes along the arc between the two, in place of straight
    cfg: Any = None  # guidance scale; the model's own if not given
    unsample: Any = None  # 0 or 1: start from the inverted previous frame in place of fresh noise
    anchor: Any = None  # how far each frame's colours are drawn back to those of its prompt
    zoom: Any = None  # camera, a second: the picture grows by this factor
    angle: Any = None  # degrees, clockwise
    shift_x: Any = None  # fractions of the width, to the right
    shift_y: Any = None  # fractions of the height, down
    tilt: Any = None  # camera, degrees a second about the picture's horizontal axis,
    pan: Any = None  # and about its vertical axis
    dolly: Any = None  # camera, a second: towards the picture, in parts of its distance
    fov: Any = None  # field of view of the perspective, degrees; 70 if not given
    wrap: Any = None  # 0 or 1: the edges are joined to those opposite, in place of a mirror image
    in_picture: Any = None  # 1, or not given: the camera moves the picture; 0: its latent, quicker, and only roughly
    flow: Any = None  # 0..1: how far the frame before follows the motion of an initial video
    travel: Any = None  # 0..1: where between the first and the last prompt, in place of their times
    control: Any = None  # how strongly the picture of a ControlNet is followed; 1 if not given
    style: Any = None  # how strongly the style of a picture is followed (IP-Adapter); 1 if not given
    in_loop: Any = None  # 0 or 1: effects work on the frame before, and not on the finished one
    flash: Any = None  # effects on the finished picture, 0 at rest: towards white,
    flash_colour: Any = None  # or towards this colour: a name, "#rrggbb", or a number
    strobe: Any = None  # towards black
    punch: Any = None  # zoom blur
    blur: Any = None
    sharpen: Any = None
    glow: Any = None
    chroma: Any = None  # colours apart
    hue: Any = None
    saturation: Any = None
    contrast: Any = None
    brightness: Any = None
    invert: Any = None
    posterize: Any = None
    pixelate: Any = None
    mirror: Any = None  # kaleidoscope of so many
    ripple: Any = None
    glitch: Any = None
    scanlines: Any = None
    grain: Any = None
    vignette: Any = None
    shake: Any = None
    roll: Any = None
    trails: Any = None  # echo of earlier frames
    prompts: Any = ()
    mix: Any = None  # prompt -> 0..1: how much of it is mixed in; what is left of 1 is that of the keyframes
    loras: Any = None  # name of a LoRA -> how strongly it acts; each is the column `lora:NAME`
    clock: Clock = cast(Clock, None)  # if not given, that of its curves, or of the song of the script

    song: Any = field(default=None, init=False, repr=False)  # that of the script, whose beats prompts and plots have

    def __new__(cls, *_: Any, **given: Any) -> "Schedule":
        known = [column.name for column in fields(cls) if column.init]
        if unknown := [name for name in given if name not in known]:
            raise ScheduleError(
                f"a schedule has no {unknown[0]!r}{nearest(unknown[0], known)}: it has {', '.join(known)}"
            )
        return super().__new__(cls)

    def __post_init__(self):
        clock = self.clock or next(
            (v.clock for f in fields(self) if isinstance(v := getattr(self, f.name), Curve)), None
        )
        clock = bound_clock(clock)
        object.__setattr__(self, "song", bound_song())
        object.__setattr__(self, "clock", clock)
        object.__setattr__(self, "prompts", to_prompts(self.prompts, clock))
        for name in COLUMNS:
            value = getattr(self, name)
            if value is None and name in ALWAYS:
                raise ScheduleError(f"{name}: expected numbers, not None")
            if isinstance(value, Curve) and value.clock != clock:
                raise ScheduleError(
                    f"{name}: a curve of {len(value)} frames at {value.clock.fps} fps, "
                    f"where the song has {clock.frames} at {clock.fps}"
                )
            column = (
                None
                if value is None
                else _seed_column(name, value, clock)
                if name in SEEDS
                else _column(name, to_colours(value) if name == COLOUR else value, clock, RANGES[name])
            )
            object.__setattr__(self, name, column)
        object.__setattr__(self, "mix", _mix_columns({} if self.mix is None else self.mix, clock))
        object.__setattr__(self, "loras", _lora_columns({} if self.loras is None else self.loras, clock))
        if (self.seed_to is None) != (self.seed_mix is None):
            raise ScheduleError("seed_to and seed_mix: give both, or neither")

    def __len__(self) -> int:
        return self.clock.frames

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[frame] for frame in range(len(self)))

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> list[dict[str, Any]]: ...
    @overload
    def __getitem__(self, index: str) -> np.ndarray: ...
    def __getitem__(self, index: int | slice | str) -> dict[str, Any] | list[dict[str, Any]] | np.ndarray:
        """What a frame is told, by column, with its number and its seconds; those of a slice; a column by its name."""
        if isinstance(index, str):
            if column_name(index) not in (columns := self.columns):
                raise ScheduleError(
                    f"no column {index!r}{nearest(index, columns)}: the schedule has {', '.join(columns)}"
                )
            return columns[column_name(index)]
        if not isinstance(index, (Integral, slice)):
            raise ScheduleError(f"plan[{index!r:.60}]: expected a frame, a slice of them, or the name of a column")
        frames = range(len(self))[index]
        if isinstance(frames, range):
            return [self[frame] for frame in frames]
        place = {"frame": frames, "seconds": self.clock.frame_to_seconds(frames)}
        return place | {name: values[frames].item() for name, values in self.columns.items()}

    def __getattr__(self, name: str) -> Any:
        raise no_attribute("a schedule has", name, dir(self))

    def __repr__(self) -> str:
        prompts = f"; {len(self.prompts)} prompts" if self.prompts else ""
        return f"Schedule({len(self)} frames at {self.clock.fps} fps: {', '.join(self.columns)}{prompts})"

    def _repr_html_(self) -> str:
        from audioviz.figures import picture_to_html

        return picture_to_html(self.plot())

    @property
    def columns(self) -> dict[str, np.ndarray]:
        """The columns that were given, by name; each of shape (T,)."""
        columns = {name: value for name in COLUMNS if (value := getattr(self, name)) is not None}
        return columns | {LORA + name: values for name, values in self.loras.items()}

    def with_prompts(self, prompts, *, negative: str = "", song=None) -> "Schedule":
        """The same schedule with other prompts; `negative` is for those that have none of their own.

        Prompts may stand at beats, bars and sections of the song that the schedule was made for, or of the one given.
        """
        with bound(self._song_or(song)):
            return replace(self, prompts=to_prompts(prompts, self.clock, negative=negative))

    def plot(self, path: str | Path | None = None, *, song=None) -> "Image":
        """A picture of every column over time, with the prompts, on the beats of the song that it was made for.

        A notebook shows it; with a path, it is in a file too.
        """
        from audioviz.figures import draw_rows, picture_or_file

        rows = {name: values for name, values in self.columns.items() if name not in SEEDS}
        rows |= {f"mix {text}": values for text, values in self.mix.items()}
        rows["seed changes"] = np.r_[False, self.seed[1:] != self.seed[:-1]].astype(float)
        marks = [(prompt.seconds, prompt.text) for prompt in self.prompts]
        with bound(self._song_or(song)):
            picture = draw_rows(rows, self.clock, song=bound_song(), marks=marks)
        return picture_or_file(picture, path, apart=self._sounds)

    def to_json(self, path: str | Path | None = None) -> str | None:
        """The schedule as JSON, which `av.load_schedule` reads: the text, or written to a file. So are the others."""
        return text_or_file(schedule_to_json(self), path, apart=self._sounds)

    def to_csv(self, path: str | Path | None = None) -> str | None:
        """A row a frame, as CSV."""
        return text_or_file(schedule_to_csv(self), path, apart=self._sounds)

    def to_deforum(self, path: str | Path | None = None) -> str | None:
        """Settings for Deforum."""
        return text_or_file(schedule_to_deforum(self), path, apart=self._sounds)

    def to_parseq(self, path: str | Path | None = None) -> str | None:
        """A manifest for Parseq."""
        return text_or_file(schedule_to_parseq(self), path, apart=self._sounds)

    def to_lists(self, path: str | Path | None = None) -> str | None:
        """Lists for the original nodes."""
        return text_or_file(schedule_to_lists(self), path, apart=self._sounds)

    @property
    def _sounds(self) -> list[Path]:
        return [] if self.song is None else self.song.files

    def _song_or(self, song):
        return song if song is not None else self.song if self.song is not None else bound_song()

    def prompt_rows(self) -> list[tuple[int, Prompt]]:
        """(frame, prompt) of each keyframe in order."""
        return [(self.clock.seconds_to_frame(prompt.seconds), prompt) for prompt in self.prompts]


def _seed_column(name: str, value, clock: Clock) -> np.ndarray:
    if isinstance(value, np.ndarray) and value.dtype == np.uint64:
        return _freeze(_fit(name, value, clock))
    values = np.atleast_1d(np.array(value, dtype=object))  # Python's own integers: 2^64 - 1 is no float and no int64
    try:
        seeds = np.array([int(v) for v in values.ravel()], dtype=np.uint64).reshape(values.shape)
    except (TypeError, ValueError, OverflowError) as error:
        place = _place(values.ravel().tolist(), lambda v: isinstance(v, (int, np.integer)) and 0 <= int(v) < 2**64)
        raise ScheduleError(f"{name}: expected whole numbers in 0 .. 2^64 - 1{place}") from error
    if (seeds.astype(object) != values).any():
        raise ScheduleError(f"{name}: expected whole numbers, without a fraction")
    return _freeze(_fit(name, seeds, clock))


def _mix_columns(value, clock: Clock) -> dict[str, np.ndarray]:
    if not isinstance(value, Mapping) or not all(isinstance(text, str) for text in value):
        raise ScheduleError(f"mix: expected prompts with a curve each, {{text: curve}}, not {value!r:.60}")
    if unwanted := [text for text in value if NEGATIVE in text]:
        raise ScheduleError(
            f"mix {unwanted[0]!r}: {NEGATIVE} has no place here: what to steer away from belongs to prompts"
        )
    return {text: _column(f"mix {text!r}", values, clock, (0.0, 1.0)) for text, values in value.items()}


def _lora_columns(value, clock: Clock) -> dict[str, np.ndarray]:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise ScheduleError(f"loras: expected LoRAs with a curve each, {{name: curve}}, not {value!r:.60}")
    columns = {}
    for name, values in value.items():
        column = column_name(LORA + name)
        if column == LORA or column in columns:
            raise ScheduleError(f"loras: {name!r}: " + ("given twice" if column in columns else "expected a name"))
        columns[column] = _column(column, values, clock, (-np.inf, np.inf))
    return {column.removeprefix(LORA): values for column, values in columns.items()}


def _column(name: str, value, clock: Clock, limits: tuple[float, float]) -> np.ndarray:
    try:
        values = np.atleast_1d(to_numbers(name, value))
    except ScheduleError as error:
        place = _place(value, lambda v: isinstance(v, (int, float, np.number)))
        raise ScheduleError(f"{error}{place}") from error
    values = _fit(name, values, clock)
    if not np.isfinite(values).all():
        raise ScheduleError(f"{name} is not finite at frame {int(np.argmin(np.isfinite(values)))}")
    low, high = limits
    outside = (values < low) | (values > high)
    if outside.any():
        first = int(np.argmax(outside))
        warnings.warn(
            f"{name}: {int(outside.sum())} frames clipped to {low:g} .. {high:g}, the first is frame {first} "
            f"with {values[first]:.4g}",
            AudiovizWarning,
            stacklevel=5,
        )
    return _freeze(np.clip(values, low, high))


def _place(values, fits: Callable[[Any], bool]) -> str:
    """Where the first entry of a list stands that does not fit."""
    wrong = (
        [k for k, value in enumerate(values) if not fits(value)] if isinstance(values, list) and len(values) > 1 else []
    )
    return f" (frame {wrong[0]} is {values[wrong[0]]!r:.40})" if wrong else ""


def _fit(name: str, values: np.ndarray, clock: Clock) -> np.ndarray:
    if values.ndim != 1 or not 0 < len(values) <= clock.frames:
        raise ScheduleError(
            f"{name} has shape {values.shape}: expected at most one value for each of "
            f"{clock.frames} frames, and at least one"
        )
    if 1 < len(values) < clock.frames:
        warnings.warn(
            f"{name}: {len(values)} values repeated over {clock.frames} frames", AudiovizWarning, stacklevel=6
        )
    return np.resize(values, clock.frames)


def _freeze(values: np.ndarray) -> np.ndarray:
    values.setflags(write=False)
    return values
