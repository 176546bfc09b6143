import runpy
from pathlib import Path

from PIL import Image

import audioviz as av
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
