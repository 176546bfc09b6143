"""The server: the page's files, one WebSocket by which all else goes, and uploads."""

import asyncio
import contextlib
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from audioviz.errors import AudiovizError, InputError
from audioviz.studio.arrays import Curves
from audioviz.studio.autosave import Autosave
from audioviz.studio.desk import Desk
from audioviz.studio.messages import message_id, read_message, read_request
from audioviz.studio.outbox import Outbox, key_of, sent
from audioviz.studio.session import Session
from audioviz.studio.trust import script_of
from audioviz.studio.uploads import check_size, receive, remove_leftovers, upload_name
from audioviz.studio.watching import Watch

PAGE = Path(__file__).parent / "page"
_AT_ONCE = 32  # requests of a page that wait for their replies; no more is read from it then


class Studio:
    """A session with its desk and the pages that see it."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.desk = Desk(session, self.tell)
        self._autosave = Autosave(session, self.tell)
        self._watch = Watch(session, self.desk.refresh)
        self._pages: set[Outbox] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._doubtful: Path | None = None  # the script about which the user was asked last
        self._problem: dict[str, Any] | None = None  # of the autosave
        session.changed += [self._tell_state, self._ask_about_script]

    def tell(self, event: dict[str, Any] | bytes | Curves) -> None:
        """Send an event to every page."""
        if isinstance(event, dict) and event.get("where") == "autosave":
            self._problem = event
        key, text = key_of(event), sent(event)
        for page in self._pages:
            page.put(key, text)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """All that goes on while pages are served."""
        for work in (self.desk.work, self._autosave.work, self._watch.work):
            self._start(self._for_ever(work))
        self._ask_about_script()
        await asyncio.to_thread(remove_leftovers, self.session.folder)
        try:
            yield
        finally:
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._autosave.now()
            self.desk.close()

    async def index(self, _: Request) -> Response:
        """The page itself."""
        return FileResponse(PAGE / "index.html")

    async def upload(self, request: Request) -> Response:
        """A file that was dropped on the page: its path."""
        try:
            name = upload_name(request.query_params.get("name", ""))
            check_size(name, int(request.headers.get("content-length", "0")))
            path = await receive(request.stream(), self.session.folder, name)
        except InputError as error:
            return JSONResponse({"error": str(error)}, 400)
        except ClientDisconnect:
            return Response(status_code=400)
        return JSONResponse({"path": str(path)})

    async def serve_page(self, socket: WebSocket) -> None:
        """One page, until it is closed."""
        await socket.accept()
        outbox = Outbox()
        for event in (self.session.state(), *filter(None, [self._problem]), *self.desk.latest.values()):
            outbox.put(key_of(event), sent(event))
        self._pages.add(outbox)
        sender = asyncio.create_task(_send(socket, outbox))
        try:
            await self._listen(socket, outbox)
        finally:
            self._pages.discard(outbox)
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)

    async def _listen(self, socket: WebSocket, outbox: Outbox) -> None:
        slots = asyncio.Semaphore(_AT_ONCE)
        with contextlib.suppress(WebSocketDisconnect):
            while socket.application_state is WebSocketState.CONNECTED:
                await outbox.room()
                received = await socket.receive()
                if received["type"] == "websocket.disconnect":
                    return
                await slots.acquire()
                self._start(self._answer(received.get("text"), outbox, slots))
                await asyncio.sleep(0)  # requests begin in their order

    async def _answer(self, text: str | None, outbox: Outbox, slots: asyncio.Semaphore) -> None:
        reply: dict[str, Any] = {}
        try:
            message = read_message(text)
            reply = {"re": message_id(message)}
            do, fields = read_request(message)
            reply |= await self._do(do, fields) or {}
        except AudiovizError as error:
            reply |= {"error": " ".join(str(error).split())}
        except Exception as error:
            traceback.print_exc()
            reply |= {"error": f"a defect of audioviz, told in the terminal: {type(error).__name__}"}
        finally:
            slots.release()
        outbox.put(("re", None), sent(reply))

    async def _do(self, do: str, fields: dict[str, Any]) -> dict[str, Any] | None:
        session = self.session
        match do:
            case "change":
                session.change(**fields)
            case "undo":
                session.undo()
            case "redo":
                session.redo()
            case "open":
                await self._autosave.now()
                session.open(fields["path"])
            case "files":
                return session.places.listing(fields["folder"])
            case "save":
                return {"path": str(await session.save(fields["path"], over=fields["over"]))}
            case "restore":
                session.restore()
            case "discard":
                session.discard()
            case "copy_schedule":
                return {"path": str(session.copy_schedule(fields["name"]))}
            case other if other in self.desk.actions:
                return await self.desk.actions[other](fields)
            case other:
                raise InputError(f"do: {other!r}: is not there yet")
        return None

    def _tell_state(self) -> None:
        self.tell(self.session.state())

    def _ask_about_script(self) -> None:
        """Ask the user, in the terminal, about a script that the page or a project file names."""
        project, scripts = self.session.project, self.session.scripts
        script = project and script_of(project)
        if project is None or script is None or scripts.may_run(project):
            self._doubtful = None
        elif script != self._doubtful and scripts.can_ask:
            self._doubtful = script
            self.tell({"on": "notice", "text": f"{script}: answer in the terminal whether it may run", "kind": "note"})
            self._start(self._confirm(script))

    async def _confirm(self, script: Path) -> None:
        if await self.session.scripts.confirm(script):
            self.session.retrust()

    async def _for_ever(self, work: Callable[[], Awaitable[None]]) -> None:
        """Begin some work again that a defect of ours has ended."""
        while True:
            try:
                await work()
            except Exception as error:
                traceback.print_exc()
                text = f"a defect of audioviz, told in the terminal: {type(error).__name__}"
                self.tell({"on": "notice", "text": text, "kind": "error"})
            await asyncio.sleep(1.0)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _send(socket: WebSocket, outbox: Outbox) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # the page has gone, which the listener hears
        while True:
            event = await outbox.take()
            await (socket.send_bytes(event) if isinstance(event, bytes) else socket.send_text(event))


def studio_app(session: Session, *, token: str) -> Starlette:
    """The application, all of it below /TOKEN/."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with app.state.studio.running():
            yield

    studio = Studio(session)
    inside = [
        Route("/", studio.index),
        Route("/upload", studio.upload, methods=["PUT"]),
        Mount("/page", StaticFiles(directory=PAGE)),
        WebSocketRoute("/ws", studio.serve_page),
        *studio.desk.routes,
    ]
    app = Starlette(routes=[Mount(f"/{token}", routes=inside)], lifespan=lifespan)
    app.state.studio = studio
    return app
