"""`serve`: the studio on this machine, until it is interrupted."""

import errno
import secrets
import socket
import threading
import webbrowser
from collections.abc import Callable

import uvicorn

from audioviz.errors import InputError
from audioviz.studio.app import studio_app
from audioviz.studio.guard import Guard
from audioviz.studio.session import Session

HOST = "127.0.0.1"


def serve(session: Session, *, port: int, open_page: bool, say: Callable[[str], None]) -> None:
    """Serve a session; `say` is told the address.

    Raises
    ------
    InputError
        If the port is taken.
    """
    with _listening(port) as listening:
        port, token = listening.getsockname()[1], secrets.token_urlsafe(16)
        address = f"http://{HOST}:{port}/{token}/"
        say(address)
        if open_page:  # a browser of the terminal would be waited for
            threading.Thread(target=webbrowser.open, args=[address], daemon=True).start()
        config = uvicorn.Config(
            Guard(studio_app(session, token=token), token=token, port=port),
            log_level="warning",
            lifespan="on",
            ws="websockets-sansio",
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=1,
        )
        try:
            uvicorn.Server(config).run([listening])
        except KeyboardInterrupt:  # how the studio ends
            say("")


def _listening(port: int) -> socket.socket:
    listening = socket.socket()
    option = getattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_REUSEADDR)  # the second, on Windows, lets others in
    try:
        listening.setsockopt(socket.SOL_SOCKET, option, 1)
        listening.bind((HOST, port))
        listening.listen()
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise InputError(
                f"--port {port}: another program listens there: give another, or none for any that is free"
            ) from error
        raise InputError(f"--port {port}: cannot be listened at ({error.strerror})") from error
    return listening
