"""Input pictures by their content: what is a still, what moves, and colours as they are meant."""

from fractions import Fraction

import numpy as np
import pytest
from PIL import Image, ImageCms

from audioviz.clock import Clock
from audioviz.errors import InputError
from audioviz.rendering.pictures import check_pictures, load_pictures
from tests.containers import ffmpeg

CLOCK = Clock(Fraction(8), 16)
HALVES = np.zeros((64, 64, 3), np.uint8)
HALVES[:, :32], HALVES[:, 32:] = [255, 0, 0], [0, 0, 255]
RAMP = np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (64, 1))
LEVELS = (0, 80, 160, 240)


def load(file, **options):
    return load_pictures(file, size=(64, 64), clock=CLOCK, **options)


@pytest.mark.parametrize(
    "name", ["jfif", "avif", "gif", "jp2", "tga", "webp", "bmp", "tif", "ico", "pcx", "qoi", "apng"]
)
def test_one_picture_is_a_still_whatever_its_format(tmp_path, name):
    Image.fromarray(HALVES).save(tmp_path / f"a.{name}")
    found = load(tmp_path / f"a.{name}")
    assert not found.moves
    np.testing.assert_allclose(found.at(3)[32, [8, 56]], [[255, 0, 0], [0, 0, 255]], atol=4)


def test_the_name_tells_nothing(tmp_path):
    Image.fromarray(HALVES).save(tmp_path / "a.mp4", "png")
    ffmpeg("-loop", 1, "-i", tmp_path / "a.mp4", "-t", 1, "-r", 10, "-f", "mp4", tmp_path / "film.png")
    ffmpeg("-i", tmp_path / "a.mp4", "-frames:v", 1, "-f", "mp4", tmp_path / "one.gif")
    assert [load(tmp_path / name).moves for name in ("a.mp4", "film.png", "one.gif")] == [False, True, False]


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png", "a.avif"])
def test_animations_keep_their_times_and_begin_again(tmp_path, name):
    first, *rest = [Image.fromarray(np.full((64, 64, 3), level, np.uint8)) for level in LEVELS]
    first.save(tmp_path / name, save_all=True, append_images=rest, duration=250)
    found = load(tmp_path / name)
    assert found.moves
    np.testing.assert_allclose([found.at(k).mean() for k in range(12)], np.resize(np.repeat(LEVELS, 2), 12), atol=3)
    with pytest.raises(InputError, match="mask .*: expected an image"):
        check_pictures(tmp_path / name, what="mask", still=True)


def test_pages_are_no_frames(tmp_path):
    Image.fromarray(HALVES).save(tmp_path / "a.tif", save_all=True, append_images=[Image.fromarray(HALVES[::-1])])
    assert not load(tmp_path / "a.tif").moves


@pytest.mark.parametrize(
    ("name", "pixels"),
    [
        ("a.png", RAMP),
        ("a.tif", RAMP),
        ("int.tif", (RAMP.astype(np.uint32) * 65537).view(np.int32)),
        ("float.tif", (RAMP / 65535).astype(np.float32)),
        ("float255.tif", (RAMP / 257).astype(np.float32)),
    ],
)
def test_deep_pictures_keep_their_greys(tmp_path, name, pixels):
    Image.fromarray(pixels).save(tmp_path / name)
    np.testing.assert_allclose(load(tmp_path / name).at(0)[32, :, 1], RAMP[0] / 257, atol=1)


def test_deep_colours(tmp_path):
    Image.fromarray(HALVES).save(tmp_path / "a.png")
    for name in ("deep.png", "deep.tif"):
        ffmpeg("-i", tmp_path / "a.png", "-pix_fmt", "rgb48", tmp_path / name)
        assert (load(tmp_path / name).at(0) == HALVES).all()


def test_what_is_transparent_shows_the_background(tmp_path):
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[..., 1] = 200  # hidden where alpha is 0
    pixels[16:48, 16:48, 3] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    Image.fromarray(HALVES).convert("P").save(tmp_path / "palette.png", transparency=0)
    ffmpeg("-loop", 1, "-i", tmp_path / "a.png", "-t", 0.5, "-r", 10, "-c:v", "qtrle", tmp_path / "a.mov")
    for name in ("a.png", "a.mov"):
        for background in (0, 255):
            found = load(tmp_path / name, background=background).at(0)
            assert found[2, 2].tolist() == [background] * 3 and found[32, 32].tolist() == [0, 200, 0]
    assert len(np.unique(load(tmp_path / "palette.png").at(0).reshape(-1, 3), axis=0)) == 2


def test_colours_of_print_and_of_another_profile(tmp_path):
    Image.fromarray(HALVES).convert("CMYK").save(tmp_path / "a.jpg")
    np.testing.assert_allclose(load(tmp_path / "a.jpg").at(0)[32, [8, 56]], [[255, 0, 0], [0, 0, 255]], atol=4)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes().replace(b"\0s\0R\0G\0B", b"\0o\0t\0h\0e")
    swapped = srgb.replace(b"rXYZ", b"----").replace(b"bXYZ", b"rXYZ").replace(b"----", b"bXYZ")
    Image.fromarray(HALVES).save(tmp_path / "b.png", icc_profile=swapped)
    np.testing.assert_allclose(load(tmp_path / "b.png").at(0)[32, [8, 56]], [[0, 0, 255], [255, 0, 0]], atol=4)


def test_pictures_stand_upright_with_square_pixels(tmp_path):
    top, turned = np.zeros((64, 64, 3), np.uint8), Image.Exif()
    top[:32], turned[0x112] = 255, 3
    Image.fromarray(top).save(tmp_path / "a.png")
    for name in ("turned.jpg", "turned.webp", "turned.png"):
        Image.fromarray(top).save(tmp_path / name, exif=turned)
        assert load(tmp_path / name).at(0)[60, 32, 0] > 250
    film = ("-loop", 1, "-i", tmp_path / "a.png", "-t", 0.5, "-r", 10, "-pix_fmt", "yuv420p")
    ffmpeg(*film, tmp_path / "a.mp4")
    ffmpeg("-display_rotation", 180, "-i", tmp_path / "a.mp4", "-c", "copy", tmp_path / "turned.mp4")
    ffmpeg(*film, "-vf", "setsar=1/2", tmp_path / "narrow.mp4")  # as a player shows it, half as wide as it is high
    assert load(tmp_path / "a.mp4").at(0)[4, 32, 0] > 250 and load(tmp_path / "turned.mp4").at(0)[60, 32, 0] > 250
    assert load(tmp_path / "narrow.mp4").at(0)[12, 32, 0] > 250  # the middle of its height fills the square


def test_full_and_limited_range_are_the_same_colours(tmp_path):
    Image.fromarray(HALVES).save(tmp_path / "a.png")
    for name, scale, flag in (("full.mp4", "full", "pc"), ("limited.mp4", "limited", "tv")):
        options = (
            f"scale=out_range={scale}:out_color_matrix=bt709,format=yuv444p,setparams=range={scale}:colorspace=bt709"
        )
        ffmpeg("-loop", 1, "-i", tmp_path / "a.png", "-t", 0.5, "-vf", options, "-color_range", flag, tmp_path / name)
        np.testing.assert_allclose(load(tmp_path / name).at(0)[32, [8, 56]], [[255, 0, 0], [0, 0, 255]], atol=4)


@pytest.mark.parametrize(
    "name", ["take1:30.mp4", "-clip.mp4", "clip%03d.mp4", 'it\'s "a".mp4', "file:a.mp4", "a|b.mov"]
)
def test_names_are_names(tmp_path, name, monkeypatch):
    Image.fromarray(HALVES).save(tmp_path / "a.png")
    ffmpeg("-loop", 1, "-i", tmp_path / "a.png", "-t", 0.5, "-r", 10, tmp_path / "plain.mov")
    (tmp_path / "plain.mov").rename(tmp_path / name)
    (tmp_path / "a.png").rename(tmp_path / f"{name}.png")
    monkeypatch.chdir(tmp_path)
    assert load(name).moves and not load(f"{name}.png").moves


def test_a_picture_that_needs_a_plugin_says_which(tmp_path):
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(64))
    with pytest.raises(InputError, match="a HEIC picture: pip install pillow-heif"):
        load(tmp_path / "a.heic")
