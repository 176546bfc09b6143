"""A compiled model makes the same pictures, and a machine that cannot compile says so in one line."""

from functools import partial

import pytest
import torch

from audioviz.errors import ModelError
from audioviz.models import load_model
from audioviz.models.compiled import compiled
from audioviz.sampling.guidance import guided
from tests.checkpoints import tiny_pipeline


@pytest.fixture
def folder(tmp_path):
    tiny_pipeline(tmp_path).save_pretrained(tmp_path / "tiny", safe_serialization=True)
    return tmp_path / "tiny"


def test_a_compiled_model_makes_the_same_pictures(folder, monkeypatch):
    monkeypatch.setattr(
        torch, "compile", partial(torch.compile, backend="aot_eager")
    )  # all but the minutes of the compiler
    plain, quick = load_model(folder), compiled(load_model(folder), (64, 64), 3.0)
    guidance, x = plain.guidance("fire", "ice"), torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    assert quick.compiled and not plain.compiled
    with torch.inference_mode():
        wanted, found = (guided(model.denoiser, x, torch.tensor([2.0]), guidance, 3.0) for model in (plain, quick))
    assert (found - wanted).norm() < 1e-5 * wanted.norm()
    assert abs(quick.decode(x).astype(int) - plain.decode(x)).max() <= 1


def test_a_machine_without_a_compiler_says_so(folder, monkeypatch):
    from torch._inductor import config

    torch._dynamo.reset()
    monkeypatch.setattr(config.cpp, "cxx", ("no-such-compiler",))
    monkeypatch.setattr(config, "fx_graph_cache", False)
    with pytest.raises(
        ModelError, match="cannot be compiled here .*: install a C.. compiler, or render without --compile"
    ):
        compiled(load_model(folder), (64, 64), 1.0)
