"""audioviz.insight.sheet: evenly spaced frames on one picture."""

from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from audioviz.clock import Clock
from audioviz.errors import InputError
from audioviz.insight.sheet import MARGIN, contact_sheet
from audioviz.video.encode import VideoWriter


def greys(count):
    return (np.full((40, 60, 3), k, np.uint8) for k in range(count))


def tiles(path, columns, count, width=60, height=40):
    """The brightness of each tile, away from its label."""
    sheet = np.asarray(Image.open(path).convert("L"))
    places = [divmod(i, columns) for i in range(count)]
    return [
        int(sheet[(row + 1) * (height + MARGIN) - 5, (column + 1) * (width + MARGIN) - 5]) for row, column in places
    ], sheet.shape


def test_the_tiles_are_in_time_order_from_the_first_frame_to_the_last(tmp_path):
    contact_sheet(greys(201), tmp_path / "a.png", clock=Clock(Fraction(24), 201), columns=3, rows=2, width=60)
    shades, shape = tiles(tmp_path / "a.png", 3, 6)
    assert shades == [0, 40, 80, 120, 160, 200]
    assert shape == (2 * 44 + MARGIN, 3 * 64 + MARGIN)


@pytest.mark.parametrize("count, shape", [(1, (44 + MARGIN, 64 + MARGIN)), (4, (2 * 44 + MARGIN, 3 * 64 + MARGIN))])
def test_a_short_video_fills_fewer_tiles(tmp_path, count, shape):
    contact_sheet(greys(count), tmp_path / "a.png", clock=Clock(Fraction(24), count), columns=3, rows=5, width=60)
    assert tiles(tmp_path / "a.png", 3, count) == (list(range(count)), shape)


def test_labels_show_the_time(tmp_path):
    for name, fps in (("a", 1), ("b", 2), ("c", 1)):
        contact_sheet(greys(100), tmp_path / f"{name}.png", clock=Clock(Fraction(fps), 100), columns=2, rows=1)
    a, b, c = ((tmp_path / f"{name}.png").read_bytes() for name in "abc")
    assert a == c != b


def test_a_video_file_brings_its_own_clock(tmp_path):
    with VideoWriter(tmp_path / "film.h264", fps=Fraction(25), size=(60, 40)) as writer:
        for frame in greys(200):
            writer.write(frame)
    contact_sheet(tmp_path / "film.h264", tmp_path / "a.png", columns=4, rows=1, width=60)
    assert np.allclose(tiles(tmp_path / "a.png", 4, 4)[0], [0, 66, 133, 199], atol=3)


def test_an_earlier_sheet_survives_a_failure(tmp_path):
    (tmp_path / "a.png").write_bytes(b"earlier")

    def broken():
        yield from greys(5)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        contact_sheet(broken(), tmp_path / "a.png", clock=Clock(Fraction(24), 100))
    assert (tmp_path / "a.png").read_bytes() == b"earlier" and len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_is_gone_is_named(tmp_path):
    with pytest.raises(InputError, match="a.png: expected the name of a file in a folder that exists"):
        contact_sheet(greys(3), tmp_path / "gone" / "a.png", clock=Clock(Fraction(24), 3))


@pytest.mark.parametrize(
    ("clock", "message"), [(None, "expected their clock"), (Clock(Fraction(24), 3), "expected at least one")]
)
def test_frames_without_times_and_no_frames_are_refused(tmp_path, clock, message):
    with pytest.raises(InputError, match=message):
        contact_sheet(greys(0), tmp_path / "a.png", clock=clock)
    assert not list(tmp_path.iterdir())
