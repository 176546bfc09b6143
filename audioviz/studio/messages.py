"""Messages of the page: what it can ask for, with the fields of each; a fault is one line."""

from dataclasses import fields
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, Strict, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError, from_json

from audioviz.errors import InputError, nearest
from audioviz.project.records import fault_message, record, within
from audioviz.project.values import Number, Whole

LONGEST = 4_000_000  # characters of a message
_LAST_ID = 2**53
_DEEPEST = 12  # parts of a place

Text = Annotated[str, Strict(), Field(max_length=10_000)]
Name = Annotated[str, Strict(), Field(min_length=1, max_length=1_000)]
Flag = Annotated[bool, Strict()]
Time = Annotated[Number, within(0)]


def _to_edit(value: Any) -> dict[str, Any]:
    place: Any = value.get("place") if isinstance(value, dict) else None
    fits = isinstance(place, list) and 0 < len(place) <= _DEEPEST and value.keys() <= {"place", "value"}
    if not fits or not all(type(part) in (str, int) for part in place):
        raise PydanticCustomError("edit", "expected {edit}", {"edit": '{"place": ["look", "steps"], "value": 8}'})
    return value


@record
class Change:
    """Change values at places of the project, under a name that undo shows."""

    edits: Annotated[list[Annotated[dict, PlainValidator(_to_edit)]], Field(min_length=1)]
    name: Annotated[str, Strict(), Field(min_length=1, max_length=200)]
    gesture: Name | None = None


@record
class Nothing:
    """A request without fields."""


@record
class Open:
    """Open a song or a project."""

    path: Name


@record
class Files:
    """List a folder."""

    folder: Name | None = None


@record
class Save:
    """Write the project to its file, or another; over one that is there only if it says so."""

    path: Name | None = None
    over: Flag = False


@record
class CopySchedule:
    """Copy a script beside the project, to edit."""

    name: Name | None = None


@record
class Frame:
    """Show a frame."""

    frame: Annotated[Whole, within(0)]
    size: Literal["draft", "final"] = "draft"


@record
class Render:
    """Render a part of the song, or all of it."""

    start: Time = 0.0
    duration: Annotated[Number, within(above=0)] | None = None
    draft: Flag = False
    name: Annotated[str, Strict(), Field(max_length=200)] = ""


@record
class Job:
    """Cancel, resume or forget a render."""

    job: Whole | Name


@record
class Expression:
    """Check an expression for a column."""

    column: Name
    text: Text


@record
class Words:
    """Look for words that the model does not know."""

    text: Text


REQUESTS = {
    "change": Change,
    "undo": Nothing,
    "redo": Nothing,
    "open": Open,
    "files": Files,
    "save": Save,
    "restore": Nothing,
    "discard": Nothing,
    "copy_schedule": CopySchedule,
    "frame": Frame,
    "render": Render,
    "cancel": Job,
    "resume": Job,
    "forget": Job,
    "expression": Expression,
    "words": Words,
}
_READERS = {kind: TypeAdapter(kind) for kind in REQUESTS.values()}


def read_message(text: str | None) -> dict[str, Any]:
    """A message as JSON has it.

    Raises
    ------
    InputError
        If it is too long, or no JSON object.
    """
    if text is None:
        raise InputError("message: bytes, expected text, a JSON object")
    if len(text) > LONGEST:
        raise InputError(f"message: {len(text) / 1e6:.1f} MB, expected {LONGEST / 1e6:g} MB at most")
    try:
        message = from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise InputError(f"message: not JSON ({' '.join(str(error).split()):.100})") from error
    if not isinstance(message, dict):
        raise InputError(f"message: {message!r:.60}, expected a JSON object with id and do")
    return message


def message_id(message: dict[str, Any]) -> int:
    """The number that the reply refers to.

    Raises
    ------
    InputError
        If there is none.
    """
    number = message.get("id")
    if type(number) is not int or not 0 <= number <= _LAST_ID:
        raise InputError(f"id: {number!r:.60}, expected a whole number from 0 to {_LAST_ID}")
    return number


def read_request(message: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """What is asked for, and its fields, with those that are not given.

    Raises
    ------
    InputError
        If there is no such request, or its fields are not what they should be.
    """
    do = message.get("do")
    if not isinstance(do, str) or do not in REQUESTS:
        hint = nearest(do, REQUESTS) if isinstance(do, str) and len(do) < 100 else ""
        raise InputError(f"do: {do!r:.60}{hint}, expected one of {', '.join(REQUESTS)}")
    kind = REQUESTS[do]
    try:
        request = _READERS[kind].validate_python({key: message[key] for key in message if key not in ("id", "do")})
    except ValidationError as error:
        raise InputError(f"{do}: {fault_message(error, kind)}") from error
    return do, {field.name: getattr(request, field.name) for field in fields(kind)}
