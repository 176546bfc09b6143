"""The server: the page's files, and one WebSocket by which all else goes."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

from audioviz.errors import AudiovizError, InputError, nearest
from audioviz.studio.desk import Desk
from audioviz.studio.session import Session

PAGE = Path(__file__).parent / "page"


class Studio:
    """A session with its desk and the pages that see it."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.desk = Desk(session, self.tell)
        self._pages: set[asyncio.Queue[dict | bytes]] = set()
        session.changed.append(lambda: self.tell(session.state()))

    def tell(self, event: dict | bytes) -> None:
        """Send an event to every page."""
        for page in self._pages:
            page.put_nowait(event)

    async def index(self, _: Any) -> Response:
        """The page itself."""
        return FileResponse(PAGE / "index.html")

    async def serve_page(self, socket: WebSocket) -> None:
        """One page, until it is closed."""
        await socket.accept()
        queue: asyncio.Queue[dict | bytes] = asyncio.Queue()
        for event in (self.session.state(), *self.desk.latest.values()):
            queue.put_nowait(event)
        self._pages.add(queue)
        sender = asyncio.create_task(_send(socket, queue))
        try:
            while True:
                queue.put_nowait(await self._answer(await socket.receive_text()))
        except WebSocketDisconnect:
            pass
        finally:
            self._pages.discard(queue)
            sender.cancel()

    async def _answer(self, text: str) -> dict[str, Any]:
        message = json.loads(text)
        try:
            return {"re": message["id"], **(await self._do(message) or {})}
        except AudiovizError as error:
            return {"re": message["id"], "error": str(error)}

    async def _do(self, message: dict[str, Any]) -> dict[str, Any] | None:
        match message["do"]:
            case "change":
                self.session.change(message["edits"], message["name"], message.get("gesture"))
            case "undo":
                self.session.undo()
            case "redo":
                self.session.redo()
            case other if other in self.desk.actions:
                return await self.desk.actions[other](message)
            case other:
                known = ("change", "undo", "redo", *self.desk.actions)
                raise InputError(f"do {other!r}{nearest(other, known)}: no such request")
        return None


async def _send(socket: WebSocket, queue: asyncio.Queue[dict | bytes]) -> None:
    while True:
        event = await queue.get()
        await (socket.send_bytes(event) if isinstance(event, bytes) else socket.send_text(json.dumps(event)))


def studio_app(session: Session, *, token: str) -> Starlette:
    """The application, all of it below /TOKEN/."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        studio: Studio = app.state.studio
        work = asyncio.create_task(studio.desk.work())
        yield
        work.cancel()
        studio.desk.close()

    studio = Studio(session)
    inside = [
        Route("/", studio.index),
        Mount("/page", StaticFiles(directory=PAGE)),
        WebSocketRoute("/ws", studio.serve_page),
        *studio.desk.routes,
    ]
    app = Starlette(routes=[Mount(f"/{token}", routes=inside)], lifespan=lifespan)
    app.state.studio = studio
    return app
