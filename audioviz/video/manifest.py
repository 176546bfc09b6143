"""What a work folder says about itself: read as if a stranger had written it."""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from audioviz.files import write_whole

FORMAT = "audioviz work 1"
MAX_BYTES = 32 * 2**20
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Chunk:
    """One finished chunk. All but the number of frames are SHA-256, in hexadecimal."""

    frames: int
    digest: str  # of all that determines the frames up to the end of the chunk
    video: str  # of the file of its frames
    latent: str  # of the file of the latent after it


@dataclass(frozen=True)
class Manifest:
    """The identity that the caller named, and the finished chunks in order."""

    identity: dict
    chunks: tuple[Chunk, ...] = ()


def read_manifest(path: Path) -> Manifest | None:
    """The manifest of a work folder, or None if it is missing or anything in it is odd."""
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_BYTES:
            return None
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        return None
    identity, entries = content.get("identity"), content.get("chunks")
    if not isinstance(identity, dict) or not isinstance(entries, list):
        return None
    if not all(_is_chunk(entry) for entry in entries):
        return None
    return Manifest(identity, tuple(Chunk(**entry) for entry in entries))


def _is_chunk(entry: object) -> bool:
    if not isinstance(entry, dict) or entry.keys() != Chunk.__annotations__.keys():
        return False
    hashes = (entry["digest"], entry["video"], entry["latent"])
    return type(entry["frames"]) is int and all(isinstance(h, str) and _SHA256.fullmatch(h) for h in hashes)


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Replace the manifest on the disk, atomically."""
    write_whole(path, json.dumps({"format": FORMAT, **asdict(manifest)}, indent=1).encode())
