"""The ready-made schedules and pipelines: finds them, lists them, copies one out."""

import ast
from collections.abc import Callable
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


def is_path(source: str | Path, *, is_there: Callable[[Path], bool] = Path.is_file) -> bool:
    """Whether a file is meant, and not a name: it has an ending, stands in a folder, or is there and not ready-made."""
    path = Path(source)
    return bool(path.suffix) or path.parent != Path() or (is_there(path) and not _is_ready_made(path.name))


def find(kind: str, source: str | Path, *, endings: tuple[str, ...] | None = (".py",)) -> Path:
    """The file that a name or a path means; None as endings stands for any.

    Raises
    ------
    InputError
        If there is no such file; the message lists the names there are.
    """
    path = Path(source).expanduser()
    if is_path(path):
        if endings and path.suffix not in endings:
            raise InputError(f"{path}: expected a file that ends in {', '.join(endings)}")
        if not path.is_file():
            hint = nearest(path.stem, names(kind)) if path.parent == Path() else ""
            raise InputError(f"{path}: no such file{hint}")
        return path
    ready = folder(kind) / f"{path}.py"
    if not ready.is_file():
        own = Path(f"{path}.py")
        hint = f" (did you mean {own}?)" if own.is_file() else nearest(str(source), names(kind))
        raise InputError(
            f"unknown {kind[:-1]} {str(source)!r}{hint}: use {', '.join(names(kind))}, or the path of a file"
            + (f" that ends in {', '.join(endings)}" if endings else "")
        )
    return ready


def _is_ready_made(name: str) -> bool:
    return any((folder(kind) / f"{name}.py").is_file() for kind in KINDS)


def copy_out(name: str, target: Path | None = None) -> Path:
    """Copy a ready-made schedule or pipeline to a new file, NAME.py in this folder, or in the one that is given.

    A name that ends otherwise gets `.py`, without which it could not be run.

    Raises
    ------
    InputError
        If there is none of that name, or the target exists or cannot be written.
    """
    kinds = [kind for kind in KINDS if name in names(kind)]
    if not kinds:
        known = ", ".join(known for kind in KINDS for known in names(kind))
        hint = nearest(name, [known for kind in KINDS for known in names(kind)])
        raise InputError(f"nothing ready-made is called {name!r}{hint}: use one of {known}")
    target = target or Path()
    target = target / f"{name}.py" if target.is_dir() else target
    target = target if target.suffix == ".py" else target.with_name(f"{target.name}.py")
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
