"""Binary events: a header as JSON, and arrays that the page reads where they lie."""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

_KINDS = {"f4": np.float32, "i1": np.int8, "i4": np.int32}


@dataclass(frozen=True, eq=False)
class Curves:
    """An event whose arrays are known by their digests, so that those that are there already are not sent again.

    Parameters
    ----------
    header : mapping, as JSON has them
    digests : mapping of the name of each array to its digest
    arrays : mapping of digests to float32 values, shape (T,)
    """

    header: Mapping[str, Any]
    digests: Mapping[str, str]
    arrays: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, header: Mapping[str, Any], named: Mapping[str, np.ndarray]) -> "Curves":
        """Arrays by their names, float32; equal ones are one."""
        digests = {name: _digest(values) for name, values in named.items()}
        return cls(header, digests, {digests[name]: values for name, values in named.items()})

    @property
    def known(self) -> frozenset[str]:
        """The digests of all arrays."""
        return frozenset(self.digests.values())

    def without(self, known: Collection[str]) -> "Curves":
        """The event without the arrays that whoever it is for has."""
        return replace(self, arrays={digest: values for digest, values in self.arrays.items() if digest not in known})

    def whole(self, before: "Curves | None") -> "Curves":
        """The event with the arrays that it left out, of the one before."""
        there = {**(before.arrays if before else {}), **self.arrays}
        return replace(self, arrays={digest: there[digest] for digest in self.known})

    def packed(self) -> bytes:
        """The bytes of the event: see `packed`."""
        return packed({**self.header, "curves": self.digests}, self.arrays)


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


def _digest(values: np.ndarray) -> str:
    return hashlib.blake2b(values.tobytes(), digest_size=12).hexdigest()


def _header(header: Mapping[str, Any], places: list[dict[str, Any]]) -> bytes:
    return json.dumps({**header, "arrays": places}).encode()
