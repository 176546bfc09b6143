"""One reader of times: alike in arguments, in keys of prompts and of keyframes, and in the grid."""

from fractions import Fraction

import numpy as np
import pytest

import audioviz as av
from audioviz.clock import read_seconds, read_time
from audioviz.errors import AudiovizWarning, InputError, ScheduleError
from audioviz.rendering.inputs import part_of_project
from audioviz.schedule.binding import bound
from audioviz.schedule.prompts import to_prompts
from audioviz.schedule.times import key_to_seconds, length_to_seconds
from tests.songs import made_song

SONG = made_song(seconds=200)  # 12 fps, a beat each half second, four to a bar
FORMS = {
    "90": 90,
    "90s": 90,
    "1:30": 90,
    "1:30.5": 90.5,
    "0:01:30": 90,
    " 1.5 s ": 1.5,
    "96f": 8,
    "16b": 8,
    "4bar": 8,
    "A": 0,
    90: 90,
    np.float32(1.5): 1.5,
}


@pytest.mark.parametrize(("text", "seconds"), FORMS.items())
def test_every_form_is_read_alike_everywhere(text, seconds):
    with bound(SONG):
        assert key_to_seconds(text, SONG.clock) == pytest.approx(seconds)
        curve = av.curves.keyframes({0.0: 0.0, text: 1.0} if seconds else {text: 1.0})
        assert curve[int(seconds * 12)] == pytest.approx(1)
        assert [p.seconds for p in to_prompts({text: "gold"}, SONG.clock)] == pytest.approx([seconds])
        if isinstance(text, str):
            assert [(p.seconds, p.text) for p in to_prompts([f"{text}: gold"], SONG.clock)] == [
                (pytest.approx(seconds), "gold")
            ]
    project = av.Project("song.wav").changed(start=text)
    assert part_of_project(project, SONG).start == int(seconds * 12)
    assert av.Project.from_json(project.to_json()) == project


def test_hours_are_read_and_what_overflows_is_refused():
    assert read_time("1:02:03") == (3723, "s") and read_time("100:00") == (6000, "s")
    for text in ("1:75", "1:60:00", "1:99:00", "1:2:3:4", "-1:30", "90m", "1.5.2", "", "soon", "٣s:"):
        with pytest.raises(InputError, match="time"):
            read_time(text)
    assert read_seconds("30f", Fraction(12)) == 2.5
    with pytest.raises(InputError, match="the beats of the song are not known here"):
        read_seconds("4bar", Fraction(12))


def test_lengths_follow_the_grid_from_where_they_begin():
    with bound(SONG):
        assert length_to_seconds("4bar", SONG.clock, start=1.25) == pytest.approx(8)
        assert length_to_seconds("1:00", SONG.clock, start=3) == 60
    part = part_of_project(av.Project("a.wav").changed(start="4bar", duration="0:02.5"), SONG)
    assert (part.start, len(part)) == (96, 30)
    with pytest.raises(ScheduleError, match="unknown keyframe 'chorus': write .*or a section: A"):
        part_of_project(av.Project("a.wav").changed(start="chorus"), SONG)
    for options in ({"start": "1:3x"}, {"duration": "9q"}, {"start": -1}, {"duration": 0}):
        with pytest.raises(InputError, match="song\\.(start|duration)"):
            av.Project("a.wav").changed(**options)


def test_the_grid_reads_times_alike():
    beats = np.arange(200) / 2
    assert av.Grid(first_downbeat="0:30.1").first_of(beats) == av.Grid(first_downbeat=30.1).first_of(beats) == 60
    with pytest.raises(InputError, match="first downbeat 4bar: expected seconds such as 1.9s or 1:30"):
        av.Grid(first_downbeat="4bar")


@pytest.mark.parametrize(
    "prompt", ["16:9 photo", "4K: gold", "3d: render", "2.5D: render", "f/2: x", "1:2 scale", "4:3"]
)
def test_prompts_that_begin_with_a_number_and_no_time_are_words(prompt):
    said = pytest.warns(AudiovizWarning, match="is drawn as it stands, as '.*' is no time; for a time write seconds as")
    with said if prompt[1:3] in ("K:", "d:", ".5") else pytest.MonkeyPatch.context():
        assert [p.text for p in to_prompts([prompt], SONG.clock)] == [prompt]


def test_a_number_past_the_end_tells_the_way_out():
    for prompt in ("1980: neon city", "980s: neon city"):
        with pytest.raises(ScheduleError, match=f"lies past the end .* write '0s: {prompt}'"):
            to_prompts([prompt], SONG.clock)
    assert to_prompts(["0s: 1980: neon city"], SONG.clock)[0].text == "1980: neon city"


def test_a_prompt_record_takes_times_too():
    assert av.Prompt("1:30.5", "gold").seconds == 90.5  # pyright: ignore[reportArgumentType]
    with bound(SONG):
        assert av.Prompt("4bar", "gold").seconds == 8  # pyright: ignore[reportArgumentType]
        assert av.Prompt("A", "gold").seconds == 0  # pyright: ignore[reportArgumentType]
    for text in ("soon", "4bar"):
        with pytest.raises((InputError, ScheduleError), match="unknown time 'soon'|no clock"):
            av.Prompt(text, "gold")  # pyright: ignore[reportArgumentType]
