"""Chunks of a render that survive a crash.

The work folder stands beside the output (`my.audioviz/` for `my.mp4`) and holds, for chunk i, the latents of its frames
(`000012.safetensors`), their pictures, encoded from a keyframe on (`000012.h264`, or the ending of another codec), and,
where pictures depend on those before, what the next chunk begins with (`000012.state.safetensors`); and one
`manifest.json`; besides, `render.log`, which whoever renders may write, and `render.lock`, which keeps others out
meanwhile. A file counts only when the manifest names it, it has the content that the manifest says, and it was made
from exactly what it depends on now. Names of files are computed, never read.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import numpy as np

from audioviz.clock import Clock
from audioviz.digests import plain_digest
from audioviz.errors import EncodeError, InputError
from audioviz.files import part_of, put, remove, write_whole
from audioviz.video.chunks import (
    ENDINGS,
    KINDS,
    LATENTS,
    PICTURES,
    STATE,
    ChunkPlan,
    Latents,
    PicturePlan,
    read_latents,
    read_tensors,
    tensor_bytes,
    valid_chunks,
)
from audioviz.video.encode import VideoWriter, check_format
from audioviz.video.lock import LOCK, FolderLock, lock_for
from audioviz.video.manifest import Chunk, Manifest, read_manifest, write_manifest

MANIFEST = "manifest.json"
LOG = "render.log"
HURRY_SECONDS = 1.0  # that an interruption waits for the chunk on its way to the disk
_OURS = re.compile(rf"render\.log|\.?(\d{{6}}\.({'|'.join(map(re.escape, ENDINGS))})|manifest\.json)(\.part)?")


class Work:
    """The latents and pictures of a render that are already made, and room for the rest. `Work.open` makes one.

    Go through `missing()`; of each chunk sample the latents from frame `done` on, or take those that it `kept`, write
    its pictures, and hand over the latents by `finish_chunk`. As a context manager it gives up its lock at the end and
    keeps what is finished, also after an exception.

    Attributes
    ----------
    folder : Path
        The work folder.
    log : Path
        The file in it for the story of the render; it stays when the work is opened again.
    done : int
        Frames whose latents were there when it was opened: the number of the first one to sample.
    latent : float32 array or None
        The latent after frame done - 1; None if done is 0.
    note : str
        Why not all the work that was found could be kept; empty if there is nothing to say.
    """

    def __init__(self, plan: ChunkPlan, lock: FolderLock, chunks: tuple[Chunk, ...], note: str):
        self.folder = plan.folder
        self.log = plan.folder / LOG
        self.done = sum(chunk.frames for chunk in chunks)
        last = read_latents(plan.path(len(chunks) - 1, LATENTS)) if chunks else None
        self.latent = last.last if last else None
        self.note = note
        self._plan = plan
        self._lock = lock
        self._chunks = list(chunks)  # as in the manifest on the disk; only the committer's thread changes it
        self._index = -1  # of the chunk that is being written
        self._writer: VideoWriter | None = None
        self._committer = ThreadPoolExecutor(1)
        self._commit: Future[None] | None = None
        self._closing: VideoWriter | None = None  # of the chunk that is on its way to the disk

    @classmethod
    def open(
        cls,
        out: Path,
        *,
        clock: Clock,
        identity: dict,
        digests: Sequence[str],
        pictures: PicturePlan,
        chunk: int,
        resume: bool = True,
    ) -> "Work":
        """Lock the work folder of an output and find what of it can be kept.

        Parameters
        ----------
        out : Path
            The video that the frames are for.
        clock : Clock
            The T frames.
        identity : dict, as JSON has them
            What all latents depend on: model, versions, options.
        digests : T strings
            What the latent of frame k depends on besides the identity and the frames before it.
        pictures : PicturePlan
        chunk : int >= 1
            Frames in a chunk. A crash loses at most the frames of one, and those still in the encoder.
        resume : bool
            False keeps nothing.

        Raises
        ------
        InputError
            If the size cannot be encoded, the output's folder is missing or cannot be written, or another render
            to the same output is running.
        """
        assert len(digests) == clock.frames and chunk >= 1
        check_format(pictures.fps, pictures.size, pictures.codec)
        folder = work_folder(out)
        plan = ChunkPlan.of(folder, clock=clock, identity=identity, digests=digests, pictures=pictures, length=chunk)
        try:
            lock = lock_for(out, folder)
            try:
                found = read_manifest(folder / MANIFEST) if resume else None
                chunks, note = valid_chunks(plan, found) if found else ((), "")
                # First, for a full disk's sake. What stays is judged by its content again, whenever we are stopped.
                _clear(
                    folder,
                    keep={
                        plan.path(index, kind).name
                        for index, chunk in enumerate(chunks)
                        for kind in (KINDS if chunk.finish else (LATENTS,))
                    }
                    | {LOG, LOCK}
                    | ({MANIFEST} if found else set()),
                )
                write_manifest(folder / MANIFEST, Manifest(plan.identity, plan.finish, chunks))
            except BaseException:
                lock.close()
                raise
        except OSError as error:
            raise InputError(
                f"{folder} cannot be written ({error.strerror}): free space or restore rights there, or "
                "choose another output"
            ) from error
        return cls(plan, lock, chunks, note)

    @property
    def size(self) -> int:
        """Bytes of the finished chunks."""
        paths = [self._plan.path(index, kind) for index in range(len(self._chunks)) for kind in KINDS]
        return sum(path.stat().st_size for path in paths if path.is_file())

    @property
    def finished(self) -> int:
        """Frames whose pictures are there."""
        return sum(chunk.frames for chunk in self._chunks if chunk.finish)

    def missing(self) -> Iterator[range]:
        """The frames of each chunk whose pictures are to be made, in order; finish one before the next."""
        for index in range(len(self._plan.ends)):
            if index >= len(self._chunks) or not self._chunks[index].finish:
                self._index = index
                yield self._plan.span(index)
                assert self._writer is None, "the chunk before is not finished"

    def kept(self) -> Latents | None:
        """The latents of the chunk that is to be made, where they are there already.

        Raises
        ------
        EncodeError
            If they cannot be read any more.
        """
        return None if self._plan.span(self._index).start >= self.done else self._latents(self._index)

    def before(self) -> tuple[np.ndarray | None, dict[str, np.ndarray]]:
        """What stands before the chunk that is to be made.

        Returns
        -------
        latent : float16, shape (1, C, H, W)
            That of the frame before it, as it is shown; None before the first.
        state : dict of arrays
            That was handed over with the chunk before it.
        """
        if self._index == 0:
            return None, {}
        self._settle()
        stateful = self._chunks[self._index - 1].state
        state = read_tensors(self._plan.path(self._index - 1, STATE)) if stateful else {}
        if state is None:
            raise self._unreadable()
        return self._latents(self._index - 1).shown[-1:], state

    def _latents(self, index: int) -> Latents:
        self._settle()
        latents = read_latents(self._plan.path(index, LATENTS))
        if latents is None:
            raise self._unreadable()
        return latents

    def _unreadable(self) -> EncodeError:
        return EncodeError(f"{self.folder} was changed while a render was using it: start the same render again")

    def write(self, picture: np.ndarray) -> None:
        """Hand over the next picture: uint8, shape (H, W, 3).

        Raises
        ------
        InputError
            If it is of another shape or type.
        EncodeError
            If the encoder failed, for this picture or an earlier one.
        """
        if self._commit is not None and self._commit.done():
            self._settle()
        if self._writer is None:
            pictures = self._plan.pictures
            path = part_of(self._plan.path(self._index, PICTURES))
            self._writer = VideoWriter(path, fps=pictures.fps, size=pictures.size, codec=pictures.codec)
        self._writer.write(picture)

    def finish_chunk(self, latents: Latents | None, state: Mapping[str, np.ndarray] | None = None) -> None:
        """Bring a whole chunk to the disk while the next frames are made.

        Parameters
        ----------
        latents : Latents
            Of its frames; None where they were kept.
        state : mapping of arrays, optional
            What its last picture leaves to the next one.

        Raises
        ------
        EncodeError
            If an earlier chunk could not be written. What becomes of this one shows at the next call.
        """
        self._settle()
        writer, self._writer = self._writer, None
        assert writer is not None, "a chunk has pictures"
        self._closing = writer
        self._commit = self._committer.submit(self._commit_chunk, self._index, writer, latents, dict(state or {}))

    def _commit_chunk(
        self, index: int, writer: VideoWriter, latents: Latents | None, state: dict[str, np.ndarray]
    ) -> None:
        paths = {kind: self._plan.path(index, kind) for kind in KINDS}
        writer.close()
        try:
            if latents is not None:
                write_whole(paths[LATENTS], tensor_bytes(latents.arrays))
            if state:
                write_whole(paths[STATE], tensor_bytes(state))
            put(part_of(paths[PICTURES]), paths[PICTURES])
            self._chunks[index:] = [
                Chunk(
                    frames=len(self._plan.span(index)),
                    digest=self._plan.ends[index],
                    latents=plain_digest(paths[LATENTS]),
                    finish=self._plan.finishes[index],
                    pictures=plain_digest(paths[PICTURES]),
                    state=plain_digest(paths[STATE]) if state else "",
                ),
                *self._chunks[index + 1 :],
            ]
            manifest = Manifest(self._plan.identity, self._plan.finish, tuple(self._chunks))
            write_manifest(self.folder / MANIFEST, manifest)
        except OSError as error:
            raise EncodeError(
                f"{self.folder} cannot be written ({error.strerror}): free space or restore rights "
                "there, then start the same render again"
            ) from error

    def _settle(self) -> None:
        if self._commit is not None:
            self._commit.result()
            self._commit = None

    def chunks(self) -> list[Path]:
        """The files of all pictures, in order, when all are on the disk.

        Raises
        ------
        EncodeError
            If the last chunk could not be written.
        """
        self._settle()
        assert tuple(chunk.finish for chunk in self._chunks) == self._plan.finishes, "pictures are missing"
        return [self._plan.path(index, PICTURES) for index in range(len(self._plan.ends))]

    def close(self) -> None:
        """Drop the chunk that is being written, keep the finished ones, give up the lock. Harmless when closed."""
        if self._writer is not None:
            self._writer.abort()
            self._writer = None
        self._committer.shutdown(wait=True)
        self._lock.close()

    def discard(self) -> None:
        """Remove the work, which the finished video makes useless, and close. What others put in the folder stays.

        Raises
        ------
        EncodeError
            If the folder's rights forbid it.
        """
        self._committer.shutdown(wait=True)
        try:
            _clear(self.folder, keep={LOCK})
            self._lock.remove()
        except OSError as error:
            raise EncodeError(
                f"{self.folder} cannot be removed ({error.strerror}): nothing needs it any more, so remove it"
            ) from error
        self.close()

    def __enter__(self) -> "Work":
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        try:
            if kind is None:
                self._settle()
            elif not issubclass(kind, Exception):
                self._hurry()
        finally:
            self.close()

    def _hurry(self) -> None:
        """Whoever interrupts does not want to wait: a chunk that is not soon on the disk will be made again."""
        if self._closing is None or self._commit is None:
            return
        if not wait([self._commit], timeout=HURRY_SECONDS).done:
            self._closing.abort()


def work_folder(out: Path) -> Path:
    """Where the work for an output is kept."""
    return out.with_suffix(".audioviz")


def _clear(folder: Path, *, keep: set[str]) -> None:
    # The manifest first: whoever is killed here leaves none that names what is gone.
    for path in sorted(folder.iterdir(), key=lambda path: path.name != MANIFEST):
        if _OURS.fullmatch(path.name) and path.name not in keep:
            remove(path)
