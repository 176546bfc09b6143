"""RayRunner: workers that are actors of a Ray cluster, on whatever machines it has."""

import re
import time
import uuid
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from audioviz.errors import AudiovizError, AudiovizWarning
from audioviz.farm.carried import carried
from audioviz.farm.faults import OtherWorker, WorkerLost
from audioviz.farm.films import Film, Order
from audioviz.farm.ray_cluster import (
    GONE,
    Machine,
    RayError,
    connect,
    machine_of,
    part_of_gpu,
    ray,
    reach,
    start_actor,
    where,
)
from audioviz.farm.ray_worker import RayWorker, store_at_once
from audioviz.farm.runner import News
from audioviz.farm.store import Store
from audioviz.files import user_path
from audioviz.project import Project
from audioviz.project.project import document_of
from audioviz.rendering.render import loaded_of

THREADS = 2  # of a worker on a CPU, where its film asks for no number
LOOK_SECONDS = 2.0  # between looks at the machines of the cluster
BEGIN_SECONDS = 30.0  # in which a worker begins, where a machine has room for it
ALONE_SECONDS = 120.0  # that there may be no worker at all
MOST_FALSE_STARTS = 3  # of processes on a machine, one after the other


@dataclass
class _Worker:
    """An actor on a machine.

    Parameters
    ----------
    coming, order : references
        What it says of itself, until it said that, and what it is busy with.
    began : float
        When, on the clock of this process.
    fault : str
        What keeps it from work.
    preparing : bool
        Whether its order is nothing but to prepare a film.
    """

    actor: Any
    machine: str
    coming: Any
    began: float
    fault: str = ""
    order: Any = None
    preparing: bool = False

    @property
    def overdue(self) -> bool:
        """Whether its machine seems to have no room for it: others may use the cluster too."""
        return self.coming is not None and time.monotonic() - self.began > BEGIN_SECONDS


class RayRunner:
    """Actors of a Ray cluster, each with some CPUs or a part of a GPU: as many as there is room and work for.

    When all are busy there are begun as many again. A machine that joins gets workers, one that leaves loses them.

    Parameters
    ----------
    address : str
        `ray://HOST:PORT`; empty is the cluster that this machine belongs to, or that of RAY_ADDRESS.
    store : str
        The place of the store, which all machines see.
    projects : sequence of Project
        Those of the films that will be made.

    Raises
    ------
    InputError
        If there is no such cluster, or no machine of it has room for a worker.
    """

    def __init__(self, address: str, store: str, projects: Sequence[Project]):
        self._place = store if "://" in store else str(user_path(store).absolute())
        self._store = Store(self._place)
        self._store.open()
        self._threads = max(project.look.threads or THREADS for project in projects)
        self._token = f"hello/{uuid.uuid4().hex}"
        self._hello = version("audioviz"), self._token, [document_of(project) for project in _of_each_kind(projects)]
        self._machines: dict[str, Machine] = {}
        self._workers: dict[str, _Worker] = {}
        self._carried: dict[Path, Film] = {}
        self._news: list[News] = []
        self._looked = 0.0
        self._gone = False
        self._connection = connect(address)
        try:
            self._store.put(self._token, b"")
            wants_gpu = any(project.look.device.startswith(("auto", "cuda")) for project in projects)
            with self._connected():
                self._gpu = wants_gpu and ray.cluster_resources().get("GPU", 0) >= 1
                self._wait_for_worker()
        except BaseException:
            self.close()
            raise

    @property
    def workers(self) -> Sequence[str]:
        """As in Runner."""
        return [name for name, worker in self._workers.items() if worker.coming is None]

    def give(self, worker: str, order: Order) -> None:
        """As in Runner; files of the film are put into the store first."""
        found = self._workers[worker]
        if found.fault:
            self._news.append(News(worker, error=OtherWorker(found.fault)))
            return
        try:
            film = self._travelling(order.film)
        except AudiovizError as error:
            self._news.append(News(worker, error=error))
            return
        found.preparing = order.kind == "prepare"
        with self._connected():
            found.order = found.actor.carry_out.remote(replace(order, film=film))

    def news(self, seconds: float) -> list[News]:
        """As in Runner."""
        found, self._news = self._news, []
        with self._connected():
            self._look()
            for name in self._ready(0 if found else seconds):
                if self._workers[name].coming is not None:
                    self._greet(name)
                else:
                    found.append(self._result(name))
            if not self.workers:
                self._wait_for_worker()
        return found

    def replace(self, worker: str) -> None:
        """As in Runner."""
        with self._connected():
            self._begin_again(worker)
            if not self.workers:
                self._wait_for_worker()

    def dismiss(self, worker: str) -> None:
        """As in Runner; its machine gets no other."""
        if machine := self._machines.get(self._workers[worker].machine):
            machine.closed = True
        with self._connected():
            self._end(worker)
            if not self.workers and self._room():
                self._wait_for_worker()

    def close(self) -> None:
        """As in Runner; the cluster goes on."""
        with suppress(AudiovizError):
            store_at_once(self._place).remove(self._token)
        if self._gone:
            return
        with suppress(AudiovizError), self._connected():
            for worker in list(self._workers):
                self._end(worker)
            if self._connection.ours:
                ray.shutdown()

    @contextmanager
    def _connected(self) -> Iterator[None]:
        """Inside of it a cluster that does not answer any more is told in one line."""
        try:
            yield
        except GONE as error:
            self._gone = True
            raise WorkerLost(
                f"{where(self._connection.address)}: the cluster does not answer any more; the same command goes on "
                "with what is there"
            ) from error

    def _travelling(self, film: Film) -> Film:
        """The film as other machines can make it, equally."""
        if film.out not in self._carried:
            threads = film.project.look.threads or self._threads
            self._carried[film.out] = carried(replace(film, project=film.project.changed(threads=threads)), self._store)
        return self._carried[film.out]

    def _result(self, name: str) -> News:
        worker = self._workers[name]
        try:
            made, error = ray.get(worker.order)
        except RayError:
            self._begin_again(name)
            return News(name, error=WorkerLost("its process or its machine ended, as where memory runs out"))
        worker.order = None
        return News(name, made, error)

    def _greet(self, name: str) -> None:
        """Let a worker work that said hello, or see why it did not."""
        worker = self._workers[name]
        try:
            share, fault = ray.get(worker.coming)
        except RayError as error:
            self._false_start(name, str(error))
            return
        machine = self._machines[worker.machine]
        machine.false_starts = 0
        if self._gpu and machine.share is None and not fault:
            machine.share = max(1, min(share, machine.cpus // machine.gpus))
            if machine.share > 1:  # it has a whole GPU, where it may have a part of one
                self._end(name)
                return
        worker.coming, worker.fault = None, fault

    def _false_start(self, name: str, why: str) -> None:
        worker, machine = self._workers[name], self._machines[self._workers[name].machine]
        machine.false_starts += 1
        missing = re.search(r"(ModuleNotFoundError|ImportError|AttributeError|TypeError): (.*)", why)
        if missing:
            worker.coming = None
            worker.fault = f"audioviz {self._hello[0]} is not there ({missing[2].strip()}): install it on each machine"
        elif machine.false_starts >= MOST_FALSE_STARTS:
            worker.coming, worker.fault = None, f"it ended {MOST_FALSE_STARTS} times as it began: see the logs of Ray"
        else:  # the machine may have gone, which the next look tells
            self._end(name)

    def _ready(self, seconds: float) -> list[str]:
        """The workers of which there is something to hear, as soon as there is."""
        by_reference = {worker.coming or worker.order: name for name, worker in self._workers.items()}
        by_reference.pop(None, None)
        if not by_reference:
            time.sleep(seconds)
            return []
        references = list(by_reference)
        if not ray.wait(references, timeout=seconds)[0]:
            return []
        return [by_reference[one] for one in ray.wait(references, num_returns=len(references), timeout=0)[0]]

    def _wait_for_worker(self) -> None:
        """Wait until one is there.

        Raises
        ------
        WorkerLost
            If that takes too long.
        """
        began, said = time.monotonic(), False
        while not self.workers:
            self._look()
            for name in self._ready(min(1.0, LOOK_SECONDS)):
                self._greet(name)
            waited = time.monotonic() - began
            if not self.workers and waited > ALONE_SECONDS:
                raise WorkerLost(f"{self._no_room()}: the same command goes on with what is there")
            if waited > BEGIN_SECONDS and not said:
                said = True
                warnings.warn(f"{self._no_room()}; waiting for it", AudiovizWarning, stacklevel=2)

    def _no_room(self) -> str:
        largest = max((machine.gpus if self._gpu else machine.cpus for machine in self._machines.values()), default=0)
        wanted, kind = (1, "GPUs") if self._gpu else (self._threads, "CPUs (--threads)")
        return (
            f"ray: none of {len(self._machines)} machines has room for a worker now: it takes {wanted} {kind}, "
            f"the largest has {largest} in all, and others may use the cluster too"
        )

    def _look(self) -> None:
        """See which machines there are, and begin workers if all are busy."""
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        self._reach()
        there = {node["NodeID"]: node for node in ray.nodes() if node["Alive"]}
        self._machines = {key: self._machines.get(key) or machine_of(node) for key, node in there.items()}
        for name, worker in list(self._workers.items()):
            if worker.machine not in there and worker.order is None:  # a busy one has news yet
                del self._workers[name]
        listed = [worker for worker in self._workers.values() if worker.coming is None]
        if all(worker.order is not None and not worker.preparing for worker in listed):
            coming = sum(worker.coming is not None and not worker.overdue for worker in self._workers.values())
            for _ in range(max(1, len(listed)) - coming):
                self._begin_somewhere()

    def _begin_somewhere(self) -> None:
        """Begin a worker where there is most room, if there is any."""
        if room := self._room():
            machine = max(room, key=lambda key: room[key])
            taken = {name for name in self._workers if name.startswith(self._machines[machine].name)}
            names = (f"{self._machines[machine].name} {number}" for number in range(1, len(taken) + 2))
            self._begin(next(name for name in names if name not in taken), machine)

    def _room(self) -> dict[str, int]:
        """For how many workers more the machines have room."""
        room = {key: machine.room(threads=self._threads, gpu=self._gpu) for key, machine in self._machines.items()}
        for worker in self._workers.values():
            if worker.machine in room:
                room[worker.machine] = 0 if worker.overdue else room[worker.machine] - 1
        return {key: count for key, count in room.items() if count > 0}

    def _begin(self, name: str, key: str) -> None:
        share = self._machines[key].share if self._gpu else 1
        actor = start_actor(
            RayWorker,
            self._place,
            machine=key,
            cpus=1 if self._gpu else self._threads,
            gpus=part_of_gpu(share or 1) if self._gpu else 0,
        )
        self._workers[name] = _Worker(actor, key, actor.hello.remote(*self._hello, share), time.monotonic())

    def _begin_again(self, name: str) -> None:
        key = self._workers[name].machine
        self._end(name)
        if key in self._machines and not self._machines[key].closed:
            self._begin(name, key)

    def _end(self, name: str) -> None:
        self._reach()
        ray.kill(self._workers.pop(name).actor)

    def _reach(self) -> None:
        """Raise OSError if the cluster is gone: Ray itself would wait for it for a minute, then end this process."""
        reach(self._connection.address)


def _of_each_kind(projects: Sequence[Project]) -> list[Project]:
    """One of each model and memory that projects take."""
    kinds = {}
    for project in projects:
        look, finish = project.look, project.finish
        kinds[loaded_of(look), look.size, look.batch, finish.upscale, finish.frame] = project
    return list(kinds.values())
