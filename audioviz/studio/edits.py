"""Edits: values that are put at places of a document, or taken away; the document before stays as it was."""

from collections.abc import Mapping, Sequence
from typing import Any

from audioviz.errors import InputError

Place = Sequence[str | int]


def edited(document: dict[str, Any], edits: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A document after edits, `{"place": ["lanes", "zoom", "ease"], "value": "linear"}`; one without a value removes.

    Raises
    ------
    InputError
        If there is no such place.
    """
    copies: dict[int, Any] = {}  # each part on the way is copied once, however many edits go through it

    def own(part: Any) -> Any:
        if id(part) in copies:
            return part
        copy = part.copy()
        copies[id(copy)] = copy
        return copy

    root = own(document)
    for edit in edits:
        *parents, last = place = edit["place"]
        inside = root
        for key in parents:
            child = _child(inside, key, place)
            inside[key] = own({} if child is None else child)
            inside = inside[key]
        if "value" in edit:
            _put(inside, last, edit["value"], place)
        else:
            _check(inside, last, place)
            if isinstance(inside, list) or last in inside:
                del inside[last]
    return root


def _child(inside: Any, key: str | int, place: Place) -> Any:
    _check(inside, key, place)
    child = inside.get(key) if isinstance(inside, dict) else inside[key]
    if not isinstance(child, (dict, list, type(None))):
        raise _no_place(place)
    return child


def _put(inside: Any, key: Any, value: Any, place: Place) -> None:
    if isinstance(inside, list) and key == len(inside):
        inside.append(value)
    else:
        _check(inside, key, place)
        inside[key] = value


def _check(inside: Any, key: str | int, place: Place) -> None:
    there = isinstance(key, str) if isinstance(inside, dict) else isinstance(key, int) and 0 <= key < len(inside)
    if not there:
        raise _no_place(place)


def _no_place(place: Place) -> InputError:
    return InputError(f"place {'.'.join(map(str, place)):.80}: a project has no such place")
