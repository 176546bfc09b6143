"""What all tests share: a cache of their own, and the examples' modules."""

import gc
import os

os.environ |= {"CUDA_VISIBLE_DEVICES": "", "HIP_VISIBLE_DEVICES": "", "ZE_AFFINITY_MASK": ""}  # tests run on the CPU
os.environ["OMP_WAIT_POLICY"] = "passive"  # beside each other: a thread that spins while it waits takes another's core

import sys
from contextlib import nullcontext
from functools import cache
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "examples"))  # as when an example is run: `synth`, `make_song`


def pytest_collectstart():
    gc.disable()  # what is imported stays


def pytest_collection_finish():
    """The garbage collector looks at what tests make, and not at all that they import again and again."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """No test reads or fills the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUDIOVIZ_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def unjoined(monkeypatch):
    """What renders make is raw H.264 and after it their record: ffmpeg joins nothing, where pictures are the point."""

    def write(chunks, song, out, *, metadata, **_):
        out.write_bytes(b"".join([*(chunk.read_bytes() for chunk in chunks), metadata.encode()]))

    monkeypatch.setattr("audioviz.rendering.make.mux", write)
    monkeypatch.setattr("audioviz.rendering.make.sound_for_ffmpeg", nullcontext)


@pytest.fixture(scope="session")
def families(tmp_path_factory):
    """The folder and the pipeline of a tiny checkpoint of each family, made when it is first asked for by name."""
    from tests.checkpoints import tiny_family

    @cache
    def family(name: str):
        root = tmp_path_factory.mktemp(name)
        pipeline = tiny_family(name, root)
        pipeline.set_progress_bar_config(disable=True)
        pipeline.save_pretrained(root / f"tiny-{name}", safe_serialization=True)
        return root / f"tiny-{name}", pipeline

    return family


@pytest.fixture(scope="session")
def renders(own_cache):
    """Runs the command with the fake model in a process of its own: see tests/renders.py."""
    if not hasattr(os, "fork"):
        pytest.skip("renders with faults are forked")
    from tests.renders import server

    with server(OMP_NUM_THREADS="1") as ask:
        yield ask


@pytest.fixture(scope="session")
def s3():
    """An S3 server with the bucket `films`: see tests/s3_server.py."""
    from tests.s3_server import s3_server

    with s3_server() as server:
        yield server


@pytest.fixture(scope="session")
def chromium():
    """A Chromium without a window, by Playwright: `chromium.new_page()`; see tests/studio_page.py."""
    from tests.studio_page import chromium_browser

    with chromium_browser() as browser:
        yield browser


@pytest.fixture(scope="session")
def desk(tmp_path_factory, own_cache):
    """The address of a studio that has `song.avz` open, whose pictures are small, and its folder."""
    from tests.studio_page import small_project, studio

    folder = tmp_path_factory.mktemp("desk")
    small_project(folder)
    with studio(folder, "song.avz") as address:
        yield address, folder


def pytest_terminal_summary(terminalreporter):
    """Say which tests were left out for want of a browser."""
    from tests.studio_page import say_what_is_left_out

    say_what_is_left_out(terminalreporter)
