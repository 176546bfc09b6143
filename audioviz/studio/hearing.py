"""The song of a project, heard once in each process."""

from dataclasses import replace
from pathlib import Path

from audioviz.audio.song import Song
from audioviz.project import Project
from audioviz.rendering.inputs import song_of

_last: list[tuple[object, Song]] = []  # the one that was heard last, with all that it depends on


def hear(project: Project) -> Song:
    """The whole song of a project; heard again where its file, its grid or the frame rate is another.

    Raises
    ------
    InputError
        If it cannot be decoded, or the corrections of its grid do not fit it.
    """
    stems = project.song.stems.values() if isinstance(project.song.stems, dict) else ()
    heard = repr((replace(project.song, start=0.0, duration=None), project.fps))
    key = heard, [stamp(file) for file in (project.song.path, *stems)]
    if not _last or _last[0][0] != key:
        _last.clear()  # the one before is let go of first
        _last.append((key, song_of(project)))
    return _last[0][1]


def stamp(file: Path) -> tuple[int, int] | None:
    """When a file was written, and its length; None if there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
