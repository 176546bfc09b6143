"""An S3 server on this machine, which can be told to fail."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from unittest.mock import patch

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

ERROR = "<?xml version='1.0'?><Error><Code>{0}</Code><Message>{0} is what it says</Message></Error>"


@dataclass
class S3:
    """The server: what it was asked for, and how it fails.

    Attributes
    ----------
    url : str
        Of the server.
    asked : list of str
        Methods and paths.
    fault : function of the environment of a request
        Gives the status and the code of an error, or None.
    """

    url: str
    asked: list[str] = field(default_factory=list)
    fault: Callable[[dict], tuple[str, str] | None] = lambda request: None
    application: Callable[..., Iterable[bytes]] = field(
        default_factory=lambda: DomainDispatcherApplication(create_backend_app)
    )

    def __call__(self, request: dict, begin: Callable[..., object]) -> Iterable[bytes]:
        self.asked.append(f"{request['REQUEST_METHOD']} {request['PATH_INFO']}")
        if fault := self.fault(request):
            request["wsgi.input"].read(int(request.get("CONTENT_LENGTH") or 0))
            begin(fault[0], [("Content-Type", "application/xml")])
            return [ERROR.format(fault[1]).encode()]
        return self.application(request, begin)


class _Silent(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_: object) -> None:
        pass


@contextmanager
def s3_server() -> Iterator[S3]:
    """A server with the bucket `films`; the environment says where it is, and with which key."""
    server = make_server("127.0.0.1", 0, lambda *request: s3(*request), threaded=True, request_handler=_Silent)
    s3 = S3(f"http://127.0.0.1:{server.port}")
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    key = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
    with patch.dict(os.environ, {"AWS_ENDPOINT_URL": s3.url} | key):
        boto3.client("s3").create_bucket(Bucket="films")
        yield s3
    server.shutdown()
    thread.join()
    server.server_close()
