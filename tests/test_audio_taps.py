"""Events that the user taps by hand are events and a curve of the song like those that are heard."""

import csv
import json

import make_song
import numpy as np
import pytest

import audioviz as av
from audioviz.audio.export import song_to_csv, song_to_json
from audioviz.audio.part import cut
from audioviz.errors import AudiovizError, InputError, ScheduleError
from audioviz.project.project import Project, SongFile
from audioviz.rendering.inputs import song_of
from audioviz.schedule.expression import CONSTANTS
from audioviz.schedule.lanes import Lane, with_lanes

SONG = make_song.__file__.replace("make_song.py", "song.ogg")
MOMENTS = [8.0, 1.5, 1.49, 3]


@pytest.fixture(scope="module")
def song():
    return av.load_song(SONG, fps=24, events={"taps": MOMENTS, "claps": []})


def test_taps_are_events_in_order_and_a_curve(song):
    taps = song.events["taps"]
    assert taps.seconds.tolist() == [1.49, 1.5, 3, 8] and list(taps) == [36, 36, 72, 192]
    assert np.flatnonzero(song.taps).tolist() == [36, 72, 192] and set(song.taps) == {0, 1}
    assert len(song.events["claps"]) == 0 and not song.claps.any()
    plain = av.load_song(SONG, fps=24)
    assert np.array_equal(plain.beats, song.beats) and list(plain.curves) == list(song.curves)[:-2]


def test_expressions_lanes_and_scripts_know_them(song):
    with av.bound(song):
        assert np.array_equal(av.curves.expression("0.5 * taps + kick"), 0.5 * song.taps + song.kick)
        assert av.curves.count(song.events["taps"]).max() == 4
        with pytest.raises(ScheduleError, match="unknown name 'tap' .did you mean taps"):
            av.curves.expression("tap")
    plan = with_lanes(av.Schedule(clock=song.clock), {"flash": Lane(expression="taps")}, song=song)
    assert np.array_equal(plan.flash, song.taps)


def test_an_unknown_name_lists_the_known(song):
    with pytest.raises(InputError, match="no event 'tap' .did you mean taps..: the song has taps, claps"):
        song.events["tap"]
    with pytest.raises(InputError, match="no event 'taps': the song has none; give moments in seconds"):
        av.load_song(SONG, fps=24).events["taps"]
    with pytest.raises(AttributeError, match=r"an event of a song is song.events\['taps'\]"):
        _ = song.events.taps


def test_a_part_has_those_that_lie_in_it(song):
    part = cut(song, range(48, 120))
    assert part.events["taps"].seconds.tolist() == [1.0] and list(part.events["taps"]) == [24]
    assert np.flatnonzero(part.taps).tolist() == [24] and list(part.events) == ["taps", "claps"]


def test_they_are_exported(song):
    written = json.loads(song_to_json(song))
    assert written["events"]["taps"] == {"frames": [36, 36, 72, 192], "seconds": [1.49, 1.5, 3, 8]}
    assert written["curves"]["taps"] == song.taps.tolist()
    rows = list(csv.DictReader(song_to_csv(song).splitlines()))
    assert [float(row["taps"]) for row in rows] == song.taps.tolist()
    assert "events" not in json.loads(song_to_json(av.load_song(SONG, fps=24)))


def test_a_project_keeps_them():
    project = Project(SongFile(SONG, events={"taps": MOMENTS}))
    assert json.loads(project.to_json())["song"]["events"] == {"taps": [1.49, 1.5, 3, 8]}
    assert Project.from_json(project.to_json()) == project
    assert list(song_of(project).events["taps"]) == [18, 18, 36, 96]
    more = project.changed(events={**project.song.events, "claps": [2.0]})
    assert list(song_of(more).events) == ["taps", "claps"]


def test_no_name_of_the_song_or_of_formulas_is_taken(song):
    plain = av.load_song(SONG, fps=24)
    taken = [name for name in dir(plain) if not name.startswith("_")]
    columns = song_to_csv(plain).splitlines()[0].split(",")
    assert len(taken) > 30
    for name in (*taken, *columns, *CONSTANTS, "t", "f", "b"):
        with pytest.raises(InputError, match="something else of this name"):
            av.load_song(SONG, events={name: [1.0]})


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ({"my taps": [1]}, "'my taps': expected a name of letters"),
        ({"lambda": [1]}, "'lambda': expected a name"),
        ({3: [1]}, "3: expected a name"),
        ({"taps": 1.0}, "taps: 1.0, expected moments in seconds"),
        ({"taps": "1"}, "taps: '1', expected moments"),
        ({"taps": [1.0, -1]}, "taps: -1, expected 0 or more seconds"),
        ({"taps": [float("nan")]}, "taps: nan, expected 0"),
        ({"taps": ["1"]}, "taps: '1', expected 0"),
        ([1.0], "expected moments by name"),
        ({"taps": [99]}, "taps: 99 s is past the end of the song, which is 25"),
    ],
)
def test_events_that_cannot_be_are_one_line(events, said):
    with pytest.raises(InputError, match="^events [^\n]*$") as caught:
        av.load_song(SONG, events=events)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ('{"beats": [1]}', "song.events: events 'beats': a song"),
        ('{"taps": [-1]}', "song.events: events taps: -1.0, expected 0"),
        ('{"taps": ["1"]}', "song.events.taps.0: '1', expected a valid number"),
        ('{"taps": 1}', "song.events.taps: 1, expected a valid array"),
    ],
)
def test_a_project_says_where(events, said):
    with pytest.raises(AudiovizError) as caught:
        Project.from_json(f'{{"song": {{"path": "a", "events": {events}}}}}')
    assert said in str(caught.value)
