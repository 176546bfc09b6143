"""What the user corrects of the beat grid, without listening again."""

import make_song
import numpy as np
import pytest

import audioviz as av
from audioviz.audio.hearing.analysis import _on_bars
from audioviz.audio.reading.cache import cache_folder
from audioviz.errors import InputError

SONG = make_song.__file__.replace("make_song.py", "song.ogg")
BEAT = make_song.BEAT


@pytest.fixture(scope="module")
def heard():
    return av.load_song(SONG, fps=24)


def corrected(**grid):
    return av.load_song(SONG, fps=24, grid=av.Grid(**grid))


def test_nothing_is_listened_to_again(heard, monkeypatch):
    kept = sorted(cache_folder().iterdir())
    monkeypatch.setattr("audioviz.audio.load.open_stream", None)
    assert corrected(tempo=61, beats_per_bar=3).tempo < 100
    assert sorted(cache_folder().iterdir()) == kept


def test_no_correction_changes_nothing(heard):
    again = corrected(beat_offset=0.0)
    assert np.array_equal(again.beats.seconds, heard.beats.seconds) and again.tempo == heard.tempo
    assert np.array_equal(again.downbeats.seconds, heard.downbeats.seconds)


@pytest.mark.parametrize(
    ("grid", "factor"),
    [
        ({"tempo": 120}, 1),
        ({"tempo": "60"}, 0.5),
        ({"tempo": 240.0}, 2),
        ({"tempo": "50-70"}, 0.5),
        ({"tempo": (110, 130)}, 1),
        ({"beats": "half"}, 0.5),
        ({"beats": "double"}, 2),
        ({"tempo": 60, "beats": "double"}, 1),
    ],
)
def test_tempo_and_octave(heard, grid, factor):
    song = corrected(**grid)
    assert song.tempo == pytest.approx(factor * make_song.BPM, rel=0.005)
    assert len(song.beats) == pytest.approx(factor * len(heard.beats), abs=4)
    assert np.median(np.diff(song.beats.seconds)) == pytest.approx(BEAT / factor, rel=0.01)


@pytest.mark.parametrize("tempo", ["119-120", "80-90", "150-160"])
def test_bounds_are_kept_whatever_is_heard(tempo):
    low, high = av.Grid(tempo=tempo).bounds
    assert 0.97 * low <= corrected(tempo=tempo).tempo <= 1.03 * high


def test_the_offset_moves_beats_and_bars_alike(heard):
    song = corrected(beat_offset=30)
    assert song.beats.seconds == pytest.approx(heard.beats.seconds[: len(song.beats)] + 0.03)
    assert song.downbeats.seconds == pytest.approx(heard.downbeats.seconds[: len(song.downbeats)] + 0.03)
    assert np.array_equal(song.onsets.seconds, heard.onsets.seconds)
    assert corrected(beat_offset=-2000).beats.seconds.min() >= 0


@pytest.mark.parametrize("grid", [{"first_downbeat": "2b"}, {"first_downbeat": "3b", "beat_offset": 40}])
def test_sections_begin_with_the_corrected_bars(heard, grid):
    song = corrected(**grid)
    starts, before = ([part.start for part in each.sections] for each in (song, heard))
    assert len(starts) == len(before) > 1 and starts[0] == 0 and set(starts[1:]) <= set(song.downbeats.seconds)
    bar = np.median(np.diff(song.downbeats.seconds))
    assert starts == pytest.approx(before, abs=bar) and np.diff(starts).min() > 0
    assert [part.label for part in song.sections] == [part.label for part in heard.sections]
    assert [part.start for part in corrected(beat_offset=0.0, tempo=120).sections] == before


@pytest.mark.parametrize(
    ("starts", "found"),
    [([0, 3.2, 8.9], [0, 4, 8]), ([0, 0.5, 11], [0, 0.5, 12]), ([0, 6.5, 7.5, 40], [0, 6.5, 7.5, 40]), ([0], [0])],
)
def test_no_two_sections_meet(starts, found):
    assert _on_bars(np.array(starts, float), np.array([0.0, 4, 8, 12])).tolist() == found


def test_beats_that_are_moved_before_the_song_fall_away_but_for_a_hair(heard):
    early = -1000 * heard.beats.seconds[0] - 40
    song = corrected(beat_offset=early, first_downbeat="1b", beats_per_bar=4)
    assert song.beats.seconds[0] == 0 and len(song.beats) == len(heard.beats)
    assert song.downbeats.seconds == pytest.approx(heard.beats.seconds[1::4] + early / 1000)
    song = corrected(beat_offset=early - 20, first_downbeat="1b", beats_per_bar=4)
    assert len(song.beats) == len(heard.beats) - 1
    assert song.downbeats.seconds == pytest.approx(heard.beats.seconds[2::4] + early / 1000 - 0.02)


@pytest.mark.parametrize(("first", "place"), [("3b", 3), ("0b", 0), (3 * BEAT, 3), ("1.5s", 3), (" 1.0 ", 2)])
def test_bars_are_counted_from_the_first_downbeat(heard, first, place):
    song = corrected(first_downbeat=first, beats_per_bar=5)
    assert song.beats_per_bar == 5
    assert np.array_equal(song.downbeats.seconds, heard.beats.seconds[place::5])


@pytest.mark.parametrize(
    ("first", "place", "shift"),
    [(3.2 * BEAT, 3, 0), (3.35 * BEAT, 3, 0.5), (2.5 * BEAT, 2, 0.5), (0.45 * BEAT, 0, 0.5)],
)
def test_a_first_downbeat_between_the_beats_moves_them_by_half(heard, first, place, shift):
    song = corrected(first_downbeat=first)
    assert song.downbeats.seconds[0] == pytest.approx(heard.beats.seconds[place] + shift * BEAT, abs=0.01)
    nearest = np.abs(song.beats.seconds[:, None] - heard.beats.seconds).min(axis=1)
    assert nearest[1:-1] == pytest.approx(shift * BEAT, abs=0.01) and np.diff(song.beats.seconds) == pytest.approx(
        BEAT, abs=0.02
    )


def test_beats_per_bar_alone_leave_their_place_to_the_ear():
    song = corrected(beats_per_bar=2)
    assert song.beats_per_bar == 2 and np.median(np.diff(song.downbeats.seconds)) == pytest.approx(2 * BEAT, rel=0.01)


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ({"tempo": "fast"}, "tempo fast: expected beats a minute"),
        ({"tempo": "130-90"}, "tempo 130-90: expected"),
        ({"tempo": 0}, "tempo 0: expected"),
        ({"tempo": (1, 2, 3)}, "tempo"),
        ({"tempo": ()}, "tempo"),
        ({"tempo": float("nan")}, "tempo nan"),
        ({"beats": "twice"}, "beats 'twice': expected 'half' or 'double'"),
        ({"beat_offset": float("nan")}, "beat offset nan ms: expected"),
        ({"beat_offset": 9999}, "beat offset 9999"),
        ({"first_downbeat": "soon"}, "first downbeat soon: expected seconds"),
        ({"first_downbeat": "1.5b"}, "expected seconds"),
        ({"first_downbeat": -1}, "expected seconds"),
        ({"beats_per_bar": 0}, "beats per bar 0: expected a whole number"),
        ({"beats_per_bar": 3.5}, "beats per bar 3.5"),
        ({"first_downbeat": "99b"}, "expected a beat from 0b to 52b, or seconds"),
        ({"first_downbeat": "99s"}, "first downbeat 99s: expected a beat"),
    ],
)
def test_a_correction_that_cannot_be_is_one_line(grid, said):
    with pytest.raises(InputError, match="^[^\n]*$") as caught:
        corrected(**grid)
    assert said in str(caught.value)


def test_pins_move_their_beats_and_what_lies_between_along_a_line(heard):
    beats = heard.beats.seconds
    first, last = beats[8] + 0.01, beats[16] - 0.02  # a pin names the nearest beat
    song = corrected(pins={last: beats[16] - 0.1, f"{first}s": beats[8] + 0.04})
    moved = song.beats.seconds - beats
    assert moved[8] == pytest.approx(0.04, abs=1e-12) and moved[16] == pytest.approx(-0.1, abs=1e-12)
    assert moved[:8] == pytest.approx(0.04) and moved[16:] == pytest.approx(-0.1)
    assert moved[8:17] == pytest.approx(np.interp(beats[8:17], [beats[8], beats[16]], [0.04, -0.1]))
    downbeats = np.isin(beats, heard.downbeats.seconds)
    assert np.array_equal(song.downbeats.seconds, song.beats.seconds[downbeats])
    assert {part.start for part in song.sections[1:]} <= set(song.downbeats.seconds)
    assert np.array_equal(song.onsets.seconds, heard.onsets.seconds)


def test_pins_come_after_all_other_corrections(heard):
    grid = {"beats": "half", "beat_offset": 40, "first_downbeat": "1b", "beats_per_bar": 3}
    before = corrected(**grid)
    song = corrected(**grid, pins={before.beats.seconds[5]: before.beats.seconds[5] + 0.125})
    assert song.beats.seconds[:20] == pytest.approx(before.beats.seconds[:20] + 0.125)
    assert np.array_equal(song.downbeats.seconds, song.beats.seconds[1::3])
    between = corrected(first_downbeat=2.5 * BEAT, pins={2.5 * BEAT: 2.5 * BEAT + 0.05})
    assert between.downbeats.seconds[0] == pytest.approx(2.5 * BEAT + 0.05)


def test_beats_that_a_pin_moves_out_of_the_song_fall_away(heard):
    song = corrected(pins={heard.beats.seconds[3]: heard.beats.seconds[1]})
    assert len(song.beats) == len(heard.beats) - 2 and song.beats.seconds.min() >= 0
    assert np.isin(song.downbeats.seconds, song.beats.seconds).all()


def test_pins_are_one_way_of_writing():
    grid = av.Grid(pins={"1:30": "91", 12.34: 12.4, "2": 2, 1e-5: 0.1})
    assert grid == av.Grid(pins={1e-5: 0.1, 2: 2.0, "12.34s": "12.4s", "90s": 91.0}) == av.Grid(pins=grid.pins)
    assert list(grid.pins.items()) == [("0.00001s", 0.1), ("2s", 2), ("12.34s", 12.4), ("90s", 91)]
    assert av.Grid(pins={}) == av.Grid()


@pytest.mark.parametrize(
    ("pins", "said"),
    [
        ({"4b": 2.0}, "pin 4b=2.0: expected where a beat is and where it is to be"),
        ({1.0: "soon"}, "pin 1.0=soon: expected"),
        ({1.0: float("nan")}, "pin 1.0=nan: expected"),
        ({1.0: -0.5}, "pin 1.0=-0.5: expected"),
        ([(1.0, 2.0)], "expected a place for each beat"),
        ({99.0: 99.1}, "pin 99s: expected the time of a beat, within half of one; the nearest is at"),
        ({1.0: 99.0}, "pin 1s=99: expected a place in the song, which is"),
        ({1.0: 1.0, 1.02: 1.1}, "pins 1s and 1.02s name the same beat"),
        ({1.0: 1.6, 1.5: 1.55}, "pin 1.5s=1.55: expected a place after 1.6, where pin 1s puts an earlier beat"),
    ],
)
def test_a_pin_that_cannot_be_is_one_line(pins, said):
    with pytest.raises(InputError, match="^[^\n]*$") as caught:
        corrected(pins=pins)
    assert said in str(caught.value)


def test_pins_need_beats(tmp_path):
    import soundfile

    soundfile.write(tmp_path / "silence.wav", np.zeros(22050), 22050)
    with pytest.raises(InputError, match="pin 1s: no beats were heard"):
        av.load_song(tmp_path / "silence.wav", grid=av.Grid(pins={1: 1.1}))
