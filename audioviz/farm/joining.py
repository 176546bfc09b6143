"""Joining: the chunks of a film and the sound of its song become the video."""

from pathlib import Path
from tempfile import TemporaryDirectory

from audioviz.audio.reading.carried import sound_for_ffmpeg
from audioviz.errors import InputError
from audioviz.farm.films import Film, FilmPlan
from audioviz.farm.one_chunk import there
from audioviz.farm.store import Store
from audioviz.video.chunks import sha256_of
from audioviz.video.mux import mux


def join_film(film: Film, plan: FilmPlan, store: Store) -> None:
    """Make the video of a film whose chunks are in the store.

    Raises
    ------
    NotThere
        If a chunk was lost from the store.
    InputError
        If the song is another by now.
    EncodeError
        If the video cannot be written.
    """
    song = film.project.song.path
    if sha256_of(song.resolve()) not in (plan.song_sha256, None):
        raise InputError(f"{song} was changed while its video was being made: give the same command again")
    with TemporaryDirectory(prefix="audioviz-") as folder, sound_for_ffmpeg(song) as sound:
        chunks = [Path(folder, f"{number:06d}") for number in range(len(plan.chunks))]
        for chunk, path in zip(plan.chunks, chunks):
            path.write_bytes(there(store, chunk.key))
        mux(chunks, sound, film.out, clock=plan.shown, start=plan.begin, metadata=plan.metadata, codec=plan.codec)
