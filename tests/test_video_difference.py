"""audioviz.insight.difference: how much the picture changes."""

import numpy as np
import pytest

from audioviz.insight.difference import difference_energy


def grey(value, *, height=48, width=64):
    return np.full((height, width, 3), value, np.uint8)


def test_the_energy_is_the_mean_square_of_the_change():
    energy = difference_energy([grey(0), grey(0), grey(255), grey(255), grey(204)])
    assert np.allclose(energy, [0, 0, 1, 0, 0.04])


def test_half_of_the_picture_is_half_of_the_energy():
    flash = grey(0, height=200, width=300)
    flash[:, :150] = 255
    assert difference_energy([grey(0, height=200, width=300), flash])[1] == pytest.approx(0.5)


def test_green_counts_most_as_the_eye_sees_it():
    dark, energies = grey(0), []
    for channel in range(3):
        lit = dark.copy()
        lit[..., channel] = 255
        energies.append(difference_energy([dark, lit])[1])
    assert np.allclose(np.sqrt(energies), [0.2126, 0.7152, 0.0722])


def test_grain_of_a_large_picture_counts_little():
    rng = np.random.default_rng(0)
    grain = [rng.integers(118, 139, (512, 512, 3), dtype=np.uint8) for _ in range(2)]
    assert difference_energy(grain)[1] < difference_energy([grey(128), grey(134)])[1] / 10


@pytest.mark.parametrize("count", [0, 1])
def test_few_frames(count):
    energy = difference_energy([grey(9)] * count)
    assert energy.shape == (count,) and energy.dtype == np.float64 and not energy.any()


def test_frames_may_share_their_memory():
    frame = grey(0)

    def frames():
        for value in (0, 255, 0):
            frame[:] = value
            yield frame

    assert np.allclose(difference_energy(frames()), [0, 1, 1])
