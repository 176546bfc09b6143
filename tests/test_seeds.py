from types import SimpleNamespace

import numpy as np
import pytest
import torch

import audioviz as av
from audioviz.clock import Clock
from audioviz.errors import ScheduleError
from audioviz.sampling.noise import Draw
from audioviz.sampling.was import _seeds
from tests.models import digests_of, fake_model, plans_of
from tests.songs import made_song

CLOCK = Clock.for_duration(3, 10)


def at_beats(song, seeds: np.ndarray) -> list[int]:
    return seeds[list(song.beats)].tolist()


def test_a_ladder_climbs_and_returns():
    song = made_song()
    assert at_beats(song, av.seeds.ladder(song.beats[1:], 10, rungs=3)) == [10, 11, 12, 11, 10, 11, 12, 11]


def test_alternate_goes_round():
    song = made_song()
    assert at_beats(song, av.seeds.alternate(song.beats[1:], [5, 9, 7])) == [5, 9, 7, 5, 9, 7, 5, 9]


def test_random_at_changes_at_events_alone_and_is_the_same_for_a_base():
    song = made_song()
    seeds = av.seeds.random_at(song.beats[1:], 3)
    assert len(set(at_beats(song, seeds))) == 8 and len(set(seeds.tolist())) == 8
    assert np.array_equal(seeds, av.seeds.random_at(song.beats[1:], 3))
    assert not np.array_equal(seeds, av.seeds.random_at(song.beats[1:], 4))


def test_a_seed_for_each_section():
    song = made_song()
    seeds = av.seeds.change_at([SimpleNamespace(start=s, clock=song.clock) for s in (0.0, 2.0)], base=7)
    assert seeds[[0, 23, 24, 47]].tolist() == [8, 8, 9, 9]


@pytest.mark.parametrize(("mode", "by"), [("increment", 1), ("decrement", -1), ("fixed", 0)])
@pytest.mark.parametrize(("keying", "keyed"), [("sine", av.seeds.sine), ("modulo", av.seeds.modulo)])
@pytest.mark.parametrize("divisor", [2, 4, 7])
def test_keyed_seeds_are_the_originals(keying, keyed, mode, by, divisor):
    wanted = [seed % 2**64 for seed in _seeds(234, 30, mode, keying, divisor)]
    assert keyed(234, divisor=divisor, by=by, clock=CLOCK).tolist() == wanted


def test_travel_reaches_a_seed_at_each_event():
    song = made_song()
    columns = av.seeds.travel(song.beats[2::2], base=7)
    plan = av.Schedule(**columns, clock=song.clock)
    assert plan.seed[[0, 11, 12, 24]].tolist() == [7, 7, 8, 9] and (plan.seed_to - plan.seed == 1).all()
    assert plan.seed_mix[:13] == pytest.approx([*np.arange(12) / 12, 0])


def test_mixed_seeds_are_an_arc_between_two_draws():
    plan = av.Schedule(seed=3, seed_to=8, seed_mix=np.linspace(0, 1, 30), prompts=["a"], clock=CLOCK)
    plans = list(plans_of(fake_model(), plan))
    shape = (1, 4, 8, 8)
    assert plans[0].initial_noise is None and plans[0].seed == 3
    assert torch.equal(plans[-1].initial_noise, Draw(8)(shape))
    middle, a, b = plans[15].initial_noise.ravel(), Draw(3)(shape).ravel(), Draw(8)(shape).ravel()
    assert 0.8 < middle.std() < 1.2 and torch.corrcoef(torch.stack((a, b, middle)))[2, :2].min() > 0.5


def test_mixed_seeds_change_what_a_frame_depends_on():
    one, other = (
        digests_of(av.Schedule(seed=3, seed_to=8, seed_mix=mix, prompts=["a"], clock=CLOCK)) for mix in (0.2, 0.3)
    )
    assert one[0] != other[0]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: av.seeds.ladder(made_song().beats, rungs=1), "rungs 1: expected a whole number of at least 2"),
        (lambda: av.seeds.alternate(made_song().beats, []), "expected at least one"),
        (lambda: av.seeds.alternate(made_song().beats, [-1]), "seed -1: expected a whole number in 0"),
        (lambda: av.seeds.sine(1, divisor=0, clock=CLOCK), "divisor 0: expected a whole number of at least 1"),
        (lambda: av.Schedule(seed_mix=0.5, clock=CLOCK), "seed_to and seed_mix: give both"),
        (lambda: av.Schedule(seed_to=-1, seed_mix=0.5, clock=CLOCK), "seed_to: expected whole numbers"),
    ],
)
def test_wrong_seeds_are_refused(wrong, message):
    with pytest.raises(ScheduleError, match=message):
        wrong()
