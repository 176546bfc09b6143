"""The connection with a Ray cluster, and its machines."""

import logging
import os
import re
import socket
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from audioviz.errors import InputError

os.environ.setdefault("RAY_ENABLE_AUTO_CONNECT", "0")  # no cluster of its own begins where one is gone
try:
    import ray as ray  # pyright: ignore[reportMissingImports]
    from ray._private import worker as ray_driver  # pyright: ignore[reportMissingImports]
    from ray.exceptions import (  # pyright: ignore[reportMissingImports]
        RayError as RayError,
    )
    from ray.exceptions import RaySystemError, RpcError  # pyright: ignore[reportMissingImports]
    from ray.util.client import ray as ray_client  # pyright: ignore[reportMissingImports]
    from ray.util.scheduling_strategies import (  # pyright: ignore[reportMissingImports]
        NodeAffinitySchedulingStrategy,
    )
except ImportError as error:
    raise InputError("ray: it is not installed: pip install 'audioviz[ray]'") from error

ANSWER_SECONDS = 10.0  # within which an address is to answer,
CONNECT_SECONDS = 120.0  # and the cluster behind it
MOST_TRIES = 3  # of a connection that the head begins and does not end
GONE = (OSError, RaySystemError, RpcError)  # what is raised where it does not answer any more


@dataclass
class Machine:
    """A node of the cluster.

    Parameters
    ----------
    name : str
    cpus, gpus : int
    share : int, optional
        How many workers may have one of its GPUs; None until that is measured there.
    closed : bool
        Whether it gets no worker any more.
    false_starts : int
        Of its workers, one after the other.
    """

    name: str
    cpus: int
    gpus: int
    share: int | None = None
    closed: bool = False
    false_starts: int = 0

    def room(self, *, threads: int, gpu: bool) -> int:
        """How many workers there may be on it."""
        if self.closed:
            return 0
        if not gpu:
            return self.cpus // threads
        return min(self.cpus, self.gpus, 1) if self.share is None else min(self.cpus, self.gpus * self.share)


def part_of_gpu(share: int) -> float:
    """What each of so many workers has of a GPU, in the four digits that Ray counts with."""
    return int(1e4 / share) / 1e4


@dataclass(frozen=True)
class Connection:
    """A connection of this process with a cluster.

    Parameters
    ----------
    address : str
        What it answers at.
    ours : bool
        Whether it was made here; there may have been one already.
    """

    address: str
    ours: bool


def connect(address: str) -> Connection:
    """Connect this process with a cluster.

    Parameters
    ----------
    address : str
        `ray://HOST:PORT`, `HOST:PORT`, or empty: that of RAY_ADDRESS, or the cluster that this machine belongs to.

    Raises
    ------
    InputError
        If there is none, or it is of another version.
    """
    address = address or os.environ.get("RAY_ADDRESS", "") or "auto"
    if ray.is_initialized():
        return Connection(_answering(address), ours=False)
    try:
        reach(address)
    except OSError as error:
        raise InputError(
            f"{where(address)}: no answer ({error.strerror or error}): expected the address of a cluster that runs, "
            "such as ray://HOST:10001"
        ) from error
    ray_driver._worker_logs_enabled = False  # which prints each end of a worker, on standard output
    future: Future[None] = Future()
    given_up = threading.Event()

    def run() -> None:
        try:
            _init(address)
            if address.startswith("ray://"):
                client: Any = ray_client.worker
                client.log_client.disable_logs()
                logging.getLogger("ray.util.client").setLevel(logging.CRITICAL)
            if given_up.is_set():  # it came too late, and the next try finds none that is half made
                ray.shutdown()
            future.set_result(None)
        except BaseException as error:  # SystemExit where there is no answer
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        future.result(CONNECT_SECONDS)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        given_up.set()
        raise _explained(address, error) from error
    return Connection(_answering(address), ours=True)


def _init(address: str) -> None:
    """Connect; again where a busy head did not start its part in the time that Ray gives it."""
    for left in range(MOST_TRIES - 1, -1, -1):
        try:
            ray.init(address=address, namespace="audioviz", log_to_driver=False, logging_level=logging.CRITICAL)
            return
        except ConnectionError as error:
            if not left or "Initialization failure" not in str(error):
                raise


def _answering(address: str) -> str:
    """What the cluster of an address answers at."""
    return address if address.startswith("ray://") else ray.get_runtime_context().gcs_address


def reach(address: str) -> None:
    """Raise OSError if nothing answers at an address, and InputError if it is none."""
    found = re.fullmatch(r"(?:ray://)?\[?([^/]+?)\]?:(\d{1,5})", address)
    if found and int(found[2]) < 1 << 16:
        socket.create_connection((found[1], int(found[2])), ANSWER_SECONDS).close()
    elif address != "auto":
        raise InputError(f"{where(address)}: expected HOST:PORT or ray://HOST:PORT")


def _explained(address: str, error: BaseException) -> InputError:
    """Why there is no connection, in one line."""
    text = str(error).strip()
    versions = [re.findall(rf"{name}: *([\d.]+)", text) for name in ("Ray", "Python")]
    if all(len(found) == 2 for found in versions):
        there, here = zip(*versions)
        why = "Ray {} and Python {} there, Ray {} and Python {} here: install the same".format(*there, *here)
    elif isinstance(error, (TimeoutError, SystemExit)):
        why = "what answers is no Ray: is the port right (10001 is usual for ray://HOST:PORT, 6379 for HOST:PORT)?"
    elif address == "auto" and isinstance(error, ConnectionError):
        why = "no cluster runs on this machine: begin one (ray start --head), or name one (--on ray://HOST:10001)"
    else:
        why = text.splitlines()[0] if text else type(error).__name__
    return InputError(f"{where(address)}: {why}")


def where(address: str) -> str:
    """How a message names the cluster of an address."""
    return "ray" if address == "auto" else address if "://" in address else f"ray at {address}"


def start_actor(kind: type, *values: Any, machine: str, cpus: int, gpus: float) -> Any:
    """An object of a class in a process of its own, on the machine of a key.

    Raises
    ------
    InputError
        If the head, where a client has it begun, does not know the class.
    """
    remote: Any = ray.remote(kind)
    options = remote.options(
        num_cpus=cpus,
        num_gpus=gpus,
        # The farm hears of each end: it counts how often a thing was tried, and that thing may be what ended it.
        max_restarts=0,
        max_task_retries=0,
        scheduling_strategy=NodeAffinitySchedulingStrategy(machine, soft=False),
    )
    try:
        return options.remote(*values)
    except ImportError as error:
        raise InputError(
            f"ray: the head of the cluster has not audioviz {version('audioviz')} ({error}): install it on each machine"
        ) from error


def machine_of(node: Mapping[str, Any]) -> Machine:
    """The machine of one of `ray.nodes()`."""
    has = node["Resources"]
    name = f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"
    return Machine(name, int(has.get("CPU", 0)), int(has.get("GPU", 0)))
