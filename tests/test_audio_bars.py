"""The model of bars finds the path through activations, and the network computes what it was trained to."""

import numpy as np
import pytest
import torch
from beat_model.network import Hits, Network, arrays

from audioviz.audio.hearing import activations as network
from audioviz.audio.hearing import hits
from audioviz.audio.hearing.activations import STEPS_PER_SECOND
from audioviz.audio.hearing.bars import decode
from audioviz.audio.hearing.beats import track_beats
from audioviz.audio.hearing.structure import SOUND_BANDS, SOUND_STEPS

SECONDS = 40
ENDS = np.array([0.0, SECONDS])  # two attacks, to which no beat is drawn


def pulse(times, downbeats, *, heard=0.9, seconds=SECONDS):
    """Activations of beats at these seconds."""
    found = np.full((2, round(seconds * STEPS_PER_SECOND)), 0.01, np.float32)
    for row, at in enumerate((times, downbeats)):
        found[row, np.round(np.asarray(at) * STEPS_PER_SECOND - 0.25).astype(int)] = heard
    return found


def aside(found, times):
    """Seconds from each found beat to the nearest true one."""
    return np.abs(found[:, None] - times).min(axis=1)


@pytest.mark.parametrize("bpm", [61.0, 97.3, 128.0, 173.7, 209.0])
@pytest.mark.parametrize(("metre", "pick_up"), [(4, 0), (4, 3), (3, 1)])
def test_beats_and_bars_of_any_tempo(bpm, metre, pick_up):
    times = np.arange(0.4, SECONDS - 0.2, 60 / bpm)
    found = track_beats(*pulse(times, times[pick_up::metre]), ENDS)
    assert found.tempo == pytest.approx(bpm, rel=0.005) and found.beats_per_bar == metre
    assert len(found.seconds) == pytest.approx(len(times), abs=2) and aside(found.seconds, times)[1:-1].max() < 0.012
    assert aside(found.seconds[found.down], times[pick_up::metre])[1:-1].max() < 0.012


def test_a_silent_stretch_changes_neither_tempo_nor_place():
    times = np.arange(0.3, SECONDS, 0.5)
    heard = times[(times < 12) | (times > 22)]
    found = track_beats(*pulse(heard, times[::4]), ENDS)
    assert len(found.seconds) == pytest.approx(len(times), abs=1) and aside(found.seconds, times).max() < 0.03


def test_loud_off_beats_for_a_while_do_not_move_the_beat():
    times = np.arange(0.3, SECONDS, 0.5)
    given = pulse(times, times[::4], heard=0.6)
    given[0, np.round((times[30:44] + 0.25) * STEPS_PER_SECOND).astype(int)] = 0.9
    given[0, np.round(times[30:44] * STEPS_PER_SECOND).astype(int)] = 0.2
    assert aside(track_beats(*given, ENDS).seconds, times).max() < 0.03


def test_a_song_that_keeps_its_tempo_keeps_its_phase():
    """To the end its beats are heard a little, but from the middle on the moments between them much more."""
    times = np.arange(0.3, SECONDS - 0.3, 0.5)
    given = pulse(times, times[::4])
    for at, heard in ((times[50:], 0.3), (times[50:] + 0.25, 0.9)):
        given[0, np.round(at * STEPS_PER_SECOND).astype(int)] = heard
    assert aside(times[:-6], track_beats(*given, ENDS).seconds).max() < 0.03


@pytest.mark.parametrize("first", [0, 1, 2, 3])
def test_bars_begin_where_the_sound_changes(first):
    times = np.arange(0.3, SECONDS, 0.5)
    sound = np.zeros((round(SECONDS * STEPS_PER_SECOND / SOUND_STEPS), SOUND_BANDS), np.float16)
    bounds = np.round(times[[0, 16 + first, 32 + first, 64 + first, -1]] * STEPS_PER_SECOND / SOUND_STEPS).astype(int)
    for begin, end, band in zip(bounds, bounds[1:], (3, 9, 4, 9)):
        sound[begin:end, band] = 1
    found = track_beats(*pulse(times, times) * [[1.0], [0.3]], ENDS, sound=sound)
    assert np.array_equal(np.flatnonzero(found.down) % 4, [first] * found.down.sum())


def test_a_step_of_the_tempo_is_followed_at_once():
    times = np.concatenate([np.arange(0.3, 20, 0.5), np.arange(20.2, SECONDS, 0.41)])
    found = track_beats(*pulse(times, times[::4]), ENDS).seconds
    assert aside(times, found)[2:-2].max() < 0.07


def test_a_half_time_feel_does_not_halve_the_tempo():
    times = np.arange(0.3, SECONDS, 0.4)
    given = pulse(np.concatenate([times[:60], times[60::2]]), times[::4])
    assert aside(times, track_beats(*given, ENDS).seconds)[1:-1].max() < 0.03


def test_a_bar_that_is_a_beat_short_moves_the_bars_after_it():
    times = np.arange(0.3, SECONDS, 0.5)
    down = np.concatenate([times[:44:4], times[43::4]])
    found = track_beats(*pulse(times, down), ENDS)
    assert found.seconds[found.down] == pytest.approx(down, abs=0.02)


@pytest.mark.parametrize(("bounds", "beats", "bpm"), [
    ((60.0, 60.0), None, 60), ((50.0, 80.0), None, 60), ((200.0, 260.0), None, 240), (None, "half", 60),
    (None, "double", 240), ((60.0, 60.0), "double", 120),
])  # fmt: skip
def test_corrections_are_constraints(bounds, beats, bpm):
    times = np.arange(0.3, SECONDS, 0.5)
    found = track_beats(*pulse(times, times[::4]), ENDS, bounds=bounds, beats=beats)
    assert found.tempo == pytest.approx(bpm, rel=0.01)
    assert aside(found.seconds, np.arange(0.05, SECONDS, 0.25))[2:-2].max() < 0.04


@pytest.mark.parametrize("metre", [1, 2, 5, 7])
def test_other_metres_on_request(metre):
    times = np.arange(0.3, SECONDS, 0.5)
    found = track_beats(*pulse(times, times[::metre]), ENDS, beats_per_bar=metre)
    assert found.beats_per_bar == metre and np.array_equal(np.flatnonzero(found.down) % metre, [0] * found.down.sum())


def test_a_tie_of_levels_is_not_sure():
    times = np.arange(0.3, SECONDS, 0.5)
    sure = track_beats(*pulse(times, times[::4]), ENDS)
    nothing = np.random.default_rng(0).uniform(0, 0.2, (2, 3000)).astype(np.float32)
    assert sure.confidence > 0.9 and not sure.other_tempi
    assert track_beats(*nothing, ENDS).confidence < 0.5


@pytest.mark.parametrize("steps", [1, 2, 30, 80, 200])
def test_a_moment_has_few_beats_or_none(steps):
    found = track_beats(np.full(steps, 0.1, np.float32), np.full(steps, 0.01, np.float32), ENDS)
    assert len(found.seconds) == len(found.down) and 0 <= found.confidence < 0.5


def test_no_path_is_better_than_the_one_that_is_found():
    """Against all sequences of beats, in a piece that is short enough to try each."""
    rng = np.random.default_rng(3)
    worth, intervals, bar = rng.normal(0, 2, (24, 2)).astype(np.float32), range(4, 7), 2
    found = decode(worth, intervals, bar)
    assert found.score == pytest.approx(_best(worth, intervals, bar), abs=1e-4)


def _best(worth, intervals, bar):
    from audioviz.audio.hearing import bars

    def onward(t, place, interval):
        """The best from a beat at t on."""
        here = float(worth[t, 0 if place else 1])
        here -= bars._UNUSUAL * np.log2(interval / bars._USUAL) ** 2 * interval / bars._USUAL
        best = -np.inf
        after = t + interval
        if after >= len(worth):
            return here
        for following in intervals:
            steps = abs(following - interval)
            change = bars._LOOSE * steps + bars._RIGID * max(0, steps - 1) / following
            for place_after in range(bar):
                if place_after == (place + 1) % bar:
                    slip = 0.0
                elif place_after == 0:
                    slip = bars._SLIP
                else:
                    continue
                best = max(best, onward(after, place_after, following) - min(change, bars._LEAP) - slip)
        return here + best

    starts = (
        onward(t, place, following) - min(bars._LOOSE * abs(following - before)
        + bars._RIGID * max(0, abs(following - before) - 1) / following, bars._LEAP)
        for before in intervals for t in range(before) for place in range(bar) for following in intervals
    )  # fmt: skip
    return max(starts)


@pytest.mark.parametrize("hops", [1, 2, 7, 300, 4 * network._AT_ONCE + 3])
def test_numpy_computes_what_torch_learned(hops, monkeypatch):
    torch.manual_seed(hops)
    learned, again = Network().eval(), Hits().eval()
    kept = arrays(learned.state_dict()) | {f"hits.{name}": value for name, value in arrays(again.state_dict()).items()}
    kept = {name: value.astype(np.float32) for name, value in kept.items()}
    learned.load_state_dict({name: torch.from_numpy(kept[name]) for name in learned.state_dict()})
    again.load_state_dict({name: torch.from_numpy(kept[f"hits.{name}"]) for name in again.state_dict()})
    monkeypatch.setattr(network, "_weights", lambda: kept)
    monkeypatch.setattr(hits, "_AT_ONCE", 40)
    steps = network.log_mel(np.random.default_rng(0).exponential(size=(hops, 80)).astype(np.float32))
    found = network.activations(steps)
    with torch.no_grad():
        features = learned.features(torch.from_numpy(steps)[None])
        logits = learned.out(features)[0].T
        assert found[:, :2] == pytest.approx(torch.sigmoid(logits[:, :2]).numpy(), abs=1e-5)
        seen = (steps, features[0].T.numpy(), logits[:, 2:].numpy())
        at = hits.find_hits(torch.sigmoid(logits[:, 2:]).numpy())
        expected = np.zeros_like(seen[2])
        views = map(torch.from_numpy, hits.surroundings(*seen, at))
        for hit, row in zip(at, torch.sigmoid(again(*views)).numpy()):
            for drum, value in enumerate(row):
                near = np.arange(max(hit - 2, 0), min(hit + 3, len(steps)))
                place = near[seen[2][near, drum].argmax()], drum
                expected[place] = max(expected[place], value)
    assert len(at) > 0 and found[:, 2:] == pytest.approx(expected, abs=1e-5)


def test_the_network_does_not_hear_how_loud_a_song_is():
    mel = np.random.default_rng(0).exponential(size=(500, 80)).astype(np.float32)
    loud, quiet = (network.activations(network.log_mel(level * mel)) for level in (1, 1e-4))
    assert quiet == pytest.approx(loud, abs=1e-4)
    assert np.isfinite(network.activations(network.log_mel(np.zeros((500, 80), np.float32)))).all()


def test_what_may_be_a_hit_is_the_highest_around():
    found = np.full((400, 3), 0.01, np.float32)
    found[50], found[52, 1], found[100, 2], found[110, 0] = 0.3, 0.8, 0.06, 0.9
    assert hits.find_hits(found).tolist() == [52, 100, 110]
    assert len(hits.find_hits(found[:40])) == 0


def test_no_drum_is_heard_where_there_is_no_hit():
    silence = network.activations(np.zeros((300, 80), np.float32))
    assert silence.shape == (300, 5) and (silence[:, 2:] == 0).all()
