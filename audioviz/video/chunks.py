"""Which chunks of a work folder are still what the render needs."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from audioviz.clock import Clock
from audioviz.files import open_plain
from audioviz.video.encode import encoder_name
from audioviz.video.manifest import Chunk, Manifest

FRAMES, LATENT = "h264", "safetensors"
MAX_LATENT_BYTES = 512 * 2**20


@dataclass(frozen=True)
class ChunkPlan:
    """Which frames each chunk holds, where it lies, and what its frames are made from.

    Parameters
    ----------
    folder : Path
        The work folder.
    clock : Clock
        The T frames.
    size : (width, height)
        Pixels.
    identity : dict, as JSON has them
        What all frames depend on.
    length : int >= 1
        Frames in a chunk; the last one may hold fewer.
    ends : tuple of str
        For each chunk the SHA-256 of all that determines the frames up to its end.
    """

    folder: Path
    clock: Clock
    size: tuple[int, int]
    identity: dict
    length: int
    ends: tuple[str, ...]

    @classmethod
    def of(
        cls, folder: Path, *, clock: Clock, size: tuple[int, int], identity: dict, digests: Sequence[str], length: int
    ) -> "ChunkPlan":
        """Cut T frames, each with a digest of what it depends on by itself, into chunks."""
        identity = {**identity, "encoder": encoder_name()}
        identity = json.loads(json.dumps(identity, sort_keys=True))  # as the manifest will give it back
        ground = [identity, str(clock.fps), size]
        digest = hashlib.sha256(json.dumps(ground).encode()).hexdigest()
        ends = []
        for frame, own in enumerate(digests, start=1):
            digest = hashlib.sha256(f"{digest} {own}".encode()).hexdigest()
            if frame % length == 0 or frame == clock.frames:
                ends.append(digest)
        return cls(folder, clock, size, identity, length, tuple(ends))

    def frames(self, index: int) -> int:
        """Number of frames in a chunk."""
        return min(self.length, self.clock.frames - index * self.length)

    def path(self, index: int, kind: str) -> Path:
        """The file of a chunk's FRAMES or LATENT."""
        return self.folder / f"{index:06d}.{kind}"


def valid_chunks(plan: ChunkPlan, found: Manifest) -> tuple[tuple[Chunk, ...], str]:
    """The leading chunks that can be kept, and, if there are others, why they cannot."""
    for index, chunk in enumerate(found.chunks):
        anew = f"frames from {index * plan.length} on are made anew"
        if index >= len(plan.ends) or (chunk.frames, chunk.digest) != (plan.frames(index), plan.ends[index]):
            changed = [
                key
                for key in sorted({*found.identity, *plan.identity})
                if found.identity.get(key) != plan.identity.get(key)
            ]
            return found.chunks[:index], f"{anew}: {', '.join(changed) or 'the schedule'} changed"
        if (
            sha256_of(plan.path(index, FRAMES)) != chunk.video
            or sha256_of(plan.path(index, LATENT)) != chunk.latent
            or read_latent(plan.path(index, LATENT)) is None
        ):
            return found.chunks[:index], f"{anew}: the earlier work is damaged there"
    return found.chunks, ""


def sha256_of(path: Path) -> str | None:
    """SHA-256 of a file's content, hexadecimal; None if it is not a plain file that can be read."""
    try:
        return digest_of(path)
    except OSError:
        return None


def digest_of(path: Path) -> str:
    """SHA-256 of a plain file's content, hexadecimal; an OSError if it is none or cannot be read."""
    with open_plain(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_latent(path: Path) -> np.ndarray | None:
    """The float32 array of a latent's file; None if it holds anything else."""
    try:
        if path.stat().st_size > MAX_LATENT_BYTES:
            return None
        tensors = load(path.read_bytes())
    except (OSError, SafetensorError, KeyError, ValueError, TypeError):
        return None
    latent = tensors.get("latent")
    return latent if latent is not None and latent.dtype == np.float32 else None
