"""Digests: SHA-256 of what a render depends on, hexadecimal."""

import hashlib
import json
from pathlib import Path
from typing import Any

from audioviz.files import open_plain


def file_digest(path: Path) -> str:
    """The digest of a plain file's content, also through a link; an OSError if it is none or cannot be read."""
    return plain_digest(path.resolve())


def plain_digest(path: Path) -> str:
    """The digest of a plain file's content; an OSError if it is none, as a link is none, or cannot be read."""
    with open_plain(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def json_digest(content: Any) -> str:
    """The digest of what JSON can hold."""
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
