"""The cache of analyses: found by the content of the file, never by its name; losing one costs only time."""

import hashlib
import io
import json
import os
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from audioviz.files import user_cache

_LIMIT = 256 * 2**20  # bytes that the folder may hold: about a hundred songs
_DIGEST = 32  # bytes at the end of a file, after the archive: SHA-256 of all before


def cache_folder() -> Path:
    """Where analyses are kept."""
    return user_cache() / "analysis"


def cache_key(sha256: str, start: float, duration: float | None) -> str:
    """The name of an analysis: of these bytes, of this part, by this code."""
    return hashlib.sha256(f"{sha256} {start!r} {duration!r} {_code()}".encode()).hexdigest()


def recall(key: str) -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
    """The facts and arrays kept under a key; None if there are none or they are damaged."""
    path = cache_folder() / f"{key}.npz"
    try:
        data = path.read_bytes()
        body, digest = data[:-_DIGEST], data[-_DIGEST:]
        if hashlib.sha256(body).digest() != digest:
            return None
        with np.load(io.BytesIO(body), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError):
        return None
    touch(path)
    return json.loads(str(arrays.pop("facts"))), arrays


def remember(key: str, facts: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Keep facts (JSON) and arrays under a key, whole or not at all; where the folder cannot be written, do nothing."""
    body = io.BytesIO()
    entries: dict[str, Any] = {"facts": np.array(json.dumps(facts)), **arrays}
    np.savez(body, **entries)
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, suffix=".part", delete=False) as file:
            file.write(body.getvalue() + hashlib.sha256(body.getvalue()).digest())
        Path(file.name).replace(folder / f"{key}.npz")
        drop_oldest(folder, _LIMIT)
    except OSError:
        return


def touch(path: Path) -> None:
    """A file counts as used now; one that may only be read stays as it is."""
    with suppress(OSError):
        os.utime(path)


def drop_oldest(folder: Path, limit: int) -> None:
    """Remove the files of a folder that were used the longest ago, until it holds no more bytes than the limit."""
    newest_first = sorted(
        filter(Path.is_file, folder.iterdir()), key=lambda path: path.stat().st_mtime_ns, reverse=True
    )
    total = 0
    for path in newest_first:
        total += path.stat().st_size
        if total > limit:
            path.unlink()


@cache
def _code() -> str:
    """A digest of the code that analyses and its network, so that a change of them never meets an older result."""
    digest, folder = hashlib.sha256(), Path(__file__).parents[1]
    for path in sorted([*folder.rglob("*.py"), *folder.rglob("*.safetensors")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()
