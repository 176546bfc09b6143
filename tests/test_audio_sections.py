"""Sections are where the parts of a song are, and a schedule can speak of them."""

import make_song
import numpy as np
import pytest
import soundfile
import structure
import synth

import audioviz as av
from audioviz.audio.hearing.analysis import analyse
from audioviz.audio.hearing.beats import Beats
from audioviz.audio.reading.blocks import RATE
from audioviz.audio.sections import Sections
from audioviz.clock import Clock
from audioviz.curve import Curve
from audioviz.errors import InputError
from audioviz.schedule import curves, seeds
from audioviz.schedule.binding import bound


def test_boundaries_and_labels_of_songs_assembled_of_parts():
    boundaries, inner, _, labels = structure.scores(structure.make(10))
    assert boundaries > 0.85 and inner > 0.8 and labels > 0.7


def chord(notes, seconds, level=0.3):
    t = np.arange(round(seconds * RATE)) / RATE
    return level * sum(np.sin(2 * np.pi * synth.note_to_hz(note) * t) for note in notes).astype(np.float32)


NO_BEATS = Beats(0.0, 0.0, (), np.zeros(0), np.zeros(0, bool), 4)


def test_a_song_without_beats_has_sections_too(monkeypatch):
    monkeypatch.setattr("audioviz.audio.hearing.analysis.track_beats", lambda *heard, **grid: NO_BEATS)
    a, b = chord((48, 52, 55), 12), chord((50, 54, 57), 12)
    heard = analyse([a, b, a])
    assert heard.kinds.tolist() == [0, 1, 0]
    assert heard.sections == pytest.approx([0, 12, 24], abs=0.6)


@pytest.mark.parametrize(
    "samples", [np.zeros(20 * RATE, np.float32), chord((60,), 30), chord((60,), 0.001), chord((60,), 5)]
)
def test_what_is_all_alike_is_one_section(samples):
    heard = analyse([samples])
    assert heard.sections.tolist() == [0.0] and heard.kinds.tolist() == [0]


@pytest.fixture(scope="module")
def example():
    return av.load_song(make_song.__file__.replace("make_song.py", "song.ogg"), fps=24), make_song.truth()


def test_the_drop_of_the_example_song_is_its_loudest_section(example):
    song, truth = example
    drop = next((start, end) for name, start, end in truth.sections if name == "drop")
    assert song.sections.loudest.start == pytest.approx(drop[0], abs=0.1) and song.sections.loudest.end > drop[1] - 3
    quiet = [(start, end) for name, start, end in truth.sections if name in ("intro", "break")]
    assert any(song.sections.quietest.start == pytest.approx(start, abs=0.1) for start, _ in quiet)


@pytest.fixture
def sections():
    clock = Clock.for_duration(10, 10)
    return Sections.at(
        np.array([0.0, 2.0, 5.04, 8.0]),
        np.array([0, 1, 0, 27]),
        duration=10.0,
        rms=Curve(np.repeat([0.2, 0.9, 0.1, 0.4], (20, 30, 30, 20)), clock),
    )


def test_bounds_half_way_between_two_frames_are_those_of_events():
    clock = Clock.for_duration(9.65, 10)
    parts = Sections.at(np.array([0.0, 4.25]), np.array([0, 1]), duration=9.65, rms=Curve(0.5, clock))
    assert parts[1].frames == range(clock.seconds_to_frame(4.25), clock.frames) == range(43, 97)


def test_sections_are_a_sequence_that_knows_labels(sections):
    assert len(sections) == 4 and [part.label for part in sections] == ["A", "B", "A", "B1"]
    assert sections.labels == ("A", "B", "B1") and sections[1].end == sections[2].start == 5.04
    assert [part.start for part in sections["A"]] == [0.0, 5.04]
    assert "A" in sections and "C" not in sections and sections[0] in sections
    with pytest.raises(InputError, match="no section 'C': the song has A, B, B1"):
        sections["C"]
    assert [part.label for part in sections[1:3]] == ["B", "A"] and sections[-1].end == 10.0
    assert sections.loudest is sections[1] and sections.quietest is sections[2]
    assert sections[2].frames == range(50, 80) and sections[1].energy == pytest.approx(0.9)
    assert sum(np.asarray(part.inside) for part in sections).tolist() == [1.0] * 100
    assert sections[1].inside[20] == 1 and sections[1].inside[19] == 0


def test_schedules_speak_of_sections(example):
    song, _ = example
    with bound(song):
        starts = [part.frames.start for part in song.sections]
        assert np.flatnonzero(curves.at(song.sections, 1.0)).tolist() == starts
        assert np.flatnonzero(np.diff(seeds.change_at(song.sections).astype(int))).tolist() == [
            k - 1 for k in starts[1:]
        ]
    plan = av.load_schedule("sections")(song).with_prompts({label: label for label in song.sections.labels}, song=song)
    assert [(prompt.seconds, prompt.text) for prompt in plan.prompts] == [
        (part.start, part.label) for part in song.sections
    ]


def test_sections_of_a_part_of_a_file_begin_with_it(tmp_path):
    a, b = chord((48, 52, 55), 10), chord((50, 54, 57), 10)
    soundfile.write(tmp_path / "a.wav", np.concatenate([a, b]), RATE)
    song = av.load_song(tmp_path / "a.wav", start=4, duration=12)
    assert [part.start for part in song.sections] == pytest.approx([0, 6], abs=0.6)
    assert song.sections[-1].end == song.duration == 12
    again = av.load_song(tmp_path / "a.wav", start=4, duration=12)
    assert again.sections == song.sections
