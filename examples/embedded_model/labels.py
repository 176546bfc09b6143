"""What each picture of a pool shows: pattern, palette, view and look, by its number alone."""

from dataclasses import dataclass

import numpy as np

from .drawings import PATTERNS, VIEWS
from .paint import LOOKS, PALETTES, Finish, finish_by_chance

NAMES = {"pattern": tuple(PATTERNS), "palette": tuple(PALETTES), "view": VIEWS, "look": LOOKS}


@dataclass(frozen=True)
class Label:
    """What a picture shows; "" where it is not told."""

    pattern: str
    palette: str
    view: str = ""
    look: str = ""


def kind_at(index: int) -> tuple[str, str]:
    """The pattern of a scene, all equally often, and the view of it, in two of five a special one."""
    turn, pattern = divmod(index, len(PATTERNS))
    turned = turn + 7 * pattern
    return NAMES["pattern"][pattern], VIEWS[turned // 5 % len(VIEWS)] if turned % 5 in (1, 3) else ""


def finish_at(index: int, *, seed: int, turn: int) -> Finish:
    """How the scene at an index is painted in its `turn`-th picture; its palettes differ from turn to turn."""
    rng = np.random.default_rng((seed, index, turn))
    palettes = NAMES["palette"]
    first = int(np.random.default_rng((seed, index)).integers(len(palettes)))
    look = str(rng.choice(LOOKS)) if rng.uniform() < 0.35 else ""
    return finish_by_chance(palettes[(first + 7 * turn) % len(palettes)], look, rng)


def label_at(index: int, finish: Finish) -> Label:
    """What the scene at an index shows when it is painted so."""
    pattern, view = kind_at(index)
    return Label(pattern, finish.palette, view, finish.look)
