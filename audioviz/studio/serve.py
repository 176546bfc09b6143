"""`serve`: the studio on this machine, until it is interrupted."""

import secrets
import socket
import webbrowser
from collections.abc import Callable

import uvicorn

from audioviz.studio.app import studio_app
from audioviz.studio.session import Session

HOST = "127.0.0.1"


def serve(session: Session, *, port: int, open_page: bool, say: Callable[[str], None]) -> None:
    """Serve a session; `say` is told the address."""
    with socket.socket() as listening:
        listening.bind((HOST, port))
        token = secrets.token_urlsafe(16)
        address = f"http://{HOST}:{listening.getsockname()[1]}/{token}/"
        say(address)
        if open_page:
            webbrowser.open(address)
        config = uvicorn.Config(
            studio_app(session, token=token), log_level="warning", ws="websockets-sansio", ws_per_message_deflate=False
        )
        uvicorn.Server(config).run([listening])
