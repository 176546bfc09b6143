"""The catalog: schedules with their options, columns, and all names that the page offers to choose from."""

import ast
import inspect
import re
import tokenize
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from audioviz.audio.song import ON_DEMAND, Song
from audioviz.curve import EASINGS
from audioviz.errors import AudiovizError
from audioviz.project.finish import TWEENS
from audioviz.project.look import SAMPLERS, SCHEDULERS
from audioviz.schedule.columns import ALWAYS, COLUMNS, NEUTRAL, RANGES, SEEDS
from audioviz.schedule.expression import CONSTANTS, FUNCTIONS
from audioviz.schedule.script import ScheduleSource, load_schedule, setting_kind
from audioviz.shelf import folder, names
from audioviz.studio.columns import ABOUT, GROUPS

CURVES = (  # that every song has
    *("rms", "onset", "kick", "snare", "hat", "low", "mid", "high", "percussive", "harmonic", "brightness"),
    *ON_DEMAND,
)
_UNSET = {"denoise": 0.5, "noise": 0.0, "interp": 1.0, "seed": 0, "seed_to": None, "cfg": None, "travel": None}
_STEPS = 100  # of a slider, about
_FREE = 4  # times the default that a slider goes to, where nothing tells


def catalog_event() -> dict[str, Any]:
    """The event with all that can be chosen, whatever project is open."""
    return {
        "on": "catalog",
        "schedules": [_schedule(name, about) for name, about in names("schedules").items()],
        "columns": [_column(name) for name in COLUMNS],
        "eases": list(EASINGS),
        "samplers": list(SAMPLERS),
        "schedulers": list(SCHEDULERS),
        "names": names_in_expressions(),
        "functions": list(FUNCTIONS),
        "tweens": list(TWEENS),
        "models": ["embedded"],
    }


def names_in_expressions(song: Song | None = None) -> list[str]:
    """What an expression may name: of any song, or of one with its stems."""
    own = CURVES if song is None else (*song.curves, *ON_DEMAND)
    of_stems = [f"{stem}.{name}" for stem in (song.stems if song else ()) for name in own]
    return ["t", "f", "b", *own, *of_stems, *CONSTANTS]


def options_of(source: ScheduleSource) -> list[dict[str, Any]]:
    """What can be set of a schedule, with the range of a slider for each number, which is but a guess."""
    told = _told(source.path) if source.options else {}
    return [_option(name, option, told.get(name, "")) for name, option in source.options.items()]


def _schedule(name: str, about: str) -> dict[str, Any]:
    found = {"name": name, "about": about, "picture": f"page/schedules/{name}.webp", "options": []}
    try:
        found["options"] = options_of(load_schedule(folder("schedules") / f"{name}.py"))
    except AudiovizError as error:
        found["about"] = str(error)
    return found


def _column(name: str) -> dict[str, Any]:
    low, high = (0, 2**53) if name in SEEDS else RANGES[name]
    return {
        "name": name,
        "low": _finite(low),
        "high": _finite(high),
        "neutral": _UNSET[name] if name in _UNSET else NEUTRAL[name],
        "always": name in ALWAYS,
        "about": ABOUT[name],
        "group": next(group for group, columns in GROUPS.items() if name in columns),
    }


def _finite(limit: float) -> float | None:
    return limit if 1e-29 < abs(limit) < 1e29 or limit == 0 else None


def _option(name: str, option: inspect.Parameter, about: str) -> dict[str, Any]:
    default = None if option.default is option.empty else option.default
    common = {"name": name, "default": default, "choices": None, "low": None, "high": None, "step": None}
    if get_origin(option.annotation) is Literal:
        return common | {"kind": "choice", "choices": list(get_args(option.annotation)), "about": about}
    kind, entry = setting_kind(option)
    if entry is not None:
        common["default"] = None if default is None else list(default)
        return common | {"kind": "list", "about": about}
    if kind not in (int, float, bool, str):
        common["default"] = None if default is None else str(default)
        kind = str
    if kind in (int, float):
        common |= _slider(name, kind, default)
    return common | {"kind": kind.__name__, "about": about}


def _slider(name: str, kind: type, default: Any) -> dict[str, float]:
    """The range of a slider for a number that is usually so much."""
    usual = default if isinstance(default, (int, float)) else 1
    if "seed" in name:
        return {"low": 0, "high": max(999, usual), "step": 1}
    if kind is int:
        return {"low": min(1, _FREE * usual), "high": max(8, _FREE * usual), "step": 1}
    if 0 <= usual <= 1:
        return {"low": 0.0, "high": 1.0, "step": 0.01}
    low, high = (0.0, _FREE * usual) if usual > 0 else (_FREE * usual, -_FREE * usual)
    return {"low": low, "high": high, "step": float(f"{(high - low) / _STEPS:.0e}")}


def _told(path: Path) -> Mapping[str, str]:
    """What a script says of its options: `name: text;` in the docstring of its function, or a comment beside each."""
    with tokenize.open(path) as file:  # which knows the encodings that Python does
        text = file.read()
    defined = (node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef) and node.name == "schedule")
    function = next(defined, None)
    if function is None:  # it is imported, or made by a call
        return {}
    told = {}
    for line in text.splitlines()[function.lineno - 1 : function.body[0].lineno]:
        if found := re.search(r"(\w+)\s*(?::[^=#]*)?(?:=[^#]*)?#\s*(.+)", line):
            told[found[1]] = found[2].strip()
    sentences = " ".join((ast.get_docstring(function) or "").split())
    for sentence in re.split(r";\s*|\.\s+(?=\w+(?:, \w+)*:)", sentences):
        if found := re.match(r"(\w+(?:(?:, | and )\w+)*): (.+)", sentence):
            told |= dict.fromkeys(re.split(r", | and ", found[1]), found[2].removesuffix("."))
    return told
