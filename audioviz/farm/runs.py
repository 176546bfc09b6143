"""Runs of a film as pieces and chunks, each under a key that tells all that it depends on.

A piece depends on its run alone: a film that is edited in one shot has the others still.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from audioviz.digests import json_digest
from audioviz.farm.films import Chunk, FilmPlan, Piece
from audioviz.rendering.estimate import CHUNK_SECONDS

if TYPE_CHECKING:
    from audioviz.audio.song import Song
    from audioviz.rendering.prepare import Prepared
    from audioviz.schedule.schedule import Schedule
    from audioviz.video.chunks import PicturePlan


def film_plan(ready: "Prepared", song: "Song", schedule: "Schedule") -> FilmPlan:
    """The plan of a film that is prepared."""
    from audioviz.rendering.prepare import metadata_of

    table, length = ready.table, max(1, round(CHUNK_SECONDS * ready.fps))
    identity = {**ready.identity, "frame rate": str(ready.fps)}
    rows = [table.digest(i) for i in range(len(table))]
    pieces = pieces_of(ready.batches.runs, rows, identity, length=length)
    return FilmPlan(
        identity=identity,
        tiled=ready.model.autoencoder.tiled,
        folder=folder_of(identity),
        pieces=pieces,
        chunks=chunks_of(pieces, ready.pictures, length=length, looks_back=ready.finisher.looks_back),
        metadata=metadata_of(ready, song, schedule),
        shown=ready.shown,
        begin=ready.begin,
        codec=ready.codec.name,
        song_sha256=song.sha256,
        first=table.part.start,
        seeds=tuple(table.columns["seed"].tolist()),
    )


def folder_of(identity: dict[str, Any]) -> str:
    """What the names of all begin with that depends on an identity."""
    return json_digest(identity)[:16]


def pieces_of(
    runs: Sequence[range], rows: Sequence[str], identity: dict[str, Any], *, length: int
) -> tuple[Piece, ...]:
    """Runs, cut where chunks begin.

    Parameters
    ----------
    rows : T strings
        What each frame depends on besides the identity and those before it in its run.
    length : int
        Frames of a chunk.
    """
    pieces = []
    whole = json_digest(identity)
    for run in runs:
        digest, after = whole, ""
        for span in _cut(run, length):
            for i in span:
                digest = json_digest([digest, rows[i]])
            after_this = f"{folder_of(identity)}/{json_digest([digest, len(span)])}.latents"
            pieces.append(Piece(span, after_this, after))
            after = after_this
    return tuple(pieces)


def chunks_of(pieces: Sequence[Piece], pictures: "PicturePlan", *, length: int, looks_back: bool) -> tuple[Chunk, ...]:
    """The chunks of all pieces.

    Parameters
    ----------
    pictures : PicturePlan
        What they depend on besides the latents.
    looks_back : bool
        Whether that includes the latents before.
    """
    chunks: list[Chunk] = []
    folder, whole = pieces[0].key.partition("/")[0], json_digest(pictures.whole_identity)
    first = 0
    for span in _cut(range(pieces[-1].frames.stop), length):
        last = first
        while last < len(pieces) and pieces[last].frames.start < span.stop:
            last += 1
        shown = [piece.key for piece in pieces[max(first - looks_back, 0) : last]]
        after = chunks[-1].key if chunks and pictures.carries else ""
        own = list(pictures.digests[span.start : span.stop])
        key = f"{folder}/{json_digest([whole, shown, own, pictures.carries, after])}.{pictures.codec.ending}"
        chunks.append(Chunk(span, range(first, last), key, looks_back and first > 0, after))
        first = last
    return tuple(chunks)


def _cut(frames: range, length: int) -> Iterator[range]:
    """Frames, cut at each multiple of a length."""
    start = frames.start
    while start < frames.stop:
        stop = min(frames.stop, (start // length + 1) * length)
        yield range(start, stop)
        start = stop
