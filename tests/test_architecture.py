"""The house stands as drawn: imports point one way, in a circle nowhere, and light things stay light."""

import ast
import subprocess
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "audioviz"
GROUND = {
    "clock",
    "colours",
    "curve",
    "digests",
    "errors",
    "ffmpeg",
    "figures",
    "files",
    "pixels",
    "timeline",
    "transfer",
}
STAGES = {"audio", "schedule", "sampling", "models", "effects", "video"}
JOINED = GROUND | STAGES | {"project", "shelf"}
ALLOWED = {  # what each room, and each module beside them, may import besides itself
    "clock": {"errors"},
    "curve": GROUND,
    "digests": {"files"},
    "errors": set(),
    "colours": {"errors"},
    "pixels": {"transfer"},
    "transfer": set(),
    "ffmpeg": {"errors"},
    "figures": {"clock", "errors", "files"},
    "files": {"errors"},
    "timeline": {"errors", "ffmpeg"},
    "shelf": {"errors", "files"},
    "audio": GROUND,
    "schedule": GROUND | {"audio", "shelf"},
    "sampling": GROUND,
    "models": GROUND | {"sampling"},
    "effects": GROUND,
    "video": GROUND,
    "project": GROUND | STAGES | {"shelf"},
    "rendering": JOINED | {"insight"},  # what it gives back tells of itself
    "insight": JOINED,
    "farm": JOINED | {"rendering", "insight"},
    "studio": JOINED | {"rendering", "insight"},
    "command": JOINED | {"rendering", "insight", "farm", "studio"},
}
BESIDE_THE_ROOMS = {"__init__", "shelf"} | GROUND
MODULES = sorted(PACKAGE.rglob("*.py"))


@cache
def imports_of(path: Path) -> set[tuple[str, ...]]:
    """The audioviz modules that a file imports, but for type checkers alone: their names after `audioviz`."""
    found = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_checkers = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in set(ast.walk(tree)) - for_checkers:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if is_module(name) else node.module for name in whole}
    return {tuple(name.split(".")[1:]) for name in found if name.split(".")[0] == "audioviz"}


def is_module(name: str) -> bool:
    place = PACKAGE.parent.joinpath(*name.split("."))
    return place.is_dir() or place.with_suffix(".py").is_file()


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_one_way(path):
    room = room_of(path)
    if path != PACKAGE / "__init__.py":
        reached = {name[0] if name else "audioviz itself" for name in imports_of(path)}
        assert reached <= ALLOWED[room] | {room}


def test_only_the_ground_stands_beside_the_rooms():
    assert {path.stem for path in PACKAGE.glob("*.py")} == BESIDE_THE_ROOMS
    rooms = {path.name for path in PACKAGE.iterdir() if any(path.glob("*.py"))}
    assert rooms <= ALLOWED.keys() - BESIDE_THE_ROOMS


@pytest.mark.parametrize("folder", sorted({path.parent for path in MODULES}), ids=lambda p: p.name)
def test_nothing_goes_in_a_circle(folder):
    """What stands in a folder, a module or a folder with all that is in it, is imported in one direction alone."""
    here = folder.relative_to(PACKAGE).parts
    arrows: dict[str, set[str]] = {}
    for path in folder.rglob("*.py"):
        own = path.relative_to(folder).parts[0].removesuffix(".py")
        inside = {name[len(here)] for name in imports_of(path) if name[: len(here)] == here and len(name) > len(here)}
        if own != "__init__":  # it gives names to the outside, and nothing inside asks it for them
            arrows.setdefault(own, set()).update(inside - {own})
    try:
        list(TopologicalSorter(arrows).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize("path", sorted((PACKAGE.parent / "schedules").glob("*.py")), ids=lambda p: p.name)
def test_schedules_import_audioviz_alone(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    modules |= {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert modules == {"audioviz"}


@pytest.mark.parametrize(
    ("statement", "heavy"),
    [
        ("import audioviz", {"numpy", "torch", "librosa", "scipy", "diffusers"}),
        ("import audioviz.command.main", {"numpy", "torch", "librosa", "scipy", "diffusers", "matplotlib"}),
        ("import audioviz as av; av.load_schedule, av.Schedule, av.curves", {"torch", "diffusers", "librosa"}),
        ("import audioviz as av; av.load_song", {"torch", "diffusers"}),
    ],
)
def test_light_things_stay_light(statement, heavy):
    check = f"import sys; {statement}; print(*sorted(set({sorted(heavy)!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
