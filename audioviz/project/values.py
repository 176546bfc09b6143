"""Kinds of values that records of a project have."""

from fractions import Fraction
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, PlainSerializer, PlainValidator, Strict

from audioviz.clock import fps_to_json, to_fps
from audioviz.files import user_path
from audioviz.project.records import with_reason

File = Annotated[Path, AfterValidator(user_path), PlainSerializer(Path.as_posix)]
Place = Annotated[str, AfterValidator(lambda text: _with_home(text))]  # or a name
Fps = Annotated[Fraction, PlainValidator(lambda value: with_reason(value, to_fps)), PlainSerializer(fps_to_json)]
Whole = Annotated[int, Strict()]
Number = Annotated[float, Strict()]


def _with_home(text: str) -> str:
    """A path with the user's home for `~`, also where a `./` before it goes away as soon as it is a Path."""
    path = Path(text)
    return str(user_path(path)) if path.parts[:1] and path.parts[0][:1] == "~" else text
