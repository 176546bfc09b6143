"""What can go wrong with an order besides what is wrong with its film."""

from pathlib import Path

from audioviz.errors import AudiovizError
from audioviz.farm.films import Order


class StoreError(AudiovizError):
    """The store cannot be reached now."""


class StoreFull(StoreError):
    """The store takes nothing more before somebody frees space."""


class StoreRefused(StoreError):
    """The store answers, and will not give or take anything before somebody changes that."""


class NotThere(AudiovizError):
    """Something that was in the store is there no more."""


class OtherWorker(AudiovizError):
    """A worker would not make the bytes that are wanted: another version of something, or another kind of machine."""


class WorkerLost(AudiovizError):
    """A worker ended before it was done; there is another in its place, or will be."""


def log_name(order: Order) -> str:
    """The name of the log in the store where an order failed."""
    return f"logs/{Path(order.key).stem or order.film.out.stem}.log"
