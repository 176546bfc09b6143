"""Lanes: functions that run as if each were alone, and whose calls of a model are answered together."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Protocol, TypeVar

Result = TypeVar("Result")


class Together(Protocol):
    """What answers a call of several lanes at once."""

    @property
    def rank(self) -> int:
        """Calls of a lower rank are answered first, so that lanes which are further on wait for the others."""
        ...

    def answer(self, calls: Mapping[int, Any], rows: int) -> Mapping[int, Any]:
        """The answer to each lane's call, by batches of so many rows, in which a lane is always the row of its number.

        A row that is no lane's is filled up, so that an answer depends on the call, the row and their number alone.
        """
        ...


class Lanes:
    """Threads that take turns: one at a time runs, until each has ended or waits for an answer.

    So they may share what is not made for threads, and do not fight for the interpreter. As a context manager it ends
    them all.
    """

    def __init__(self, count: int):
        self._turn = threading.Lock()
        self._here = threading.local()
        self._closing = False
        self._inboxes: list[SimpleQueue] = [SimpleQueue() for _ in range(count)]
        self._outbox: SimpleQueue = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, args=(lane,), daemon=True, name=f"lane {lane}") for lane in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def run(self, jobs: Mapping[int, Callable[[], Result]], *, rows: int) -> dict[int, Result]:
        """What each lane's job gives, while their calls are answered here, in the thread that asks for it.

        Parameters
        ----------
        jobs : function of nothing for each lane
        rows : int > each lane's number
            Of the batches.

        Raises
        ------
        What a job raises, that of the lowest lane first, or an answer. Then all lanes are ended.
        """
        try:
            for lane, job in jobs.items():
                self._inboxes[lane].put(job)
            return self._until_done(len(jobs), rows)
        except BaseException:
            self.close()
            raise

    def _until_done(self, running: int, rows: int) -> dict[int, Any]:
        told: dict[int, Any] = {}  # by each lane, the last
        while True:
            told |= dict(self._outbox.get() for _ in range(running))
            for _, last in sorted(told.items()):
                if isinstance(last, _Failure):
                    raise last.error
            calls = {lane: last for lane, last in sorted(told.items()) if isinstance(last, _Call)}
            if not calls:
                return {lane: last.result for lane, last in told.items()}
            answers = _answers(calls, rows)
            for lane, answer in answers.items():
                self._inboxes[lane].put(answer)
            running = len(answers)

    def ask(self, of: Together, arguments: Any) -> Any:
        """The answer to a call of this lane, given when all others wait too."""
        self._turn.release()
        try:
            self._outbox.put((self._here.lane, _Call(of, arguments)))
            answer = self._inboxes[self._here.lane].get()
        finally:
            self._turn.acquire()
        if self._closing:
            raise _Ended
        return answer

    @property
    def inside(self) -> bool:
        """Whether this thread is one of them."""
        return hasattr(self._here, "lane")

    def _work(self, lane: int) -> None:
        self._here.lane = lane
        while not self._closing and (job := self._inboxes[lane].get()) is not _Ended:
            with self._turn:
                try:
                    told = _Done(job())
                except BaseException as error:  # whoever runs the job gets it
                    told = _Failure(error)
            self._outbox.put((lane, told))

    def close(self) -> None:
        """End all threads, each where it waits or will ask next. Harmless when closed."""
        self._closing = True
        for inbox in self._inboxes:
            inbox.put(_Ended)
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> "Lanes":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _answers(calls: "Mapping[int, _Call]", rows: int) -> dict[int, Any]:
    """The answers to the calls of the lowest rank."""
    rank = min(call.of.rank for call in calls.values())
    answers: dict[int, Any] = {}
    for of in dict.fromkeys(call.of for call in calls.values() if call.of.rank == rank):
        answers |= of.answer({lane: call.arguments for lane, call in calls.items() if call.of is of}, rows)
    return answers


class _Ended(BaseException):
    """What ends a lane that nobody answers any more; no `except Exception` keeps it."""


@dataclass(frozen=True)
class _Call:
    of: Together
    arguments: Any


@dataclass(frozen=True)
class _Done:
    result: Any


@dataclass(frozen=True)
class _Failure:
    error: BaseException
