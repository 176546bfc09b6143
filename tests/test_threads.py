"""How threads wait is chosen before torch is loaded, by how busy the machine is, and never against the user."""

import json
import os
import subprocess
import sys

import pytest

from audioviz.models.threads import BRIEFLY, NOT_AT_ALL, used_by_others

NAMES = sorted({*BRIEFLY, *NOT_AT_ALL})
TELL = f"""
import json, os, sys
def tell():
    print(json.dumps({{name: os.environ[name] for name in {NAMES} if name in os.environ}}), flush=True)
    os._exit(0)
"""
TELL_BEFORE_TORCH = """
class Finder:
    def find_spec(self, name, *_):
        return tell() if name == "torch" else None
sys.meta_path.insert(0, Finder())
"""
IDLE, BUSY = ("import audioviz.models.threads as t; t.used_by_others = lambda: " + part for part in ("0.2", "0.9"))
LOAD = "from audioviz.project import Look; from audioviz.rendering.render import load_model_of; load_model_of(Look())"


def chosen(*lines: str, **environment: str) -> dict[str, str]:
    """What OpenMP is told when these lines import torch, or after the last of them."""
    clean = {name: value for name, value in os.environ.items() if name not in NAMES}
    done = subprocess.run(
        [sys.executable, "-c", "\n".join([TELL, *lines, "tell()"])],
        capture_output=True,
        text=True,
        check=True,
        env=clean | environment,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([TELL_BEFORE_TORCH, "import audioviz.models.load"], BRIEFLY),
        (["from audioviz.command import main"], {}),
        ([TELL_BEFORE_TORCH, IDLE, LOAD], BRIEFLY),
        ([TELL_BEFORE_TORCH, BUSY, LOAD], NOT_AT_ALL),
        (["import torch", BUSY, LOAD], {}),  # too late
    ],
)
def test_threads_spin_briefly_or_not_at_all(lines, told):
    assert chosen(*lines) == told


@pytest.mark.parametrize("choice", [{"OMP_WAIT_POLICY": "active"}, {"GOMP_SPINCOUNT": "7"}, {"KMP_BLOCKTIME": "200"}])
def test_what_the_user_has_chosen_stays(choice):
    assert chosen(TELL_BEFORE_TORCH, BUSY, LOAD, **choice) == choice


def test_what_others_use_is_a_part_of_the_machine():
    assert 0 <= used_by_others(0.05) <= 1
