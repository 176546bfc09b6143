"""The ready-made schedules and pipelines: finds them, lists them, copies one out."""

import ast
from pathlib import Path

from audioviz.errors import InputError, nearest

KINDS = ("schedules", "pipelines")


def folder(kind: str) -> Path:
    """Where the ready-made files of a kind lie: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parent
    installed = package / "ready_made" / kind
    return installed if installed.is_dir() else package.parent / kind


def names(kind: str) -> dict[str, str]:
    """Name -> first line of its docstring, of each ready-made file of a kind."""
    return {path.stem: _summary(path) for path in sorted(folder(kind).glob("*.py"))}


def is_path(source: str | Path, suffixes: tuple[str, ...] = (".py",)) -> bool:
    """Whether a file is meant, and not a name: it stands in a folder, or has one of the suffixes."""
    path = Path(source)
    return path.suffix in suffixes or path.parent != Path()


def find(kind: str, source: str | Path, *, suffixes: tuple[str, ...] = (".py",)) -> Path:
    """The file that a name or a path means.

    Raises
    ------
    InputError
        If there is no such file; the message lists the names there are.
    """
    path = Path(source)
    if is_path(path, suffixes):
        if path.suffix not in suffixes:
            raise InputError(f"{path}: expected a file that ends in {', '.join(suffixes)}")
        if not path.is_file():
            raise InputError(f"{path}: no such file")
        return path
    ready = folder(kind) / f"{path}.py"
    if not ready.is_file():
        raise InputError(
            f"unknown {kind[:-1]} {str(source)!r}{nearest(source, names(kind))}: use {', '.join(names(kind))}, "
            f"or the path of a file that ends in {', '.join(suffixes)}"
        )
    return ready


def copy_out(name: str, target: Path | None = None) -> Path:
    """Copy a ready-made schedule or pipeline to a new file, NAME.py in this folder if not given.

    Raises
    ------
    InputError
        If there is none of that name, or the target exists or cannot be written.
    """
    kinds = [kind for kind in KINDS if name in names(kind)]
    if not kinds:
        known = [known for kind in KINDS for known in names(kind)]
        raise InputError(f"nothing ready-made is called {name!r}{nearest(name, known)}: use one of {', '.join(known)}")
    target = target or Path(f"{name}.py")
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(find(kinds[0], name).read_text(encoding="utf-8"))
    except FileExistsError as error:
        raise InputError(f"{target}: exists already; give another file name") from error
    except OSError as error:
        raise InputError(f"{target}: cannot be written ({error.strerror})") from error
    return target


def _summary(path: Path) -> str:
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n")[0]
