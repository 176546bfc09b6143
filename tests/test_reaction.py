from fractions import Fraction

import numpy as np
import pytest

from audioviz.audio.song import Events
from audioviz.clock import Clock
from audioviz.insight.reaction import change_at_instants, reaction

KICKS = np.arange(6, 240, 6)
FPS = Fraction(12)


def figures(energy, kicks=KICKS, loudness=None, fps=FPS):
    seconds = np.asarray(kicks) / float(FPS)
    events = Events.at(seconds, Clock(fps, len(energy)))
    return reaction(energy, fps, events, np.linspace(0, 1, len(energy)) if loudness is None else loudness)


def flashes(frames=KICKS, length=240):
    energy = np.zeros(length)
    energy[frames] = 1.0
    return energy


def test_a_flash_on_every_kick_is_seen_and_correlates():
    found = figures(flashes())
    assert found.correlation > 0.8 and found.hits == 1 and found.kicks == len(KICKS)


def test_flashes_between_the_kicks_are_misses():
    found = figures(flashes(KICKS - 3))
    assert found.correlation < 0 and found.hits == 0


def test_one_frame_late_still_counts_two_do_not():
    for late, hits in ((1, 1.0), (2, 0.0)):
        assert figures(flashes(KICKS[:-1] + late), KICKS[:-1]).hits == hits


def test_loud_against_quiet_compares_the_passages():
    energy = np.where(np.arange(240) < 120, 0.1, 0.4)
    assert figures(energy).loud_to_quiet == pytest.approx(4)


def test_no_kicks_and_a_frozen_picture_give_no_figures():
    assert np.isnan(figures(np.random.default_rng(1).random(240), np.zeros(0, int)).correlation)
    assert np.isnan(figures(np.zeros(240)).hits)


def test_a_single_frame_of_a_high_rate_has_no_figures():
    assert np.isnan(figures(np.zeros(1), np.zeros(0, int), fps=Fraction(60)).loud_to_quiet)


def test_change_is_that_of_the_last_twelfth_of_a_second():
    assert change_at_instants(np.array([0.0, 1.0, 4.0]), Fraction(12)).tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert change_at_instants(np.array([0.0, 1.0, 4.0, 0.0]), Fraction(24)).tolist() == [0, 0, 1, 1, 3, 3, 2, 2]
    assert change_at_instants(np.array([0.0, 9.0]), Fraction(6)).tolist() == [0] * 8 + [3] * 8, "of a longer frame"


@pytest.mark.parametrize("fps", [24, 48])
def test_frames_that_are_shown_more_than_once_leave_the_figure_as_it_is(fps):
    """So films of several rates compare."""
    energy = np.random.default_rng(2).uniform(0, 0.1, 240) + flashes()
    shown = np.zeros(20 * fps)
    shown[:: fps // 12] = energy
    assert figures(shown, fps=Fraction(fps)).correlation == pytest.approx(figures(energy).correlation)


def test_a_cross_fade_over_the_kicks_lowers_the_figure_and_a_jump_at_their_time_raises_it():
    """What smoothing must not do, and what it may."""
    steps = 0.2 + flashes()  # of the picture, at 12 frames a second
    faded = np.repeat(steps / 2, 2)
    held = np.where(np.repeat(steps > 1, 2), np.repeat(steps, 2) * np.tile([0, 1], 240), faded)
    plain = figures(steps**2).correlation
    fade, jump = (figures(np.roll(way, -1) ** 2, fps=Fraction(24)).correlation for way in (faded, held))
    assert fade < plain - 0.02 and jump >= plain
