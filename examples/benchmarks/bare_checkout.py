"""A checkout that is not installed, as on a machine without a network: what stands in for what an installation has."""

import atexit
import sys
import tomllib
import types
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

CHECKOUT = Path(__file__).parents[2]


def missing() -> list[str]:
    """What audioviz asks for when it is imported or loads a model, and what is not installed here."""
    encoder = [] if find_spec("imageio_ffmpeg") else ["imageio_ffmpeg"]
    try:
        version("audioviz")
    except PackageNotFoundError:
        return [*encoder, "audioviz"]
    return encoder


def stand_in(names: list[str]) -> None:
    """Put something in the place of what is missing: a module without a function, and the version of this checkout."""
    if "imageio_ffmpeg" in names:
        sys.modules["imageio_ffmpeg"] = types.ModuleType("imageio_ffmpeg")
    if "audioviz" in names:
        number = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
        folder = TemporaryDirectory()
        atexit.register(folder.cleanup)
        told = Path(folder.name, f"audioviz-{number}.dist-info")
        told.mkdir()
        (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: audioviz\nVersion: {number}\n", encoding="utf-8")
        sys.path.append(folder.name)
