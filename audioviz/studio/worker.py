"""Worker: a process that computes for the server, one thing after the other; one that dies is started again."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from multiprocessing.process import BaseProcess
from typing import Any, ParamSpec, TypeVar

from audioviz.errors import AudiovizError
from audioviz.rendering.process import start_process

Asked = ParamSpec("Asked")
Result = TypeVar("Result")


class WorkerDied(AudiovizError):
    """The process ended while it computed, as where memory runs out, or was ended because it took too long."""


@dataclass(frozen=True)
class _Task:
    future: asyncio.Future
    seconds: float | None


class Worker:
    """A process that computes one thing after the other.

    Parameters
    ----------
    name : str
        Begins what is said when it dies.
    hear : function, optional
        Is given, in the event loop, what the process tells while it computes: see `tell`.
    warm : function of a module, optional
        Is called in the process as soon as it is there, so that what is asked first is quick.
    """

    def __init__(
        self, name: str, *, hear: Callable[[Any], None] | None = None, warm: Callable[[], object] | None = None
    ) -> None:
        self._name, self._hear, self._warm = name, hear, warm
        self._numbers = count(1)
        self._tasks: dict[int, _Task] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._process, self._pipe = self._start()

    @property
    def pid(self) -> int | None:
        """The number of the process."""
        return self._process.pid

    @property
    def busy(self) -> bool:
        """Whether something is computed, or waits to be."""
        return bool(self._tasks)

    async def run(self, function: Callable[Asked, Result], *values: Asked.args, **named: Asked.kwargs) -> Result:
        """What a function of a module gives, computed in the process.

        Raises
        ------
        WorkerDied
            If the process ended meanwhile; there is a new one then.
        AudiovizError
            That the function raises.
        """
        return await self._ask(None, function, values, named)

    async def run_within(
        self, seconds: float, function: Callable[Asked, Result], *values: Asked.args, **named: Asked.kwargs
    ) -> Result:
        """As `run`; where it computes for longer than so many seconds, its process is ended."""
        return await self._ask(seconds, function, values, named)

    async def _ask(self, seconds: float | None, function: Callable[..., Any], values: tuple, named: dict) -> Any:
        self._loop = asyncio.get_running_loop()
        if self._lost or (not self._process.is_alive() and not self._tasks):
            self._process, self._pipe = self._start()
        number, future = next(self._numbers), self._loop.create_future()
        self._tasks[number] = _Task(future, seconds)
        with suppress(OSError):  # that it ended is told by the one that listens
            self._pipe.send((number, function, values, named))
        return await future

    def stop(self) -> None:
        """Ask what is computed now, and what waits, to end soon: see `asked_to_stop`."""
        with suppress(OSError):
            for number in self._tasks:
                self._pipe.send((number, None, (), {}))

    def close(self) -> None:
        """End the process, whatever it does."""
        self._closed = True
        self._process.kill()

    def _start(self) -> tuple[BaseProcess, Any]:
        self._answered = self._lost = False
        process, ours = start_process(self._name)
        if self._warm:
            ours.send((0, self._warm, (), {}))
        threading.Thread(target=self._listen, args=(process, ours), daemon=True).start()
        return process, ours

    def _listen(self, process: BaseProcess, pipe: Any) -> None:
        with suppress(RuntimeError):  # the loop is closed
            while True:
                try:
                    message = pipe.recv()
                except (EOFError, OSError):
                    break
                except Exception:  # what cannot be read leaves a task without its answer
                    process.kill()
                    break
                self._in_loop(self._take, process, *message)
            self._in_loop(self._lose, process)

    def _in_loop(self, act: Callable[..., None], *values: Any) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(act, *values)

    def _take(self, process: BaseProcess, kind: str, number: int, value: Any) -> None:
        if process is not self._process:
            return
        self._answered = self._answered or kind in ("done", "failed")
        if kind == "said":
            if self._hear:
                self._hear(value)
        elif kind == "begun":
            task = self._tasks.get(number)
            if task and task.seconds and self._loop:
                self._loop.call_later(task.seconds, self._end_overdue, number)
        elif (task := self._tasks.pop(number, None)) and not task.future.done():
            task.future.set_result(value) if kind == "done" else task.future.set_exception(value)

    def _end_overdue(self, number: int) -> None:
        if task := self._tasks.get(number):
            self._process.kill()
            self._begin_again(f"no end after {task.seconds:g} s; it was stopped, nothing is lost")

    def _lose(self, process: BaseProcess) -> None:
        """Take note that a process ended; where it is no surprise there is nothing to say."""
        if process is self._process and not self._closed:
            self._begin_again("its process ended, as where memory runs out; it was started again, nothing is lost")

    def _begin_again(self, reason: str) -> None:
        lost, self._tasks = self._tasks, {}
        if self._answered:  # one that dies before its first answer is started again when it is asked for something
            self._process, self._pipe = self._start()
        else:
            self._lost = True
        for task in lost.values():
            if not task.future.done():
                task.future.set_exception(WorkerDied(f"{self._name}: {reason}"))
