"""The files of a store that is a URL: an object store such as s3://BUCKET/FOLDER, or what else fsspec knows."""

import posixpath
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from uuid import uuid4

import fsspec
from fsspec.registry import known_implementations

from audioviz.errors import InputError, nearest
from audioviz.farm.faults import StoreError, StoreRefused

WHOLE_PUTS = {"abfs", "abfss", "az", "gcs", "gs", "memory", "oss", "s3", "s3a"}  # a file is whole there or not there
_USER = re.compile(r"(?<=://)[^/\s]*@")
_DENIED = re.compile(r"\w*(Credential|Auth|Permission)|\w+ (Forbidden|Unauthorized)")  # of an error, its kind first


class UrlFiles:
    """Fulfils Files.

    Raises
    ------
    InputError
        If fsspec does not know the protocol, or the package for it is not installed.
    """

    def __init__(self, url: str):
        self._shown = without_password(url)
        self._protocol = url.partition("://")[0]
        self._check_known(url)
        with self._explained():  # some connect at once; a listing that is remembered would miss what others put
            self._system, root = fsspec.url_to_fs(url, use_listings_cache=False)
        self._root = root.rstrip("/")

    def _check_known(self, url: str) -> None:
        if self._protocol in WHOLE_PUTS and re.search(r"://[^@]*:[^@]*@", url):
            raise InputError(f"store {self._protocol}://...: a key does not belong there: give it by the environment")
        try:
            fsspec.get_filesystem_class(self._protocol)
        except ImportError as error:
            package = "pip install 'audioviz[s3]'" if self._protocol in ("s3", "s3a") else f"{error!s:.200}"
            raise InputError(f"store {self._shown}: a package is not installed: {package}") from error
        except ValueError as error:
            near = nearest(self._protocol, known_implementations)
            raise InputError(
                f"store {self._shown}: expected a folder, or a URL such as s3://BUCKET/FOLDER{near}"
            ) from error

    def prepare(self) -> None:
        """As in Files; a bucket has to be there."""
        if self._protocol not in WHOLE_PUTS:
            with self._explained():
                self._system.makedirs(self._root, exist_ok=True)

    def names(self, folder: str) -> set[str]:
        """As in Files."""
        with self._explained():
            try:
                found = self._system.ls(f"{self._root}/{folder}", detail=False)
            except FileNotFoundError:
                return set()
        names = {posixpath.basename(path.rstrip("/")) for path in found}
        return {f"{folder}/{name}" for name in names if not name.startswith(".")}

    def read(self, name: str) -> bytes | None:
        """As in Files."""
        with self._explained():
            try:
                return self._system.cat_file(f"{self._root}/{name}")
            except FileNotFoundError:
                return None

    def write(self, name: str, content: bytes) -> None:
        """As in Files."""
        path = f"{self._root}/{name}"
        with self._explained():
            if self._protocol in WHOLE_PUTS:
                self._system.pipe_file(path, content)
                return
            folder = posixpath.dirname(path)
            part = f"{folder}/.{uuid4().hex}.part"
            self._system.makedirs(folder, exist_ok=True)
            self._system.pipe_file(part, content)
            self._system.mv(part, path)

    def remove(self, name: str) -> None:
        """As in Files."""
        with self._explained(), suppress(FileNotFoundError):
            self._system.rm_file(f"{self._root}/{name}")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Inside of it whatever a file system raises, each its own kinds, becomes a StoreError that says what to do."""
        try:
            yield
        except Exception as error:
            kind, advice = StoreError, "restore the way to it"
            if isinstance(error, FileNotFoundError):
                kind, advice = StoreRefused, "make its bucket or folder first"
            elif isinstance(error, NotImplementedError):
                kind, advice = StoreRefused, "it cannot be written; give another"
            elif _DENIED.match(f"{type(error).__name__} {error}"):
                kind, advice = StoreRefused, "give the key of one who may read and write there, as by the environment"
            said = getattr(error, "strerror", None) or str(error) or type(error).__name__
            said = without_password(" ".join(said.split()))
            raise kind(
                f"store {self._shown}: {said:.200}: {advice}; the same command goes on from what is there"
            ) from error


def without_password(text: str) -> str:
    """A text with URLs that do not say who asks."""
    return _USER.sub("", text)
