"""Chunks of a render that survive a crash.

The work folder stands beside the output (`my.audioviz/` for `my.mp4`) and holds, for chunk i, its frames as H.264 that
starts with a keyframe (`000012.h264`) and the latent after it (`000012.safetensors`), and one `manifest.json`; besides,
`render.log`, which whoever renders may write, and `render.lock`, which keeps others out meanwhile. A chunk counts only
when the manifest names it, both files have the content that the manifest says, and it was made from exactly what its
frames depend on now. Names of files are computed, never read.
"""

import re
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from audioviz.clock import Clock
from audioviz.errors import EncodeError, InputError
from audioviz.files import part_of, put, remove, write_whole
from audioviz.video.chunks import FRAMES, LATENT, ChunkPlan, digest_of, read_latent, valid_chunks
from audioviz.video.encode import VideoWriter, check_format
from audioviz.video.lock import LOCK, FolderLock
from audioviz.video.manifest import Chunk, Manifest, read_manifest, write_manifest

MANIFEST = "manifest.json"
LOG = "render.log"
HURRY_SECONDS = 1.0  # that an interruption waits for the chunk on its way to the disk
_OURS = re.compile(
    r"render\.log|(\d{6}\.(h264|safetensors)|manifest\.json)"
    r"|\.(\d{6}\.(h264|safetensors)|manifest\.json)\.part"
)


class Work:
    """The frames of a render that are already finished, and room for the rest. `Work.open` makes one.

    Write the frames from number `done` on; whenever `chunk_full`, hand over the latent by `finish_chunk`. As a context
    manager it gives up its lock at the end and keeps what is finished, also after an exception.

    Attributes
    ----------
    folder : Path
        The work folder.
    log : Path
        The file in it for the story of the render; it stays when the work is opened again.
    done : int
        Frames that were finished when it was opened: the number of the first one to make.
    latent : float32 array or None
        The latent after frame done - 1; None if done is 0.
    note : str
        Why not all the work that was found could be kept; empty if there is nothing to say.
    """

    def __init__(self, plan: ChunkPlan, lock: FolderLock, chunks: tuple[Chunk, ...], note: str):
        self.folder = plan.folder
        self.log = plan.folder / LOG
        self.done = sum(chunk.frames for chunk in chunks)
        self.latent = read_latent(plan.path(len(chunks) - 1, LATENT)) if chunks else None
        self.note = note
        self._plan = plan
        self._lock = lock
        self._manifest = Manifest(plan.identity, chunks)  # as it is on the disk; only the committer's thread changes it
        self._index = len(chunks)  # of the chunk that is being written
        self._count = 0  # of its frames
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
        size: tuple[int, int],
        identity: dict,
        digests: Sequence[str],
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
        size : (width, height)
            Pixels, both even.
        identity : dict, as JSON has them
            What all frames depend on: model, versions, options.
        digests : T strings
            What frame k depends on besides the identity and the frames before it.
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
        check_format(clock.fps, size)
        folder = out.with_suffix(".audioviz")
        plan = ChunkPlan.of(folder, clock=clock, size=size, identity=identity, digests=digests, length=chunk)
        try:
            lock = _lock(out, folder)
            try:
                found = read_manifest(folder / MANIFEST) if resume else None
                chunks, note = valid_chunks(plan, found) if found else ((), "")
                # First, for a full disk's sake. What stays is judged by its content again, whenever we are stopped.
                _clear(
                    folder,
                    keep={plan.path(index, kind).name for index in range(len(chunks)) for kind in (FRAMES, LATENT)}
                    | {LOG, LOCK}
                    | ({MANIFEST} if found else set()),
                )
                write_manifest(folder / MANIFEST, Manifest(plan.identity, chunks))
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
        return sum(
            self._plan.path(index, kind).stat().st_size
            for index in range(len(self._manifest.chunks))
            for kind in (FRAMES, LATENT)
        )

    @property
    def chunk_full(self) -> bool:
        """Whether the chunk that is being written has all its frames, so that its latent is due."""
        return self._index < len(self._plan.ends) and self._count == self._plan.frames(self._index)

    def write(self, frame: np.ndarray) -> None:
        """Hand over the next frame: uint8, shape (H, W, 3).

        Raises
        ------
        InputError
            If it is of another shape or type.
        EncodeError
            If the encoder failed, for this frame or an earlier one.
        """
        assert self._index < len(self._plan.ends) and not self.chunk_full, "a latent is due, or all frames are written"
        if self._commit is not None and self._commit.done():
            self._settle()
        if self._writer is None:
            self._writer = VideoWriter(
                part_of(self._plan.path(self._index, FRAMES)), fps=self._plan.clock.fps, size=self._plan.size
            )
        self._writer.write(frame)
        self._count += 1

    def finish_chunk(self, latent: np.ndarray) -> None:
        """Bring a full chunk to the disk while the next frames are made.

        Parameters
        ----------
        latent : float32 array, any shape
            What the frame after this chunk is made from.

        Raises
        ------
        EncodeError
            If an earlier chunk could not be written. What becomes of this one shows at the next call.
        """
        assert self.chunk_full and latent.dtype == np.float32
        self._settle()
        writer, self._writer = self._writer, None
        assert writer is not None, "a full chunk has a writer"
        self._closing = writer
        self._commit = self._committer.submit(self._commit_chunk, self._index, writer, latent.copy())
        self._index += 1
        self._count = 0

    def _commit_chunk(self, index: int, writer: VideoWriter, latent: np.ndarray) -> None:
        frames, after = self._plan.path(index, FRAMES), self._plan.path(index, LATENT)
        writer.close()
        try:
            put(part_of(frames), frames)
            write_whole(after, save({"latent": latent}))
            chunk = Chunk(self._plan.frames(index), self._plan.ends[index], digest_of(frames), digest_of(after))
            self._manifest = replace(self._manifest, chunks=(*self._manifest.chunks, chunk))
            write_manifest(self.folder / MANIFEST, self._manifest)
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
        """The files of all frames, in order, when all are on the disk.

        Raises
        ------
        EncodeError
            If the last chunk could not be written.
        """
        self._settle()
        assert len(self._manifest.chunks) == len(self._plan.ends), "frames are missing"
        return [self._plan.path(index, FRAMES) for index in range(len(self._plan.ends))]

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


def _lock(out: Path, folder: Path) -> FolderLock:
    """Hold the work folder of an output alone."""
    if not out.parent.is_dir():
        raise InputError(f"output folder {out.parent} does not exist: create it, or choose another output")
    if out.is_dir():
        raise InputError(f"output {out} is a folder: give the name of a file, such as {out / 'video.mp4'}")
    try:
        return FolderLock(folder)
    except BlockingIOError as error:
        raise InputError(f"another render to {out} is running: wait for it, or choose another output") from error


def _clear(folder: Path, *, keep: set[str]) -> None:
    # The manifest first: whoever is killed here leaves none that names what is gone.
    for path in sorted(folder.iterdir(), key=lambda path: path.name != MANIFEST):
        if _OURS.fullmatch(path.name) and path.name not in keep:
            remove(path)
