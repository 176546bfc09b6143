import numpy as np
import pytest

from audioviz.clock import Clock
from audioviz.curve import EASINGS, Curve
from audioviz.errors import ScheduleError

CLOCK = Clock.for_duration(10, 24)
RISE = Curve(np.linspace(0, 1, CLOCK.frames), CLOCK)


def spike(clock: Clock, seconds: float) -> Curve:
    values = np.zeros(clock.frames)
    values[clock.seconds_to_frame(seconds)] = 1
    return Curve(values, clock)


def test_arithmetic_and_numpy_functions_give_curves():
    for result in (0.3 + RISE * 2, 1 - RISE, np.sin(RISE), np.maximum(RISE, 0.5), RISE > 0.5, RISE**2, -RISE):
        assert isinstance(result, Curve) and result.clock == CLOCK
    assert np.asarray(0.3 + RISE * 2) == pytest.approx(0.3 + 2 * np.linspace(0, 1, 240))
    assert np.mean(RISE) == pytest.approx(0.5)
    whole, rest = divmod(4 * RISE, 2)
    assert isinstance(whole, Curve) and isinstance(rest, Curve) and whole[120] == 1


def test_an_augmented_assignment_makes_a_new_curve():
    curve = RISE
    curve += 1
    assert isinstance(curve, Curve) and curve[0] == 1 and RISE[0] == 0
    plain = np.zeros(len(RISE))
    plain += RISE
    assert np.array_equal(plain, np.asarray(RISE))
    assert np.divide(1, RISE, where=RISE > 0, out=np.zeros(len(RISE)))[0] == 0


def test_comparisons_are_combined_and_choose_frames():
    middle = (RISE > 0.25) & ~(RISE >= 0.75)
    assert np.array_equal(middle, (np.asarray(RISE) > 0.25) & (np.asarray(RISE) < 0.75))
    assert RISE[middle].min() > 0.25 and RISE[middle].max() < 0.75 and len(RISE[middle]) == np.sum(middle)


def test_a_scalar_is_held_and_values_cannot_be_changed():
    curve = Curve(0.25, CLOCK)
    assert len(curve) == 240 and set(np.asarray(curve)) == {0.25}
    with pytest.raises(ValueError, match="read-only"):
        curve.values[0] = 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros(3), "expected one value for each of 240 frames"),
        (np.full(240, np.nan), "not finite at frame 0"),
    ],
)
def test_wrong_values_are_refused(values, message):
    with pytest.raises(ScheduleError, match=message):
        Curve(values, CLOCK)


def test_curves_of_different_clocks_do_not_mix():
    with pytest.raises(ScheduleError, match="different clocks"):
        RISE + Curve(0.0, Clock.for_duration(20, 12))


@pytest.mark.parametrize("fps", [12, 24, "30000/1001", 60])
def test_decay_reaches_1_over_e_after_its_seconds_at_any_fps(fps):
    clock = Clock.for_duration(4, fps)
    tail = spike(clock, 1.0).decay(0.5)
    start = clock.seconds_to_frame(1.0)
    after = np.interp(clock.times[start] + 0.5, clock.times, np.asarray(tail))
    assert after == pytest.approx(np.exp(-1), abs=0.02)
    assert np.asarray(tail)[:start].max() == 0


def test_attack_release_follows_between_the_extremes():
    square = Curve(np.r_[np.zeros(60), np.ones(60), np.zeros(120)], CLOCK)
    slow = np.asarray(square.attack_release(0.5, 1.0))
    assert (slow >= 0).all() and (slow <= 1).all()
    assert slow[60 + 12] == pytest.approx(1 - np.exp(-13 / 12), abs=1e-9)
    assert np.array_equal(square.attack_release(0, 0), square)


def test_smooth_keeps_the_mean_and_lowers_the_peak():
    smooth = spike(CLOCK, 5).smooth(0.5)
    assert np.sum(smooth) == pytest.approx(1) and np.max(smooth) < 0.2
    assert RISE.smooth(0) is RISE


def test_delay_moves_by_fractions_of_a_frame_and_back():
    assert int(np.argmax(spike(CLOCK, 5).delay(1.0))) == CLOCK.seconds_to_frame(6.0)
    half = np.asarray(RISE.delay(0.5 / 24))
    assert half[1:] == pytest.approx(np.asarray(RISE)[1:] - 0.5 / 239)
    assert np.asarray(RISE.delay(1).delay(-1))[:200] == pytest.approx(np.asarray(RISE)[:200], abs=1e-9)


def test_gate_is_shut_below_open_above_and_continuous():
    gated = np.asarray(RISE.gate(0.5, softness=0.2))
    assert gated[:90].max() == 0 and gated[150:] == pytest.approx(np.asarray(RISE)[150:])
    assert np.abs(np.diff(gated)).max() < 0.05


def test_normalize_is_not_flattened_by_one_hit_and_is_zero_for_silence():
    loud = np.asarray(0.1 * RISE).copy()
    loud[100] = 50.0
    normal = np.asarray(Curve(loud, CLOCK).normalize())
    assert normal.min() == 0 and normal.max() == 1 and normal[200] > 0.8
    assert not np.any(np.asarray(Curve(0.3, CLOCK).normalize()))
    assert np.isfinite(np.asarray(Curve(0.0, CLOCK).normalize(seconds=2))).all()


def test_normalize_in_a_window_lifts_a_quiet_part():
    wave = 0.5 + 0.5 * np.sin(CLOCK.times * 20)
    quiet_then_loud = Curve(wave * np.where(CLOCK.times < 5, 0.2, 1.0), CLOCK)
    whole, windowed = (
        np.asarray(c)[24:96].max() for c in (quiet_then_loud.normalize(), quiet_then_loud.normalize(seconds=2))
    )
    assert windowed > 2 * whole


def test_remap_quantize_clip_ease():
    assert np.asarray(RISE.remap(10, 20))[[0, -1]].tolist() == [10, 20]
    assert np.unique(RISE.quantize(5)).tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert np.max(RISE.clip(0.2, 0.4)) == 0.4
    assert np.asarray(RISE.ease("smooth"))[[0, -1]].tolist() == [0, 1]
    for refused in (
        lambda: RISE.quantize(1),
        lambda: RISE.remap(0, 1, source=(1, 1)),
        lambda: RISE.gate(0, softness=0),
        lambda: RISE.smooth(-1),
        lambda: RISE.ease("bouncy"),
    ):
        with pytest.raises(ScheduleError, match="expected|empty|unknown easing"):
            refused()


@pytest.mark.parametrize("name", [name for name in EASINGS if name != "hold"])
def test_easings_go_from_0_to_1_and_all_but_three_kinds_never_turn_back(name):
    u = np.linspace(0, 1, 50)
    eased = EASINGS[name](u)
    assert eased[0] == 0 and eased[-1] == 1
    assert (np.diff(eased) >= 0).all() != name.endswith(("back", "elastic", "bounce"))


def test_ways_in_and_out_mirror_each_other():
    u = np.linspace(0, 1, 101)
    for kind in ("", "_sine", "_cubic", "_expo", "_circ"):
        assert EASINGS["in" + kind](u) == pytest.approx(1 - EASINGS["out" + kind](1 - u), abs=1e-3)


def test_anticipate_is_decay_in_a_mirror():
    rising = np.asarray(spike(CLOCK, 5).anticipate(0.5))
    assert rising[120] == 1 and rising[121:].max() == 0 and rising[108] == pytest.approx(np.exp(-1))


def test_a_peak_is_held_for_its_seconds_and_then_released():
    held = np.asarray(spike(CLOCK, 5).peak(0.5))
    assert np.flatnonzero(held).tolist() == list(range(120, 133)) and set(held.tolist()) == {0.0, 1.0}
    released = np.asarray(spike(CLOCK, 5).attack_release(0, 1.0, hold=0.5))
    assert released[132] == 1 and released[133 + 23] == pytest.approx(np.exp(-1)) and released[:120].max() == 0


def test_accumulate_runs_from_0_to_1_and_faster_where_it_is_loud():
    path = np.asarray(Curve(np.where(CLOCK.times < 5, 0.1, 0.9), CLOCK).accumulate())
    assert path[-1] == 1 and path[119] == pytest.approx(0.1, abs=0.01)
    assert np.asarray(Curve(0.0, CLOCK).accumulate())[-1] == 1
