"""Binary events: a header as JSON, and arrays that the page reads where they lie."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

_KINDS = {"f4": np.float32, "i1": np.int8, "i4": np.int32}


def packed(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """The bytes of an event: the header's length, uint32; the header; each array at a multiple of 4 bytes.

    Parameters
    ----------
    header : mapping, as JSON has them
        The page finds the arrays in it too, by their names.
    arrays : float32, int8 or int32, by name; flat
    """
    kinds = {np.dtype(kind): name for name, kind in _KINDS.items()}
    places: list[dict[str, Any]] = [
        {"name": name, "kind": kinds[values.dtype], "at": 10**9, "count": values.size}
        for name, values in arrays.items()
    ]
    room = len(_header(header, places)) + 4  # places of fewer digits leave some of it blank
    at = room + -room % 4
    for place, values in zip(places, arrays.values()):
        place["at"] = at
        at += values.nbytes + -values.nbytes % 4
    head = _header(header, places).ljust(places[0]["at"] - 4 if places else room - 4)
    parts = [len(head).to_bytes(4, "little"), head]
    for values in arrays.values():
        parts += [values.tobytes(), bytes(-values.nbytes % 4)]
    return b"".join(parts)


def _header(header: Mapping[str, Any], places: list[dict[str, Any]]) -> bytes:
    return json.dumps({**header, "arrays": places}).encode()
