"""Effects: at rest nothing, little of a little, alike in all sizes, the same everywhere, and what each says it does."""

import itertools
import math
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from audioviz.effects import EFFECTS, apply
from audioviz.effects.chain import RANDOM
from audioviz.effects.ground import gaussian, luma, random_bits, shrunk, uniform
from tests.models import fake_model

FULL = {"mirror": 6, "roll": 30, "hue": 0.5}  # where 1 is not yet much, or already nothing
DRAWS = (0.886572120872, 0.315493958662, 0.971475861678)
GROW = tuple(name for name in EFFECTS if name not in ("mirror", "glitch"))  # farther from the picture as they grow


def painting(height=96, width=128):
    """Soft colours, a bright disc and a dark stripe: float32, shape (1, 3, height, width)."""
    y = (torch.arange(height)[:, None] + 0.5) / height - 0.5
    x = (torch.arange(width) + 0.5 - width / 2) / height
    waves = [0.45 + 0.3 * torch.sin(k * x + 2 * k * y + k) for k in (5, 7, 9)]
    disc = ((0.25 - torch.hypot(x - 0.2, y + 0.1)) * 12).clamp(0, 1)
    stripe = 1 - ((0.08 - (y - 0.3).abs()) * 12).clamp(0, 1)
    return (torch.stack(waves) + disc * torch.tensor([0.5, 0.4, 0.1])[:, None, None]).clamp(0, 1)[None] * stripe


def under(picture, name, strength, *, seed=7, frame=3):
    """The picture under one effect; the frame before was the picture turned round."""
    return apply(picture, {name: strength}, seed=seed, frame=frame, before=picture.flip(3))


def distance(one, other) -> float:
    return (one - other).abs().mean().item()


def flat(*colour, size=(48, 64)):
    return torch.tensor(colour)[None, :, None, None].expand(1, 3, *size).clone()


def test_at_rest_there_is_the_picture_itself():
    picture = painting()
    rest = dict.fromkeys(EFFECTS, 0.0) | {"flash_colour": 0xFFFFFF, "zoom": 1.2, "denoise": 0.5}
    assert apply(picture, {}, seed=1, frame=0) is picture
    assert apply(picture, rest, seed=1, frame=5, before=picture.clone()) is picture


@pytest.mark.parametrize("strength", [1e-4, 1e-40, 1e-250, 5e-324])
def test_the_tail_of_a_hit_ends_in_the_picture_itself(strength):
    """What decays for long is never 0."""
    picture = painting(48, 64)
    for name in EFFECTS:
        assert distance(under(picture, name, strength), picture) < 0.5 / 255, name
        assert strength == 1e-4 or under(picture, name, strength) is picture


@pytest.mark.parametrize("name", EFFECTS)
@pytest.mark.parametrize("size", [(96, 128), (33, 17), (8, 8)])
def test_pictures_stay_pictures(name, size):
    picture = painting(*size)
    kept = picture.clone()
    most = FULL.get(name, 1)
    for strength in (0.01, 0.3 * most, most, 5 * most, *([-0.4, -1] if name in ("saturation", "contrast") else [])):
        if strength <= 1 or name not in ("flash", "strobe", "invert", "posterize", "glitch", "scanlines", "trails"):
            shown = under(picture, name, strength)
            assert shown.shape == picture.shape and shown.dtype == torch.float32
            assert shown.min() >= 0 and shown.max() <= 1, (name, strength)
    assert torch.equal(picture, kept)


@pytest.mark.parametrize("name", EFFECTS)
def test_a_little_is_little_and_much_is_seen(name):
    picture = painting(256, 256)
    assert distance(under(picture, name, 0.01 * FULL.get(name, 1)), picture) < 0.012
    assert distance(under(picture, name, FULL.get(name, 1)), picture) > (
        0.0005 if name == "sharpen" else 0.02
    )  # it has little detail


@pytest.mark.parametrize("name", GROW)
def test_more_is_more(name):
    picture, most = painting(256, 256), FULL.get(name, 1)
    far = [distance(under(picture, name, part * most), picture) for part in (0.1, 0.25, 0.5, 0.75, 1)]
    assert far == sorted(far) and far[-1] > 1.3 * far[1]


@pytest.mark.parametrize("name", EFFECTS)
def test_strengths_beside_each_other_look_alike(name):
    picture, most = painting(256, 256), FULL.get(name, 1)
    for part in (0.3, 0.6, 0.99):
        step = distance(under(picture, name, part * most), under(picture, name, (part + 0.004) * most))
        assert step < 0.025, (name, part)


@pytest.mark.parametrize("name", sorted(EFFECTS.keys() - {"grain", "scanlines"}))
def test_sizes_look_alike(name):
    small, large = painting(128, 160), painting(512, 640)
    strength = 0.6 * FULL.get(name, 1)
    change = distance(under(small, name, strength), small)
    assert distance(shrunk(under(large, name, strength), 128), under(small, name, strength)) < max(0.25 * change, 0.006)


@pytest.mark.parametrize("name", EFFECTS)
def test_threads_change_nothing(name):
    picture, threads = painting(256, 256), torch.get_num_threads()
    try:
        shown = []
        for count in (1, 2):
            torch.set_num_threads(count)
            shown.append(under(picture, name, 0.7 * FULL.get(name, 1)))
    finally:
        torch.set_num_threads(threads)
    assert (shown[0] - shown[1]).abs().max() <= 1e-6


@pytest.mark.parametrize("name", RANDOM)
def test_chance_is_of_seed_and_frame_alone(name):
    picture = painting()
    shown = under(picture, name, 0.7)
    torch.rand(3), np.random.rand(3)  # noqa: NPY002
    assert torch.equal(shown, under(picture, name, 0.7))
    for other in ({"seed": 8}, {"frame": 4}):
        assert distance(shown, under(picture, name, 0.7, **other)) > 0.01
    alone = apply(picture, {name: 0.7}, seed=7, frame=3)
    others = apply(picture, {name: 0.7, "hue": 1.0, "strobe": 1e-9}, seed=7, frame=3)  # they draw nothing
    assert torch.allclose(alone, others, atol=1e-5)


def test_draws_are_the_same_for_good():
    draws = uniform(random_bits(7, 3, "shake"), 3)
    assert draws == pytest.approx(DRAWS, abs=1e-8)
    assert not np.allclose(draws, uniform(random_bits(7, 3, "grain"), 3))


@pytest.mark.parametrize("spread", [0.7, 2.0, 4.0, 20.0])
def test_blur_is_gaussian(spread):
    picture = painting(160, 200)
    wanted = gaussian_filter(picture.numpy(), (0, 0, spread, spread), mode="nearest")
    inside = slice(
        math.ceil(3 * spread), -math.ceil(3 * spread)
    )  # at the edges one repeats the last pixel, and one has none
    error = (gaussian(picture, spread / 160) - torch.from_numpy(wanted)).abs()[..., inside, inside]
    assert error.max() < 0.002


def test_colours():
    red, picture = flat(1.0, 0, 0), painting()
    assert under(red, "hue", 1 / 3)[0, :, 0, 0].tolist() == pytest.approx([0, 1, 0], abs=1e-6)
    assert torch.allclose(under(picture, "hue", 1.0), picture, atol=1e-6)
    assert torch.allclose(under(picture, "saturation", -1.0), luma(picture).expand_as(picture), atol=1e-6)
    assert torch.allclose(under(picture, "contrast", -1.0), torch.tensor(0.5))
    assert under(flat(0.51, 0.5, 0.49), "contrast", 1)[0, :, 0, 0].tolist() == pytest.approx(
        [0.52, 0.5, 0.48], abs=5e-4
    )
    assert under(flat(0.01, 0.5, 1.0), "brightness", 1)[0, :, 0, 0].tolist() == pytest.approx(
        [0.02, 2 / 3, 1], abs=3e-4
    )
    assert under(picture, "brightness", -1.0).max() == 0
    assert torch.allclose(under(under(picture, "invert", 1.0), "invert", 1.0), picture, atol=1e-6)
    assert set(under(picture, "posterize", 1.0).unique().tolist()) == {0.0, 1.0}
    assert len(under(picture, "posterize", 0.25).unique()) == 5


def test_light():
    picture = painting(64, 64)
    assert (under(picture, "flash", 1.0) == 1).all() and under(picture, "strobe", 1.0).max() == 0
    half = apply(flat(0.0, 0.5, 1.0), {"flash": 0.5, "flash_colour": 0xFF8000}, seed=1, frame=0)
    assert half[0, :, 0, 0].tolist() == pytest.approx([0.25, 0.6616, 0.75], abs=1e-3)
    dark = flat(0.2, 0.25, 0.1)
    assert torch.allclose(under(dark, "glow", 1.0), dark, atol=1e-6)  # it has no highlights
    spot = torch.zeros(1, 3, 128, 128)
    spot[..., 60:68, 60:68] = 1
    halo = under(spot, "glow", 1.0)[0, 0, 64]
    assert halo[64] == 1 and 0.02 < halo[75] < 0.5 and halo[75] > halo[85] > halo[100] and halo[100] < 0.02
    vignette = under(flat(1.0, 1.0, 1.0, size=(256, 256)), "vignette", 1.0)[0, 0]
    assert vignette[128, 128] > 0.99 and vignette[0, 0].item() == pytest.approx(1 / 9, abs=0.01)


def test_places():
    picture = painting(64, 64)
    assert torch.allclose(under(picture, "roll", 90.0), picture.rot90(-1, (2, 3)), atol=1e-4)
    one = under(picture, "mirror", 1)
    assert torch.allclose(one[..., 32:], picture[..., 32:], atol=1e-4) and torch.allclose(one, one.flip(3), atol=1e-4)
    four = under(picture, "mirror", 4)
    assert torch.allclose(four, four.rot90(1, (2, 3)), atol=1e-3)
    between = torch.lerp(under(picture, "mirror", 3), four, 0.25)
    assert torch.allclose(under(picture, "mirror", 3.25), between, atol=1e-6)
    blocks = under(painting(240, 240), "pixelate", 1.0)
    middle, fine = blocks[..., 110:130, 110:130], painting(240, 240)[..., 110:130, 110:130]
    assert torch.equal(middle.amax((2, 3)), middle.amin((2, 3)))
    assert torch.allclose(middle.mean((2, 3)), fine.mean((2, 3)), atol=0.02)
    apart = under(picture, "chroma", 1.0)
    assert torch.equal(apart[:, 1], picture[:, 1]) and distance(apart[:, 0], picture[:, 0]) > 0.002


def test_punch_keeps_the_middle_sharp():
    noise = torch.from_numpy(np.random.default_rng(1).random((1, 3, 128, 128), np.float32)).repeat_interleave(2, 2)
    noise = noise.repeat_interleave(2, 3)
    rushed = under(noise, "punch", 0.3)
    assert rushed[..., 122:134, 122:134].std() > 0.7 * noise.std() > 3 * rushed[..., :32, :32].std()


def test_film():
    grey = flat(0.5, 0.5, 0.5, size=(256, 256))
    grained = under(grey, "grain", 0.5)
    assert grained.std().item() == pytest.approx(0.05, rel=0.03) and grained.mean().item() == pytest.approx(
        0.5, abs=1e-3
    )
    assert torch.equal(grained[:, 0], grained[:, 2])  # alike in all colours
    assert under(flat(0.95, 0.95, 0.95), "grain", 0.5).std() < 0.6 * grained.std()
    large = under(flat(0.5, 0.5, 0.5, size=(1080, 300)), "grain", 0.5)
    assert large.std().item() == pytest.approx(0.05, rel=0.1)
    assert np.corrcoef(large[0, 0, 1:].flatten(), large[0, 0, :-1].flatten())[0, 1] > 0.5  # grains, not pixels
    lines = under(grey, "scanlines", 1.0)[0, 0, :, 0]
    assert torch.equal(lines[::2], lines[:1].expand(128)) and lines[1] < 0.5 * lines[0]
    assert lines.mean() == pytest.approx(0.5, abs=0.1)


def test_trails_fade_the_darks_first():
    black, before, seen = torch.zeros(1, 3, 32, 32), flat(1.0, 0.5, 0, size=(32, 32)), []
    for frame in range(20):
        before = apply(black, {"trails": 0.8}, seed=1, frame=frame, before=before)
        seen.append(before[0, 0, 0, 0].item())
        assert torch.equal(before[:, 1], before[:, 0] / 2) and before[:, 2].max() == 0  # its colour stays
    assert seen[0] == pytest.approx(0.98 * 0.8) and seen[-1] < 0.8**20
    assert all(after < 0.8 * now for now, after in itertools.pairwise(seen))


def test_trails_let_what_is_new_through():
    picture, dark = painting(), painting() * 0.5
    assert torch.equal(apply(picture, {"trails": 1.0}, seed=1, frame=1, before=dark), picture)
    assert apply(picture, {"trails": 1.0}, seed=1, frame=0) is picture  # there is none before it


def test_the_order_is_that_of_light():
    """Grain lies on a flash, the strobe is black whatever else there is, and a blur does not soften pixels."""
    picture = painting()
    assert apply(picture, dict.fromkeys(EFFECTS, 0.5) | {"strobe": 1.0}, seed=1, frame=2).max() == 0
    flashed = apply(picture, {"flash": 1.0, "flash_colour": 0x808080, "grain": 0.5}, seed=1, frame=2)
    assert flashed.std() > 0.03
    both = apply(picture, {"blur": 0.5, "pixelate": 0.5}, seed=1, frame=2)
    assert torch.equal(both, under(under(picture, "blur", 0.5), "pixelate", 0.5))


def test_the_sheet_shows_all_of_them():
    example = runpy.run_path(str(Path(__file__).parent.parent / "examples" / "effects.py"))
    assert example["draw"](fake_model(), "a", seed=1, size=(64, 64)).shape == (1, 3, 64, 64)
    picture = painting(64, 64)
    sheet = np.asarray(example["effects_sheet"](picture, tile=64))
    assert sheet.shape == (6 * (64 + 22 + 4), 8 * (64 + 4) + 4, 3)
    own = sheet[-68:-4, 4 + 6 * 68 :][:, :64]  # as it is, after two of each
    tiles = [sheet[22 + 90 * (i // 8) :, 4 + 68 * (i % 8) :][:64, :64] for i in range(2 * len(EFFECTS))]
    assert np.array_equal(own, example["to_image"](picture)) and all((tile != own).any() for tile in tiles[1::2])
