"""The ready-made schedules and pipelines: finds them, lists them, copies one out."""

import ast
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from audioviz.errors import AudiovizError, InputError

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
            f"unknown {kind[:-1]} {str(source)!r}: use {', '.join(names(kind))}, "
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
        known = ", ".join(known for kind in KINDS for known in names(kind))
        raise InputError(f"nothing ready-made is called {name!r}: use one of {known}")
    target = target or Path(f"{name}.py")
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(find(kinds[0], name).read_text(encoding="utf-8"))
    except FileExistsError as error:
        raise InputError(f"{target}: exists already; give another file name") from error
    except OSError as error:
        raise InputError(f"{target}: cannot be written ({error.strerror})") from error
    return target


@contextmanager
def beside(script: Path) -> Iterator[None]:
    """Let a script import the files beside it, as when Python runs it; afterwards Python finds them no more."""
    folder, before = script.resolve().parent, set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        with suppress(ValueError):
            sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            package = name.partition(".")[0]
            if package not in before and folder in _homes(package):
                del sys.modules[name]


def fault(script: Path, error: BaseException) -> str:
    """One line of what went wrong in a script: the place in the user's own files, the kind of error, its message."""
    if isinstance(error, AudiovizError):
        return f"{_place(script, error)}: {error}"
    message = error.msg if isinstance(error, SyntaxError) else " ".join(str(error).split())
    return f"{_place(script, error)}: {type(error).__name__}: {message}"


def _place(script: Path, error: BaseException) -> str:
    """File and line of the last step in the script or a file beside it."""
    steps = [(step.filename, step.lineno) for step in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        steps.append((error.filename, error.lineno))
    own = [f"{file}:{line}" for file, line in steps if Path(file).resolve().parent == script.resolve().parent]
    return own[-1] if own else str(script)


def _homes(package: str) -> list[Path]:
    """Folders from which a module or package may have been imported."""
    file = getattr(sys.modules.get(package), "__file__", None)
    return [] if file is None else list(Path(file).parents[: 2 if Path(file).name == "__init__.py" else 1])


def _summary(path: Path) -> str:
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n")[0]
