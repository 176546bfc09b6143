"""Project: one record that says everything about a video.

project = av.Project("song.mp3", fps=24, schedule="cuts", prompts=["neon nebula", "gold mandala"])
av.save_project(project, "song.avz")
av.render(av.load_project("song.avz"), out="video.mp4")
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, field, fields, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    TypeAdapter,
    ValidationError,
    WrapValidator,
    with_config,
)
from pydantic_core import PydanticCustomError

from audioviz.audio.hearing.grid import Grid
from audioviz.audio.taps import read_events
from audioviz.clock import read_time
from audioviz.errors import InputError, nearest
from audioviz.project.finish import Finish
from audioviz.project.look import Look
from audioviz.project.records import CONFIG, checked, fault_message, record, with_reason, within
from audioviz.project.values import File, Fps, Number, Place
from audioviz.schedule.columns import COLUMNS, column_name, expected_columns, is_column
from audioviz.schedule.lanes import Lane
from audioviz.schedule.prompt import Prompt
from audioviz.schedule.shots import read_shots

if TYPE_CHECKING:
    from audioviz.schedule.schedule import Schedule


for _kind in (Grid, Lane, Prompt):
    with_config(CONFIG)(_kind)  # unknown keys are refused in them too

Setting = bool | int | float | str


def _to_time(value: Any) -> Any:
    """Seconds as a number; what needs the beats of the song to be known, as the text that it is."""
    if not isinstance(value, str) or re.fullmatch(r"[^\W\d]\w*", value):  # the label of a section
        return value
    number, unit = with_reason(value, read_time)
    return number if unit == "s" else value


def _to_grid(value: Any) -> Any:
    return {"tempo": value} if isinstance(value, (str, int, float)) else value


Time = Annotated[Annotated[Number, within(0)] | str, BeforeValidator(_to_time)]
Length = Annotated[Annotated[Number, within(above=0)] | str, BeforeValidator(_to_time)]


@record
class SongFile:
    """The song.

    Parameters
    ----------
    path : Path
    stems : mapping of name to path, or "auto", optional
        As for `av.load_song`.
    grid : Grid
        Corrections of the beat grid.
    beats_model : "beat_this" or a file, optional
        As for `av.load_song`.
    events : mapping of name to seconds
        Moments that were tapped by hand, as for `av.load_song`.
    start, duration : seconds, or text such as `1:30`, `96f`, `16b`, `4bar`; start also the label of a section
        The part that is rendered; all of the song is heard. None is to its end.
    """

    path: File
    stems: Literal["auto"] | dict[str, File] | None = None
    grid: Annotated[Grid, WrapValidator(with_reason), BeforeValidator(_to_grid)] = Grid()
    beats_model: Place | None = None
    events: Annotated[
        dict[str, tuple[Number, ...]], AfterValidator(lambda events: with_reason(events, read_events))
    ] = field(default_factory=dict)
    start: Time = 0.0
    duration: Length | None = None


@record
class ScheduleChoice:
    """How the picture follows the music.

    Parameters
    ----------
    source : name or file
        A ready-made schedule, a script, or a file of one of the formats that `av.load_schedule` reads.
    settings : mapping of name to value
        Options of the schedule.
    numbers : mapping, optional
        A Schedule that was made in Python, in place of a source: what its JSON holds.
    trusted : bool
        Whether a script may be run: not where the project was read from a file that someone may have sent.
    """

    source: Place = "pulse"
    settings: dict[str, Setting] = field(default_factory=dict)
    numbers: dict[str, Any] | None = None
    trusted: Annotated[bool, Field(exclude=True)] = field(default=True, compare=False)


@record
class GuideFiles:
    """Image conditions beside the text.

    Parameters
    ----------
    init, mask, control, style : files, optional
        Init image or video, inpainting mask, ControlNet hint, IP-Adapter reference.
    depth : file, or the folder or the hub id of a model, optional
        Depth of the frames, a picture or a video whose near is white, or what estimates it.
    flow_model : file, optional
        Weights of RAFT, which finds the optical flow of an init video in place of OpenCV.
    """

    init: File | None = None
    mask: File | None = None
    control: File | None = None
    style: File | None = None
    depth: Place | None = None
    flow_model: File | None = None


def _to_song(value: Any) -> Any:
    return {"path": value} if isinstance(value, (str, Path)) else value


def _to_schedule(value: Any) -> Any:
    if isinstance(value, (str, Path)):
        return {"source": str(value)}
    if hasattr(value, "columns"):
        from audioviz.schedule.formats.json_csv import schedule_to_json

        return {"numbers": json.loads(schedule_to_json(value))}
    return value


def _check_schedule(value: Any) -> Any:
    if not isinstance(value, (ScheduleChoice, Mapping)):
        raise PydanticCustomError("schedule", "expected an av.Schedule, or the name or file of one")
    return value


def _to_key(key: Any) -> str:
    """A time as it stands before a prompt."""
    if not (isinstance(key, str) and re.fullmatch(r"\s*[A-Z]\d*\s*", key)):  # the label of a section
        with_reason(key, read_time)
    return key if isinstance(key, str) else f"{key}s"


def _to_text(value: Any) -> str:
    if not isinstance(value, str):
        raise PydanticCustomError("prompts", "expected text at each time, such as '1:30': 'gold mandala'")
    return value


def _to_prompts(value: Any) -> Any:
    """One prompt, or prompts by their times, as a list."""
    if isinstance(value, (str, Prompt)):
        return [value]
    if isinstance(value, Mapping) and not {"seconds", "text"} <= value.keys():
        return [f"{_to_key(key)}: {_to_text(text)}" for key, text in value.items()]
    if not isinstance(value, (list, tuple)):
        raise PydanticCustomError("prompts", "expected texts, such as ['neon nebula', 'gold mandala']")
    return value


def _to_column(name: str) -> str:
    if not is_column(name):
        raise PydanticCustomError(
            "name", "{reason}", {"reason": f"unknown column {name!r}{nearest(name, COLUMNS)}: use {expected_columns()}"}
        )
    return column_name(name)


@record
class Project:
    """All that makes a video.

    Parameters
    ----------
    song : SongFile, or its path
    fps : number, str or Fraction
        Frames a second, exact.
    schedule : ScheduleChoice, or the name or file of one, or a Schedule
    lanes : mapping of a column to its Lane
        What replaces or bends single columns of the schedule.
    shots : "section", "cuts", or `bar:N`
        Begin a new picture, which needs none before it, at each section, where the schedule `cuts` would, or at every
        N-th bar.
    prompts : sequence of str or Prompt
        In place of the schedule's own; as for `av.render`.
    negative : str
        For each prompt that has no negative of its own.
    look : Look
    guides : GuideFiles
    finish : Finish
    version : 1
        Of the file's format.

    Raises
    ------
    InputError
        If a value cannot be; the message begins with its place: `look.steps: 0, expected 1 to 10000`.

    Examples
    --------
    >>> project = av.Project("song.mp3", fps=24, schedule="cuts", prompts=["neon nebula", "gold mandala"])
    >>> av.save_project(project, "song.avz")
    >>> av.load_project("song.avz").schedule.source
    'cuts'
    """

    song: Annotated[SongFile, BeforeValidator(_to_song)]
    fps: Fps = Fraction(12)
    schedule: Annotated[ScheduleChoice, BeforeValidator(_check_schedule), BeforeValidator(_to_schedule)] = (
        ScheduleChoice()
    )
    lanes: dict[Annotated[str, AfterValidator(_to_column)], Annotated[Lane, WrapValidator(with_reason)]] = field(
        default_factory=dict
    )
    shots: Annotated[str, AfterValidator(lambda text: checked(text, read_shots))] | None = None
    prompts: Annotated[
        tuple[Annotated[str | Prompt, WrapValidator(with_reason)], ...], BeforeValidator(_to_prompts)
    ] = ()
    negative: str = ""
    look: Look = Look()
    guides: GuideFiles = GuideFiles()
    finish: Finish = Finish()
    version: Literal[1] = 1

    if TYPE_CHECKING:  # what the validators above take, which type checkers cannot see

        def __init__(
            self,
            song: SongFile | str | Path,
            fps: str | float | Fraction = 12,
            schedule: "ScheduleChoice | Schedule | str | Path" = ...,
            lanes: Mapping[str, Lane] = ...,
            shots: str | None = None,
            prompts: "str | Prompt | Sequence[str | Prompt] | Mapping[float | str, str]" = ...,
            negative: str = "",
            look: Look = ...,
            guides: GuideFiles = ...,
            finish: Finish = ...,
            version: Literal[1] = 1,
        ) -> None: ...

    def changed(self, **options: Any) -> "Project":
        """The same with other values, by the keywords of `av.render`: `project.changed(steps=8, tempo="90-130")`.

        Another schedule begins without settings; `settings` are added to those that are there.

        Raises
        ------
        InputError
            If a value cannot be.

        Examples
        --------
        >>> quick = av.Project("song.mp3", fps=24).changed(fps=8, steps=1, settings={"punch": 0.6})
        >>> quick.look.steps
        1
        """
        document = asdict(self)
        if "schedule" in options:
            schedule = options.pop("schedule")
            document["schedule"] = asdict(schedule) if isinstance(schedule, ScheduleChoice) else _to_schedule(schedule)
        if "settings" in options:
            settings, choice = options.pop("settings"), document["schedule"]
            if not isinstance(settings, Mapping):
                raise InputError(f"settings {settings!r:.60}: expected names and values, such as {{'punch': 0.5}}")
            if isinstance(choice, dict):
                choice["settings"] = choice.get("settings", {}) | settings
        for name, value in options.items():
            if name not in _PLACES:
                raise InputError(
                    f"a project has no {name!r}{nearest(name, _PLACES)}; expected one of {', '.join(_PLACES)}"
                )
            *parts, last = _PLACES[name]
            record = document
            for part in parts:
                record = record[part]
            record[last] = value
        return Project(**document)

    def to_json(self) -> str:
        """The project as JSON, in a fixed order and without what is default; `from_json` gives the very same."""
        document = {"version": self.version} | _ADAPTER.dump_python(self, mode="json", exclude_defaults=True)
        text = json.dumps(document, indent=2, ensure_ascii=False)
        # Lists of plain numbers stay on a line; a line break never stands inside of a string.
        return re.sub(r'\[\n\s+([^\[\]{}"]*?)\n\s*\]', lambda found: f"[{' '.join(found[1].split())}]", text) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, *, trust: bool = False) -> "Project":
        """What `to_json` wrote.

        Parameters
        ----------
        trust : bool
            Whether the script that it may name can be run.

        Raises
        ------
        InputError
            If it is no project; the message names the place.
        """
        try:
            project = _ADAPTER.validate_json(text)
        except ValidationError as error:
            raise InputError(fault_message(error, cls)) from error
        return replace(project, schedule=replace(project.schedule, trusted=trust))


def document_of(project: Project) -> dict[str, Any]:
    """All that a project says, what is default too, as JSON has it; `project_of` gives the very same."""
    return _ADAPTER.dump_python(project, mode="json")


def project_of(document: Mapping[str, Any]) -> Project:
    """The project of what JSON has; a script that it names is not trusted.

    Raises
    ------
    InputError
        If it is none; the message names the place.
    """
    try:
        project = _ADAPTER.validate_python(document)
    except ValidationError as error:
        raise InputError(fault_message(error, Project)) from error
    return replace(project, schedule=replace(project.schedule, trusted=False))


_ADAPTER = TypeAdapter(Project)
_PLACES = {  # where the options of the command and the keywords of `av.render` stand
    option.name: (*parts, option.name)
    for parts, kind in (
        ((), Project),
        (("song",), SongFile),
        (("song", "grid"), Grid),
        (("schedule",), ScheduleChoice),
        (("look",), Look),
        (("guides",), GuideFiles),
        (("finish",), Finish),
    )
    for option in fields(kind)
}
