"""Parameter sweeps: every combination of some values, or some drawn of them, as a Project each."""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from audioviz.project import Project
from audioviz.schedule.lanes import Lane


@dataclass(frozen=True)
class Value:
    """One value of a parameter.

    Parameters
    ----------
    text : str
        As it was typed.
    changes : mapping
        Keywords of `Project.changed`.
    lanes : mapping of a column to its Lane
    """

    text: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    lanes: Mapping[str, Lane] = field(default_factory=dict)


@dataclass(frozen=True)
class Parameter:
    """What a sweep varies, and the values that it gets."""

    name: str
    values: Sequence[Value]


@dataclass(frozen=True)
class Combination:
    """One value of each parameter, as the texts that were typed, and the project that has them."""

    values: Mapping[str, str]
    project: Project


def count_of(parameters: Sequence[Parameter]) -> int:
    """How many combinations there are."""
    return math.prod(len(parameter.values) for parameter in parameters)


def combinations(project: Project, parameters: Sequence[Parameter], *, sample: int | None = None) -> list[Combination]:
    """The project with every combination of values, the last parameter changing first.

    Parameters
    ----------
    sample : int > 0, optional
        So many of them, drawn at random: always the same ones, and a larger sample has those of a smaller one.

    Raises
    ------
    InputError
        If a project cannot have a value.
    """
    total = count_of(parameters)
    numbers = range(total) if sample is None or sample >= total else sorted(_drawn(total, sample))
    return [_combination(project, parameters, number) for number in numbers]


def _drawn(total: int, count: int) -> set[int]:
    draw, drawn = random.Random(0), set()
    while len(drawn) < count:
        drawn.add(draw.randrange(total))
    return drawn


def _combination(project: Project, parameters: Sequence[Parameter], number: int) -> Combination:
    values: list[Value] = []
    for parameter in reversed(parameters):
        number, index = divmod(number, len(parameter.values))
        values.insert(0, parameter.values[index])
    for value in sorted(values, key=lambda value: "schedule" not in value.changes):  # another one drops the settings
        project = project.changed(**value.changes, lanes={**project.lanes, **value.lanes})
    return Combination({p.name: value.text for p, value in zip(parameters, values, strict=True)}, project)
