"""The digest of a model: of the settings and weights of its parts, wherever they are to run.

Large models take long to read, so a digest is remembered by the path, size and time of the files that were loaded.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from audioviz.digests import json_digest
from audioviz.files import user_cache, write_whole
from audioviz.models.sources import HUB_FILE, folder_of

_LIMIT = 100  # digests that are remembered


def parts_digest(scheduler: Any, parts: Iterable[Any]) -> str:
    """sha256 over the settings of all parts, and the weights of all but the scheduler, hex."""
    digest, parts = hashlib.sha256(), list(parts)
    for part in (scheduler, *parts):
        settings = part.config if isinstance(part.config, dict) else part.config.to_dict()
        digest.update(repr(sorted((key, value) for key, value in settings.items() if not key.startswith("_"))).encode())
    for part in parts:
        for name, weight in sorted(part.state_dict().items()):
            digest.update(name.encode())
            digest.update(weight.cpu().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def remembered(compute: Callable[[], str], sources: Iterable[str | Path], about: Any) -> str:
    """A digest, computed if it is not known of these files.

    Parameters
    ----------
    compute : function
    sources : files, folders or hub ids
        All that the model was loaded from.
    about : what JSON can hold
        What else the digest depends on, such as strengths.
    """
    files = [file for source in sources for file in _files(str(source))]
    if not files:
        return compute()
    stated = [[str(file), stat.st_size, stat.st_mtime_ns] for file in files if (stat := file.stat())]
    key = json_digest([stated, about, *(version(name) for name in ("audioviz", "diffusers", "transformers"))])
    known = _read()
    if key not in known:
        known[key] = compute()
        try:
            _file().parent.mkdir(parents=True, exist_ok=True)
            write_whole(_file(), json.dumps(dict(list(known.items())[-_LIMIT:]), indent=1).encode())
        except OSError:
            pass
    return known[key]


def _files(source: str) -> list[Path]:
    """The files of a source; of a file also those that may lie beside it. None where it is not known where they are."""
    place = Path(source)
    if not place.exists():
        on_hub = HUB_FILE.fullmatch(source)
        place = folder_of(on_hub[1] if on_hub else source, marks=("model_index.json", "config.json")) or place
    if place.is_file():
        beside = [place.with_suffix(".yaml"), place.with_name("adapter_config.json")]
        inside = [file for folder in (place.with_suffix(""), place.with_name("image_encoder")) for file in _all(folder)]
        return [place, *filter(Path.is_file, beside), *inside]
    return _all(place)


def _all(folder: Path) -> list[Path]:
    return sorted(filter(Path.is_file, folder.rglob("*"))) if folder.is_dir() else []


def _file() -> Path:
    return user_cache() / "digests.json"


def _read() -> dict[str, str]:
    try:
        known = json.loads(_file().read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    fine = isinstance(known, dict) and all(isinstance(value, str) and len(value) == 64 for value in known.values())
    return known if fine else {}
