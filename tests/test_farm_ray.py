"""The Ray runner on a real cluster: nodes on loopback, whose workers and machines come, end and are refused."""

import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

import psutil
import pytest
import torch

from audioviz.errors import InputError
from audioviz.farm.farm import Watcher, make_films
from audioviz.farm.faults import OtherWorker
from audioviz.farm.films import Film
from audioviz.farm.joining import join_film
from audioviz.farm.ray_worker import BESIDE, _measured_share, share_of
from audioviz.farm.store import Store
from audioviz.project import Project
from audioviz.rendering.render import render_project

ray = pytest.importorskip("ray")
if sys.platform == "win32":
    pytest.skip("nodes on loopback addresses of their own", allow_module_level=True)

from audioviz.farm import ray_cluster as clusters  # noqa: E402
from audioviz.farm.on_ray import RayRunner  # noqa: E402
from audioviz.farm.ray_cluster import Machine, connect, part_of_gpu  # noqa: E402
from tests.ray_nodes import ray_cluster  # noqa: E402

SONG = Path(__file__).parents[1] / "examples" / "song.ogg"
PROJECT = Project(SONG).changed(size=64, steps=1, threads=1, device="cpu", duration=10, shots="bar:1")
TRIED = "ended, as where memory runs out; it is tried again"


@pytest.fixture(scope="module")
def cluster():
    """A cluster whose head has two CPUs, and claims two GPUs."""
    with ray_cluster("--num-cpus=2 --num-gpus=2") as found:
        yield found


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The bytes of the film that one process makes."""
    out = tmp_path_factory.mktemp("alone") / "film.mp4"
    render_project(PROJECT, out=out, progress=False)
    return out.read_bytes()


class Told(Watcher):
    """Keeps what it is told, and does something when a worker begins."""

    def __init__(self, act=lambda worker, task: None):
        self.act = act
        self.lines, self.by_worker = [], {}

    def begun(self, worker, film, task, plan):
        self.act(worker, task)

    def ended(self, worker, film, task, *, rows, **_):
        self.by_worker[worker] = self.by_worker.get(worker, 0) + rows

    def said(self, line):
        self.lines.append(line)


def made(runner, folder, watcher):
    """The bytes of the film, made by a runner."""
    film, store = Film(PROJECT, folder / "film.mp4"), Store(str(folder / "store"))
    (outcome,) = make_films([film], runner, store, join=lambda _, plan: join_film(film, plan, store), watcher=watcher)
    if outcome.error:
        raise outcome.error
    return film.out.read_bytes()


def kill_busy_ones(node, told):
    """Kill the workers of a node that carry something out, until one was sampling: others may only prepare."""
    for _ in range(2000):
        for process in node.workers():
            with suppress(psutil.NoSuchProcess):
                if "carry_out" in " ".join(process.cmdline()):
                    process.kill()
        if any(TRIED in line for line in told.lines):
            return
        time.sleep(0.05)


def test_a_worker_that_is_killed_in_mid_chunk_changes_nothing(cluster, alone, tmp_path, capfd, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    begun = []

    def kill(worker, task):
        if task.kind == "sample" and not begun:
            begun.append(worker)
            threading.Thread(target=kill_busy_ones, args=(cluster.head, told)).start()

    told = Told(kill)
    with closing(RayRunner("", str(tmp_path / "store"), [PROJECT])) as runner:
        assert made(runner, tmp_path, told) == alone
    assert any(TRIED in line for line in told.lines)
    assert not psutil.wait_procs(cluster.head.workers(), 20)[1]
    assert capfd.readouterr() == ("", "")


def test_machines_join_and_leave_while_a_film_is_made_through_a_client(cluster, alone, tmp_path, capfd):
    """As many workers as the film could use; the files travel through the store."""
    node, stopped, begun = [], [], []

    def come_and_go(worker, task):
        if task.kind == "plan":
            node.append(cluster.join(2, "--num-cpus=3"))  # the most room: the next worker begins there
        elif "127.0.0.2" not in worker and not stopped:
            stopped.extend(cluster.head.workers())
            stopped[0].suspend()  # until the other has begun
        elif "127.0.0.2" in worker and not begun:
            begun.append(worker)
            threading.Timer(0.2, leave).start()

    def leave():
        node[0].kill()
        stopped[0].resume()

    told = Told(come_and_go)
    with closing(RayRunner(cluster.client, str(tmp_path / "store"), [PROJECT])) as runner:
        assert made(runner, tmp_path, told) == alone
    assert any("127.0.0.2" in worker for worker in told.by_worker)
    assert list((tmp_path / "store" / "files").iterdir())
    assert not list((tmp_path / "store" / "hello").iterdir())
    assert capfd.readouterr() == ("", "")


def test_another_version_is_refused_by_name_and_others_make_the_film(cluster, alone, tmp_path):
    other = tmp_path / "other" / "audioviz-0.0.1.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: audioviz\nVersion: 0.0.1\n")
    node = cluster.join(3, "--num-cpus=3", before=str(other.parent))  # the most room: the first worker is there
    told = Told()
    try:
        with closing(RayRunner(cluster.client, str(tmp_path / "store"), [PROJECT])) as runner:
            assert made(runner, tmp_path, told) == alone
    finally:
        node.kill()
    (line,) = (line for line in told.lines if "left out" in line)
    assert "(127.0.0.3) 1 is left out: audioviz 0.0.1 where" in line


def test_a_store_that_workers_do_not_see_is_told_at_once(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(Store, "put", lambda *_: None)  # as if the folder were another one there
    runner = RayRunner(cluster.client, str(tmp_path / "store"), [PROJECT])
    with closing(runner), pytest.raises(OtherWorker, match=r"does not see the store /.*store: give a folder that all"):
        made(runner, tmp_path, Told())


def test_a_model_that_a_machine_does_not_have_is_named(cluster, tmp_path):
    project = PROJECT.changed(model=str(tmp_path / "nowhere"))
    runner = RayRunner(cluster.client, str(tmp_path / "store"), [project])
    with closing(runner), pytest.raises(OtherWorker, match=r"nowhere.*each machine needs the model"):
        made(runner, tmp_path, Told())


def test_workers_have_gpus_where_the_cluster_has_them(cluster, tmp_path):
    projects = [PROJECT.changed(device="auto")]
    with closing(RayRunner(cluster.address, str(tmp_path / "store"), projects)):
        assert ray.available_resources()["GPU"] == 1


@pytest.mark.parametrize(
    ("machine", "threads", "gpu", "room"),
    [
        (Machine("a", 8, 0), 2, False, 4),
        (Machine("a", 8, 0), 3, False, 2),
        (Machine("a", 8, 0), 2, True, 0),
        (Machine("a", 8, 4), 2, True, 1),  # the first has a whole one, and measures it
        (Machine("a", 8, 4, share=1), 2, True, 4),
        (Machine("a", 16, 4, share=3), 2, True, 12),
        (Machine("a", 8, 4, share=3), 2, True, 8),  # each needs a core
        (Machine("a", 8, 4, share=3, closed=True), 2, True, 0),
    ],
)
def test_a_machine_has_room_for_as_many_as_have_cpus_or_a_part_of_a_gpu(machine, threads, gpu, room):
    assert machine.room(threads=threads, gpu=gpu) == room


@pytest.mark.parametrize(
    ("free", "taken", "share"),
    [(78, [7], 9), (78, [7, 12], 6), (78, [7, None], 1), (78, [], 1), (8, [12], 1), (26, [12], 2)],
)
def test_a_gpu_is_shared_by_the_memory_that_is_taken(free, taken, share):
    assert share_of(free * BESIDE, [one and one * BESIDE for one in taken]) == share


def test_the_memory_of_a_gpu_is_measured_before_a_model_is_loaded(monkeypatch):
    """Films of 512 pixels of the built-in model leave room for several workers, larger ones for fewer."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
    monkeypatch.setattr("audioviz.models.memory.placement.free_bytes", lambda _: 24 * BESIDE)
    small, large = (_measured_share([PROJECT.changed(device="auto", size=size)]) for size in (512, 4096))
    assert 1 <= large < small < 24
    assert _measured_share([PROJECT.changed(size=512), PROJECT.changed(size=4096)]) == large


@pytest.mark.parametrize("share", range(1, 40))
def test_parts_of_a_gpu_fit_into_it_as_ray_counts(share):
    assert round(part_of_gpu(share), 4) == part_of_gpu(share)
    assert share * part_of_gpu(share) <= 1 < (share + 1) * part_of_gpu(share)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("ray://127.0.0.1:9", r"ray://127.0.0.1:9: no answer \(.*\): expected the address of a cluster that runs"),
        ("127.0.0.1:9", r"ray at 127.0.0.1:9: no answer"),
        ("http://127.0.0.1:9", r"http://127.0.0.1:9: expected HOST:PORT or ray://HOST:PORT"),
    ],
)
def test_an_address_that_does_not_answer_is_one_line(address, said, tmp_path):
    with pytest.raises(InputError, match=said):
        RayRunner(address, str(tmp_path), [PROJECT])


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConnectionError("Could not find any running Ray instance."), "ray: no cluster runs on this machine: begin"),
        (SystemExit(15), "ray: what answers is no Ray: is the port right"),
        (RuntimeError("Sentence one.\nAnd two."), "ray: Sentence one.$"),
    ],
)
def test_a_cluster_that_cannot_be_used_is_one_line(error, said, tmp_path, monkeypatch):
    def init(**_):
        raise error

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(InputError, match=said):
        RayRunner("", str(tmp_path), [PROJECT])


def test_another_ray_or_python_is_named(tmp_path, monkeypatch):
    def init(**_):
        there = {"ray_version": "2.41.0", "python_version": "3.12.1"}
        ray._private.utils.check_version_info(there, "Ray Client", raise_on_mismatch=True)

    monkeypatch.setattr(ray, "init", init)
    with pytest.raises(
        InputError, match=rf"Ray 2.41.0 and Python 3.12.1 there, Ray {ray.__version__} and Python 3.*her"
    ):
        connect("")


def test_what_answers_and_is_no_ray_is_told_and_what_comes_too_late_is_closed(monkeypatch):
    late, closed = threading.Event(), threading.Event()
    monkeypatch.setattr(ray, "init", lambda **_: late.wait(10))
    monkeypatch.setattr(ray, "shutdown", closed.set)
    monkeypatch.setattr(clusters, "CONNECT_SECONDS", 0.05)
    with pytest.raises(InputError, match="is the port right"):
        connect("")
    late.set()
    assert closed.wait(10)


def test_a_busy_head_is_asked_again(monkeypatch):
    answers = [ConnectionAbortedError("Initialization failure from server:\nStarting Ray client server failed.")] * 2

    def init(**_):
        if answers:
            raise answers.pop()

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setattr(clusters, "_answering", lambda address: address)
    assert connect("").ours and not answers


def test_without_ray_its_extra_is_named():
    program = "import sys; sys.modules['ray'] = None; import audioviz.farm.on_ray"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stderr.splitlines()[-1].endswith("InputError: ray: it is not installed: pip install 'audioviz[ray]'")
