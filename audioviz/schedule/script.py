"""A schedule by name or file: ready-made and user scripts, JSON and CSV; all become song -> Schedule."""

import inspect
import runpy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from audioviz.errors import ScheduleError, nearest, with_article
from audioviz.files import to_path
from audioviz.schedule.binding import as_song, bound
from audioviz.schedule.files import load_schedule_file
from audioviz.schedule.schedule import Schedule
from audioviz.shelf import beside, fault, find


@dataclass(frozen=True)
class ScheduleSource:
    """Something that turns a song into a Schedule.

    Parameters
    ----------
    path : the script or data file
    options : name -> parameter of the script's `schedule` function; empty for data files
    """

    path: Path
    options: Mapping[str, inspect.Parameter]
    make: Callable[..., Schedule]

    def __call__(self, song, **settings) -> Schedule:
        """The schedule for a song, or for one at a path, which is heard at 12 frames a second.

        Raises
        ------
        ScheduleError
            If a setting is unknown or of the wrong type, or the script fails; the message names its line.
        """
        return self.make(as_song(song), **self.converted(settings))

    def converted(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Settings as the types that the script takes.

        Raises
        ------
        ScheduleError
            If one is unknown or of the wrong type.
        """
        for name in settings:
            if name not in self.options:
                known = ", ".join(self.options) or "no settings"
                hint = nearest(name, self.options)
                raise ScheduleError(f"{self.path.name} has no setting {name!r}{hint}: it has {known}")
        return {name: _convert(name, value, self.options[name]) for name, value in settings.items()}

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={option.default!r}" for name, option in self.options.items())
        return f"ScheduleSource({self.path.name}: {settings or 'no settings'})"


def load_schedule(source: str | Path) -> ScheduleSource:
    """A ready-made schedule by name, or a file by path: a .py script, or one whose content tells its format.

    A script is trusted code: it is run. Data files are not.

    Raises
    ------
    ScheduleError
        If there is none, or the script cannot be loaded; the message names its line.
    """
    path = find("schedules", to_path("schedule", source), endings=None)
    if path.suffix != ".py":
        return ScheduleSource(path, {}, partial(_from_file, path))
    function = _guarded(path, runpy.run_path, str(path), run_name="audioviz_schedule").get("schedule")
    if not callable(function):
        raise ScheduleError(f"{path}: defines no function schedule(song, *, ...) -> av.Schedule")
    signature = _guarded(path, inspect.signature, function, eval_str=True)
    after_song = list(signature.parameters.values())[1:]
    options = {p.name: p for p in after_song if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}

    def make(song, **settings) -> Schedule:
        with bound(song):
            schedule = _guarded(path, function, song, **settings)
        if not isinstance(schedule, Schedule):
            raise ScheduleError(f"{path}: schedule() returned {type(schedule).__name__}, expected an av.Schedule")
        if schedule.clock != song.clock:
            raise ScheduleError(f"{path}: schedule() returned one of another clock than the song's")
        return schedule

    return ScheduleSource(path, options, make)


def _from_file(path: Path, song) -> Schedule:
    with bound(song):
        return load_schedule_file(path, song.clock)


def _guarded(path: Path, function: Callable, *args, **kwargs):
    """Call the user's code; any failure in it becomes one line with the place in the user's own file."""
    try:
        with beside(path):
            return function(*args, **kwargs)
    except (Exception, SystemExit) as error:
        raise ScheduleError(fault(path, error)) from error


def _convert(name: str, value: Any, option: inspect.Parameter):
    """A setting as the type of the script's annotation or default; text from the command line is read."""
    if get_origin(option.annotation) is Literal:
        allowed = {str(choice): choice for choice in get_args(option.annotation)}
        if str(value) not in allowed:
            hint = nearest(value, allowed)
            raise ScheduleError(f"setting {name}={value}{hint}: expected one of {', '.join(allowed)}")
        return allowed[str(value)]
    kind, entry = setting_kind(option)
    is_other = kind not in _READERS and not isinstance(value, str)
    if type(value) is kind or value is None or kind is NoneType or is_other:
        return value
    if kind not in _READERS and entry is None:
        raise ScheduleError(
            f"setting {name}={value}: the script takes {with_article(kind.__name__)} there, which cannot be typed: let "
            "it take an int, a float, a str, a bool, or a list of them"
        )
    try:
        if entry is None:
            return _READERS[kind](str(value))
        return kind(_READERS[entry](text.strip()) for text in value.strip("[]()").split(",") if text.strip())
    except (ValueError, KeyError) as error:
        several = ", or several with commas between" if entry else ""
        raise ScheduleError(f"setting {name}={value}: expected {_KINDS[entry or kind]}{several}") from error


def setting_kind(option: inspect.Parameter) -> tuple[type, type | None]:
    """The type of a setting, by its annotation or else its default, and of a list that of its entries."""
    default = None if option.default is option.empty else option.default
    entries = map(type, default) if isinstance(default, (list, tuple)) else ()
    members = get_args(option.annotation) if get_origin(option.annotation) in (Union, UnionType) else ()
    for hint in (option.annotation, *members, type(default)):
        kind = get_origin(hint) or hint
        if kind in _READERS:
            return kind, None
        if kind in (list, tuple):
            return kind, next(entry for entry in (*get_args(hint), *entries, str) if entry in _READERS)
    return type(default), None


_READERS: dict[type, Callable[[str], Any]] = {
    int: int,
    float: float,
    str: str,
    bool: lambda text: {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[text.lower()],
}
_KINDS = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
