"""What measures the product keeps step with it: denoisers are timed as they are called, and figures come to a file."""

import json
import sys
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path

import pytest
import torch

import audioviz as av


@pytest.fixture
def benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "examples" / "benchmarks")
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:  # their names are common
        if (
            getattr(sys.modules[name], "__file__", None)
            and "examples/benchmarks" in Path(sys.modules[name].__file__).as_posix()
        ):
            del sys.modules[name]


def test_calls_and_frames_of_a_model_are_timed(benchmarks):
    from frame_loop import film
    from frames import Timed, bare_call

    model = av.load_model("embedded", device="cpu")
    model = replace(model, defaults=replace(model.defaults, size=64, steps=2))
    assert bare_call(model, 1) > 0
    timed = Timed(model.denoiser)
    made = film(replace(model, denoiser=timed), 3, keep=True, zoom=1.2)
    assert len(timed.seconds) == 3 * 2 and len(made.pictures) == 3 and made.latent.shape == (1, 16, 4, 4)
    captured = timed.with_networks(lambda network: network)
    assert isinstance(captured, Timed) and captured.seconds is timed.seconds


def test_a_figure_that_fails_leaves_the_others_and_misses_its_bar(benchmarks, tmp_path):
    from figures import Check

    def section(check):
        yield "wrong", lambda: 1 / 0
        yield "fast", lambda: {"times": 3.5}

    def broken(check):
        yield "slow", lambda: 7
        raise ValueError("no model")

    bars = {
        "a.wrong": ("at least", 1),
        "a.fast.times": ("at least", 3),
        "b.slow": ("at most", 5),
        "c.x": ("at most", 5),
    }
    sections = {"a": (section, 0), "b": (broken, 0), "c": (section, 10**6)}
    Check(torch.device("cpu"), True, tmp_path / "out.json", 60, sections, bars).run(list(sections))
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["a"]["fast"] == {"times": 3.5} and "ZeroDivisionError" in found["a"]["wrong"]["failed"]
    assert found["b"]["slow"] == 7 and "ValueError: no model" in found["b"]["failed"][-1]
    assert found["c"].startswith("left out")
    assert {name: bar["held"] for name, bar in found["bars"].items()} == {
        "a.wrong": False,
        "a.fast.times": True,
        "b.slow": False,
    }


def test_a_checkout_that_is_not_installed_tells_its_version(benchmarks, monkeypatch):
    import bare_checkout

    def version_of_nothing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(bare_checkout, "version", version_of_nothing)
    monkeypatch.setattr(bare_checkout, "find_spec", lambda name: None)
    monkeypatch.setattr(sys, "path", [*sys.path])
    assert bare_checkout.missing() == ["imageio_ffmpeg", "audioviz"]
    bare_checkout.stand_in(["audioviz"])
    (told,) = distributions(name="audioviz", path=sys.path[-1:])
    assert told.version == version("audioviz")


def test_the_check_of_a_gpu_runs_on_a_cpu(benchmarks, tmp_path):
    import gpu

    check = gpu.Check(torch.device("cpu"), True, tmp_path / "out.json", 60, gpu.SECTIONS, gpu.BARS)
    check.run(["machine", "lora"])
    found = json.loads((tmp_path / "out.json").read_text())
    assert "failed" not in json.dumps(found), found
    assert found["lora"]["captured_off_by"] == 0 and found["lora"]["moves"][1] > found["lora"]["moves"][2] > 0
