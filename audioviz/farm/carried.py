"""Files of a film that travel through the store, for workers on machines that have them not."""

from dataclasses import replace
from pathlib import Path

from audioviz.digests import file_digest
from audioviz.errors import InputError
from audioviz.farm.films import Film
from audioviz.farm.store import Store
from audioviz.files import user_cache, write_whole
from audioviz.project import Project
from audioviz.project.files import with_paths
from audioviz.rendering.check import files_of


def carried(film: Film, store: Store) -> Film:
    """The film with all files of its project but those of its model, which are put into the store."""
    files, there = {}, store.keys("files")
    for path in files_of(film.project):
        if path.is_file():
            name = f"files/{file_digest(path)}{path.suffix}"
            if name not in there:
                store.put(name, path.read_bytes())
            files[str(path)] = name
    return replace(film, files=files)


def with_files(film: Film, store: Store, cache: Path | None = None) -> Project:
    """The project of a film, with files of this machine.

    Raises
    ------
    InputError
        If a file is neither here nor in the store.
    """
    if not film.files:
        return film.project
    cache = cache or user_cache() / "farm"
    here = {Path(path): _here(Path(path), name, store, cache) for path, name in film.files.items()}
    return with_paths(film.project, lambda file: here.get(file, file), here.__contains__)


def _here(path: Path, name: str, store: Store, cache: Path) -> Path:
    """Where a file lies on this machine: as it was carried, under its own name, which a log may show."""
    place = cache / Path(name).stem / path.name
    if place.is_file():
        return place
    content = store.get(name)
    if content is None:
        raise InputError(f"{path}: it is not in the store {store.place} any more; give the same command again")
    place.parent.mkdir(parents=True, exist_ok=True)
    write_whole(place, content)
    return place
