"""What all tests share: a cache of their own, and the examples' modules."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "examples"))  # as when an example is run: `synth`, `make_song`


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """No test reads or fills the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUDIOVIZ_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def renders(own_cache):
    """Runs the command with the fake model in a process of its own: see tests/renders.py."""
    from tests.renders import server
    with server(OMP_NUM_THREADS="1") as ask:
        yield ask
