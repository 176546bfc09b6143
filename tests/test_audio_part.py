"""A part of a song is as it is in the whole."""

import make_song
import numpy as np
import pytest

import audioviz as av
from audioviz.audio.part import cut, part_of

SONG = make_song.__file__.replace("make_song.py", "song.ogg")


@pytest.mark.parametrize(("start", "duration"), [(0.0, None), (7.3, 6.0), (20.0, None), (25.5, 1.0)])
def test_a_part_is_as_it_is_in_the_whole(start, duration):
    song = av.load_song(SONG, fps=24, grid=av.Grid(first_downbeat="1b"), stems={"all": SONG})
    frames = part_of(song, start=start, duration=duration)
    part = cut(song, frames)
    assert part.clock.frames == len(frames) and part.start == pytest.approx(start, abs=1 / 48)
    assert part.duration == pytest.approx(min(duration or 99, song.duration - start), abs=1 / 24)
    for whole, found in ((song, part), (song.stems["all"], part.stems["all"])):
        assert np.array_equal(found.rms, whole.rms.values[frames.start : frames.stop])
        for name in ("beats", "downbeats", "onsets", "kicks"):
            frames_of = getattr(whole, name).frames
            assert list(getattr(found, name)) == [k - frames.start for k in frames_of if k in frames], name
    assert set(np.round(part.beats.seconds + part.start, 9)) - set(np.round(song.beats.seconds, 9)) <= {
        round(part.start, 9)
    }
    assert [s.label for s in part.sections] == [
        s.label for s in song.sections if s.end > part.start and s.start < part.start + part.duration
    ]
    assert part.sections[0].frames.start == 0 and part.sections[-1].frames.stop == len(frames)
    assert part.sections[-1].end == pytest.approx(part.duration)
