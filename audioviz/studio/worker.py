"""Worker: a process that computes for the server, one thing after the other; one that dies is started again."""

import asyncio
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, ParamSpec, TypeVar

from audioviz.errors import AudiovizError

Asked = ParamSpec("Asked")
Result = TypeVar("Result")


class WorkerDied(AudiovizError):
    """The process ended while it computed, as where memory runs out."""


class Worker:
    """A process that computes one thing after the other."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._pool = _pool()

    async def run(self, function: Callable[Asked, Result], *values: Asked.args, **named: Asked.kwargs) -> Result:
        """What a function of a module gives, computed in the process.

        Raises
        ------
        WorkerDied
            If the process ended meanwhile; there is a new one then.
        AudiovizError
            That the function raises.
        """
        pool, loop = self._pool, asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(pool, _call, function, values, named)
        except BrokenProcessPool as error:
            if self._pool is pool:
                self._pool = _pool()
            raise WorkerDied(
                f"{self._name}: its process ended, as where memory runs out; it was started again, nothing is lost"
            ) from error

    def close(self) -> None:
        """End the process, whatever it does."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))


def _call(function: Callable[..., Any], values: tuple, named: dict[str, Any]) -> Any:
    return function(*values, **named)
