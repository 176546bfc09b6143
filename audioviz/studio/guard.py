"""Guard: who may speak with the server. A browser opens pages of strangers too, and they can reach this machine."""

import secrets
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; style-src 'self' 'unsafe-inline'; "
    "connect-src 'self' ws:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": POLICY,
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_READING = ("GET", "HEAD")


class Guard:
    """An application that answers its own page alone.

    Its name must be that of this machine, which stops names of strangers that lead here (DNS rebinding); what changes
    something must come from its own page; and all of it lies below a secret.

    Parameters
    ----------
    app : ASGI application
    token : str
        The first part of each path.
    port : int
        Where it is served.
    """

    def __init__(self, app: ASGIApp, *, token: str, port: int) -> None:
        self._app, self._token = app, token.encode()
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self._origins = {f"http://{host}" for host in self._hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif (refusal := self._refusal(scope)) is None:
            await self._app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": refusal[1]})
        else:
            status, line = refusal
            await PlainTextResponse(f"{line}\n", status)(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """The status and the line for what is not answered."""
        headers = Headers(scope=scope)
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            return 403, "audioviz studio: this server answers at 127.0.0.1 alone: open the address that it printed"
        first = scope["path"].removeprefix("/").partition("/")[0]
        if not secrets.compare_digest(first.encode("utf-8", "surrogateescape"), self._token):
            return 404, "audioviz studio: nothing is here: open the address that the terminal shows"
        changes = scope["type"] == "websocket" or scope["method"] not in _READING
        if (changes or origins) and (len(origins) != 1 or origins[0] not in self._origins):
            return 403, "audioviz studio: a page of another site cannot ask for this"
        return None


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers: Any = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
            headers.setdefault("cache-control", "no-cache")
        await send(message)

    return send_with_headers
