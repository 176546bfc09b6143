"""A cluster of Ray on this machine for tests: a head and nodes, each with the processes that it begins."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

ENVIRONMENT = {  # so that the end of a node is known after a second or two
    "RAY_health_check_initial_delay_ms": "0",
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_timeout_ms": "2000",
    "RAY_health_check_failure_threshold": "3",
    "CUDA_VISIBLE_DEVICES": "97,98",  # GPUs that a node may claim and no machine has
}


class Node:
    """A node of a cluster, which runs."""

    def __init__(self, arguments: Sequence[str], place: Path, **environment: str):
        common = "--block --disable-usage-stats --object-store-memory=80000000 --include-log-monitor=false"
        ports = "--min-worker-port=0 --max-worker-port=0 --dashboard-agent-listen-port=0"
        root = str(Path(__file__).parents[1])
        paths = os.pathsep.join(filter(None, (environment.pop("before", ""), root)))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ray.scripts.scripts", "start", *common.split(), *ports.split(), *arguments],
            env=os.environ | ENVIRONMENT | {"PYTHONPATH": paths, "RAY_TMPDIR": str(place)} | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        said = ""
        for line in self._process.stdout or ():
            said += line
            if "Ray runtime started" in line:
                return
        self.kill()
        raise RuntimeError(said)

    def workers(self) -> list[psutil.Process]:
        """Its processes that are actors of ours."""
        return [process for process in self._processes() if "RayWorker" in _name(process)]

    def kill(self) -> None:
        """End it at once, as where a machine goes off."""
        if self._process.poll() is not None:
            return
        processes = self._processes()
        self._process.kill()
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait()
        psutil.wait_procs(processes)
        assert self._process.stdout
        self._process.stdout.close()

    def _processes(self) -> list[psutil.Process]:
        return psutil.Process(self._process.pid).children(recursive=True)


def _name(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return " ".join(process.cmdline()[:1])  # none, where it is about to end
    return ""


class Cluster:
    """A head on 127.0.0.1, and nodes that join and leave."""

    def __init__(self, place: Path, head: str):
        self._place = place
        self._nodes: list[Node] = []
        port, client_port, dashboard = _free_ports(3)
        self.address, self.client = f"127.0.0.1:{port}", f"ray://127.0.0.1:{client_port}"
        named = f"--port={port} --ray-client-server-port={client_port} --dashboard-port={dashboard}"
        more = f"--head --node-ip-address=127.0.0.1 --include-dashboard=false --temp-dir={place} {named} {head}"
        self.head = self._start(more)

    def join(self, number: int, resources: str, **environment: str) -> Node:
        """A node at 127.0.0.NUMBER; `before` is a folder from which its Python imports first."""
        return self._start(f"--address={self.address} --node-ip-address=127.0.0.{number} {resources}", **environment)

    def _start(self, arguments: str, **environment: str) -> Node:
        self._nodes.append(Node(arguments.split(), self._place, **environment))
        return self._nodes[-1]

    def close(self) -> None:
        """End all of it."""
        for node in reversed(self._nodes):
            node.kill()


@contextmanager
def ray_cluster(head: str) -> Iterator[Cluster]:
    """A cluster that is gone afterwards; its folder has a short name, as sockets lie there."""
    place = Path(tempfile.mkdtemp(prefix="ray"))
    cluster = None
    try:
        cluster = Cluster(place, head)
        yield cluster
    finally:
        if cluster:
            cluster.close()
        shutil.rmtree(place, ignore_errors=True)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
