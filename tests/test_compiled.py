"""A compiled model: the same pictures, one compilation of each kind of call, and one line where it cannot be."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch._dynamo.utils import counters

from audioviz.errors import ModelError
from audioviz.models.speed import compiled as module
from audioviz.models.speed.compiled import COMPILERS, Compiled, compiled
from audioviz.sampling import Control, sample_frame
from audioviz.sampling.plan import plan_frame
from tests.mini import mini_model

SIZE = (64, 64)
LEVEL = torch.tensor([2.0])


@pytest.fixture(autouse=True)
def nothing_compiled():
    torch._dynamo.reset()
    counters.clear()


def graphs() -> int:
    """How many graphs were compiled: one for each network and kind of call, or more if it was compiled in vain."""
    assert not counters["graph_break"]
    return counters["stats"]["unique_graphs"]


def frames(model, cfgs, *, unsample=False, change=lambda guidance, number: guidance):
    """The pictures of frames, made as a render makes them."""
    latent = model.empty_latent(SIZE)
    for number, cfg in enumerate(cfgs):
        plan = plan_frame(
            change(model.guidance("fire", "ice"), number),
            seed=number,
            frame=number,
            steps=2,
            cfg=cfg,
            denoise=0.6,
            unsample=unsample,
        )
        latent = sample_frame(model.denoiser, plan, latent)
        yield model.decode(latent)


def test_a_compiled_model_makes_the_same_pictures_and_compiles_nothing_later():
    plain = mini_model()
    quick = compiled(plain, SIZE, {1.0, 3.0}, backend="aot_eager")
    before = graphs()
    assert before == 4  # guided and not, encoder, decoder
    for found, wanted in zip(frames(quick, (3.0, 1.0, 2.5)), frames(plain, (3.0, 1.0, 2.5)), strict=True):
        assert abs(found.astype(int) - wanted).max() <= 1
    quick.autoencoder.encode(torch.zeros(1, 3, *SIZE))
    with torch.inference_mode():  # as callers of their own may have it
        quick.denoiser(quick.empty_latent(SIZE), LEVEL, [quick.encode_text("rain")])
    assert graphs() == before


def test_unsampling_compiles_nothing_in_mid_render():
    quick = compiled(mini_model(), SIZE, {1.0, 3.0}, backend="eager")
    before = graphs()
    list(frames(quick, (3.0, 3.0), unsample=True))
    assert graphs() == before


def test_a_size_of_batch_that_no_frame_has_is_not_compiled():
    compiled(mini_model(), SIZE, {3.0, 7.0}, backend="eager")
    assert graphs() == 3


def test_control_and_style_move_without_compiling_anew():
    plain = mini_model(controlnet=True, ip_adapter=True)
    quick = compiled(plain, SIZE, {3.0}, backend="eager")
    before = graphs()
    assert before == 5  # UNet with and without the ControlNet, ControlNet, encoder, decoder
    image, no_image = plain.encode_reference(np.full((64, 64, 3), 200, np.uint8))
    hint = torch.rand(1, 3, 64, 64)

    def led(guidance, number):
        positive, negative = (
            replace(text, image=seen) for text, seen in ((guidance.positive, image), (guidance.negative, no_image))
        )
        control = Control(hint, (0.0, 0.4, 0.7)[number % 3], number / 12)
        return replace(guidance, positive=positive, negative=negative, control=control)

    made = [list(frames(model, [3.0] * 12, change=led)) for model in (plain, quick)]
    assert all(abs(found.astype(int) - wanted).max() <= 1 for found, wanted in zip(*made, strict=True))
    assert graphs() == before


def test_the_model_that_was_given_stays_as_it_is():
    plain = mini_model()
    quick = compiled(plain, SIZE, {3.0}, backend="eager")
    assert quick.compiled and not plain.compiled
    assert not any(isinstance(part, Compiled) for part in (*plain.autoencoder.module.modules(), plain.denoiser.unet))
    assert quick.autoencoder.module.decoder.network is plain.autoencoder.module.decoder
    assert quick.autoencoder.dtype == plain.autoencoder.dtype and quick.denoiser.dtype == plain.denoiser.dtype
    before = graphs()
    again = compiled(plain, SIZE, {3.0}, backend="eager")  # for the next song
    list(frames(again, (3.0,)))
    assert graphs() == before


def test_a_copy_in_a_wider_type_is_compiled_too():
    """As an autoencoder of float16 makes one for values that go beyond it."""
    quick = compiled(mini_model(), SIZE, {3.0}, backend="eager")
    module = quick.autoencoder.module
    wider = copy.deepcopy(module).double()
    assert wider.decoder.network is not module.decoder.network and module.dtype == torch.float32
    latent = torch.randn(1, 4, 4, 4)
    assert torch.allclose(wider.decode(latent.double()).sample.float(), module.decode(latent).sample, atol=1e-5)


def test_a_machine_without_a_compiler_says_so(monkeypatch):
    from torch._inductor import config

    monkeypatch.setattr(config.cpp, "cxx", ("no-such-compiler",))
    monkeypatch.setattr(config, "fx_graph_cache", False)
    with pytest.raises(
        ModelError, match="cannot be compiled here .*: install a C.. compiler, or render without --compile"
    ):
        compiled(mini_model(), SIZE, {1.0})
    assert "Triton" in COMPILERS["cuda"]


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"), MemoryError()])
def test_out_of_memory_stays_out_of_memory(monkeypatch, error):
    def fail(*arguments):
        raise error

    monkeypatch.setattr(module, "_warm_up", fail)
    with pytest.raises(type(error)):
        compiled(mini_model(), SIZE, {1.0})
