"""LocalRunner: workers that are processes of this machine."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any

from audioviz.farm.faults import WorkerLost
from audioviz.farm.films import FilmPlan, Made, Order
from audioviz.farm.runner import News
from audioviz.farm.store import Store
from audioviz.rendering.process import start_process


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Any
    device: str | None
    busy: bool = False


class LocalRunner:
    """Processes of this machine, with one GPU each where there are GPUs.

    Parameters
    ----------
    count : int >= 1
    store : str
        The place of the store.
    devices : sequence of str
        Which the workers take in turn for a project whose device is "auto"; none if there is nothing to choose.
    """

    def __init__(self, count: int, store: str, *, devices: Sequence[str] = ()):
        self._store = store
        self._workers = {
            f"local {i + 1}": _Worker(*start_process(f"worker {i + 1}"), devices[i % len(devices)] if devices else None)
            for i in range(count)
        }

    @property
    def workers(self) -> Sequence[str]:
        """As in Runner."""
        return tuple(self._workers)

    def give(self, worker: str, order: Order) -> None:
        """As in Runner."""
        found = self._workers[worker]
        found.busy = True
        with suppress(OSError):  # that it ended is told by `news`
            found.pipe.send((0, _carry_out, (order, self._store, found.device), {}))

    def news(self, seconds: float) -> list[News]:
        """As in Runner."""
        by_pipe = {worker.pipe: name for name, worker in self._workers.items()}
        found = []
        for pipe in wait(list(by_pipe), seconds):
            name = by_pipe[pipe]
            worker = self._workers[name]
            try:
                kind, _, value = worker.pipe.recv()
            except (EOFError, OSError):
                if worker.busy:
                    found.append(News(name, error=WorkerLost("its process ended, as where memory runs out")))
                self.replace(name)
                continue
            if kind in ("done", "failed"):
                worker.busy = False
                found.append(News(name, value) if kind == "done" else News(name, error=value))
        return found

    def replace(self, worker: str) -> None:
        """As in Runner."""
        device = self._workers[worker].device
        self._end(worker)
        self._workers[worker] = _Worker(*start_process(worker), device)

    def dismiss(self, worker: str) -> None:
        """As in Runner."""
        self._end(worker)
        del self._workers[worker]

    def close(self) -> None:
        """As in Runner."""
        for worker in list(self._workers):
            self._end(worker)

    def _end(self, name: str) -> None:
        worker = self._workers[name]
        worker.process.kill()
        worker.process.join()
        worker.pipe.close()


_makers: dict[tuple[str, str | None], Any] = {}


def _carry_out(order: Order, place: str, device: str | None) -> FilmPlan | Made:
    """What a process does; its maker stays."""
    from audioviz.farm.maker import Maker, carried_out  # which needs torch

    store = Store(place)
    if (place, device) not in _makers:
        _makers[place, device] = Maker(store, device=device)
    return carried_out(_makers[place, device], order, store)
