"""Project files (.avz): reading and writing of JSON that people keep, share and edit, with paths relative to it."""

import os
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

from audioviz.audio.reading.beats_model import BEAT_THIS
from audioviz.errors import InputError
from audioviz.files import exists, to_path, write_whole
from audioviz.project.project import GuideFiles, Project
from audioviz.schedule.prompt import Prompt
from audioviz.schedule.prompts import prompt_file
from audioviz.shelf import is_path

ENDING = ".avz"


def save_project(project: Project, path: str | Path) -> None:
    """Write a project to a file that ends in .avz; the files that it names are told relative to it.

    Raises
    ------
    InputError
        If the name ends otherwise, or cannot be written.
    """
    if not isinstance(project, Project):
        raise InputError(f"project {project!r:.60}: expected an av.Project")
    path = _avz_path(path)
    folder = path.parent.resolve()
    try:
        write_whole(path, with_paths(project, lambda file: _relative_to(folder, file), exists).to_json().encode())
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from error


def load_project(path: str | Path, *, trust: bool = False) -> Project:
    """The project in a file, its paths told from the working directory.

    Parameters
    ----------
    path : str or Path
        A file that ends in .avz.
    trust : bool
        A schedule script that it names is code: it is run only where this is True, or it is named again.

    Raises
    ------
    InputError
        If it cannot be read, or is no project; the message names the file and the place in it.
    """
    path = _avz_path(path)
    try:
        project = Project.from_json(path.read_bytes(), trust=trust)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    return with_paths(project, lambda file: path.parent / file, lambda file: exists(path.parent / file))


def files_named(project: Project) -> list[Path]:
    """Each file and folder that a project names; what may be a name too, as that of a model, is one if it is there."""
    found: list[Path] = []

    def note(file: Path) -> Path:
        found.append(file)
        return file

    def is_there(file: Path) -> bool:
        leads_away = file.is_absolute() or ".." in file.parts
        weighted, colon, _ = str(file).rpartition(":")  # a LoRA with its weight
        return exists(file) or (leads_away and not (colon and exists(Path(weighted))))

    with_paths(project, note, is_there)
    return found


def _avz_path(path: str | Path) -> Path:
    path = to_path("project", path)
    if path.suffix.lower() != ENDING:
        raise InputError(f"project {path}: expected a name that ends in {ENDING}")
    return path


def _relative_to(folder: Path, file: Path) -> Path:
    """The path of a file relative to a folder; absolute where it lies on another drive."""
    try:
        return Path(os.path.relpath(file.resolve(), folder))
    except ValueError:
        return file.resolve()


def with_paths(project: Project, move: Callable[[Path], Path], is_there: Callable[[Path], bool]) -> Project:
    """A project with each path changed by `move`; what may be a name too is a path if `is_there` says so."""

    def name(text: str | None) -> str | None:
        return move(Path(text)).as_posix() if text and text != "embedded" and is_there(Path(text)) else text

    def lora(text: str) -> str:
        file, colon, weight = text.rpartition(":")
        return f"{name(file)}:{weight}" if colon and not is_there(Path(text)) else name(text) or text

    def is_text(file: Path) -> bool:
        return is_there(file) and not file.is_dir() and not move(file).is_dir()

    def prompt(entry: str | Prompt) -> str | Prompt:
        file = prompt_file(entry, is_there=is_text) if isinstance(entry, str) else None
        return entry if file is None else move(file).as_posix()

    song, look = project.song, project.look
    stems = {stem: move(file) for stem, file in song.stems.items()} if isinstance(song.stems, dict) else song.stems
    beats_model = song.beats_model
    if beats_model is not None and beats_model != BEAT_THIS:
        beats_model = move(Path(beats_model)).as_posix()
    source = project.schedule.source
    guides = {
        part.name: move(file)
        for part in fields(GuideFiles)
        if isinstance(file := getattr(project.guides, part.name), Path)
    }
    finish: dict[str, Path | str] = {
        part.name: move(file)
        for part in fields(project.finish)
        if isinstance(file := getattr(project.finish, part.name), Path)
    }
    if project.finish.upscale:
        finish["upscale"] = lora(project.finish.upscale)
    return replace(
        project,
        song=replace(song, path=move(song.path), stems=stems, beats_model=beats_model),
        schedule=replace(
            project.schedule, source=move(Path(source)).as_posix() if is_path(source, is_there=is_there) else source
        ),
        prompts=tuple(map(prompt, project.prompts)),
        guides=GuideFiles(**guides, depth=name(project.guides.depth)),
        finish=replace(project.finish, **finish),
        look=replace(
            look,
            **{part: name(getattr(look, part)) for part in ("model", "vae", "controlnet", "ip_adapter")},
            loras=tuple(map(lora, look.loras)),
            lora_dir=move(Path(look.lora_dir)).as_posix() if look.lora_dir else None,
            embeddings=tuple(name(file) or file for file in look.embeddings),
        ),
    )
