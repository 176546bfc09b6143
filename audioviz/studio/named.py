"""What a project names: which of its files are missing, and the command that renders it."""

import os
import shlex
import subprocess
from pathlib import Path

from audioviz.files import exists
from audioviz.project import Project
from audioviz.studio.trust import script_of


def naming_parts(project: Project) -> tuple:
    """The parts of a project that name files: while they are the same, so are the files."""
    return (project.song, project.schedule, project.prompts, project.look, project.guides, project.finish)


def missing_files(project: Project) -> list[Path]:
    """The files of a project that are not there."""
    song, guides, script = project.song, project.guides, script_of(project)
    stems = song.stems.values() if isinstance(song.stems, dict) else ()
    pictures = (guides.init, guides.mask, guides.control, guides.style)
    files = (song.path, *stems, *pictures, project.finish.lyrics, project.finish.font, script)
    return [file for file in files if file and not exists(file)]


def render_command(path: Path, *, trust: bool) -> str:
    """The command that renders a project."""
    words = ["audioviz", "render", str(path), *(["--trust"] if trust else [])]
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)
