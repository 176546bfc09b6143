"""The ready-made schedules and pipelines: finds them, lists them, copies one out."""

import ast
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from audioviz.errors import AudiovizError, InputError, nearest
from audioviz.files import user_path

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
    path = user_path(source)
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
    if isinstance(error, AttributeError) and "did you mean" not in message:
        message += nearest(error.name, dir(error.obj))
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
