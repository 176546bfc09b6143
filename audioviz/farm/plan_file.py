"""Plan files (YAML) of `audioviz batch`: many films, and what they share.

out: videos
shared:
  schedule: pulse
  fps: 24
films:
  - song: one.mp3
    prompts: [neon nebula, gold mandala]
  - song: two.mp3
    schedule: cuts
    settings: {every: 8}
    out: two-cuts.mp4
  - project: three.avz
    frame: vertical
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from audioviz.errors import InputError, nearest
from audioviz.farm.films import Film
from audioviz.files import user_path
from audioviz.project import Project, load_project
from audioviz.project.files import with_paths
from audioviz.video.formats import ending_for

MAX_BYTES = 16 * 2**20
KEYS = ("out", "shared", "films")


def read_plan(path: Path, *, trust: bool = False) -> list[Film]:
    """The films of a plan file; paths in it are told from its folder.

    Parameters
    ----------
    trust : bool
        Whether schedule scripts that it names, or that projects in it name, can be run.

    Raises
    ------
    InputError
        If it is none, in one line that names the place.
    """
    document = _read(path)
    for key in document:
        if key not in KEYS:
            raise InputError(f"{path}: unknown key {key!r}{nearest(key, KEYS)}; expected {', '.join(KEYS)}")
    shared, films, out = document.get("shared") or {}, document.get("films"), document.get("out", "")
    if not isinstance(shared, dict):
        raise InputError(f"{path}: shared: expected options with their values, such as fps: 24")
    if not isinstance(films, list) or not films:
        raise InputError(f"{path}: films: expected a list with at least one film, such as '- song: one.mp3'")
    if not isinstance(out, str):
        raise InputError(f"{path}: out {out!r:.60}: expected the name of a folder")
    folder = path.parent / user_path(out)
    made = []
    for number, film in enumerate(films, 1):
        try:
            made.append(_film(film, shared, folder=folder, base=path.parent, trust=trust))
        except InputError as error:
            raise InputError(f"{path}: film {number}: {error}") from error
    return made


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path}: expected a plan of less than {MAX_BYTES // 2**20} MB")
        document = yaml.safe_load(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: no YAML: {' '.join(str(error).split()):.200}") from error
    if not isinstance(document, dict):
        raise InputError(f"{path}: expected 'films:', a list, and what they share under 'shared:'")
    return document


def _film(entry: Any, shared: dict[str, Any], *, folder: Path, base: Path, trust: bool) -> Film:
    if not isinstance(entry, dict):
        raise InputError(f"{entry!r:.60}: expected options with their values, such as song: one.mp3")
    entry = {str(key).replace("-", "_"): value for key, value in entry.items()}
    song, project, out = (entry.pop(key, None) for key in ("song", "project", "out"))
    if (song is None) == (project is None):
        raise InputError("expected a song, or a project (.avz)")
    name = song if project is None else project
    if not isinstance(name, str) or not isinstance(out, (str, type(None))):
        raise InputError(f"{name if not isinstance(name, str) else out!r:.60}: expected the name of a file")
    options = {str(key).replace("-", "_"): value for key, value in shared.items()} | entry
    for settings in (one["settings"] for one in (shared, entry) if "settings" in one):
        if not isinstance(settings, dict):
            raise InputError(f"settings {settings!r:.60}: expected names with their values, such as {{punch: 0.5}}")
    if "settings" in shared and "settings" in entry and "schedule" not in entry:
        options["settings"] = {**shared["settings"], **entry["settings"]}
    given = Project(song) if project is None else _absolute(load_project(base / user_path(project), trust=trust))
    made = with_paths(given.changed(**options), lambda file: base / file, lambda file: (base / file).exists())
    made = replace(made, schedule=replace(made.schedule, trusted=trust))
    return Film(made, folder / (out or f"{Path(name).stem}{ending_for(made.finish.codec)}"))


def _absolute(project: Project) -> Project:
    """The project with absolute paths."""
    return with_paths(project, Path.absolute, Path.exists)
