"""Which chunks of a work folder are still what the render needs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from audioviz.clock import Clock
from audioviz.digests import json_digest, plain_digest
from audioviz.video.encode import encoder_name
from audioviz.video.formats import CODECS, H264, Codec
from audioviz.video.manifest import Chunk, Manifest

LATENTS, PICTURES, STATE = "safetensors", "pictures", "state.safetensors"
KINDS = (LATENTS, PICTURES, STATE)
ENDINGS = {LATENTS, STATE, *(codec.ending for codec in CODECS.values())}  # of the files of all kinds
MAX_TENSOR_BYTES = 2 * 2**30


@dataclass(frozen=True)
class PicturePlan:
    """The pictures that are made of the latents of T frames.

    Parameters
    ----------
    size : (width, height)
        Pixels, both even.
    fps : Fraction
        Pictures a second.
    identity : dict, as JSON has them
        What all pictures depend on besides their latents.
    digests : T strings, or none
        What the pictures of frame k depend on besides its latent, that of the frame before, and the identity.
    carries : bool
        Whether they also depend on the pictures before them.
    codec : Codec
        That they are encoded with.
    """

    size: tuple[int, int]
    fps: Fraction
    identity: dict = field(default_factory=dict)
    digests: Sequence[str] = ()
    carries: bool = False
    codec: Codec = H264

    @property
    def whole_identity(self) -> dict:
        """What all pictures depend on, the encoder too."""
        encoder = encoder_name(self.codec)
        return {**self.identity, "encoder": encoder, "size": self.size, "fps": str(self.fps)}


@dataclass(frozen=True)
class ChunkPlan:
    """Which frames each chunk holds, where it lies, and what its latents and its pictures are made from.

    Parameters
    ----------
    folder : Path
        The work folder.
    clock : Clock
        The T frames.
    pictures : PicturePlan
    identity, finish : dict, as JSON has them
        What all latents depend on, and all pictures besides.
    length : int >= 1
        Frames in a chunk; the last one may hold fewer.
    ends : tuple of str
        For each chunk the SHA-256 of all that determines the latents up to its end,
    finishes : tuple of str
        and of all that determines its pictures besides.
    """

    folder: Path
    clock: Clock
    pictures: PicturePlan
    identity: dict
    finish: dict
    length: int
    ends: tuple[str, ...]
    finishes: tuple[str, ...]

    @classmethod
    def of(
        cls,
        folder: Path,
        *,
        clock: Clock,
        identity: dict,
        digests: Sequence[str],
        pictures: PicturePlan,
        length: int,
    ) -> "ChunkPlan":
        """Cut T frames, each with a digest of what it depends on by itself, into chunks."""
        identity = _as_read({**identity, "frame rate": str(clock.fps)})
        finish = _as_read(pictures.whole_identity)
        digest, shown = json_digest(identity), json_digest(finish)
        ends, finishes = [], []
        for start in range(0, clock.frames, length):
            span = slice(start, start + length)
            for own in digests[span]:
                digest = json_digest([digest, own])
            last = finishes[-1] if finishes and pictures.carries else ""
            finishes.append(json_digest([shown, digest, *pictures.digests[span], pictures.carries, last]))
            ends.append(digest)
        return cls(folder, clock, pictures, identity, finish, length, tuple(ends), tuple(finishes))

    def span(self, index: int) -> range:
        """The frames of a chunk."""
        return range(index * self.length, min((index + 1) * self.length, self.clock.frames))

    def path(self, index: int, kind: str) -> Path:
        """The file of a chunk's LATENTS, PICTURES or STATE."""
        return self.folder / f"{index:06d}.{self.pictures.codec.ending if kind == PICTURES else kind}"


def _as_read(identity: dict) -> dict:
    """An identity as the manifest will give it back."""
    return json.loads(json.dumps(identity, sort_keys=True))


def valid_chunks(plan: ChunkPlan, found: Manifest) -> tuple[tuple[Chunk, ...], str]:
    """The leading chunks whose latents can be kept, with their pictures where those can be; and why others cannot."""
    kept, note = [], ""
    for index, chunk in enumerate(found.chunks):
        anew = f"frames from {index * plan.length} on are made anew"
        if index >= len(plan.ends) or (chunk.frames, chunk.digest) != (len(plan.span(index)), plan.ends[index]):
            note = f"{anew}: {_changes(found.identity, plan.identity)}"
            break
        if sha256_of(plan.path(index, LATENTS)) != chunk.latents or read_latents(plan.path(index, LATENTS)) is None:
            note = f"{anew}: the earlier work is damaged there"
            break
        if not _has_pictures(plan, index, chunk):
            if chunk.finish and not note:
                damaged = chunk.finish == plan.finishes[index]
                why = (
                    "the earlier work is damaged there"
                    if damaged
                    else _changes(found.finish, plan.finish, "the schedule or the words")
                )
                note = f"pictures from frame {index * plan.length} on are finished anew: {why}"
            chunk = Chunk(chunk.frames, chunk.digest, chunk.latents)
        kept.append(chunk)
    return tuple(kept), note


def _has_pictures(plan: ChunkPlan, index: int, chunk: Chunk) -> bool:
    """Whether the pictures of a chunk, and the state after them, are there as they have to be."""
    state = plan.path(index, STATE)
    return (
        chunk.finish == plan.finishes[index]
        and sha256_of(plan.path(index, PICTURES)) == chunk.pictures
        and (not chunk.state or (sha256_of(state) == chunk.state and read_tensors(state) is not None))
    )


def _changes(found: dict, wanted: dict, otherwise: str = "the schedule") -> str:
    changed = [key for key in sorted({*found, *wanted}) if found.get(key) != wanted.get(key)]
    return f"{', '.join(changed) or otherwise} changed"


def sha256_of(path: Path) -> str | None:
    """SHA-256 of a file's content, hexadecimal; None if it is not a plain file that can be read."""
    try:
        return plain_digest(path)
    except OSError:
        return None


@dataclass(frozen=True)
class Latents:
    """The latents of a chunk.

    Parameters
    ----------
    shown : float16, shape (n, C, H, W)
        Of each of its frames, as pictures are decoded from them.
    last : float32, shape (1, C, H, W)
        Of the last one, as the next frame is made from it.
    decoded : uint8, shape (n, height, width, 3), optional
        Their pictures, where they are kept.
    """

    shown: np.ndarray
    last: np.ndarray
    decoded: np.ndarray | None = None

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """Those that are there, by name."""
        return {name: value for name, value in vars(self).items() if value is not None}


def read_latents(path: Path) -> Latents | None:
    """What the file of a chunk's latents holds; None if it holds anything else."""
    tensors = read_tensors(path) or {}
    kinds = {name: tensor.dtype for name, tensor in tensors.items()}
    decoded = {"decoded": np.uint8} if "decoded" in kinds else {}
    return Latents(**tensors) if kinds == {"shown": np.float16, "last": np.float32} | decoded else None


def read_tensors(path: Path) -> dict[str, np.ndarray] | None:
    """The arrays of a safetensors file; None if it is none."""
    try:
        return None if path.stat().st_size > MAX_TENSOR_BYTES else load(path.read_bytes())
    except (OSError, SafetensorError, KeyError, ValueError, TypeError):
        return None


def tensor_bytes(arrays: Mapping[str, np.ndarray]) -> bytes:
    """A safetensors file; `save` writes what lies in memory, in whatever order the axes are there."""
    return save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
