"""Flashes are counted as WCAG 2.3.1 says, and a guarded video has none too many."""

from fractions import Fraction

import numpy as np
import pytest
import soundfile

import audioviz as av
from audioviz.errors import AudiovizWarning, ModelError
from audioviz.rendering.flashes import expected_flashes
from audioviz.video.encode import VideoWriter
from audioviz.video.photosensitive import FlashGuard, Flashing, FlashMeter
from audioviz.video.probe import read_frames
from tests.models import fake_model
from tests.songs import made_song

FPS = Fraction(24)


def scene(frame, height=72, width=128):
    y, x = np.mgrid[0:height, 0:width]
    waves = [127 + 90 * np.sin(x / 20 + frame / 20), 127 + 80 * np.sin(y / 15 - frame / 30), 110 + 70 * np.sin(x / 30)]
    return np.uint8(np.stack(waves, -1))


def square_wave(hertz, *, fps=FPS, seconds=3, dark=(0, 0, 0), light=(180, 180, 180), width=1.0):
    """Frames of which a part of the width is light, then dark, so many times a second."""
    for frame in range(round(seconds * fps)):
        picture = np.full((64, 64, 3), light, np.uint8)
        if int(2 * hertz * frame / fps) % 2:
            picture[:, : round(64 * width)] = dark
        yield picture


def flicker(*, fps, seconds=4):
    """What a model does that draws each frame anew: large shapes of any colour."""
    random = np.random.default_rng(3)
    for _ in range(round(seconds * fps)):
        yield np.kron(random.integers(0, 255, (9, 16, 3)), np.ones((8, 8, 1))).astype(np.uint8)


def strobe(*, fps, seconds=4):
    return (scene(frame) * (frame % 2 == 0) for frame in range(round(seconds * fps)))


def decays(*, fps, seconds=4):
    """Flashes of light that fade, at 4.7 a second."""
    for frame in range(round(seconds * fps)):
        light = np.exp(-5 * (frame / fps * 4.7 % 1) / 4.7)
        yield (scene(frame) * 0.5 * (1 - light) + 250 * light).astype(np.uint8)


def found(pictures, fps=FPS):
    meter = FlashMeter(fps)
    for _ in meter.watch(pictures):
        pass
    return meter.found


@pytest.mark.parametrize(
    ("options", "kinds"),
    [
        ({"hertz": 3}, []),
        ({"hertz": 4}, ["general"]),
        ({"hertz": 4, "light": (100, 100, 100), "dark": (90, 90, 90)}, []),  # a change below a tenth
        ({"hertz": 4, "light": (255, 255, 255), "dark": (233, 233, 233)}, []),  # the darker is as light as 0.8
        ({"hertz": 4, "light": (255, 255, 255), "dark": (215, 215, 215)}, ["general"]),
        ({"hertz": 4, "width": 0.22}, []),
        ({"hertz": 4, "width": 0.28}, ["general"]),
        ({"hertz": 4, "light": (220, 0, 0), "dark": (150, 80, 80)}, ["red"]),
        ({"hertz": 4, "light": (0, 0, 220), "dark": (0, 0, 0)}, []),  # blue is dark
        ({"hertz": 6, "fps": Fraction(12)}, ["general"]),
        ({"hertz": 5, "fps": Fraction(30000, 1001)}, ["general"]),
    ],
)
def test_the_limits_are_those_of_the_standard(options, kinds):
    assert [flashing.kind for flashing in found(square_wave(**options), options.get("fps", FPS))] == kinds


def test_the_time_of_flashes_is_told():
    calm = [np.full((64, 64, 3), 180, np.uint8)] * 48
    [flashing] = found([*calm, *square_wave(6, seconds=1), *calm])
    assert flashing.start == pytest.approx(2, abs=0.5) and flashing.end == pytest.approx(3.4, abs=0.5)


def test_a_single_cut_and_a_slow_pulse_are_harmless():
    pulse = (np.full((64, 64, 3), 128 + 120 * np.sin(frame / 6), np.uint8) for frame in range(96))
    cuts = (scene(40 * (frame // 10)) for frame in range(96))
    assert found(pulse) == found(cuts) == []


@pytest.mark.parametrize("fps", [Fraction(12), Fraction(30000, 1001)])
@pytest.mark.parametrize("pictures", [strobe, flicker, decays])
def test_what_is_guarded_passes_the_check_when_it_is_encoded(tmp_path, fps, pictures):
    shown = list(pictures(fps=fps))
    assert found(shown, fps)
    guard = FlashGuard(fps)
    guarded = [guard(picture) for picture in shown]
    writer = VideoWriter(tmp_path / "a.h264", fps=fps, size=(128, 72))
    for picture in guarded:
        writer.write(picture)
    writer.close()
    assert found(guarded, fps) == found(read_frames(tmp_path / "a.h264", size=(128, 72)), fps) == []
    assert np.ptp([picture.mean() for picture in guarded]) > 5  # and is no still


def test_red_flashes_are_held_back():
    guard = FlashGuard(FPS)
    assert found(map(guard, square_wave(6, light=(220, 0, 0), dark=(150, 80, 80)))) == []


def test_what_is_harmless_is_given_back_as_it_is():
    moving = [scene(frame if frame < 50 else 900) // (2 if 30 < frame < 34 else 1) for frame in range(72)]
    for pictures in (moving, list(square_wave(3))):  # a cut and a dip; and the three flashes that may be
        guard = FlashGuard(FPS)
        assert all(guard(picture) is picture for picture in pictures)


@pytest.mark.parametrize("cut", [1, 7, 30])
def test_a_guard_goes_on_from_its_state(cut):
    shown = list(strobe(fps=FPS, seconds=2))
    whole, first, second = FlashGuard(FPS), FlashGuard(FPS), FlashGuard(FPS)
    expected = [whole(picture) for picture in shown]
    begun = [first(picture) for picture in shown[:cut]]
    second.state = {name: values.copy() for name, values in first.state.items()}
    np.testing.assert_array_equal(begun + [second(picture) for picture in shown[cut:]], expected)


def test_a_guard_that_saw_nothing_has_no_state():
    guard = FlashGuard(FPS)
    assert guard.state == {}
    guard.state = {}
    assert guard(scene(0)) is not None


def test_times_are_told_in_a_line():
    from audioviz.insight.report import describe_flashing

    assert describe_flashing([]) == "never"
    told = describe_flashing([Flashing(1, 2.25, "general"), Flashing(9, 10, "red")])
    assert told == "1.0 to 2.2 s, 9.0 to 10.0 s (red)"
    assert describe_flashing([Flashing(k, k + 1, "red") for k in range(11)]).endswith("and 3 times more")


@pytest.fixture
def flickering(tmp_path, monkeypatch):
    """A render of four seconds whose every other frame is black."""
    monkeypatch.setattr("audioviz.rendering.make.CHUNK_SECONDS", 1)
    path = tmp_path / "song.wav"
    soundfile.write(path, np.random.default_rng(1).normal(0, 0.1, 22050 * 4), 22050)
    song = made_song(path=path)
    schedule = av.Schedule(strobe=[0.0, 1.0] * 24, prompts=["x"], clock=song.clock)
    return lambda name, model=None, **options: av.render(
        song, schedule, out=tmp_path / name, model=model or fake_model(), progress=False, **options
    )


def test_a_safe_render_measures_as_safe_and_goes_on_to_the_same_bytes(flickering):
    with pytest.warns(AudiovizWarning, match="flashes more than three times a second from 0.0 to 4.0 s.*--safe"):
        assert found(read_frames(flickering("wild.mp4")), Fraction(12))
    whole = flickering("safe.mp4", safe=True, title="Calm")
    assert "more than three flashes a second       never" in str(whole.info())
    with pytest.raises(ModelError):
        flickering("other.mp4", fake_model(nan_from_call=2 * 2 * 4 + 2 * 30), safe=True, title="Calm")
    assert flickering("other.mp4", safe=True, title="Calm").read_bytes() == whole.read_bytes()


def lit(**columns):
    song = made_song()
    return av.Schedule(clock=song.clock, prompts=["x"], **columns)


@pytest.mark.parametrize(
    ("columns", "times"),
    [
        ({}, []),
        ({"flash": [0.0] * 12 + [1.0, 0.0] * 6 + [0.0] * 24}, [(1, 2)]),
        ({"strobe": [0.0, 1.0] * 24}, [(0, 4)]),
        ({"invert": [0.0, 1.0] * 24}, [(0, 4)]),
        ({"flash": [1.0] + [0.0] * 11 + [1.0] + [0.0] * 35}, []),
        ({"brightness": [0.0, 0.02] * 24}, []),
    ],
)
def test_flashes_of_a_schedule_are_told_before_it_is_rendered(columns, times):
    found = expected_flashes(lit(**columns), range(48))
    assert [(one.start, one.end) for one in found] == [pytest.approx(span, abs=0.7) for span in times]
    assert len(expected_flashes(lit(**columns), range(24, 48))) == (len(times) if times == [(0, 4)] else 0)
