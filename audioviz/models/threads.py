"""How the threads of torch wait for each other, so that a busy machine gives them their share.

OpenMP's own way is to spin for long, which is quickest on a machine that has nothing else to do, and may make a render
a hundred times slower beside programs that keep its cores busy. It reads what is asked of it when torch is loaded.
"""

import os
import sys
import time
from collections.abc import MutableMapping

import psutil

# Each OpenMP has a name of its own for how long it spins: GNU's (torch on Linux) counts turns of a loop, LLVM's and
# Intel's (on macOS and Windows) milliseconds.
BRIEFLY = {"GOMP_SPINCOUNT": "3000", "KMP_BLOCKTIME": "1"}
NOT_AT_ALL = {"OMP_WAIT_POLICY": "passive", "KMP_BLOCKTIME": "0"}
_CHOICES = {*BRIEFLY, *NOT_AT_ALL}
BUSY = 0.5  # part of all cores that other programs take
_LOOK = 0.1  # seconds


def spin_briefly(environment: MutableMapping[str, str] = os.environ) -> None:
    """Let threads spin for some microseconds, which costs nothing on an idle machine. What a user has chosen stays."""
    if "torch" not in sys.modules and not environment.keys() & _CHOICES:
        environment.update(BRIEFLY)


def spin_as_others_allow(environment: MutableMapping[str, str] = os.environ) -> None:
    """Let threads not spin at all if the machine is busy now, else briefly. What a user has chosen stays."""
    spin_briefly(environment)
    ours = {name: environment[name] for name in environment.keys() & _CHOICES} == BRIEFLY
    if "torch" not in sys.modules and ours and used_by_others() >= BUSY:
        for name in BRIEFLY:
            del environment[name]
        environment.update(NOT_AT_ALL)


def used_by_others(seconds: float = _LOOK) -> float:
    """Part of all cores, 0..1, that other programs take during so many seconds from now on."""
    idle, own, began = _idle(), time.process_time(), time.monotonic()
    time.sleep(seconds)
    free = _idle() - idle + time.process_time() - own
    return min(max(1 - free / ((psutil.cpu_count() or 1) * (time.monotonic() - began)), 0.0), 1.0)


def _idle() -> float:
    """Seconds that all cores together have had nothing to do, but for waiting for a disk."""
    times = psutil.cpu_times()
    return times.idle + getattr(times, "iowait", 0.0)
