"""Columns `lora:NAME` move the strength of a LoRA, in each way that a schedule is written, down to the pictures."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch._dynamo.testing import CompileCounter

import audioviz as av
from audioviz.clock import Clock
from audioviz.errors import InputError
from audioviz.models import load_model
from audioviz.sampling import sequence
from tests.models import SETTINGS, digests_of, plans_of

CLOCK = Clock(12, 6)
LAYERS = {
    "sd1": ["down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k", "mid_block.attentions.0.proj_in"],
    "sdxl": ["down_blocks.1.attentions.0.transformer_blocks.0.ff.net.0.proj"],
    "sd3": ["transformer_blocks.0.attn.to_q", "transformer_blocks.1.attn.to_out.0"],
    "flux": ["transformer_blocks.0.attn.to_q", "single_transformer_blocks.0.attn.to_k"],
}


def noise(*shape, seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 0.3


def core_of(pipeline):
    return getattr(pipeline, "unet", None) or pipeline.transformer


@pytest.fixture
def ink(families, tmp_path):
    """A function of a family: its folder, and the file of a LoRA for it."""

    def made(name, *, text=False):
        folder, pipeline = families(name)
        weights, core = {}, core_of(pipeline)
        begin = "unet" if name in ("sd1", "sdxl") else "transformer"
        for number, layer in enumerate(LAYERS[name]):
            weight = core.get_submodule(layer).weight
            weights[f"{begin}.{layer}.lora_A.weight"] = noise(2, *weight.shape[1:], seed=number)
            weights[f"{begin}.{layer}.lora_B.weight"] = noise(len(weight), 2, *[1] * (weight.ndim - 2), seed=number + 9)
        if text:
            layer = "lora_te_text_model_encoder_layers_0_self_attn_q_proj"
            weights |= {f"{layer}.lora_down.weight": noise(2, 32), f"{layer}.lora_up.weight": noise(32, 2)}
        save_file(weights, tmp_path / "Ink.safetensors")
        return folder, str(tmp_path / "Ink.safetensors")

    return made


def plan(**columns):
    return av.Schedule(**{"denoise": [1.0, 0.6, 0.6, 1.0, 0.6, 0.6], "prompts": ["gold"], "clock": CLOCK} | columns)


def latents_of(model, schedule, **guides):
    start = model.empty_latent(SETTINGS.size)
    return list(sequence(model.denoiser, plans_of(model, schedule), start=start, sampler="euler", scheduler="simple"))


@pytest.mark.parametrize("name", ["sd1", "sdxl", "sd3", "flux"])
def test_a_strength_that_rests_gives_what_is_worked_in(families, ink, name):
    folder, file = ink(name, text=name == "sd1")
    fused, beside = load_model(folder, loras=f"{file}:0.8"), load_model(folder, loras=f"{file}:0.8", unfused=["INK"])
    theirs, ours = latents_of(fused, plan()), latents_of(beside, plan(loras={"ink": 0.8}))
    plain = latents_of(load_model(folder), plan())
    for wanted, found, other in zip(theirs, ours, plain):
        scale = wanted.abs().max().item()
        assert torch.allclose(found, wanted, atol=1e-5 * scale) and not torch.allclose(found, other, atol=1e-3 * scale)
    assert all(torch.equal(*pair) for pair in zip(ours, latents_of(beside, plan())))  # unsaid, it is that of the file
    assert fused.digest != beside.digest


def test_it_moves_frame_by_frame_and_at_0_is_not_there(ink):
    folder, file = ink("sd1")
    model, plain = load_model(folder, loras=file, unfused=["ink"]), load_model(folder)
    moved = latents_of(model, plan(loras={"ink": [0, 0, 1.0, 0, 0.5, -1.0]}))
    rest = latents_of(plain, plan())
    assert [torch.equal(*pair) for pair in zip(moved, rest)] == [True, True, False, True, False, False]


def test_the_text_is_read_as_the_file_is_given(ink):
    folder, file = ink("sd1", text=True)
    model = load_model(folder, loras=f"{file}:0.5", unfused=["ink"])
    fused, plain = load_model(folder, loras=f"{file}:0.5"), load_model(folder)
    texts = [one.encode_text("gold").embeddings for one in (model, fused, plain)]
    latents_of(model, plan(loras={"ink": 0.0}))
    assert torch.equal(texts[0], texts[1]) and not torch.equal(texts[0], texts[2])
    assert torch.equal(model.encode_text("gold").embeddings, texts[0])


def test_unsampling_goes_back_as_strongly_as_the_frame_before_was_made(ink):
    folder, file = ink("sd1")
    model = load_model(folder, loras=file, unfused=["ink"])
    plans = list(plans_of(model, plan(unsample=1.0, loras={"ink": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]})))
    strengths = [(p.conditioning_before.control.loras["ink"], p.conditioning.control.loras["ink"]) for p in plans[1:]]
    assert strengths == [(0.1, 0.2), (0.2, 0.3), (0.3, 0.4), (0.4, 0.5), (0.5, 0.6)]


def test_a_strength_that_moves_compiles_nothing_anew(ink):
    folder, file = ink("sd1")
    model = load_model(folder, loras=file, unfused=["ink"])
    block = model.denoiser.unet.down_blocks[0].attentions[0].transformer_blocks[0].attn2
    counter = CompileCounter()
    compiled, x = torch.compile(block, backend=counter, dynamic=False), noise(1, 16, 32)
    lora = model.denoiser.loras["ink"]
    found = []
    with torch.no_grad():
        for strength in (0.0, 0.3, 1.0, 0.0, -2.0):
            lora.set(strength, x.device)
            found.append(compiled(x, x))
            assert torch.allclose(found[-1], block(x, x), atol=1e-6)
    assert counter.frame_count == 1 and torch.equal(found[0], found[3]) and not torch.equal(found[0], found[1])


def test_a_frame_depends_on_the_strengths_up_to_it():
    one, other, none = (digests_of(plan(loras=loras)) for loras in ({"a": [0, 0, 1, 0, 0, 0]}, {"a": 0}, None))
    assert [a == b for a, b in zip(one, other)] == [True, True, False, True, True, True]
    assert not set(other) & set(none)
