"""Paths as users write them."""

import os
from pathlib import Path


def user_path(path: str | Path) -> Path:
    """A path with `~` for the user's home folder, as shells read it outside of quotes."""
    return Path(os.path.expanduser(path))  # noqa: PTH111  Path.expanduser raises for a user who is not there
