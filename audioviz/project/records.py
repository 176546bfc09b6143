"""Validated records: dataclasses that pydantic checks when they are made; a fault is one line, with its place."""

from collections.abc import Callable
from dataclasses import field, fields, is_dataclass
from typing import Any, dataclass_transform, get_args, get_type_hints

import pydantic.dataclasses
from pydantic import AfterValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from audioviz.errors import AudiovizError, InputError, nearest

CONFIG = ConfigDict(extra="forbid", allow_inf_nan=False)
_TAGS = (
    "str",
    "Prompt",
    "bool",
    "int",
    "float",
)  # what pydantic adds to the place of a value that may be of several kinds


@dataclass_transform(frozen_default=True, field_specifiers=(field, Field))
def record(kind: type) -> type:
    """A frozen dataclass whose values are checked when it is made; what does not fit is an InputError that names it."""
    checked = pydantic.dataclasses.dataclass(frozen=True, config=CONFIG)(kind)
    make = checked.__init__

    def __init__(self, *values: Any, **named: Any) -> None:
        try:
            make(self, *values, **named)
        except ValidationError as error:
            raise InputError(fault_message(error, checked)) from error

    checked.__init__ = __init__
    return checked


def within(low: float | None = None, high: float | None = None, *, above: float | None = None) -> AfterValidator:
    """A number from low to high, or above another, as the message says."""
    expected = (
        f"more than {above:g}" if above is not None else f"{low:g} or more" if high is None else f"{low:g} to {high:g}"
    )

    def check(value: Any) -> Any:
        fits = (low is None or value >= low) and (high is None or value <= high) and (above is None or value > above)
        if not fits:
            raise PydanticCustomError("range", "expected {expected}", {"expected": expected})
        return value

    return AfterValidator(check)


def one_of(what: str, names: tuple[str, ...]) -> AfterValidator:
    """One of some names; the message for another lists them, and guesses which was meant."""

    def check(name: str) -> str:
        if name not in names:
            hint = nearest(name, names)
            raise PydanticCustomError(
                "name", "{reason}", {"reason": f"unknown {what} {name!r}{hint}: use one of {', '.join(names)}"}
            )
        return name

    return AfterValidator(check)


def with_reason(value: Any, check: Callable[[Any], Any]) -> Any:
    """What `check` makes of a value; what our own records say against it is told with its place in the project."""
    try:
        return check(value)
    except AudiovizError as error:
        raise PydanticCustomError("name", "{reason}", {"reason": str(error)}) from error


def checked(text: str, read: Callable[[str], Any]) -> str:
    """A text that is read where it is used; what is wrong with it is told with its place."""
    with_reason(text, read)
    return text


def fault_message(error: ValidationError, kind: type) -> str:
    """The first fault in one line: its place, what stands there, and what was expected."""
    fault = max(error.errors(include_url=False), key=lambda fault: len(fault["loc"]))
    place = [part for part in fault["loc"] if isinstance(part, int) or (part.isidentifier() and part not in _TAGS)]
    where, value = ".".join(map(str, place)), fault["input"]
    match fault["type"]:
        case "json_invalid":
            return f"not JSON: {fault['msg'].removeprefix('Invalid JSON: ')}"
        case "unexpected_keyword_argument" | "extra_forbidden":
            *parts, key = fault["loc"]
            known = [part.name for part in fields(_record_at(kind, parts))]
            return f"{where or repr(key)}: unknown key{nearest(str(key), known)}; expected one of {', '.join(known)}"
        case "missing" | "missing_argument":
            return f"{where}: missing"
        case "path_type":
            return f"{where}: {value!r:.60}, expected a path"
        case "name":
            return f"{where}: {fault['msg']}"
        case _:
            expected = fault["msg"].replace("Input should be", "expected")
            return f"{where or 'project'}: {value!r:.60}, {expected}"


def _record_at(kind: Any, place: list[Any]) -> Any:
    """The record at a place; keys of mappings and numbers of entries lead nowhere else."""
    for part in place:
        if hint := get_type_hints(kind).get(part):
            kind = next((inner for inner in (hint, *get_args(hint)) if is_dataclass(inner)), kind)
    return kind
