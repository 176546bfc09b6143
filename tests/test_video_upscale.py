"""audioviz.video.upscale and frame: Lanczos, networks in tiles, exact sizes."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch.nn.functional import interpolate

from audioviz.errors import InputError
from audioviz.video import upscale
from audioviz.video.frame import Upscale, exact_size, finished_size, read_frame, read_upscale, sampled_size
from audioviz.video.upscale import Upscaler, in_tiles, lanczos, load_network

SIZES = [((48, 36), (108, 80)), ((48, 36), (30, 20)), ((64, 64), (65, 200))]


def soft_picture(width: int, height: int, *, seed: int = 0) -> torch.Tensor:
    """Blots of colour, which are not white noise: a picture (1, 3, H, W) in 0..1."""
    blots = torch.rand(1, 3, 5, 7, generator=torch.Generator().manual_seed(seed))
    return interpolate(blots, (height, width), mode="bicubic").clamp(0, 1)


def by_pillow(picture: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Each colour by itself in 32 bits, of which Pillow makes no levels."""
    colours = [Image.fromarray(colour.numpy()).resize(size, Image.Resampling.LANCZOS) for colour in picture[0]]
    return torch.from_numpy(np.stack([np.asarray(colour) for colour in colours]))[None].clamp(0, 1)


class TestLanczos:
    @pytest.fixture(params=[True, False], ids=["torch's", "own"])
    def level(self, request, monkeypatch):
        """How far from Pillow it may be: 256 levels before and after, or rounding alone."""
        if request.param and not upscale._torch_has_lanczos():
            pytest.skip("this torch has no Lanczos")
        monkeypatch.setattr(upscale, "_torch_has_lanczos", lambda: request.param)
        return 2.5 / 255 if request.param else 1e-5

    @pytest.mark.parametrize(("before", "after"), SIZES)
    def test_it_agrees_with_pillow(self, level, before, after):
        picture = soft_picture(*before)
        found = lanczos(picture, after)
        assert found.shape == (1, 3, after[1], after[0]) and found.dtype == torch.float32
        assert (found - by_pillow(picture, after)).abs().max() <= level

    @pytest.mark.parametrize("value", [0.0, 0.2, 1.0])
    def test_one_colour_stays_what_it_is(self, level, value):
        picture = torch.full((1, 3, 20, 30), value)
        assert lanczos(picture, (77, 50)).sub(value).abs().max() <= level / 4

    def test_a_mirrored_picture_is_the_mirror_of_the_enlarged_one(self, level):
        picture = soft_picture(40, 24)
        both = lanczos(picture, (100, 60)), lanczos(picture.flip(3), (100, 60)).flip(3)
        assert (both[0] - both[1]).abs().max() <= level / 2

    def test_one_and_two_threads_give_the_same(self, level):
        found, threads = [], torch.get_num_threads()
        try:
            for count in (1, 2):
                torch.set_num_threads(count)
                found.append(lanczos(soft_picture(128, 96), (300, 200)))
        finally:
            torch.set_num_threads(threads)
        assert (found[0] - found[1]).abs().max() <= 1e-6


class TestUpscaler:
    def test_it_crops_around_the_middle_without_distortion(self):
        picture = torch.zeros(1, 3, 60, 100)
        picture[..., 20:40, 40:60] = 1  # a square in the middle
        bright = Upscaler((120, 180))(picture)[0, 0] > 0.5
        rows, columns = bright.any(1).nonzero().flatten(), bright.any(0).nonzero().flatten()
        assert (rows[0], rows[-1] + 1) == (60, 120) and (columns[0], columns[-1] + 1) == (30, 90)

    @pytest.mark.parametrize("before", [(672, 384), (384, 672), (512, 512)])
    @pytest.mark.parametrize("frame", ["square", "wide", "vertical", "2.39:1"])
    def test_the_size_is_exact(self, before, frame):
        size = read_frame(frame)
        small = (size[0] // 4, size[1] // 4)
        assert Upscaler(small)(torch.rand(1, 3, before[1] // 4, before[0] // 4)).shape == (1, 3, small[1], small[0])

    def test_a_picture_of_the_right_size_stays(self):
        picture = soft_picture(64, 48)
        assert torch.equal(Upscaler((64, 48))(picture), picture)


class TestTiles:
    @pytest.mark.parametrize("size", [(150, 70), (70, 150), (97, 233), (64, 64), (65, 64)])
    def test_tiles_join_without_seams(self, size):
        """A network that sees 5 pixels around each: in tiles it makes the same as at once."""
        network = torch.nn.Sequential(
            torch.nn.Conv2d(3, 8, 7, padding=3), torch.nn.ReLU(), torch.nn.Conv2d(8, 12, 5, padding=2)
        ).append(torch.nn.PixelShuffle(2))
        torch.manual_seed(0)
        picture = soft_picture(*size)
        seen = []

        def tiled(part):
            seen.append(part.shape[2:])
            return network(part)

        with torch.inference_mode():
            whole, found = network(picture), in_tiles(tiled, picture, scale=2, tile=64, overlap=32)
        assert (whole - found).abs().max() < 1e-6
        assert all(max(part) <= 64 for part in seen) and (len(seen) == 1) == (max(size) <= 64)

    def test_what_is_wrong_near_the_edges_of_tiles_passes_softly(self):
        """Each tile is a shade of its own: no step between neighbouring pixels is larger than the way asks for."""
        shades = iter(torch.linspace(0, 1, 12))
        found = in_tiles(lambda part: torch.full_like(part, next(shades).item()), torch.zeros(1, 3, 150, 150), scale=1)
        assert found.unique().numel() == 1
        found = in_tiles(
            lambda part: torch.full_like(part, next(shades).item()),
            torch.zeros(1, 3, 64, 150),
            scale=1,
            tile=64,
            overlap=32,
        )
        steps = found.diff(dim=3).abs()
        assert 0 < steps.max() <= 1 / 11 / 16 + 1e-6


@pytest.fixture(scope="module")
def spandrel():
    """The real one. Where torchvision does not go with this torch, the two architectures that need it are left out."""
    pytest.importorskip("einops")
    if importlib.util.find_spec("spandrel") is None:
        pytest.skip("spandrel is an extra")
    try:
        importlib.import_module("torchvision")
    except (ImportError, RuntimeError):
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        for name in ("torchvision", "torchvision.transforms", "torchvision.transforms.functional"):
            sys.modules[name] = ModuleType(name)
        for name in ("InterpolationMode", "rotate", "normalize"):
            setattr(sys.modules["torchvision.transforms.functional"], name, None)
    return importlib.import_module("spandrel")


@pytest.fixture(scope="module")
def networks(spandrel, tmp_path_factory):
    """Files of real architectures with few, random weights: Real-ESRGAN's compact one, ESRGAN's, SwinIR."""
    from spandrel.architectures.Compact.__arch.SRVGG import SRVGGNetCompact
    from spandrel.architectures.ESRGAN.__arch.RRDB import RRDBNet
    from spandrel.architectures.SwinIR.__arch.SwinIR import SwinIR

    folder = tmp_path_factory.mktemp("networks")
    torch.manual_seed(0)
    made = {
        "compact": SRVGGNetCompact(num_feat=8, num_conv=2, upscale=2),
        "esrgan": RRDBNet(in_nc=3, out_nc=3, num_filters=8, num_blocks=2, scale=4, plus=False),
        "swinir": SwinIR(embed_dim=12, depths=[2], num_heads=[2], window_size=8, upscale=2, upsampler="pixelshuffle"),
        "grey": SRVGGNetCompact(num_in_ch=1, num_out_ch=1, num_feat=8, num_conv=2, upscale=2),
    }
    for name, network in made.items():
        save_file(
            {key: value.contiguous() for key, value in network.state_dict().items()}, folder / f"{name}.safetensors"
        )
    return folder, made


class TestNetworks:
    @pytest.mark.parametrize(("name", "scale"), [("compact", 2), ("esrgan", 4), ("swinir", 2)])
    def test_a_network_makes_what_its_own_code_makes(self, networks, name, scale):
        folder, made = networks
        network = load_network(folder / f"{name}.safetensors", torch.device("cpu"))
        picture = soft_picture(40, 32)
        with torch.inference_mode():
            own = made[name].eval()(picture).clamp(0, 1)
        assert network.scale == scale and torch.allclose(network(picture), own, atol=1e-5)

    @pytest.mark.parametrize("name", ["compact", "esrgan"])
    def test_tiles_of_a_network_have_no_seams(self, networks, name):
        network = load_network(networks[0] / f"{name}.safetensors", torch.device("cpu"))
        picture = soft_picture(150, 96)
        whole = network._run(picture)
        found = in_tiles(network._run, picture, scale=network.scale, tile=96, overlap=64)
        assert (whole - found).abs().max() < 0.5 / 255 and whole.std() > 0.001

    def test_its_picture_is_brought_to_the_size_asked_for(self, networks):
        network = load_network(networks[0] / "esrgan.safetensors", torch.device("cpu"))
        assert Upscaler((90, 50), network)(soft_picture(32, 32)).shape == (1, 3, 50, 90)

    def test_what_is_no_network_for_pictures_is_refused(self, networks, tmp_path):
        with pytest.raises(
            InputError, match="grey.safetensors: a RealESRGAN Compact for SR with 1 channels; expected a network"
        ):
            load_network(networks[0] / "grey.safetensors", torch.device("cpu"))
        save_file({"weight": torch.zeros(3)}, tmp_path / "a.safetensors")
        with pytest.raises(InputError, match="a.safetensors: of no architecture that spandrel knows"):
            load_network(tmp_path / "a.safetensors", torch.device("cpu"))
        (tmp_path / "b.safetensors").write_bytes(b"half a fi")
        with pytest.raises(InputError, match="b.safetensors: no whole .safetensors file"):
            load_network(tmp_path / "b.safetensors", torch.device("cpu"))

    def test_without_spandrel_it_is_one_line(self, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "spandrel", None)
        with pytest.raises(InputError, match=r"networks are loaded by spandrel, .*: pip install 'audioviz\[upscale\]'"):
            load_network(tmp_path / "a.safetensors", torch.device("cpu"))


class TestSizes:
    @pytest.mark.parametrize(
        ("frame", "size"),
        [
            ("square", (1080, 1080)),
            ("wide", (1920, 1080)),
            ("vertical", (1080, 1920)),
            ("2.39:1", (1920, 804)),
            ("16:9", (1920, 1080)),
            ("4:5", (1080, 1350)),
            ("21:9", (1920, 822)),
            ("3:4", (1080, 1440)),
        ],
    )
    def test_frames(self, frame, size):
        assert read_frame(frame) == size

    @pytest.mark.parametrize("frame", ["", "wider", "5:1", "1:5", "0:1", "1:0", "16/9", "１:2", "-1:2"])
    def test_what_is_no_frame(self, frame):
        with pytest.raises(InputError, match="expected square, wide, vertical, or width:height, such as 2.39:1"):
            read_frame(frame)

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("2x", Upscale(factor=2)),
            ("1920x1080", Upscale(size=(1920, 1080))),
            ("4x.safetensors", Upscale(Path("4x.safetensors"))),
            ("C:/net.safetensors", Upscale(Path("C:/net.safetensors"))),
            ("C:/net.safetensors:1.5x", Upscale(Path("C:/net.safetensors"), factor=1.5)),
            ("net.safetensors:640x360", Upscale(Path("net.safetensors"), size=(640, 360))),
        ],
    )
    def test_upscales(self, text, found):
        assert read_upscale(text) == found

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("0.5x", "a factor from 1x to 16x"),
            ("17X", "a factor from 1x to 16x"),
            ("1921x1080", "an even width and an even height, of 16 to 16384 pixels"),
            ("8x8", "an even width and an even height, of 16 to 16384 pixels"),
            ("lanczos", "2x, a size such as 1920x1080, or the .safetensors file"),
            ("", "2x, a size such as 1920x1080, or the .safetensors file"),
        ],
    )
    def test_what_is_no_upscale(self, text, expected):
        with pytest.raises(InputError, match=f"expected {expected}"):
            read_upscale(text)

    @pytest.mark.parametrize("side, step", [(512, 8), (512, 16), (1024, 8), (1024, 16), (256, 8), (64, 8)])
    @pytest.mark.parametrize("shape", [(1080, 1080), (1920, 1080), (1080, 1920), (1920, 804), (1080, 1350)])
    def test_what_is_sampled_is_near_in_shape_and_in_pixels(self, side, step, shape):
        width, height = sampled_size(shape, side=side, step=step)
        assert width % step == height % step == 0 and min(width, height) >= 4 * step
        assert abs(np.log(width / height * shape[1] / shape[0])) < 0.1
        assert 0.8 < width * height / side**2 < 1.25

    def test_the_sizes_that_models_were_trained_with_are_met(self):
        assert sampled_size((1, 1), side=512, step=8) == (512, 512)
        assert sampled_size((16, 9), side=1024, step=8) == (1344, 768)  # of SDXL
        assert sampled_size((9, 16), side=1024, step=8) == (768, 1344)

    def test_a_finished_size_is_even(self):
        assert finished_size((512, 296), "1.1x", None) == (564, 326)
        assert finished_size((512, 296), "a.safetensors", None, own=4) == (2048, 1184)
        assert finished_size((512, 296), "a.safetensors", "wide", own=4) == (1920, 1080)
        assert finished_size((512, 296), None, None) == (512, 296)
        assert exact_size("2x", None) is exact_size(None, None) is None and exact_size("640x360", None) == (640, 360)
