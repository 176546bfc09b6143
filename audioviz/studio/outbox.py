"""Outbox: what a page is still to be sent, of each kind the newest alone: a page that does not read costs little."""

import asyncio
import math
import re
from collections import Counter
from typing import Any

from pydantic_core import to_json

from audioviz.studio.arrays import Curves

REPLIES = 200  # that wait before no more is read from the page
_PICTURES = 500  # news of pictures that wait
_MOST = {"picture": _PICTURES, "notice": 50}  # of which the oldest are dropped
_NAME = re.compile(rb'"on": ?"(\w+)"')  # of a binary event, whose header begins with it

Key = tuple[str, Any]
Sent = str | bytes | Curves


class Outbox:
    """Events and replies on their way to one page."""

    def __init__(self) -> None:
        self._waiting: dict[Key, Sent] = {}
        self._has: frozenset[str] = frozenset()  # the curves of the plan that the page was sent last
        self._of_kind: Counter[str] = Counter()
        self._filled, self._room = asyncio.Event(), asyncio.Event()
        self._count = 0
        self._room.set()

    def put(self, key: Key, event: Sent) -> None:
        """Send an event as soon as the page reads, in the place of the one that it replaces."""
        self._count += 1
        if key[0] in ("re", "notice"):
            key = (key[0], self._count)
        self._of_kind[key[0]] += key not in self._waiting
        self._waiting[key] = event
        if self._of_kind[key[0]] > _MOST.get(key[0], math.inf):
            self._pop(next(other for other in self._waiting if other[0] == key[0]))
        self._filled.set()
        if len(self._waiting) >= REPLIES + _PICTURES:
            self._room.clear()

    async def take(self) -> str | bytes:
        """The next event."""
        while not self._waiting:
            self._filled.clear()
            await self._filled.wait()
        event = self._pop(next(iter(self._waiting)))
        if len(self._waiting) < REPLIES + _PICTURES:
            self._room.set()
        if isinstance(event, Curves):
            has, self._has = self._has, event.known
            return event.without(has).packed()
        return event

    def _pop(self, key: Key) -> Sent:
        self._of_kind[key[0]] -= 1
        return self._waiting.pop(key)

    async def room(self) -> None:
        """Wait while too much is waiting."""
        await self._room.wait()


def key_of(event: dict[str, Any] | bytes | Curves) -> Key:
    """What an event tells of: a newer one of the same takes its place."""
    if isinstance(event, Curves):
        return (event.header["on"], None)
    if isinstance(event, bytes):
        found = _NAME.search(event, 4, 80)
        return (found[1].decode() if found else "", None)
    name = event.get("on", "re")
    return (name, {"problem": event.get("where"), "picture": (event.get("of"), event.get("frame"))}.get(name))


def sent(event: dict[str, Any] | bytes | Curves) -> Sent:
    """An event as it waits for the socket."""
    return to_json(event).decode() if isinstance(event, dict) else event
