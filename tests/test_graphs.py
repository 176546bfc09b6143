"""Captured calls: arguments go in, results come out, and nothing else is different. CUDA is played by tests/tape.py."""

import copy
import logging
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
from diffusers import AutoencoderTiny
from torch.utils._pytree import tree_map_only

import audioviz as av
from audioviz.errors import AudiovizWarning
from audioviz.models import load_model
from audioviz.models.devices import memory_format_of
from audioviz.models.speed import graphs
from audioviz.models.speed.graphs import MOST_GRAPHS, Graphed, graphed, stays_in_place
from audioviz.rendering import prepare
from audioviz.rendering.log import render_log
from audioviz.sampling import Control, plan_frame, sample_frame
from audioviz.sampling.guidance import guided
from tests.mini import mini_model
from tests.songs import made_song
from tests.tape import Capture, CaptureRefused, NoCrossing, Tape

LEVEL = torch.tensor([2.0])


def captured(model, capture=None):
    """The model as `graphed` gives it on CUDA, and what captured it."""
    capture = capture or Capture()
    return model.with_networks(lambda network: Graphed(network, capture)), capture


def denoised(model, x, level, guidance, cfg):
    return guided(model.denoiser, x, level, guidance, cfg)


def latent(model, seed, side=8):
    return torch.randn(1, model.denoiser.channels, side, side, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def mini():
    return mini_model()


@pytest.mark.parametrize("name", ["embedded", "sdxl", "flux"])
def test_a_captured_model_gives_the_same_numbers_and_needs_no_cpu_within_a_call(families, name):
    plain = load_model("embedded" if name == "embedded" else families(name)[0])
    quick, capture = captured(plain)
    for seed, cfg, text in ((1, 3.0, "fire"), (2, 2.0, "ice")):
        x, level, guidance = latent(plain, seed), LEVEL / 4 + seed / 10, plain.guidance(text, "grey")
        assert torch.equal(denoised(quick, x, level, guidance, cfg), denoised(plain, x, level, guidance, cfg))
    assert (capture.count, capture.replays) == (1, 2)
    calls = []
    denoiser = plain.denoiser.with_networks(lambda network: Watched(network, calls))
    guided(denoiser, latent(plain, 1), LEVEL / 4, plain.guidance("fire"), 3.0)
    ((network, given),) = calls
    arguments, keywords = tree_map_only(torch.Tensor, lambda tensor: tensor.to("meta"), given)
    network.to("meta")  # which stands for the GPU: whatever lies on the CPU would have to be copied there
    with torch.no_grad(), NoCrossing(), Tape():
        network(*arguments, **keywords)


def test_results_are_the_callers_to_keep(mini):
    quick, _ = captured(mini)
    first = denoised(quick, latent(mini, 1), LEVEL, mini.guidance("fire"), 3.0)
    kept = first.clone()
    denoised(quick, latent(mini, 2), LEVEL, mini.guidance("ice"), 3.0)
    assert torch.equal(first, kept)


@pytest.mark.parametrize("tiled", [False, True], ids=["whole", "tiles"])
@pytest.mark.parametrize("name", ["embedded", "sdxl", "taesd"])
def test_pictures_are_decoded_and_encoded_by_graphs(families, name, tiled):
    plain = load_model("embedded" if name == "embedded" else families("sdxl")[0])
    if name == "taesd":
        plain = replace(plain, autoencoder=replace(plain.autoencoder, module=AutoencoderTiny().eval()))
    plain.autoencoder.tiled = tiled
    quick, capture = captured(plain)
    counts = []
    for seed in (1, 2):
        x = latent(plain, seed, 16)
        picture = plain.autoencoder.decode(x)
        assert torch.equal(quick.autoencoder.decode(x), picture)
        assert torch.equal(quick.autoencoder.encode(picture), plain.autoencoder.encode(picture))
        counts.append((capture.count, capture.replays))
    assert counts == ([(2, 8), (2, 16)] if tiled else [(2, 2), (2, 4)])


def test_a_picture_that_is_made_again_in_a_wider_type_is_not_captured(mini):
    module = copy.deepcopy(mini.autoencoder.module).half()
    module.decoder[-2].weight.data.fill_(60_000)  # of sums that float16 does not hold
    plain = replace(mini, autoencoder=replace(mini.autoencoder, module=module))
    quick, capture = captured(plain)
    made = []
    for model in (plain, quick):
        assert not model.autoencoder.decode(latent(mini, 1)).isfinite().all()
        with pytest.warns(AudiovizWarning, match="made again in float32"):
            model.autoencoder.widen("frame 1")
        made.append(model.autoencoder.decode(latent(mini, 1)))
    assert torch.equal(*made) and made[0].isfinite().all()
    assert (capture.count, capture.replays) == (1, 2)


def test_each_layout_has_a_graph_so_that_no_result_depends_on_what_was_called_before(mini):
    quick, capture = captured(mini)
    picture = torch.rand(1, 3, 64, 64)
    for given in (picture, picture.to(memory_format=torch.channels_last), picture):
        assert torch.equal(quick.autoencoder.encode(given), mini.autoencoder.encode(given))
    assert (capture.count, capture.replays) == (2, 3)


def test_what_reads_pictures_beside_the_latent_is_watched_with_the_rest(families):
    plain = load_model(families("inpainting")[0])
    quick, _ = captured(plain)
    assert quick.denoiser.inpainting.autoencoder is quick.autoencoder is not plain.autoencoder
    assert plain.denoiser.inpainting.autoencoder is plain.autoencoder
    assert not any(isinstance(part, Graphed) for part in plain.autoencoder.module.modules())


def test_a_film_is_the_same(unjoined, tmp_path, monkeypatch):
    """With a camera, so that pictures are encoded too."""
    soundfile.write(tmp_path / "song.wav", np.zeros((44100, 2)), 44100)
    song = made_song(seconds=1, fps=4, path=tmp_path / "song.wav")
    plan = av.Schedule(denoise=0.6, zoom=1.3, prompts=["gold"], clock=song.clock)
    counts = []

    def quickened(model, *, pictures):
        assert pictures
        quick, capture = captured(model)
        counts.append(capture)
        return quick

    made = []
    for change in (lambda model, **_: model, quickened):
        monkeypatch.setattr(prepare, "graphed", change)
        options = {"model": mini_model(), "size": 64, "progress": False}
        made.append(av.render(song, plan, out=tmp_path / "out.mp4", resume=False, **options).read_bytes())
    assert made[0] == made[1]
    assert counts[0].count == 3, "the UNet, the decoder and the encoder"


def test_each_shape_has_a_graph_up_to_a_number(mini):
    quick, capture = captured(mini)
    for side in range(2, 2 * (MOST_GRAPHS + 2), 2):
        x = latent(mini, side, side)
        for _ in range(2):
            found = denoised(quick, x, LEVEL, mini.guidance("fire"), 3.0)
        assert torch.equal(found, denoised(mini, x, LEVEL, mini.guidance("fire"), 3.0))
    assert capture.count == MOST_GRAPHS and capture.replays == 2 * MOST_GRAPHS


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad, torch.enable_grad])
def test_a_graph_serves_callers_of_any_mode(mini, mode):
    quick, capture = captured(mini)
    x, guidance = latent(mini, 1), mini.guidance("fire")
    with torch.inference_mode():
        wanted = denoised(quick, x, LEVEL, guidance, 1.0)
    with mode():
        assert torch.equal(denoised(quick, x, LEVEL, guidance, 1.0), wanted)
    assert capture.count == 1


def test_weights_that_are_filled_in_place_are_seen():
    plain = mini_model()
    quick, capture = captured(plain)
    x, guidance = latent(plain, 1), plain.guidance("fire")
    before = denoised(quick, x, LEVEL, guidance, 3.0)
    with torch.no_grad():
        plain.denoiser.unet.conv_in.weight.mul_(2)
    after = denoised(quick, x, LEVEL, guidance, 3.0)
    assert capture.count == 1 and not torch.equal(before, after)
    assert torch.equal(after, denoised(plain, x, LEVEL, guidance, 3.0))


def test_weights_that_are_moved_are_captured_anew():
    plain = mini_model()
    quick, capture = captured(plain)
    x, guidance = latent(plain, 1), plain.guidance("fire")
    denoised(quick, x, LEVEL, guidance, 3.0)
    weight = plain.denoiser.unet.conv_in.weight
    weight.data = weight.data.clone() * 2
    assert torch.equal(denoised(quick, x, LEVEL, guidance, 3.0), denoised(plain, x, LEVEL, guidance, 3.0))
    assert capture.count == 2


def test_control_and_style_may_move():
    plain = mini_model(controlnet=True, ip_adapter=True)
    plain.denoiser.unet.double().float()  # as when it is moved: each buffer of its own would be another
    quick, capture = captured(plain)
    style, none = plain.encode_reference(torch.randint(256, (40, 40, 3), dtype=torch.uint8).numpy())
    texts = plain.guidance("fire", "ice")
    texts = replace(texts, positive=replace(texts.positive, image=style), negative=replace(texts.negative, image=none))
    x, hint, seen = latent(plain, 1), torch.rand(1, 3, 128, 128), set()
    for control, style in ((1.0, 1.0), (0.5, 1.0), (0.5, 0.3), (1.5, 0.0), (0.0, 0.6)):
        guidance = replace(texts, control=Control(hint, control, style))
        found = denoised(quick, x, LEVEL, guidance, 3.0)
        assert torch.equal(found, denoised(plain, x, LEVEL, guidance, 3.0))
        seen.add(found.sum().item())
    assert len(seen) == 5  # each strength tells
    assert capture.count == 3  # the ControlNet, and the UNet with and without it


def test_what_cannot_be_captured_runs_as_usual_and_is_logged(mini, tmp_path):
    quick, capture = captured(mini, Capture(fails_after=1))
    small, large = latent(mini, 1), latent(mini, 2, 12)
    with render_log(tmp_path / "render.log"):
        for x in (small, large, small, large):
            found, wanted = (denoised(model, x, LEVEL, mini.guidance("fire"), 1.0) for model in (quick, mini))
            assert torch.equal(found, wanted)
    assert capture.replays == 2  # the graph that is there is used on
    told = (tmp_path / "render.log").read_text()
    assert told.count("not captured as CUDA graphs") == 1
    assert "MiniUNet" in told and "CUDA out of memory" in told
    assert not logging.getLogger("audioviz").handlers


@pytest.mark.parametrize("ask", [lambda x: x.sum().item(), lambda x: x.tolist()[0], lambda x: torch.tensor([1.0])])
def test_a_network_that_asks_for_values_of_the_gpu_is_not_captured(ask):
    """As Lumina2 does, whose texts' lengths it reads from their masks."""

    class Asking(torch.nn.Module):
        def forward(self, x):
            return x * ask(x)

    with pytest.raises(CaptureRefused, match="while a stream is being captured"):
        Capture()(lambda: Asking()(torch.ones(2)))
    capture = Capture()
    quick = Graphed(Asking(), capture)
    for x in (torch.full((2,), 2.0), torch.full((2,), 3.0)):
        assert torch.equal(quick(x), Asking()(x))
    assert capture.count == 0


def test_weights_that_are_moved_or_cast_at_each_call_are_not_captured(mini):
    from diffusers.hooks.layerwise_casting import apply_layerwise_casting

    unet, cpu = mini.denoiser.unet, torch.device("cpu")
    assert stays_in_place(unet, cpu) and not stays_in_place(unet, torch.device("cuda", 0))
    apply_layerwise_casting(unet, storage_dtype=torch.float8_e4m3fn, compute_dtype=torch.float32)
    assert not stays_in_place(unet, cpu)


def test_a_model_on_the_cpu_stays_as_it_is(mini):
    assert graphed(mini) is mini


@pytest.mark.parametrize("pictures", [True, False])
def test_each_network_on_a_gpu_has_a_capture_of_its_own(pictures, monkeypatch):
    """The meta device stands for the GPU."""
    model = mini_model(controlnet=True)
    for network in (model.denoiser.unet, model.denoiser.controlnet, model.autoencoder.module):
        network.to("meta")
    monkeypatch.setattr(graphs, "cuda_capture", lambda device: object())
    model = replace(model, denoiser=replace(model.denoiser, device=SimpleNamespace(type="cuda")))
    monkeypatch.setattr(graphs, "stays_in_place", lambda network, device: network is not model.denoiser.controlnet)
    quick = graphed(model, pictures=pictures)
    module = quick.autoencoder.module
    found = [quick.denoiser.unet, quick.denoiser.controlnet, module.encoder, module.decoder]
    assert [isinstance(network, Graphed) for network in found] == [True, False, pictures, pictures]
    captures = {id(network._capture) for network in found if isinstance(network, Graphed)}
    assert len(captures) == 1 + 2 * pictures


def test_frames_are_the_same(mini):
    quick, _ = captured(mini)
    plans = [plan_frame(mini.guidance("fire", "ice"), seed=k, frame=k, steps=2, cfg=3.0, denoise=0.6) for k in range(2)]
    made = []
    for model in (mini, quick):
        x = torch.zeros(1, 4, 8, 8)
        for plan in plans:
            x = sample_frame(model.denoiser, plan, x, sampler="dpmpp_2m")
        made.append(x)
    assert torch.equal(*made)


class Watched:
    """A network that keeps what it is called with."""

    def __init__(self, network, calls):
        self.network, self.calls = network, calls

    def __getattr__(self, name):
        return getattr(self.network, name)

    def __call__(self, *arguments, **keywords):
        self.calls.append((self.network, (arguments, keywords)))
        return self.network(*arguments, **keywords)


@pytest.mark.parametrize(
    ("layer", "device", "wanted"),
    [
        (torch.nn.GroupNorm(2, 4), "cuda:0", torch.contiguous_format),
        (torch.nn.GroupNorm(2, 4), "cpu", torch.channels_last),
        (torch.nn.Conv2d(4, 4, 3), "cuda:0", torch.channels_last),
    ],
)
def test_channels_lie_last_but_where_group_norms_turn_them(layer, device, wanted):
    assert memory_format_of(torch.nn.Sequential(layer), torch.device(device)) == wanted
