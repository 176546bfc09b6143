"""One chunk of a film, as `make_pictures` wants its work: latents and pictures come from a store and go there."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from safetensors.numpy import load

from audioviz.farm.faults import NotThere
from audioviz.farm.films import Chunk, FilmPlan
from audioviz.farm.store import Store
from audioviz.video.chunks import Latents, PicturePlan, tensor_bytes
from audioviz.video.encode import VideoWriter


class OneChunk:
    """A chunk whose pictures are to be made: of latents that are there, or that are sampled now as its only piece.

    As a context manager it drops what is not whole.
    """

    def __init__(self, plan: FilmPlan, chunk: Chunk, store: Store, pictures: PicturePlan, *, sampled: bool):
        self._plan, self._chunk, self._store, self._pictures = plan, chunk, store, pictures
        self._sampled = sampled
        self._writer: VideoWriter | None = None
        self._folder = TemporaryDirectory(prefix="audioviz-", ignore_cleanup_errors=True)
        self._file = Path(self._folder.name) / "chunk"

    def missing(self) -> Iterator[range]:
        """Its frames."""
        yield self._chunk.frames

    def kept(self) -> Latents | None:
        """Its latents; None where they are sampled."""
        if self._sampled:
            return None
        found = [read_piece(self._store, piece.key) for piece in self._pieces]
        return Latents(np.concatenate([latents.shown for latents in found]), found[-1].last)

    def before(self) -> tuple[np.ndarray | None, dict[str, np.ndarray]]:
        """The latent before it and the state that the chunk before it left, where they are needed."""
        latent, state = None, {}
        if self._chunk.looks_back:
            latent = read_piece(self._store, self._plan.pieces[self._chunk.pieces.start - 1].key).shown[-1:]
        if self._chunk.after:
            before = next(chunk for chunk in self._plan.chunks if chunk.key == self._chunk.after)
            state = load(there(self._store, before.state))
        return latent, state

    def write(self, picture: np.ndarray) -> None:
        """As that of `Work`."""
        if self._writer is None:
            pictures = self._pictures
            self._writer = VideoWriter(self._file, fps=pictures.fps, size=pictures.size, codec=pictures.codec)
        self._writer.write(picture)

    def finish_chunk(self, latents: Latents | None, state: Mapping[str, np.ndarray] | None = None) -> None:
        """Put all of it into the store, the pictures last."""
        assert self._writer is not None, "a chunk has pictures"
        self._writer.close()
        self._writer = None
        if latents is not None:
            (piece,) = self._pieces
            self._store.put(piece.key, tensor_bytes(latents.arrays))
        if self._pictures.carries:
            self._store.put(self._chunk.state, tensor_bytes(state or {}))
        self._store.put(self._chunk.key, self._file.read_bytes())

    def __enter__(self) -> "OneChunk":
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.abort()
        self._folder.cleanup()

    @property
    def _pieces(self) -> Sequence:
        return [self._plan.pieces[number] for number in self._chunk.pieces]


def read_piece(store: Store, key: str) -> Latents:
    """The latents of a piece.

    Raises
    ------
    NotThere
    """
    return Latents(**load(there(store, key)))


def there(store: Store, key: str) -> bytes:
    """What stands under a key.

    Raises
    ------
    NotThere
    """
    content = store.get(key)
    if content is None:
        raise NotThere(f"{key} is not in the store any more")
    return content
