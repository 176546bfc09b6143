"""Pictures: those of frames, from the preview and from renders, as the page fetches them; the oldest are let go of."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

MOST_BYTES = 64 * 2**20
Maker = str | int  # "preview", or the number of a render


class Pictures:
    """Pictures by their keys.

    Parameters
    ----------
    say : function of a name and an event
        Tells every page, and those that join later the newest of each name.
    drop : function of a name
        No page that joins is told of it any more.
    most : bytes of all of them
    """

    def __init__(
        self,
        *,
        say: Callable[[str, dict[str, Any]], None],
        drop: Callable[[str], None],
        most: int = MOST_BYTES,
    ) -> None:
        self._say, self._drop, self._most, self._bytes = say, drop, most, 0
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._shown: dict[tuple[Maker, int], str] = {}  # the key of what each maker showed of a frame
        self._shows: dict[str, set[tuple[Maker, int]]] = {}  # and which show each key

    def show(self, of: Maker, frame: int, about: Mapping[str, Any], *, key: str, webp: bytes) -> None:
        """Keep a picture, and tell that it is that of a frame."""
        self._unlink(of, frame)
        self._shown[of, frame] = key
        self._shows.setdefault(key, set()).add((of, frame))
        self._say(_name(of, frame), {"on": "picture", "of": of, "frame": frame, "url": address(key), **about})
        self.keep(key, webp)

    def keep(self, key: str, webp: bytes) -> None:
        """Keep a picture, so that it can be fetched."""
        self._bytes += len(webp) - len(self._kept.pop(key, b""))
        self._kept[key] = webp
        while self._bytes > self._most:
            oldest, dropped = self._kept.popitem(last=False)
            self._bytes -= len(dropped)
            for shown in list(self._shows.get(oldest, ())):
                self.forget(*shown)

    def forget(self, of: Maker, frame: int) -> None:
        """Tell that there is no picture of a frame any more, if there was one."""
        if self._unlink(of, frame):
            self._say(_name(of, frame), {"on": "picture", "of": of, "frame": frame, "gone": True})
            self._drop(_name(of, frame))

    def forget_all(self, of: Maker) -> None:
        """The same of all frames that a maker showed."""
        for maker, frame in list(self._shown):
            if maker == of:
                self.forget(maker, frame)

    def _unlink(self, of: Maker, frame: int) -> bool:
        key = self._shown.pop((of, frame), None)
        if key is not None:
            self._shows[key].discard((of, frame))
            if not self._shows[key]:
                del self._shows[key]
        return key is not None

    async def serve(self, request: Request) -> Response:
        """A picture: `picture/KEY.webp`."""
        webp = self._kept.get(request.path_params["key"])
        if webp is None:
            return Response("this picture is not kept any more", 404)
        return Response(
            webp, media_type="image/webp", headers={"cache-control": "private, max-age=31536000, immutable"}
        )


def address(key: str) -> str:
    """Where the page fetches a picture, below its own address."""
    return f"picture/{key}.webp"


def _name(of: Maker, frame: int) -> str:
    return f"picture {of} {frame}"
