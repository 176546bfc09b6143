"""What the studio's worker is asked to do in tests: functions of a module, as a process of its own finds them."""

import asyncio
import os
import signal
import threading
import time
import warnings

from audioviz.errors import AudiovizWarning, InputError
from audioviz.rendering.process import asked_to_stop, tell
from audioviz.studio.worker import Worker


def double(number: int) -> int:
    return 2 * number


def divide(number: int, by: int) -> float:
    return number / by


def refuse(reason: str) -> None:
    raise InputError(reason)


def count_and_warn(number: int) -> None:
    for k in range(number):
        tell(k)
    warnings.warn("mended", AudiovizWarning, stacklevel=1)
    warnings.warn("of a library", DeprecationWarning, stacklevel=1)


def until_stopped() -> str:
    tell("begun")
    while not asked_to_stop():
        time.sleep(0.005)
    return "stopped"


def for_ever() -> None:
    while True:
        time.sleep(0.01)


def die() -> None:
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))


def tell_from_threads(count: int, times: int) -> None:
    def tell_often(number: int) -> None:
        for _ in range(times):
            tell(("x" * 70_000, number))  # longer than a pipe takes at once

    threads = [threading.Thread(target=tell_often, args=(k,)) for k in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Unreadable:
    """What is sent and cannot be read."""

    def __reduce__(self) -> tuple:
        return int, ("no number",)


def unreadable() -> Unreadable:
    return Unreadable()


def server() -> None:
    """Start a worker that is busy, print the number of its process, and wait to be killed."""

    async def run() -> None:
        worker = Worker("the test")
        busy = asyncio.create_task(worker.run(for_ever))
        await asyncio.sleep(0)
        print(worker.pid, flush=True)
        await busy

    asyncio.run(run())
