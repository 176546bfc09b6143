"""The house stands as drawn: imports point one way, and light things stay light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "audioviz"
GROUND = {"clock", "curve", "errors"}
ALLOWED = {
    "clock": {"errors"}, "curve": GROUND, "errors": set(), "shelf": {"errors"},
    "audio": GROUND | {"audio"},
    "schedule": GROUND | {"schedule", "audio", "shelf"},
    "sampling": GROUND | {"sampling"},
    "models": GROUND | {"models", "sampling"},
    "video": GROUND | {"video"},
}


def imports_of(path: Path) -> set[str]:
    """Second parts of the audioviz modules that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else (
            [node.module or ""] if isinstance(node, ast.ImportFrom) else [])
        found |= {name.split(".")[1] for name in names if name.startswith("audioviz.")}
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_one_way(path):
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    assert room not in ALLOWED or imports_of(path) <= ALLOWED[room]
    assert "cli" not in imports_of(path) and "ready_made" not in imports_of(path)


@pytest.mark.parametrize("path", sorted((PACKAGE.parent / "schedules").glob("*.py")), ids=lambda p: p.name)
def test_schedules_import_audioviz_alone(path):
    tree = ast.parse(path.read_text())
    modules = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    modules |= {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert modules == {"audioviz"}


@pytest.mark.parametrize(("statement", "heavy"), [
    ("import audioviz", {"numpy", "torch", "librosa", "scipy", "diffusers"}),
    ("import audioviz.cli", {"numpy", "torch", "librosa", "scipy", "diffusers", "matplotlib"}),
    ("import audioviz as av; av.load_schedule, av.Schedule, av.curves", {"torch", "diffusers", "librosa"}),
    ("import audioviz as av; av.load_song", {"torch", "diffusers"}),
])
def test_light_things_stay_light(statement, heavy):
    check = f"import sys; {statement}; print(*sorted(set({sorted(heavy)!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
