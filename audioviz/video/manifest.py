"""What a work folder says about itself: read as if a stranger had written it."""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from audioviz.files import write_whole

FORMAT = "audioviz work 2"
MAX_BYTES = 32 * 2**20
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Chunk:
    """One chunk. All but the number of frames are SHA-256, in hexadecimal; of what it has not, empty."""

    frames: int  # that were sampled
    digest: str  # of all that determines their latents
    latents: str  # of the file of those
    finish: str = ""  # of all that determines its pictures besides
    pictures: str = ""  # of the file of its pictures
    state: str = ""  # of the file of what finishing the next chunk begins with


@dataclass(frozen=True)
class Manifest:
    """The identities of latents and of pictures that the caller named, and the chunks in order."""

    identity: dict
    finish: dict
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
    identity, finish, entries = (content.get(name) for name in ("identity", "finish", "chunks"))
    if not isinstance(identity, dict) or not isinstance(finish, dict) or not isinstance(entries, list):
        return None
    if not all(_is_chunk(entry) for entry in entries):
        return None
    return Manifest(identity, finish, tuple(Chunk(**entry) for entry in entries))


def _is_chunk(entry: object) -> bool:
    if not isinstance(entry, dict) or entry.keys() != Chunk.__annotations__.keys():
        return False
    needed, others = ("digest", "latents"), ("finish", "pictures", "state")
    hashes = [entry[name] for name in needed] + [entry[name] for name in others if entry[name] != ""]
    return type(entry["frames"]) is int and all(isinstance(h, str) and _SHA256.fullmatch(h) for h in hashes)


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Replace the manifest on the disk, atomically."""
    write_whole(path, json.dumps({"format": FORMAT, **asdict(manifest)}, indent=1).encode())
