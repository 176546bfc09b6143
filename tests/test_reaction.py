import numpy as np
import pytest

from audioviz.insight.reaction import reaction

KICKS = np.arange(6, 240, 6)


def figures(energy, kicks=KICKS, loudness=None):
    envelope = np.zeros(240)
    envelope[kicks] = 1
    return reaction(energy, kicks, envelope, np.linspace(0, 1, 240) if loudness is None else loudness, passage=48)


def test_a_flash_on_every_kick_is_perfect():
    energy = np.zeros(240)
    energy[KICKS] = 1.0
    found = figures(energy)
    assert found.correlation == pytest.approx(1) and found.hits == 1 and found.kicks == len(KICKS)


def test_flashes_between_the_kicks_are_misses():
    energy = np.zeros(240)
    energy[KICKS - 3] = 1.0
    found = figures(energy)
    assert found.correlation < 0 and found.hits == 0


def test_one_frame_late_still_counts_two_do_not():
    for late, hits in ((1, 1.0), (2, 0.0)):
        energy = np.zeros(240)
        energy[KICKS[:-1] + late] = 1.0
        assert figures(energy, KICKS[:-1]).hits == hits


def test_loud_against_quiet_compares_the_passages():
    energy = np.where(np.arange(240) < 120, 0.1, 0.4)
    assert figures(energy).loud_to_quiet == pytest.approx(4)


def test_no_kicks_and_a_frozen_picture_give_no_figures():
    assert np.isnan(figures(np.random.default_rng(1).random(240), np.zeros(0, int)).correlation)
    assert np.isnan(figures(np.zeros(240)).hits)
