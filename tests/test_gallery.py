import io
import runpy
from pathlib import Path

import numpy as np
from PIL import Image

import audioviz as av
from audioviz.shelf import names
from tests.models import fake_model

EXAMPLES = Path(__file__).parent.parent / "examples"


def test_the_gallery_shows_each_schedule_with_its_figures(tmp_path):
    write_gallery = runpy.run_path(str(EXAMPLES / "gallery.py"))["write_gallery"]
    song = av.load_song(EXAMPLES / "song.ogg", fps=12, start=3.0, duration=4.0)
    write_gallery(song, fake_model(), ["pulse", "hue"], tmp_path)
    page = (tmp_path / "gallery.md").read_text(encoding="utf-8")
    assert "| [pulse](#pulse) | 0." in page and "## hue\n\nThe strongest note turns" in page and "nan" not in page
    pictures = sorted((tmp_path / "gallery").iterdir())
    assert [picture.name for picture in pictures] == ["hue-plot.jpg", "hue.jpg", "pulse-plot.jpg", "pulse.jpg"]
    for picture in pictures:
        assert f"(gallery/{picture.name})" in page and picture.stat().st_size < 200_000
        with Image.open(picture) as image:
            assert image.width <= 960


def test_the_studio_has_a_small_picture_of_each_schedule():
    script = runpy.run_path(str(EXAMPLES / "studio_pictures.py"))
    pictures = {picture.stem: picture for picture in script["FOLDER"].glob("*.webp")}
    assert pictures.keys() == names("schedules").keys() >= script["WORDS"].keys()
    assert sum(picture.stat().st_size for picture in pictures.values()) < 80_000
    seen = []
    for picture in pictures.values():
        with Image.open(picture) as image:
            assert image.format == "WEBP" and image.size == (384, 96)
            seen.append(np.asarray(image.convert("RGB").resize((24, 6)), float))
    apart = np.abs(np.array(seen)[:, None] - np.array(seen)).mean(axis=(2, 3, 4)) + 255 * np.eye(len(seen))
    assert apart.min() > 5, "none looks like another"


def test_a_strip_shows_the_end_of_each_quarter():
    side_by_side = runpy.run_path(str(EXAMPLES / "studio_pictures.py"))["side_by_side"]
    strip = Image.open(io.BytesIO(side_by_side([np.full((64, 64, 3), 10 * i, np.uint8) for i in range(24)])))
    levels = np.asarray(strip.convert("L"), float)[48, 48::96]
    assert np.abs(levels - [50, 110, 170, 230]).max() < 4
