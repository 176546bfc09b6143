"""A process that computes what it is asked for through a pipe, one thing after the other, and its own side of that."""

import multiprocessing
import os
import pickle
import queue
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from typing import Any

from tqdm import tqdm

from audioviz.errors import AudiovizError, AudiovizWarning, Defect
from audioviz.models.threads import spin_briefly


@dataclass(frozen=True)
class Note:
    """A warning of audioviz in the process."""

    text: str


def start_process(name: str) -> tuple[BaseProcess, Any]:
    """A new process and the pipe to it.

    What is sent is (number, function of a module, values, named values), or (number, None, (), {}) to ask that what
    has this number ends soon; what comes back is (kind, number, value): "begun", "said" with what `tell` was given,
    then "done" with a result or "failed" with an AudiovizError. A process ends with the one that started it.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True, name=f"audioviz {name}")
    with _no_interrupts():
        process.start()
    theirs.close()
    return process, ours


@contextmanager
def _no_interrupts() -> Iterator[None]:
    """Inside of it processes are started that Ctrl+C does not reach: the one that started them does that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@dataclass
class _Inside:
    """What the process knows of itself."""

    pipe: Any
    tasks: queue.SimpleQueue
    stopped: set[int]
    number: int = 0
    sending: threading.Lock = field(default_factory=threading.Lock)

    def send(self, kind: str, number: int, value: Any) -> None:
        """Tell the other side, whichever thread it is that tells."""
        with self.sending:
            self.pipe.send((kind, number, value))


_inside: _Inside | None = None


def tell(event: Any) -> None:
    """Tell the other side something while it is computed; outside of such a process nobody hears it."""
    if _inside:
        _inside.send("said", _inside.number, event)


def asked_to_stop() -> bool:
    """Whether what is computed now is to end soon."""
    return _inside is not None and _inside.number in _inside.stopped


def _serve(pipe: Any) -> None:
    global _inside
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    spin_briefly()  # before a task has torch imported: it shares the machine with others
    _inside = _Inside(pipe, queue.SimpleQueue(), set())
    tqdm.set_lock(threading.RLock())  # its own is shared with processes, which a process that is killed leaves behind
    warnings.showwarning = _note
    threading.Thread(target=_receive, args=(_inside,), daemon=True).start()
    while True:
        number, function, values, named = _inside.tasks.get()
        _inside.number = number
        _inside.send("begun", number, None)
        kind, answer = _answer(function, values, named)
        _inside.stopped.discard(number)
        try:
            _inside.send(kind, number, answer)
        except (TypeError, AttributeError, ValueError, pickle.PicklingError) as error:  # it cannot be sent
            _inside.send("failed", number, _fault_of(error))


def _note(message: Warning | str, category: type[Warning], *_: Any) -> None:
    """Tell a warning of ours; those of libraries are for their developers."""
    if issubclass(category, AudiovizWarning):
        tell(Note(str(message)))


def _answer(function: Callable[..., Any], values: tuple, named: dict) -> tuple[str, Any]:
    try:
        return "done", function(*values, **named)
    except AudiovizError as error:
        return "failed", error.with_traceback(None)
    except Exception as error:
        return "failed", _fault_of(error)


def _fault_of(error: Exception) -> Defect:
    return Defect(f"a fault of audioviz's own ({type(error).__name__}: {error!s:.200})")


def _receive(inside: _Inside) -> None:
    """Take what is asked, and end the process when the other side is gone."""
    while True:
        try:
            number, function, values, named = inside.pipe.recv()
        except (EOFError, OSError):
            os._exit(0)
        if function is None:
            inside.stopped.add(number)
        else:
            inside.tasks.put((number, function, values, named))
