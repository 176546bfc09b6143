import dataclasses
from fractions import Fraction

import numpy as np
import pytest

import audioviz as av
from audioviz.clock import Clock
from audioviz.errors import ScheduleError
from audioviz.schedule.binding import bound
from audioviz.schedule.times import key_to_seconds
from tests.songs import made_song

CLOCK = Clock.for_duration(8, 25)
HOSTILE = [
    "__import__('os').system('true')",
    "().__class__",
    "t.__class__",
    "t.tofile('x')",
    "open('x', 'w')",
    "exec('1')",
    "eval('1')",
    "lambda: 1",
    "[x for x in t]",
    "{1: 2}",
    "{t}",
    "(t, t)",
    "[t]",
    "t[0]",
    "t[:]",
    "'a' * 99",
    "f'{t}'",
    "b'x'",
    "None",
    "...",
    "x := 1",
    "t; t",
    "import os",
    "globals()",
    "locals()",
    "vars()",
    "dir()",
    "getattr(t, 'x')",
    "print(t)",
    "input()",
    "quit()",
    "breakpoint()",
    "help()",
    "type(t)",
    "compile('1', '', 'eval')",
    "np.sin(t)",
    "numpy",
    "os",
    "sys.exit()",
    "t if",
    "sin",
    "sin()",
    "sin(t, t)",
    "sin(x=t)",
    "sin(*[t])",
    "sin(**{})",
    "1 +",
    "t ^ t",
    "t @ t",
    "t << 9",
    "t is t",
    "0 < t in t",
    "t and sys",
    "~'a'",
    "'\\d'",
    "1if t else os",
    "t in t",
    "await t",
    "yield t",
    "9**9**9**9",
    "1/0",
    "1e999",
    "log(0 - 1)",
    "1e308 * 10",
    "\x00",
    "",
    " ",
    "(" * 500 + "t" + ")" * 500,
    "t" * 2000,
    "-" * 900 + "t" * 200,
    "9" * 500,
    "#",
    "t\nt",
    "@t",
    "$t",
    "`t`",
    "t?",
    "unknown",
    "Ünicode(t)",
    "1j",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_expression_is_refused_and_touches_nothing(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ScheduleError, match="expression"):
        av.curves.expression(text, clock=CLOCK)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.5 + 0.1 * sin(2 * pi * t / 15)", 0.5 + 0.1 * np.sin(2 * np.pi * CLOCK.times / 15)),
        ("1 if t > 2 else 0.25", np.where(CLOCK.times > 2, 1, 0.25)),
        ("clip(f, 3, 7) // 2 % 3", np.clip(np.arange(200), 3, 7) // 2 % 3),
        ("max(min(t, 2), 1) ** 0.5", np.sqrt(np.clip(CLOCK.times, 1, 2))),
        ("-abs(-3)", np.full(200, -3.0)),
        (
            "where((t > 1) & ~(t >= 2) | (f < 5), 1, 0)",
            1.0 * (((CLOCK.times > 1) & (CLOCK.times < 2)) | (np.arange(200) < 5)),
        ),
        (
            "1 < t < 2 or f < 5 and not f < 2",
            1.0 * (((CLOCK.times > 1) & (CLOCK.times < 2)) | np.isin(np.arange(200), (2, 3, 4))),
        ),
        ("arctan2(t, 2) + log10(1 + t)", np.arctan2(CLOCK.times, 2) + np.log10(1 + CLOCK.times)),
        ("where(t >= 1, exp(-t), tanh(t))", np.where(CLOCK.times >= 1, np.exp(-CLOCK.times), np.tanh(CLOCK.times))),
    ],
)
def test_expressions_compute_what_numpy_computes(text, value):
    assert np.asarray(av.curves.expression(text, clock=CLOCK)) == pytest.approx(value)


def test_expressions_know_the_beat_and_the_curves_of_the_song():
    song = made_song(seconds=6, fps=24, beats_every=0.5)
    with bound(song):
        assert np.asarray(av.curves.expression("b")) == pytest.approx(song.clock.times / 0.5)
        assert np.asarray(av.curves.expression("low * 2")) == pytest.approx(2 * np.asarray(song.low))


def test_expressions_of_a_song_without_beats_know_all_but_the_beat():
    song = made_song(beats_every=10)
    with bound(song):
        assert np.asarray(av.curves.expression("low * 2")) == pytest.approx(2 * np.asarray(song.low))
        with pytest.raises(ScheduleError, match="unknown name 'b'"):
            av.curves.expression("b")


def test_at_puts_values_on_events():
    song = made_song()
    curve = np.asarray(av.curves.at(song.beats[::4], 0.9, otherwise=0.1))
    assert curve[list(song.beats[::4])].tolist() == [0.9, 0.9] and (curve == 0.1).sum() == len(curve) - 2


def test_keys_lie_anywhere_in_the_song_whose_frames_end_up_to_half_of_one_sooner():
    song = made_song(seconds=8.03, fps=12)
    with av.bound(song):
        assert av.curves.ramp(0.0, 1.0, end=song.duration)[-1] == pytest.approx(song.clock.times[-1] / 8.03)
        assert av.Schedule(prompts={0: "a", 8.03: "b"}).prompt_rows()[1][0] == song.clock.frames - 1
        with pytest.raises(ScheduleError, match="expected times in 0 .. 8"):
            av.curves.ramp(0.0, 1.0, end=8.05)


def test_keyframes_and_ramp_pass_through_their_keys():
    curve = np.asarray(av.curves.keyframes({2: 1.0, 4: 3.0, 6: 0.0}, clock=CLOCK))
    assert curve[[0, 50, 75, 100, 150, 199]] == pytest.approx([1, 1, 2, 3, 0, 0])
    held = np.asarray(av.curves.keyframes({0: 1.0, 4: 3.0}, ease="hold", clock=CLOCK))
    assert held[99] == 1 and held[100] == 3
    assert np.asarray(av.curves.ramp(0, 1, clock=CLOCK)) == pytest.approx(np.arange(200) / 200)
    assert av.curves.keyframes({0: 0.0, 8: 1.0}, ease="hold", clock=CLOCK).values.max() == 0
    ramp = np.asarray(av.curves.ramp(0, 1, begin="2s", end=6, clock=CLOCK))
    assert ramp[[0, 50, 100, 150, 199]] == pytest.approx([0, 0, 0.5, 1, 1])


def test_each_key_may_have_an_easing_of_its_own():
    keys = {"6s": 0.0, 0: 1.0, "2s": 3.0, 4: 5.0}  # in any order
    curve = av.curves.keyframes(keys, ease={0: "hold", "2s": "in_out_sine"}, clock=CLOCK).values
    for first, last, ease in ((0, 50, "hold"), (50, 100, "in_out_sine"), (100, 150, "linear")):
        whole = av.curves.keyframes(keys, ease=ease, clock=CLOCK).values
        assert np.array_equal(curve[first:last], whole[first:last]) and np.ptp(whole[first:last]) >= (ease != "hold")
    assert not np.array_equal(curve[50:100], av.curves.keyframes(keys, clock=CLOCK).values[50:100])
    assert np.array_equal(
        av.curves.keyframes(keys, ease={}, clock=CLOCK).values, av.curves.keyframes(keys, clock=CLOCK).values
    )


@pytest.mark.parametrize(
    ("keys", "ease", "said"),
    [
        (
            {0: 1.0, "8bar": 2.0},
            {"8bars": "hold"},
            r"ease of '8bars': no such key \(did you mean 8bar\?\), expected one",
        ),
        ({0: 1.0}, {"0": "hold"}, "ease of '0': no such key"),
        ({0: 1.0}, {0: "hoold"}, "unknown easing 'hoold'"),
        ("0:(1), 8:(2)", {0: "hold"}, "expected one easing for all, as text"),
    ],
)
def test_an_easing_of_no_key_is_refused(keys, ease, said):
    with pytest.raises(ScheduleError, match=said):
        av.curves.keyframes(keys, ease=ease, clock=CLOCK)


@pytest.mark.parametrize("shape", ["sine", "triangle", "saw", "square", "pulse"])
def test_oscillators_repeat_with_their_period_and_stay_in_range(shape):
    wave = np.asarray(av.curves.oscillate(shape, seconds=2.0, low=0.2, high=0.6, clock=CLOCK))
    assert wave[:100] == pytest.approx(wave[50:150]) and wave.min() >= 0.2 - 1e-9 and wave.max() <= 0.6 + 1e-9
    assert np.ptp(wave) > 0.3


@pytest.mark.parametrize("seconds", [0.1, 0.2, 0.3, 0.7])
@pytest.mark.parametrize("fps", [10, 25, 30, 60])
def test_an_oscillator_turns_on_its_frame(fps, seconds):
    clock = Clock.for_duration(60, fps)
    wave = np.asarray(av.curves.oscillate("saw", seconds=seconds, clock=clock))
    turns = [Fraction(k, fps) / Fraction(str(seconds)) % 1 for k in range(clock.frames)]
    assert wave == pytest.approx(np.array(turns, float), abs=1e-8)


@pytest.mark.parametrize("fps", [12, 24, "30000/1001"])
def test_what_is_locked_to_the_beats_is_on_their_frames(fps):
    song = made_song(seconds=30, fps=fps, beats_every=0.4937)
    beats = list(song.beats)
    with bound(song):
        saw, beat = av.curves.oscillate("saw", beats=1), av.curves.expression("b")
        held = np.asarray(av.curves.keyframes({f"{i}b": i for i in range(len(beats))}, ease="hold"))
    assert saw[beats] == pytest.approx(0, abs=1e-8) and beat[beats] == pytest.approx(np.arange(len(beats)))
    assert np.array_equal(np.flatnonzero(np.diff(held)) + 1, beats[1:])


@pytest.mark.parametrize("fps", [5, 12, 24])
def test_the_grid_goes_on_at_its_own_tempo(fps):
    song = made_song(seconds=30, fps=fps, beats_every=60 / 128)
    inner = dataclasses.replace(song, beats=song.beats[20:30])
    with bound(inner):
        beat, rate = np.asarray(av.curves.expression("b")), np.asarray(av.curves.beat_rate())
        times = [key_to_seconds(key, song.clock) for key in ("-10b", "15b")]
    assert beat[[0, -1]] + 20 == pytest.approx(song.clock.times[[0, -1]] * 128 / 60, abs=0.6)
    assert rate == pytest.approx(128 / 60, rel=0.02)
    assert times == pytest.approx(song.beats.seconds[[10, 35]])


def test_beats_that_share_a_frame_still_count():
    song = made_song(seconds=10, fps=1, beats_every=0.4)
    with bound(song):
        assert np.asarray(av.curves.expression("b")) == pytest.approx(song.clock.times / 0.4)


@pytest.mark.parametrize("fps", [6, 12, 24, "30000/1001", 60])
def test_a_push_goes_the_same_way_at_any_fps(fps):
    song = made_song(seconds=12, fps=fps, beats_every=1.5)
    push = np.asarray(av.curves.push(song.beats[1:], seconds=0.2))
    assert push.sum() / float(song.clock.fps) == pytest.approx(7, rel=1e-3) and push.argmax() == song.beats[1]


def test_events_may_be_frame_numbers():
    song = made_song()
    with bound(song):
        assert np.array_equal(av.curves.at(list(song.beats), 1.0), av.curves.at(song.beats, 1.0))
        assert av.seeds.change_at(np.array([], int), base=7).tolist() == [7] * len(song.clock.times)
        assert av.curves.at(song.sections[0], 1.0)[0] == 1
        for wrong in ([0.5], [-1], [song.clock.frames], [True, False], song.rms > 0.5, "beats", 3.5):
            with pytest.raises(ScheduleError, match="expected song.beats"):
                av.curves.at(wrong, 1.0)


def test_noise_is_the_same_for_a_seed_and_at_another_fps():
    first, again, other = (np.asarray(av.curves.noise(seed, clock=CLOCK)) for seed in (3, 3, 4))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert first.min() >= 0 and first.max() <= 1 and np.abs(np.diff(first)).max() < 0.2
    faster = np.asarray(av.curves.noise(3, clock=Clock.for_duration(8, 50)))
    assert faster[::2] == pytest.approx(first, abs=1e-9)


def test_tremor_shakes_about_zero():
    shake = np.asarray(av.curves.tremor(3, hz=4, amount=0.2, clock=CLOCK))
    assert np.abs(shake).max() <= 0.2 and abs(shake.mean()) < 0.05 and (np.diff(np.sign(shake)) != 0).sum() > 10


def test_count_numbers_the_events():
    song = made_song()
    beats = np.asarray(av.curves.count(song.beats[1:]) % 4)
    assert beats[0] == 0 and beats[list(song.beats[1:])].tolist() == [1, 2, 3, 0, 1, 2, 3]


def test_random_at_holds_a_value_from_event_to_event():
    song = made_song()
    values = np.asarray(av.curves.random_at(song.kicks, 5, low=2, high=3))
    assert (
        set((np.flatnonzero(np.diff(values)) + 1).tolist()) == set(song.kicks[1:])
        and 2 <= values.min() <= values.max() < 3
    )
    assert np.array_equal(values, av.curves.random_at(song.kicks, 5, low=2, high=3))
    assert not np.array_equal(values, av.curves.random_at(song.kicks, 6, low=2, high=3))


def test_where_blend_and_cross_mix_curves_and_numbers():
    rise = av.curves.ramp(0, 1, clock=CLOCK)
    assert np.asarray(av.curves.where(rise > 0.5, 1, rise))[[50, 150]] == pytest.approx([0.25, 1.0])
    assert np.asarray(av.curves.blend(2, 4, rise))[[50, 150]] == pytest.approx([2.5, 3.5])
    faded = np.asarray(av.curves.cross(0.0, rise + 1, at=4, seconds=2))
    assert (
        faded[:75].max() == 0
        and faded[100] == pytest.approx(0.75)
        and faded[125:] == pytest.approx(np.asarray(rise + 1)[125:])
    )
    assert np.asarray(av.curves.cross(0.0, 1.0, at="100f", seconds=0, clock=CLOCK))[[99, 100]].tolist() == [0, 1]
    with pytest.raises(ScheduleError, match="different clocks"):
        av.curves.blend(rise, av.Curve(0.0, Clock.for_duration(2, 12)), 0.5)


def test_beats_are_lengths_and_rates_of_the_songs_own_grid():
    song = made_song(seconds=6, fps=24, beats_every=0.5)
    with bound(song):
        assert av.curves.beats(0.5) == pytest.approx(0.25)
        rate = np.asarray(av.curves.beat_rate())
        turned = np.cumsum(90 * rate / 24)
        keys = np.asarray(av.curves.keyframes({0: 0.0, "4b": 1.0, "2bar": 3.0, "132f": 0.0}))
    assert turned[list(song.beats[1:])] - turned[list(song.beats[:-1])] == pytest.approx(90)
    assert keys[[48, 96, 132]] == pytest.approx([1, 3, 0])


def test_outside_a_script_a_clock_is_asked_for():
    with pytest.raises(ScheduleError, match="pass clock=song.clock"):
        av.curves.constant(1.0)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: av.curves.oscillate("wobble", seconds=1, clock=CLOCK),
        lambda: av.curves.oscillate(clock=CLOCK),
        lambda: av.curves.oscillate(seconds=-1, clock=CLOCK),
        lambda: av.curves.keyframes({}, clock=CLOCK),
        lambda: av.curves.noise(1, seconds=0, clock=CLOCK),
        lambda: av.curves.oscillate(beats=1, clock=CLOCK),
        lambda: av.curves.keyframes({9: 1.0}, clock=CLOCK),
        lambda: av.curves.keyframes({"2x": 1.0}, clock=CLOCK),
        lambda: av.curves.tremor(1, hz=0, clock=CLOCK),
        lambda: av.curves.cross(0, 1, at=1, seconds=-1, clock=CLOCK),
        lambda: av.curves.ramp(0, 1, begin=5, end=4, clock=CLOCK),
        lambda: av.curves.cross(0, 1, at=9, seconds=1, clock=CLOCK),
        lambda: av.curves.oscillate(seconds=0, clock=CLOCK),
        lambda: av.curves.push(made_song().beats, seconds=0),
        lambda: av.seeds.fixed(7.9, clock=CLOCK),
        lambda: av.seeds.step(0, by=0.5, clock=CLOCK),
        lambda: av.seeds.fixed(-1, clock=CLOCK),
        lambda: av.seeds.fixed(2**64, clock=CLOCK),
    ],
)
def test_wrong_arguments_are_refused(wrong):
    with pytest.raises(ScheduleError, match="unknown wave|unknown keyframe|give a period|expected|no beat grid"):
        wrong()


def test_seeds():
    song = made_song()
    assert set(av.seeds.fixed(2**64 - 1, clock=CLOCK).tolist()) == {2**64 - 1}
    assert av.seeds.step(5, by=2, clock=CLOCK)[:3].tolist() == [5, 7, 9]
    assert av.seeds.step(2**64 - 1, clock=CLOCK)[:2].tolist() == [2**64 - 1, 0]
    changes = av.seeds.change_at(song.beats[::2], base=7)
    assert np.flatnonzero(np.diff(changes.astype(np.int64))).tolist() == [frame - 1 for frame in song.beats[2::2]]
    assert changes[0] == 8 and changes.dtype == np.uint64
    short, long = (av.seeds.random(9, clock=Clock.for_duration(s, 25)) for s in (4, 8))
    assert np.array_equal(short, long[:100]) and len(set(long.tolist())) == 200
