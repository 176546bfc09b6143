"""Memory: tiles, the wider type that saves a spoilt picture, the placement of parts on a small GPU, and the estimates.

A GPU is imitated: the bytes that are free are told, and moves are written down and not made. What is counted is counted
on torch's meta device.
"""

import runpy
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
from diffusers import AutoencoderKL, AutoencoderTiny, ControlNetModel, UNet2DConditionModel
from safetensors.torch import load_file
from torch import nn

import audioviz as av
import audioviz.models.memory.placement as placing
from audioviz.errors import AudiovizWarning, InputError, ModelError
from audioviz.models.autoencoder import Autoencoder, NoRoomForPictures, autoencoder_dtype, bfloat16_or_float32
from audioviz.models.denoisers.unet import unet_denoiser
from audioviz.models.files.weigh import weigh
from audioviz.models.memory.footprint import GIB, Footprint, call_bytes, decode_bytes, footprint
from audioviz.models.memory.placement import Placement, bytes_of, stream
from audioviz.models.memory.reader import TextReader
from audioviz.models.plain.load import load_plain
from audioviz.models.sources import EMBEDDED
from audioviz.models.tiles import in_tiles, ramps, spans
from audioviz.project import Look
from audioviz.rendering.gpu_memory import bytes_wanted, describe_memory
from audioviz.rendering.memory import has_room_for_graphs, make_room
from audioviz.sampling import Conditioning, Control
from audioviz.sampling.units import LatentUnits
from tests.checkpoints import tiny_family, tiny_ip_adapter
from tests.songs import made_song

BENCHMARKS = Path(__file__).parents[1] / "examples" / "benchmarks"
COUNTING, RANDOM = (runpy.run_path(str(BENCHMARKS / f"{name}.py")) for name in ("live_bytes", "random_models"))
most_bytes = COUNTING["most_bytes"]


@pytest.fixture(scope="module")
def embedded():
    """The autoencoder of the embedded model: trained, and without normalisation."""
    return load_plain(EMBEDDED).vae.eval()


def tiny_kl(dtype=torch.float32) -> AutoencoderKL:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return (
            AutoencoderKL(
                block_out_channels=(8, 16),
                down_block_types=("DownEncoderBlock2D",) * 2,
                up_block_types=("UpDecoderBlock2D",) * 2,
                norm_num_groups=4,
                latent_channels=4,
            )
            .eval()
            .requires_grad_(False)
            .to(dtype)
        )


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("cells", [(128, 128), (64, 64), (64, 128), (192, 108), (9, 20), (1, 40)])
def test_tiles_cover_a_picture_evenly_and_none_is_the_whole(cells):
    for side, parts in zip(cells, spans(cells, factor=8)):
        assert parts[0][0] == 0 and parts[-1][1] == side
        assert len({stop - start for start, stop in parts}) == 1, "of one size, for compilers and graphs"
        for (_, stop), (start, _) in pairwise(parts):
            assert stop - start >= min(16, side // 4)
        total = torch.zeros(side * 8)
        for (start, stop), ramp in zip(parts, ramps(parts, 8, torch.device("cpu"))):
            total[start * 8 : stop * 8] += ramp
        assert torch.allclose(total, torch.ones(side * 8), atol=1e-6)
    assert max(map(len, spans(cells, factor=8))) > 1
    assert all(stop - start <= 72 for parts in spans(cells, factor=8) for start, stop in parts)


def test_what_sees_no_neighbours_is_the_same_in_tiles():
    latent = drawn(2, 4, 96, 80)
    up = in_tiles(lambda x: x.repeat_interleave(8, 2).repeat_interleave(8, 3), latent, factor=8)
    assert torch.allclose(up, latent.repeat_interleave(8, 2).repeat_interleave(8, 3), atol=1e-6)
    down = in_tiles(lambda x: x[..., ::8, ::8], up, factor=8, encodes=True)
    assert down.shape == latent.shape and torch.allclose(down, latent, atol=1e-6)


def test_pictures_in_tiles_are_those_decoded_whole_but_for_soft_seams(embedded):
    auto = Autoencoder(embedded, LatentUnits(), 16)
    latent = torch.nn.functional.interpolate(drawn(1, 16, 12, 12), size=(40, 24), mode="bicubic")  # as soft as pictures
    whole = auto.decode(latent)
    back = auto.encode(whole)
    auto.tiled = True
    tiled, back_tiled = auto.decode(latent), auto.encode(whole)
    apart = (whole - tiled).abs().amax((0, 1))
    (first, second), _ = spans((40, 24), factor=16)
    seam = slice(second[0] * 16, first[1] * 16)
    away = torch.ones_like(apart, dtype=torch.bool)
    away[seam] = False
    assert apart[away].max() < 5e-5 and apart.max() < 6 / 128, f"six levels at most, not {apart.max() * 128:.1f}"
    assert (back - back_tiled).abs().max() < 0.02 * back.std()


@pytest.mark.parametrize("packed", [1, 2])
@pytest.mark.parametrize("kind", ["kl", "tiny"])
def test_every_autoencoder_comes_in_tiles_of_its_own_cells(kind, packed):
    narrow = {"encoder_block_out_channels": (8,) * 4, "decoder_block_out_channels": (8,) * 4}
    module = tiny_kl() if kind == "kl" else AutoencoderTiny(**narrow).eval().requires_grad_(False)
    cell = 2 if kind == "kl" else 8
    auto = Autoencoder(module, LatentUnits(0.1, 2.0), cell * packed, in_model_units=kind == "tiny", packed=packed)
    latent = drawn(1, 4 * packed**2, 16, 24)
    whole = auto.decode(latent)
    auto.tiled = True
    assert auto.decode(latent).shape == whole.shape == (1, 3, 16 * cell * packed, 24 * cell * packed)
    assert auto.encode(whole).shape == latent.shape
    assert not getattr(module, "use_tiling", False), "diffusers' own tiles stay off"


class Lacking(nn.Module):
    """Decodes like a fake, but not more than so many cells at once."""

    dtype, device = torch.float32, torch.device("cpu")

    def __init__(self, most: int, times: int = 1000):
        super().__init__()
        self.most, self.times = most, times

    def decode(self, latent):
        if latent[0, 0].numel() > self.most and self.times:
            self.times -= 1
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return SimpleNamespace(sample=latent[:, :3].repeat_interleave(8, 2).repeat_interleave(8, 3))

    def encode(self, picture):
        if picture[0, 0].numel() > self.most * 64:
            raise MemoryError
        return SimpleNamespace(latents=picture[..., ::8, ::8])


def test_where_memory_lacks_pictures_come_in_tiles_from_then_on():
    auto = Autoencoder(Lacking(40 * 40), LatentUnits(), 8)
    latent = drawn(1, 4, 64, 64)
    with pytest.warns(AudiovizWarning, match="out of memory while a picture was decoded or encoded: in tiles"):
        picture = auto.decode(latent)
    assert auto.tiled and torch.allclose(picture[0, :, ::8, ::8], latent[0, :3], atol=1e-6)
    assert torch.allclose(auto.encode(picture)[0], latent[0, :3], atol=1e-6)
    auto = Autoencoder(Lacking(40 * 40), LatentUnits(), 8)
    with pytest.warns(AudiovizWarning, match="in tiles from here on"):
        auto.encode(picture)
    auto = Autoencoder(Lacking(10), LatentUnits(), 8, tiled=True)
    with pytest.raises(torch.OutOfMemoryError):
        auto.decode(latent)


def test_within_a_video_pictures_stay_whole_or_it_stops():
    auto = Autoencoder(Lacking(40 * 40, times=1), LatentUnits(), 8, steady=True)
    assert auto.decode(drawn(1, 4, 64, 64)).shape[-1] == 512, "what frees caches may suffice"
    auto = Autoencoder(Lacking(40 * 40), LatentUnits(), 8, steady=True)
    with pytest.raises(NoRoomForPictures, match="close other programs and start the same render again"):
        auto.decode(drawn(1, 4, 64, 64))
    assert not auto.tiled


def overflowing(dtype) -> tuple[Autoencoder, torch.Tensor]:
    """An autoencoder whose values go beyond float16 where a latent is large, and such a latent."""
    module = tiny_kl(torch.float32)
    module.decoder.conv_in.weight.mul_(3000.0)
    return Autoencoder(module.to(dtype), LatentUnits(), 2), 20 * drawn(1, 4, 16, 16)


def test_a_picture_that_float16_spoils_is_made_again_in_a_wider_type():
    wanted = overflowing(torch.float32)[0]
    auto, latent = overflowing(torch.float16)
    assert not auto.decode(latent).isfinite().all(), "the case is real"
    fine = auto.to_levels(0.01 * latent)
    with pytest.warns(AudiovizWarning, match=r"go beyond float16: .* again in float32 \(--vae-dtype float32 makes all"):
        saved = auto.to_levels(latent)
    assert np.abs(saved.astype(int) - wanted.to_levels(latent)).max() <= 1
    assert auto.decode(latent).isfinite().all(), "what goes back into the loop is saved too"
    assert np.array_equal(auto.to_levels(0.01 * latent), fine), "a picture depends on its latent alone"


def test_a_picture_that_no_type_saves_is_an_error_that_names_the_frame():
    auto, latent = overflowing(torch.float16)
    latent[0, 0, 0, 0] = torch.nan
    with (
        pytest.warns(AudiovizWarning, match="go beyond float16"),
        pytest.raises(ModelError, match="frame 12: the autoencoder gave values that are not numbers"),
    ):
        auto.to_levels(latent, about="frame 12")
    wide = overflowing(torch.float32)[0]
    with pytest.raises(ModelError, match="a picture: the autoencoder gave values"):
        wide.to_levels(latent)


# ---------------------------------------------------------------- placement


class Part(nn.Module):
    """So many gibibytes of weights, which take none."""

    def __init__(self, gib: float):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(int(gib * GIB / 2), dtype=torch.half, device="meta"), False)


@pytest.fixture
def card(monkeypatch):
    """A function of GiB that are free and parts: their Placement on such a card, and the moves as they are made."""
    moves, streamed = [], []
    names: dict[int, str] = {}
    monkeypatch.setattr(placing, "move", lambda part, where: moves.append((names[id(part)], where.type)))
    monkeypatch.setattr(placing, "stream", lambda part, where: streamed.append(names[id(part)]))

    def of(free: float, texts: dict, core: dict):
        parts = {name: Part(gib) for name, gib in (texts | core).items()}
        names.update({id(part): name for name, part in parts.items()})
        there: set[str] = set()

        def left(_) -> int:
            now = set()
            for name, where in moves:
                now.add(name) if where == "cuda" else now.discard(name)
            taken = sum(bytes_of(parts[name]) for name in now)
            assert taken <= free * GIB, f"{now} do not fit"
            return int(free * GIB) - taken

        placement = Placement(
            torch.device("cuda"),
            texts={name: parts[name] for name in texts},
            core={name: parts[name] for name in core},
            free=left,
        )
        there.clear()
        return placement, moves, streamed, left

    return of


WANTED = Footprint(call=GIB // 3, whole=7 * GIB // 4, tiles=GIB // 2)
SDXL = {"text_encoder": 0.23, "text_encoder_2": 1.29}, {"unet": 4.78, "vae": 0.16}


def test_where_there_is_room_all_lies_on_the_gpu(card):
    placement, moves, streamed, _ = card(12, *SDXL)
    placement.settle(WANTED)
    assert {name for name, where in moves if where == "cuda"} == {*SDXL[0], *SDXL[1]} and not streamed
    count = len(moves)
    with placement.reading():
        pass
    assert len(moves) == count and not placement.limited and placement.describe() is None


def test_on_8_gb_text_encoders_and_core_take_turns(card):
    placement, moves, streamed, left = card(7.2, *SDXL)
    placement.settle(WANTED)
    assert {name for name, _ in moves} == set(SDXL[1]) and placement.limited and not streamed
    moves_before = len(moves)
    with placement.reading():
        here = left(None)
        with placement.reading():
            assert placement.limited
    assert left(None) == int(7.2 * GIB) - sum(int(gib * GIB / 2) * 2 for gib in SDXL[1].values())
    assert here > 0 and len(moves) > moves_before
    assert "all texts are read first, then the text encoders make room" in placement.describe()
    placement.settle(Footprint(0, 0, 0))  # for smaller pictures there may be room for all
    assert not placement.limited and placement.describe() is None
    placement.settle(WANTED)
    assert placement.limited


def test_a_core_that_is_too_large_is_streamed_and_so_is_such_a_text_encoder(card):
    placement, moves, streamed, _ = card(7.2, {"clip": 0.23, "t5": 8.9}, {"transformer": 22.2, "vae": 0.16})
    placement.settle(WANTED)
    assert streamed == ["transformer"] and [name for name, _ in moves] == ["vae"]
    assert "streamed through it one after the other, which is slow" in placement.describe()
    with placement.reading():
        assert streamed == ["transformer", "t5"]
    assert not any(name in ("transformer", "t5") for name, where in moves if where == "cuda")


def test_a_failure_while_texts_are_read_brings_the_core_back(card):
    placement, _, _, left = card(7.2, *SDXL)
    placement.settle(WANTED)
    before = left(None)
    with pytest.raises(ZeroDivisionError), placement.reading():
        raise ZeroDivisionError
    assert left(None) == before


def test_what_is_streamed_computes_the_same():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        unet = UNet2DConditionModel(
            block_out_channels=(8, 16),
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            cross_attention_dim=16,
            attention_head_dim=4,
            norm_num_groups=4,
            layers_per_block=1,
        )
    unet.eval().requires_grad_(False)

    def call():
        with torch.inference_mode():
            return unet(drawn(1, 4, 8, 8), torch.tensor([5]), drawn(1, 3, 16), return_dict=False)[0]

    whole = call()
    stream(unet, torch.device("cpu"))
    assert torch.equal(call(), whole) and torch.equal(call(), whole) and unet.device.type == "cpu"


def test_text_encoders_that_are_streamed_read_the_same(tmp_path):
    tiny_family("sd3", tmp_path).save_pretrained(tmp_path / "sd3", safe_serialization=True)
    model = av.load_model(tmp_path / "sd3", device="cpu")
    whole = model.encode_text("a fox")
    pipeline = model.text_encoder.read.args[0]
    for name in ("text_encoder", "text_encoder_2", "text_encoder_3"):
        stream(getattr(pipeline, name), torch.device("cpu"))
    streamed = model.encode_text("a fox")
    assert torch.equal(streamed.embeddings, whole.embeddings) and torch.equal(streamed.pooled, whole.pooled)


# ---------------------------------------------------------------- estimates


def meta(kind, dtype=torch.half, **config) -> nn.Module:
    with torch.device("meta"):
        return kind(**config).eval().to(dtype)


def empty(*shape: int) -> torch.Tensor:
    return torch.empty(shape, dtype=torch.half, device="meta")


def test_live_bytes_are_those_of_tensors_that_live():
    def work():
        first = torch.empty(1024, device="meta")
        second = first + 1  # two at once
        del first
        return second.view(32, 32) * 2  # two again, and a view takes nothing

    most, calls = most_bytes(work)
    assert most == 2 * 4096 and calls == 4


@pytest.mark.parametrize("attentive", [True, False])
def test_the_estimate_of_a_unets_call_is_near_what_is_counted(attentive):
    kinds = ["CrossAttnDownBlock2D" if attentive else "DownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"]
    unet = meta(
        UNet2DConditionModel,
        block_out_channels=(32, 64, 128),
        down_block_types=kinds,
        up_block_types=[kind.replace("Down", "Up") for kind in reversed(kinds)],
        cross_attention_dim=32,
        attention_head_dim=8,
    )
    found, _ = most_bytes(
        lambda: unet(empty(2, 4, 64, 64), torch.empty(2, device="meta"), empty(2, 77, 32), return_dict=False)
    )
    told = call_bytes(unet.config, (512, 512), factor=8, element=2)
    assert told == pytest.approx(found, rel=0.25)


@pytest.mark.parametrize(("controlnet", "ip_adapter"), [(False, True), (True, True)])
def test_the_estimate_of_a_call_of_sdxl_that_is_led_is_near_what_is_counted(controlnet, ip_adapter):
    """Of a UNet in its form, a tenth as wide, with what leads it and all that is around it."""
    layout = RANDOM["LAYOUTS"]["parts"]["unet-xl"]
    told = {"addition_time_embed_dim": 8, "projection_class_embeddings_input_dim": 6 * 8 + 16}
    narrow = {"block_out_channels": (32, 64, 128), "attention_head_dim": (2, 4, 8), "cross_attention_dim": 64}
    unet = meta(UNet2DConditionModel, **layout | told | narrow)
    net = None
    if controlnet:
        with torch.device("meta"):
            options = {"conditioning_embedding_out_channels": (2, 3, 10, 26), "load_weights_from_unet": False}
            net = ControlNetModel.from_unet(unet, **options).half()
    if ip_adapter:
        RANDOM["add_ip_adapter"](unet)
    text = Conditioning(empty(1, 77, 64), empty(1, 16), empty(1, 1, RANDOM["SEEN"]) if ip_adapter else None)
    control = Control(torch.empty(1, 3, 1024, 1024, device="meta") if controlnet else None)
    denoiser, x, level = unet_denoiser(unet, controlnet=net), torch.empty(1, 4, 128, 128), torch.ones(1)
    found, _ = most_bytes(lambda: denoiser(x.to("meta"), level.to("meta"), [text, text], control=control))
    told = call_bytes(unet.config, (1024, 1024), factor=8, element=2, controlnet=controlnet)
    assert told == pytest.approx(found, rel=0.25)


@pytest.mark.parametrize("tiled", [False, True])
@pytest.mark.parametrize("kind", [AutoencoderKL, AutoencoderTiny])
def test_the_estimate_of_a_decoding_is_near_what_is_counted(kind, tiled):
    narrow = {
        AutoencoderKL: {
            "block_out_channels": (32, 64, 128, 128),
            "down_block_types": ("DownEncoderBlock2D",) * 4,
            "up_block_types": ("UpDecoderBlock2D",) * 4,
            "layers_per_block": 2,
        },
        AutoencoderTiny: {},
    }
    auto = Autoencoder(meta(kind, **narrow[kind]), LatentUnits(), 8, tiled=tiled)
    found, _ = most_bytes(lambda: auto.decode(empty(1, 4, 128, 128)))
    told = decode_bytes(auto.module.config, (1024, 1024), factor=8, element=2, tiled=tiled)
    assert told == pytest.approx(found, rel=0.25)


def test_the_estimates_of_the_embedded_model_are_near_what_is_counted(embedded):
    parts = load_plain(EMBEDDED, torch.half)
    unet, auto = parts.unet.to("meta"), Autoencoder(parts.vae.to("meta"), LatentUnits(), 16)
    scale = empty(2, unet.config.time_cond_proj_dim)
    text = empty(2, 77, unet.config.text_width)
    call, _ = most_bytes(
        lambda: unet(
            empty(2, 16, 32, 32), torch.empty(2, device="meta"), encoder_hidden_states=text, timestep_cond=scale
        )
    )
    assert call_bytes(unet.config, (512, 512), factor=16, element=2) == pytest.approx(call, rel=0.25)
    decoding, _ = most_bytes(lambda: auto.decode(empty(1, 16, 32, 32)))
    told = decode_bytes(parts.vae.config, (512, 512), factor=16, element=2, tiled=False)
    assert told == pytest.approx(decoding, rel=0.25)


def test_a_batch_takes_the_memory_of_its_calls_and_of_the_pictures_that_are_decoded_together():
    parts = load_plain(EMBEDDED, torch.half)
    unet, auto = parts.unet.to("meta"), Autoencoder(parts.vae.to("meta"), LatentUnits(), 16)
    for size, batch, pictures in (((512, 512), 3, 3), ((1024, 1024), 3, 2)):
        cells = size[0] // 16
        told = placing.footprint_of(unet, parts.vae, size, controlnet=False, batch=batch)
        texts, scale = empty(2 * batch, 77, unet.config.text_width), empty(2 * batch, unet.config.time_cond_proj_dim)
        levels = torch.empty(2 * batch, device="meta")
        call, _ = most_bytes(
            lambda x=empty(2 * batch, 16, cells, cells), t=levels, e=texts, s=scale: unet(
                x, t, encoder_hidden_states=e, timestep_cond=s
            )
        )
        whole, _ = most_bytes(lambda x=empty(pictures, 16, cells, cells): auto.decode(x))
        assert told.call == pytest.approx(call, rel=0.25) and told.whole == pytest.approx(whole, rel=0.25)


def test_families_whose_frames_are_called_one_by_one_take_the_memory_of_one():
    core, vae = {"_class_name": "ZImageTransformer2DModel", "dim": 64}, {"block_out_channels": (32,) * 4}
    one, eight = (footprint(core, vae, (512, 512), element=2, vae_element=2, batch=batch) for batch in (1, 8))
    assert eight.call == one.call and (eight.whole, eight.tiles) == (8 * one.whole, 8 * one.tiles)


def test_our_tiles_take_a_tenth_of_the_operations_of_those_of_diffusers():
    config = {"down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4}
    vae, latent = meta(AutoencoderKL, block_out_channels=(32,) * 4, sample_size=512, **config), empty(1, 4, 68, 68)
    _, ours = most_bytes(lambda: Autoencoder(vae, LatentUnits(), 8, tiled=True).decode(latent))
    vae.enable_tiling()
    with torch.inference_mode(), COUNTING["LiveBytes"]() as theirs:
        vae.decode(latent)
    assert 5 * ours < theirs.calls, (ours, theirs.calls)


# ---------------------------------------------------------------- models and renders


@pytest.mark.parametrize(
    ("name", "asked", "dtype", "found"),
    [
        ("sdxl", "auto", "float16", "float32"),
        ("sdxl", "bfloat16", "float32", "bfloat16"),
        ("sd1", "auto", "float16", "float16"),  # whose config says nothing, which diffusers takes for force_upcast
    ],
)
def test_the_autoencoder_has_a_type_of_its_own(name, asked, dtype, found, families):
    folder, pipeline = families(name)
    assert pipeline.vae.config.force_upcast
    model = av.load_model(folder, device="cpu", dtype=dtype, vae_dtype=asked)
    assert (model.denoiser.dtype, model.autoencoder.dtype) == (getattr(torch, dtype), getattr(torch, found))


@pytest.mark.parametrize(
    ("device", "has", "found"),
    [("cuda", True, torch.bfloat16), ("cuda", False, torch.float32), ("cpu", True, torch.float32)],
)
def test_a_decoder_that_is_too_wide_for_float16_takes_bfloat16_where_a_gpu_has_it(device, has, found, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: has and not including_emulation)
    assert bfloat16_or_float32(torch.device(device)) == found


@pytest.mark.parametrize(
    ("loaded", "upcast", "found"),
    [("float16", True, "bfloat16"), ("float16", False, "float16"), ("float32", True, "float32")],
)
def test_only_an_autoencoder_in_float16_is_too_narrow(loaded, upcast, found, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
    dtype = autoencoder_dtype("auto", getattr(torch, loaded), {"force_upcast": upcast}, torch.device("cuda"), wide=True)
    assert dtype == getattr(torch, found)


def test_an_unknown_type_of_the_autoencoder_is_refused():
    with pytest.raises(InputError, match="unknown vae-dtype 'half': use auto, float32, float16, bfloat16"):
        av.load_model(device="cpu", vae_dtype="half")


def test_on_a_small_gpu_all_texts_are_read_first_and_the_video_is_the_same(unjoined, tmp_path, monkeypatch):
    """The CPU stands in for the GPU: moves to it are noted, and no text encoder may be called while it is away."""
    soundfile.write(tmp_path / "song.wav", np.zeros((44100 * 4, 2)), 44100)
    song = made_song(path=tmp_path / "song.wav")
    schedule = av.Schedule(
        clock=song.clock, denoise=0.6, prompts=["0s: a [red:blue:0.5] fox AND ice", "2s: rain"], mix={"snow": 0.2}
    )
    model = av.load_model(device="cpu")
    parts = {name: getattr(model.text_encoder.read.args[0], name) for name in ("text_encoder", "unet", "vae")}
    story: list[str] = []
    away: set[str] = set(parts)

    def move(part, where):
        name = next(name for name, one in parts.items() if one is part)
        (away.discard if where.type == "cuda" else away.add)(name)
        story.append(f"{name} {'comes' if where.type == 'cuda' else 'goes'}")
        assert "unet" in away or "text_encoder" in away, "there is no room for both"

    def watch(name):
        def called(*_):
            assert name not in away, f"the {name} is called while it is away"
            story.append(name)

        return called

    for name in ("text_encoder", "unet"):
        parts[name].register_forward_pre_hook(watch(name))
    monkeypatch.setattr(placing, "move", move)
    wanted = placing.footprint_of(parts["unet"], parts["vae"], (64, 64), controlnet=False)
    room = sum(map(bytes_of, parts.values())) - bytes_of(parts["text_encoder"]) // 2 + wanted.usual

    def free(_):
        return room - sum(bytes_of(part) for name, part in parts.items() if name not in away)

    core = {name: parts[name] for name in ("unet", "vae")}
    placement = Placement(torch.device("cuda"), texts={"text_encoder": parts["text_encoder"]}, core=core, free=free)
    placement.settle(wanted)
    small = replace(model, placement=placement, text_encoder=TextReader(model.text_encoder.read, placement))
    options = {"size": 64, "steps": 2, "start": "1.9", "duration": "4f", "progress": False}
    av.render(song, schedule, out=tmp_path / "small.mp4", model=small, **options)
    read = [i for i, what in enumerate(story) if what == "text_encoder"]
    calls = [i for i, what in enumerate(story) if what == "unet"]
    assert len(read) > 4 and calls and max(read) < min(calls), "all texts come before the first call"
    assert story.count("text_encoder comes") == story.count("text_encoder goes") == 1
    assert story[-1] == "unet" and placement.limited
    made = (tmp_path / "small.mp4").read_bytes()
    small.encode_text("something else")
    assert story[-3:] == ["text_encoder goes", "unet comes", "vae comes"] and "text_encoder" in away
    away.clear()
    av.render(song, schedule, out=tmp_path / "small.mp4", model=model, **options)
    assert (tmp_path / "small.mp4").read_bytes() == made


@pytest.mark.parametrize(
    ("free", "size", "said"),
    [
        (6.0, 64, "about 0.5 GB of the 6.0 GB that are free on the GPU: all of the model lies there"),
        (0.52, 64, "text is read first"),
        (
            0.3,
            2048,
            "the model is streamed through it, which is slow, text is read first, pictures are decoded in tiles",
        ),
    ],
)
@pytest.mark.parametrize("kind", ["folder", "embedded"])
def test_the_dry_run_tells_the_memory_of_a_gpu(kind, free, size, said, tmp_path, monkeypatch):
    monkeypatch.setattr("audioviz.rendering.gpu_memory.free_bytes", lambda _: int(free * GIB))
    monkeypatch.setattr("audioviz.models.load.find_device", lambda _: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
    soundfile.write(tmp_path / "song.wav", np.zeros((44100, 2)), 44100)
    if kind == "folder":
        tiny_family("sdxl", tmp_path).save_pretrained(tmp_path / "sdxl", safe_serialization=True)
    look = Look(model="embedded" if kind == "embedded" else str(tmp_path / "sdxl"), size=size)
    found = describe_memory(look, (size, size), torch.device("cuda"))
    if (kind, free) != ("folder", 0.52):  # whose text encoders are too small to matter
        assert said in found
    assert describe_memory(look, (size, size), torch.device("cpu")) is None


def test_a_batch_is_counted_before_a_render_and_in_its_dry_run(monkeypatch):
    model, size = av.load_model(device="cpu"), (512, 512)
    parts = {name: getattr(model.text_encoder.read.args[0], name) for name in ("unet", "vae")}
    one, eight = (placing.footprint_of(*parts.values(), size, controlnet=False, batch=batch) for batch in (1, 8))
    free = (one.usual + eight.usual) // 2
    monkeypatch.setattr(placing, "move", lambda *_: None)
    placement = Placement(torch.device("cuda"), texts={}, core=parts, free=lambda _: free)
    model = replace(model, placement=placement, autoencoder=replace(model.autoencoder))
    make_room(model, size)
    assert not model.autoencoder.tiled
    with pytest.warns(AudiovizWarning, match="decoded in tiles"):
        make_room(model, size, batch=8)
    assert model.autoencoder.tiled
    monkeypatch.setattr("audioviz.rendering.gpu_memory.free_bytes", lambda _: 80 * GIB)
    said = [describe_memory(Look(batch=batch), size, torch.device("cuda")) for batch in (1, 8)]
    taken = [float(line.split()[1]) for line in said]
    assert taken[1] - taken[0] == pytest.approx((eight.usual - one.usual) / GIB / 2, abs=0.11)  # in float16


@pytest.mark.parametrize("tiled", [False, True])
def test_pictures_are_captured_where_graphs_may_keep_what_they_take(tiled, monkeypatch):
    model, size = av.load_model(device="cpu"), (1024, 1024)
    parts = {name: getattr(model.text_encoder.read.args[0], name) for name in ("unet", "vae")}
    wanted = placing.footprint_of(*parts.values(), size, controlnet=False)
    least = wanted.call + 2 * (wanted.tiles if tiled else wanted.whole) + GIB // 2
    monkeypatch.setattr(placing, "move", lambda *_: None)
    found = []
    for free in (least - 1, least):
        placement = Placement(torch.device("cuda"), texts={}, core=parts, free=lambda _, free=free: free)
        there = replace(model, placement=placement, autoencoder=replace(model.autoencoder, tiled=tiled))
        found.append(has_room_for_graphs(there, size))
    assert found == [False, True]
    assert has_room_for_graphs(model, size), "where no graphs are"


def test_what_leads_a_model_is_weighed_with_it(tmp_path, monkeypatch):
    monkeypatch.setattr("audioviz.models.load.find_device", lambda _: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
    pipeline = tiny_family("sdxl", tmp_path)
    pipeline.save_pretrained(tmp_path / "sdxl", safe_serialization=True)
    net = ControlNetModel.from_unet(pipeline.unet)
    net.save_pretrained(tmp_path / "net")
    adapter = tiny_ip_adapter(pipeline.unet, tmp_path)
    encoder = load_file(tmp_path / "image_encoder" / "model.safetensors")

    def taken(**added):
        return bytes_wanted(Look(model=str(tmp_path / "sdxl"), **added), (64, 64), torch.device("cuda"))

    count = sum(weight.numel() for weight in (*load_file(adapter).values(), *encoder.values()))
    assert taken(ip_adapter=str(adapter)) - taken() == 2 * count  # in float16
    assert taken(controlnet=str(tmp_path / "net")) - taken() >= 2 * sum(weight.numel() for weight in net.parameters())


def test_a_model_is_weighed_by_the_headers_of_its_files(tmp_path):
    pipeline = tiny_family("sdxl", tmp_path)
    pipeline.save_pretrained(tmp_path / "sdxl", safe_serialization=True)
    found = weigh(str(tmp_path / "sdxl"))

    def count(*names):
        return sum(weight.numel() for name in names for weight in getattr(pipeline, name).parameters())

    assert (found.texts, found.rest) == (count("text_encoder", "text_encoder_2"), count("unet", "vae"))
    assert found.core["_class_name"] == "UNet2DConditionModel"
    assert weigh("nobody/nothing") is None
