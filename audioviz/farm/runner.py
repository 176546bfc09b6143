"""Runner: whoever has workers, and what it tells of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from audioviz.errors import AudiovizError
from audioviz.farm.films import FilmPlan, Made, Order


@dataclass(frozen=True)
class News:
    """What became of what a worker was given: it made it, could not make it, or ended before it was done.

    Parameters
    ----------
    worker : str
    made : FilmPlan or Made, if it did
    error : AudiovizError, if it could not
    """

    worker: str
    made: FilmPlan | Made | None = None
    error: AudiovizError | None = None


class Runner(Protocol):
    """Workers that carry out orders, each one at a time."""

    @property
    def workers(self) -> Sequence[str]:
        """The names of those that can be given something, busy or not."""
        ...

    def give(self, worker: str, order: Order) -> None:
        """Have an order carried out by a worker that is not busy."""
        ...

    def news(self, seconds: float) -> list[News]:
        """What became of orders, as soon as there is any news, at the latest after so many seconds."""
        ...

    def replace(self, worker: str) -> None:
        """End a worker, whatever it does, and begin another of its name; what it was given has no news any more."""
        ...

    def dismiss(self, worker: str) -> None:
        """End a worker for good."""
        ...

    def close(self) -> None:
        """End all workers."""
        ...
