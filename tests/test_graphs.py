"""Captured calls: arguments go in, results come out, and nothing else is different. CUDA is played by tests/tape.py."""

import copy
import logging
from dataclasses import replace

import pytest
import torch
from diffusers import ControlNetModel
from torch.utils._pytree import tree_map_only

from audioviz.models import load_model
from audioviz.models.graphs import MOST_GRAPHS, Graphed, graphed, stays_in_place
from audioviz.rendering.log import render_log
from audioviz.sampling import Control, plan_frame, sample_frame
from audioviz.sampling.guidance import guided
from tests.checkpoints import FAMILIES, tiny_ip_adapter
from tests.tape import Capture, CaptureRefused, NoConstants, Tape

LEVEL = torch.tensor([2.0])


def captured(model, capture=None):
    """The model as `graphed` gives it on CUDA, and what captured it."""
    capture = capture or Capture()
    networks = model.denoiser.with_networks(lambda network: Graphed(network, capture))
    return replace(model, denoiser=networks), capture


def denoised(model, x, level, guidance, cfg):
    return guided(model.denoiser, x, level, guidance, cfg)


def latent(model, seed, side=8):
    return torch.randn(1, model.denoiser.channels, side, side, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def sd1(families):
    return load_model(families("sd1")[0])


@pytest.mark.parametrize("name", ["embedded", *FAMILIES])
def test_a_captured_model_gives_the_same_numbers_at_each_call(families, name):
    plain = load_model("embedded" if name == "embedded" else families(name)[0])
    quick, capture = captured(plain)
    for seed, cfg, text in ((1, 3.0, "fire"), (2, 3.0, "ice"), (3, 1.0, "rain"), (4, 2.0, "snow")):
        x, level, guidance = latent(plain, seed), LEVEL / 4 + seed / 10, plain.guidance(text, "grey")
        assert torch.equal(denoised(quick, x, level, guidance, cfg), denoised(plain, x, level, guidance, cfg))
    assert capture.replays >= 4 and capture.count <= 2  # guided and not


def test_results_are_the_callers_to_keep(sd1):
    quick, _ = captured(sd1)
    first = denoised(quick, latent(sd1, 1), LEVEL, sd1.guidance("fire"), 3.0)
    kept = first.clone()
    denoised(quick, latent(sd1, 2), LEVEL, sd1.guidance("ice"), 3.0)
    assert torch.equal(first, kept)


def test_each_shape_has_a_graph_up_to_a_number(sd1):
    quick, capture = captured(sd1)
    for side in range(4, 4 + 2 * (MOST_GRAPHS + 2), 2):
        x = latent(sd1, side, side)
        for _ in range(2):
            found = denoised(quick, x, LEVEL, sd1.guidance("fire"), 3.0)
        assert torch.equal(found, denoised(sd1, x, LEVEL, sd1.guidance("fire"), 3.0))
    assert capture.count == MOST_GRAPHS and capture.replays == 2 * MOST_GRAPHS


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad, torch.enable_grad])
def test_a_graph_serves_callers_of_any_mode(sd1, mode):
    quick, capture = captured(sd1)
    x, guidance = latent(sd1, 1), sd1.guidance("fire")
    with torch.inference_mode():
        wanted = denoised(quick, x, LEVEL, guidance, 1.0)
    with mode():
        assert torch.equal(denoised(quick, x, LEVEL, guidance, 1.0), wanted)
    assert capture.count == 1


def test_weights_that_are_filled_in_place_are_seen(families):
    plain = load_model(families("sd1")[0])
    quick, capture = captured(plain)
    x, guidance = latent(plain, 1), plain.guidance("fire")
    before = denoised(quick, x, LEVEL, guidance, 3.0)
    with torch.no_grad():
        plain.denoiser.unet.conv_in.weight.mul_(2)
    after = denoised(quick, x, LEVEL, guidance, 3.0)
    assert capture.count == 1 and not torch.equal(before, after)
    assert torch.equal(after, denoised(plain, x, LEVEL, guidance, 3.0))


def test_control_and_style_may_move(families, tmp_path):
    folder, pipeline = families("sd1")
    with torch.random.fork_rng():
        torch.manual_seed(3)
        net = ControlNetModel.from_unet(pipeline.unet)
        torch.nn.init.normal_(net.controlnet_mid_block.weight, std=0.3)
    net.save_pretrained(tmp_path / "net")
    plain = load_model(folder, controlnet=tmp_path / "net", ip_adapter=tiny_ip_adapter(pipeline.unet, tmp_path))
    quick, capture = captured(plain)
    style, none = plain.encode_reference(torch.randint(256, (40, 40, 3), dtype=torch.uint8).numpy())
    texts = plain.guidance("fire", "ice")
    texts = replace(texts, positive=replace(texts.positive, image=style), negative=replace(texts.negative, image=none))
    x, hint, seen = latent(plain, 1), torch.rand(1, 3, 64, 64), set()
    for control, style in ((1.0, 1.0), (0.5, 1.0), (0.5, 0.3), (1.5, 0.0), (0.0, 0.6)):
        guidance = replace(texts, control=Control(hint, control, style))
        found = denoised(quick, x, LEVEL, guidance, 3.0)
        assert torch.equal(found, denoised(plain, x, LEVEL, guidance, 3.0))
        seen.add(found.sum().item())
    assert len(seen) == 5  # each strength tells
    assert capture.count == 3  # the ControlNet, and the UNet with and without it


def test_what_cannot_be_captured_runs_as_usual_and_is_logged(sd1, tmp_path):
    quick, capture = captured(sd1, Capture(fails_after=1))
    small, large = latent(sd1, 1), latent(sd1, 2, 12)
    with render_log(tmp_path / "render.log"):
        for x in (small, large, small, large):
            found, wanted = (denoised(model, x, LEVEL, sd1.guidance("fire"), 1.0) for model in (quick, sd1))
            assert torch.equal(found, wanted)
    assert capture.replays == 2  # the graph that is there is used on
    told = (tmp_path / "render.log").read_text()
    assert told.count("not captured as CUDA graphs") == 1
    assert "UNet2DConditionModel" in told and "CUDA out of memory" in told
    assert not logging.getLogger("audioviz").handlers


def test_a_call_that_asks_for_a_value_is_refused_by_the_tape():
    with pytest.raises(CaptureRefused, match="_local_scalar_dense"):
        Capture()(lambda: torch.ones(2).sum().item())
    quick = Graphed(torch.nn.Identity(), Capture())
    assert torch.equal(quick(torch.ones(2)), torch.ones(2))


def test_weights_that_are_moved_or_cast_at_each_call_are_not_captured(families):
    from diffusers.hooks import apply_layerwise_casting

    model = load_model(families("sd1")[0])
    unet, cpu = model.denoiser.unet, torch.device("cpu")
    assert stays_in_place(unet, cpu) and not stays_in_place(unet, torch.device("cuda", 0))
    apply_layerwise_casting(unet, storage_dtype=torch.float8_e4m3fn, compute_dtype=torch.float32)
    assert not stays_in_place(unet, cpu)


def test_a_model_on_the_cpu_stays_as_it_is(sd1):
    assert graphed(sd1) is sd1


def test_frames_are_the_same(sd1):
    quick, _ = captured(sd1)
    plans = [plan_frame(sd1.guidance("fire", "ice"), seed=k, frame=k, steps=3, cfg=3.0, denoise=0.6) for k in range(3)]
    made = []
    for model in (sd1, quick):
        x = torch.zeros(1, 4, 8, 8)
        for plan in plans:
            x = sample_frame(model.denoiser, plan, x, sampler="dpmpp_2m")
        made.append(x)
    assert torch.equal(*made)


@pytest.mark.parametrize("name", ["embedded", *FAMILIES])
def test_no_network_needs_the_cpu_within_a_call(families, name):
    """The meta device stands for the GPU: whatever lies on the CPU would have to be copied there."""
    model = load_model("embedded" if name == "embedded" else families(name)[0])
    calls = []

    def watched(network):
        return Watched(network, calls)

    denoiser = model.denoiser.with_networks(watched)
    guided(denoiser, latent(model, 1), LEVEL / 4, model.guidance("fire"), 3.0)
    for network, arguments in calls:
        there = copy.deepcopy(network).to("meta")
        arguments, keywords = tree_map_only(torch.Tensor, lambda tensor: tensor.to("meta"), arguments)
        with torch.no_grad(), NoConstants(), Tape():
            there(*arguments, **keywords)
    assert len(calls) == 1


class Watched:
    """A network that keeps what it is called with."""

    def __init__(self, network, calls):
        self.network, self.calls = network, calls

    def __getattr__(self, name):
        return getattr(self.network, name)

    def __call__(self, *arguments, **keywords):
        self.calls.append((self.network, (arguments, keywords)))
        return self.network(*arguments, **keywords)
