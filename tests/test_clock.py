from fractions import Fraction

import numpy as np
import pytest

from audioviz.clock import Clock, to_fps
from audioviz.errors import InputError

RATES = ["8", "12", "24000/1001", "24", "25", "30000/1001", "30", "60", "12.5"]


@pytest.mark.parametrize(
    "value, fps",
    [
        (24, Fraction(24)),
        (12.5, Fraction(25, 2)),
        ("30000/1001", Fraction(30000, 1001)),
        (29.97, Fraction(30000, 1001)),
        ("23.976", Fraction(24000, 1001)),
        (Fraction(24000, 1001), Fraction(24000, 1001)),
        (240, Fraction(240)),
    ],
)
def test_fps_is_exact(value, fps):
    assert to_fps(value) == fps


@pytest.mark.parametrize("value", [0, -1, "abc", "1/0", float("nan"), float("inf"), 241, ""])
def test_what_is_no_frame_rate_is_refused(value):
    with pytest.raises(InputError, match="is not a frame rate: give a number above 0 and at most 240"):
        to_fps(value)


@pytest.mark.parametrize("fps", RATES)
def test_frames_fill_the_song_to_half_a_frame(fps):
    for seconds in (0.1, 1, 59.999, 180, 600, 7200.123):
        clock = Clock.for_duration(seconds, fps)
        assert abs(clock.duration - Fraction(seconds)) <= Fraction(1, 2) / clock.fps


def test_the_shortest_song_has_one_frame():
    assert Clock.for_duration(0, 24).frames == 1


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("rate", [8000, 22050, 44100, 192000])
def test_sample_bounds_never_drift(fps, rate):
    clock = Clock.for_duration(600, fps)
    bounds = clock.sample_bounds(rate)
    exact = np.arange(clock.frames + 1) * (rate / float(clock.fps))
    assert bounds.shape == (clock.frames + 1,) and bounds[0] == 0
    assert np.abs(bounds - exact).max() <= 0.5 + 1e-6


@pytest.mark.parametrize("fps", RATES)
def test_an_event_is_never_more_than_half_a_frame_off(fps):
    clock = Clock.for_duration(3600, fps)
    seconds = np.random.default_rng(0).uniform(0, float(clock.duration - 1 / clock.fps), 10_000)
    away = clock.frame_to_seconds(clock.seconds_to_frame(seconds)) - seconds
    assert np.abs(away).max() <= 0.5 / float(clock.fps) + 1e-9


def test_events_stay_inside_the_clock():
    clock = Clock.for_duration(1, 10)
    assert clock.seconds_to_frame(-3) == 0 and clock.seconds_to_frame(99.0) == 9
    assert clock.times.tolist() == pytest.approx(np.arange(10) / 10)
