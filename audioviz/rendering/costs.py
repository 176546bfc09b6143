"""Measured costs of a frame in earlier renders on this machine: seconds, and bytes on the disk. A cache, no more."""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

from audioviz.files import user_cache, write_whole
from audioviz.project import Finish
from audioviz.rendering.settings import RenderSettings

_LIMIT = 100  # kinds of render that are remembered


@dataclass(frozen=True)
class Cost:
    """Cost of one frame."""

    seconds: float
    size: float  # bytes in the work folder


def cost_kind(finish: Finish, described: str, *, plain: bool) -> str:
    """The name of what is made of the sampled frames; none where that is an MP4 of their size and rate."""
    return "" if plain and not finish.smooth else f"{described} {finish.smooth_by}"


def remember_cost(
    model: str, settings: RenderSettings, device: str, *, finish: str = "", seconds: float, size: float
) -> None:
    """Keep what a frame of this kind of render took; where the folder cannot be written, do nothing.

    `finish` is what `cost_kind` gives.
    """
    costs, key = _read(), _key(model, settings, device, finish)
    costs.pop(key, None)
    costs[key] = asdict(Cost(seconds, size))
    try:
        _file().parent.mkdir(parents=True, exist_ok=True)
        write_whole(_file(), json.dumps(dict(list(costs.items())[-_LIMIT:]), indent=1).encode())
    except OSError:
        return


def recall_cost(model: str, settings: RenderSettings, device: str, *, finish: str = "") -> Cost | None:
    """What a frame of this kind of render took the last time; None if that is not known."""
    found = _read().get(_key(model, settings, device, finish))
    if not isinstance(found, dict) or found.keys() != Cost.__annotations__.keys():
        return None
    good = all(isinstance(value, (int, float)) and math.isfinite(value) and value >= 0 for value in found.values())
    return Cost(**found) if good else None


def _file() -> Path:
    return user_cache() / "costs.json"


def _key(model: str, settings: RenderSettings, device: str, finish: str) -> str:
    guided = "guided" if settings.cfg != 1 else "unguided"
    size = "{}x{}".format(*settings.size)
    batch = f" batch {settings.batch}" if settings.batch > 1 else ""
    return f"{model} {size} {settings.steps} {settings.sampler} {guided} {device}{batch} {finish}".rstrip()


def _read() -> dict:
    try:
        costs = json.loads(_file().read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return costs if isinstance(costs, dict) else {}
