"""The process that computes for the studio: what it answers, and that it is there again after it died."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from audioviz.errors import Defect, InputError
from audioviz.rendering.process import Note
from audioviz.studio.worker import Worker, WorkerDied
from tests import studio_tasks as tasks
from tests.loops import finished


@pytest.fixture(scope="module")
def heard():
    return []


@pytest.fixture(scope="module")
def worker(heard):
    worker = Worker("the test", hear=heard.append)
    yield worker
    worker.close()


def test_answers_tells_and_raises(worker, heard):
    async def ask():
        assert await worker.run(tasks.double, 21) == 42
        with pytest.raises(InputError, match="no such song"):
            await worker.run(tasks.refuse, "no such song")
        with pytest.raises(Defect, match="ZeroDivisionError"):
            await worker.run(tasks.divide, 1, 0)
        await worker.run(tasks.count_and_warn, 3)

    finished(ask())
    assert heard == [0, 1, 2, Note("mended")]


def test_what_is_computed_is_asked_to_stop(worker, heard):
    async def ask():
        running = asyncio.create_task(worker.run(tasks.until_stopped))
        while heard[-1:] != ["begun"]:
            await asyncio.sleep(0.01)
        worker.stop()
        assert await asyncio.wait_for(running, 5) == "stopped"
        assert await worker.run(tasks.double, 1) == 2  # the next one is not

    finished(ask())


def test_a_process_that_is_killed_is_said_and_started_again(worker):
    async def ask():
        with pytest.raises(WorkerDied, match="its process ended"):
            await worker.run(tasks.die)
        assert await worker.run(tasks.double, 2) == 4

    finished(ask())


def test_a_process_that_dies_at_its_beginning_is_not_started_over_and_over():
    worker = Worker("the test", warm=tasks.die)

    async def ask():
        for _ in range(2):  # each time that something is asked, once
            with pytest.raises(WorkerDied, match="its process ended"):
                await worker.run(tasks.double, 1)
            pid = worker.pid
            await asyncio.sleep(0.1)
            assert worker.pid == pid

    finished(asyncio.wait_for(ask(), 20))
    worker.close()


def test_what_several_threads_tell_comes_whole(worker, heard):
    heard.clear()
    finished(worker.run(tasks.tell_from_threads, 4, 50))
    assert sorted(set(heard)) == [("x" * 70_000, k) for k in range(4)]
    assert len(heard) == 200


def test_an_answer_that_cannot_be_read_ends_no_wait(worker):
    async def ask():
        with pytest.raises(WorkerDied):
            await asyncio.wait_for(worker.run(tasks.unreadable), 10)
        assert await worker.run(tasks.double, 5) == 10

    finished(ask())


def test_a_task_without_an_end_is_ended(worker):
    async def ask():
        with pytest.raises(WorkerDied, match=r"no end after 0\.2 s"):
            await worker.run_within(0.2, tasks.for_ever)
        assert await worker.run(tasks.double, 3) == 6

    finished(ask())


@pytest.mark.skipif(sys.platform == "win32", reason="kills by a signal")
def test_no_process_outlives_a_server_that_is_killed():
    server = subprocess.Popen(
        [sys.executable, "-c", "from tests.studio_tasks import server; server()"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    assert server.stdout
    pid = int(server.stdout.readline())
    assert psutil.pid_exists(pid)
    server.kill()
    server.wait()
    server.stdout.close()
    until = time.monotonic() + 5
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < until, f"{pid} is still there, and we are {os.getpid()}"
        time.sleep(0.02)
