"""Places: the folders that are open to the page, what lies in them, and names that files can be given there."""

import os
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from audioviz.errors import InputError
from audioviz.files import user_path

_KINDS = {
    "song": (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".m4a", ".aac", ".aif", ".aiff"),
    "project": (".avz",),
    "schedule": (".py", ".json", ".csv", ".txt"),
    "image": (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"),
    "video": (".mp4", ".mov", ".webm", ".mkv", ".avi", ".m4v", ".gif"),
    "lyrics": (".lrc", ".srt", ".vtt", ".ass"),
}
_KIND = {ending: kind for kind, endings in _KINDS.items() for ending in endings}
_MOST = 5_000  # files and folders of a listing
_LONGEST = 120  # characters of a name
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
_HIDDEN = re.compile(r"^\.|[\ud800-\udfff]")  # the latter are bytes that are no text, and cannot be sent
_UNFIT = re.compile(r'[<>:"|?*\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]')


class Places:
    """What the page may see of the disk.

    Parameters
    ----------
    folders : paths
        All that lies in them; the first is where a listing begins.
    picked : paths
        Single files and folders elsewhere that the user named himself.
    """

    def __init__(self, folders: Iterable[Path], *, picked: Iterable[Path] = ()) -> None:
        self.folders = list(dict.fromkeys(folder.resolve() for folder in folders))
        self._picked = {path.resolve() for path in picked}

    def pick(self, paths: Iterable[Path]) -> None:
        """Let files and folders be read that the user named himself."""
        self._picked |= {path.resolve() for path in paths}

    def check(self, path: Path) -> None:
        """Refuse a path that lies elsewhere.

        Raises
        ------
        InputError
        """
        try:
            place = path.resolve()
        except (OSError, ValueError, RuntimeError) as error:  # a loop of links, a name with a null character
            raise InputError(f"{path!s:.200}: no such path can be") from error
        if not any(place.is_relative_to(open_) for open_ in (*self.folders, *self._picked)):
            raise InputError(
                f"{path!s:.200}: lies outside of the folders that are open, {', '.join(map(str, self.folders))}: start "
                "the studio with its folder too, audioviz studio SONG FOLDER"
            )

    def path(self, text: str, *, folder: Path | None = None) -> Path:
        """The path of a text that the page sent, told from a folder or the first.

        Raises
        ------
        InputError
            If it lies elsewhere, or is none.
        """
        path = (folder or self.folders[0]) / user_path(text)
        self.check(path)
        return path

    def listing(self, text: str | None = None) -> dict[str, Any]:
        """The files and folders in a folder; hidden ones are left out.

        Raises
        ------
        InputError
            If it is not open, or cannot be read.
        """
        folder = self.folders[0] if text is None else self.path(text)
        try:
            with os.scandir(folder) as found:
                entries = [entry for entry in found if not _HIDDEN.search(entry.name)]
        except OSError as error:
            raise InputError(f"{folder}: cannot be read ({error.strerror})") from error
        entries = sorted(entries, key=lambda entry: entry.name.casefold())[:_MOST]
        inside = [folder / entry.name for entry in entries if os.path.isdir(entry)]  # noqa: PTH112  is_dir raises where links lead in a circle
        above = [folder.parent] if any(folder.parent.is_relative_to(open_) for open_ in self.folders) else []
        others = [open_ for open_ in self.folders if open_ != folder and open_ not in above]
        return {
            "folder": str(folder),
            "folders": [str(path) for path in (*above, *inside, *others)],
            "files": [
                {"name": entry.name, "path": str(folder / entry.name), "kind": kind_of_file(entry.name)}
                for entry in entries
                if os.path.isfile(entry)  # noqa: PTH113
            ],
        }


def kind_of_file(name: str) -> str:
    """What a file is by its ending: song, project, schedule, image, video, lyrics or other."""
    return _KIND.get(Path(name).suffix.lower(), "other")


def clean_name(text: str) -> str:
    """A name for a file that can be on every system, made of one that a page sent, whatever path stands before it.

    Raises
    ------
    InputError
        If nothing is left of it.
    """
    name = re.split(r"[/\\]", unicodedata.normalize("NFC", text))[-1]
    name = _UNFIT.sub("", name).strip(" .")
    stem, dot, ending = name.rpartition(".")
    name = f"{stem[: _LONGEST - len(ending)].rstrip(' .')}{dot}{ending[:_LONGEST]}"
    while len(name.encode()) > 2 * _LONGEST:  # systems count bytes
        name = f"{Path(name).stem[:-1]}{Path(name).suffix}"
    if not Path(name).stem.strip("."):
        raise InputError(f"name {text!r:.80}: expected the name of a file, such as song.mp3")
    return f"_{name}" if _RESERVED.fullmatch(name) else name


def free_name(path: Path) -> Path:
    """The path, or else the first of NAME-2, NAME-3 ... where nothing is."""
    others = (path.with_name(f"{path.stem}-{number}{path.suffix}") for number in range(2, 10_000))
    return path if not os.path.lexists(path) else next(other for other in others if not os.path.lexists(other))
