"""The studio's server without what it computes, and a page of it: for tests of what is asked and answered."""

import asyncio
import json
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from starlette.testclient import TestClient, WebSocketTestSession

from audioviz.studio import app
from audioviz.studio.guard import Guard
from audioviz.studio.session import Session

TOKEN, PORT = "secret", 8123
ADDRESS = f"http://127.0.0.1:{PORT}"
OWN = {"origin": ADDRESS}


class IdleDesk:
    """Computes nothing, and counts how often it is told that a file was written."""

    def __init__(self, session: Session, tell: Callable[[Any], None]) -> None:
        self.session, self.tell = session, tell
        self.latest: dict[str, Any] = {}
        self.actions: dict[str, Any] = {}
        self.routes: list[Any] = []
        self.refreshed = 0

    async def work(self) -> None:
        """Nothing, for ever."""
        await asyncio.Event().wait()

    def refresh(self) -> None:
        """Count."""
        self.refreshed += 1

    def close(self) -> None:
        """Nothing."""


class Page:
    """A page: asks, and hears events until the reply."""

    def __init__(self, socket: WebSocketTestSession) -> None:
        self.socket = socket
        self.state: dict[str, Any] = {}
        self._unseen: list[dict[str, Any]] = []  # what was told before the reply to a request
        self._last = 0
        self.wait_for("state")

    def hear(self) -> dict[str, Any]:
        """The next event or reply."""
        received = self.socket.receive()
        if received.get("text") is not None:
            event = json.loads(received["text"])
        else:
            (length,) = struct.unpack("<I", received["bytes"][:4])
            event = json.loads(received["bytes"][4 : 4 + length])
        if event.get("on") == "state":
            self.state = event
        elif "on" in event:
            self._unseen.append(event)
        return event

    def wait_for(self, name: str) -> dict[str, Any]:
        """The next event of a name; of states the next that comes."""
        while name == "state" or not (found := [event for event in self._unseen if event["on"] == name]):
            if self.hear().get("on") == name == "state":
                return self.state
        self._unseen.remove(found[0])
        return found[0]

    def reply(self) -> dict[str, Any]:
        """The next reply."""
        while "on" in (event := self.hear()):
            pass
        return event

    def ask(self, do: str, **fields: Any) -> dict[str, Any]:
        """The reply to a request."""
        self._last += 1
        self.socket.send_text(json.dumps({"id": self._last, "do": do, **fields}))
        reply = self.reply()
        assert reply.pop("re") == self._last
        return reply

    def change(self, *place: str | int, value: Any, name: str = "change", gesture: str | None = None) -> dict[str, Any]:
        """Put a value at a place of the project."""
        return self.ask("change", edits=[{"place": place, "value": value}], name=name, gesture=gesture)


@contextmanager
def client(session: Session) -> Iterator[TestClient]:
    """A client of a server that computes nothing: `client.get("/secret/")`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app, "Desk", IdleDesk)
        inner = app.studio_app(session, token=TOKEN)
        with TestClient(Guard(inner, token=TOKEN, port=PORT), base_url=ADDRESS, headers=OWN) as http:
            http.app_state = inner.state
            yield http


@contextmanager
def page(session: Session) -> Iterator[Page]:
    """A page of a server that computes nothing."""
    with client(session) as http, joined(http) as one:
        yield one


@contextmanager
def joined(http: TestClient) -> Iterator[Page]:
    """A page, or one more."""
    with http.websocket_connect(f"ws://127.0.0.1:{PORT}/{TOKEN}/ws", headers=OWN) as socket:
        yield Page(socket)


def song_file(path: Path) -> Path:
    """A second of a tone."""
    soundfile.write(path, 0.1 * np.sin(np.arange(8000) / 9), 8000)
    return path
