"""Stems: songs on the clock of the song, from files or separated by the library."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from imageio_ffmpeg import get_ffmpeg_exe

import audioviz as av
from audioviz.audio.export import song_to_csv, song_to_json
from audioviz.audio.reading import separate
from audioviz.audio.reading.separate import separated
from audioviz.command.main import cli
from audioviz.command.options import to_stems
from audioviz.errors import AudiovizWarning, InputError, ScheduleError
from audioviz.schedule.binding import bound
from audioviz.schedule.curves import expression

RATE = 22_050


def hits(times, seconds, hz, *, rate=RATE):
    sound, t = np.zeros(round(seconds * rate)), np.arange(rate // 4) / rate
    for at in times:
        first = round(at * rate)
        room = sound[first : first + len(t)]
        room += (0.8 * np.sin(2 * np.pi * hz * t) * np.exp(-t / 0.05))[: len(room)]
    return sound


@pytest.fixture
def files(tmp_path):
    """A song of eight seconds; drums that are as long, at another rate; a voice of three seconds; a bass of ten."""
    drums, voice, bass = hits(np.arange(0, 8, 0.5), 8, 60), hits([1, 2.2], 3, 500), hits(np.arange(0.25, 10), 10, 110)
    soundfile.write(
        tmp_path / "song.wav", drums + bass[: len(drums)] + np.pad(voice, (0, len(drums) - len(voice))), RATE
    )
    soundfile.write(tmp_path / "drums.wav", hits(np.arange(0, 8, 0.5), 8, 60, rate=44_100), 44_100)
    soundfile.write(tmp_path / "voice.flac", voice, RATE)
    soundfile.write(tmp_path / "bass.wav", bass, RATE)
    return tmp_path


def load(files, **options):
    stems = {"drums": files / "drums.wav", "voice": files / "voice.flac", "bass": files / "bass.wav"}
    return av.load_song(files / "song.wav", fps=24, stems=stems, **options)


def test_stems_are_songs_on_the_same_clock(files):
    song = load(files)
    assert list(song.stems) == ["drums", "voice", "bass"]
    for stem in song.stems.values():
        assert stem.clock == song.clock and len(stem.rms) == len(song.rms) and stem.duration == song.duration
        assert stem.beats is song.beats and stem.sections is song.sections
    assert song.stems["drums"].onsets.seconds == pytest.approx(np.arange(0, 8, 0.5), abs=0.02)
    assert song.stems["voice"].onsets.seconds == pytest.approx([1, 2.2], abs=0.02)
    assert song.stems["bass"].onsets.seconds == pytest.approx(np.arange(0.25, 8), abs=0.02)
    assert song.stems["voice"].onset[24] > 0.5 and song.stems["voice"].rms.values[80:].max() == 0
    assert song.stems["voice"].onset.values[80:].max() == 0 and song.stems["voice"].silence.values[80:].min() == 1
    assert song.stems["bass"].band(90, 130).values.max() > 0.9


def test_what_does_not_fit_is_said_once(files):
    notes = load(files).notes
    assert len(notes) == 2
    assert "voice.flac: 5.00 s shorter than" in notes[0] and "silent from there on" in notes[0]
    assert "bass.wav: 2.00 s longer than" in notes[1] and "cut to its length" in notes[1]


def test_a_part_of_the_song_is_the_same_part_of_its_stems(files):
    song = load(files, start=2, duration=4)
    assert song.stems["voice"].onsets.seconds == pytest.approx([0.2], abs=0.02)
    assert song.stems["voice"].pitch.values.max() == pytest.approx(500, rel=0.02)


@pytest.mark.parametrize("cache", [True, False])
def test_a_stem_that_ends_before_the_part_is_silent(files, cache):
    for _ in range(2):
        song = load(files, start=4, duration=3, cache=cache)
        voice = song.stems["voice"]
        assert len(voice.onsets) == 0 and voice.rms.values.max() == 0 and voice.silence.values.all()
        assert voice.band(60, 120).values.max() == 0 and voice.pitch.values.max() == 0
        assert (
            len(song.notes) == 1 and "3.00 s shorter than" in song.notes[0] and "silent from there on" in song.notes[0]
        )
    with pytest.raises(InputError, match="start 4 s is past the end of .*voice.flac"):
        av.load_song(files / "voice.flac", start=4, duration=3)


def test_a_stem_that_begins_later_is_heard_later_in_all_its_curves(files):
    """As its container says: also in what is heard on demand, and in its click track."""
    offset = [get_ffmpeg_exe(), "-v", "error", "-itsoffset", "2.5", "-i", files / "voice.flac", "-c", "copy"]
    subprocess.run([*offset, files / "voice.mka"], check=True)
    for options, at in (({}, (3.5, 4.7)), ({"start": 1.0, "duration": 3.0}, (2.5,))):
        song = av.load_song(files / "song.wav", fps=24, stems={"voice": files / "voice.mka"}, **options)
        voice = song.stems["voice"]
        assert voice.onsets.seconds == pytest.approx(at, abs=0.02)
        assert abs(np.argmin(voice.silence) - at[0] * 24) <= 1
        voice.to_clicks(files / "clicks.wav")
        sound = soundfile.read(files / "clicks.wav")[0]
        assert np.abs(sound[round((at[0] + 0.1) * RATE) :][: RATE // 20]).max() > 0.01


def test_expressions_files_and_errors_know_stems(files):
    song = load(files, events={"taps": [1.0]})
    with bound(song):
        assert np.array_equal(expression("drums.onset * 0.5"), song.stems["drums"].onset * 0.5)
        assert np.array_equal(expression("voice.silence"), song.stems["voice"].silence)
        for text in ("drums.path", "drums.taps", "guitar.onset", "drums.onset.values", "drums.__class__", "(1).real"):
            with pytest.raises(ScheduleError, match="is not arithmetic"):
                expression(text)
    with pytest.raises(InputError, match="no stem 'guitar': the song has drums, voice, bass"):
        song.stems["guitar"]
    with pytest.raises(InputError, match="no stem 'drums': the song has none; give files"):
        av.load_song(files / "song.wav").stems["drums"]
    with pytest.raises(InputError, match="stem 'my drums': expected a name of letters"):
        av.load_song(files / "song.wav", stems={"my drums": files / "drums.wav"})
    written = json.loads(song_to_json(song))["stems"]
    assert (
        len(written["drums"]["curves"]["onset"]) == song.clock.frames and len(written["voice"]["onsets"]["frames"]) == 2
    )
    assert "drums.onset" in song_to_csv(song).splitlines()[0]
    assert "stems" not in json.loads(song_to_json(av.load_song(files / "song.wav")))


@pytest.mark.parametrize(
    ("options", "found"), [(("auto",), "auto"), (("a=b=c.wav", "d=e"), {"a": "b=c.wav", "d": "e"})]
)
def test_the_options_name_files(options, found):
    assert to_stems(options) == found


@pytest.mark.parametrize("options", [("drums",), ("=x",), ("x=",), ("auto", "a=b")])
def test_wrong_options_are_one_line(options):
    with pytest.raises(InputError, match="--stem .*: expected name=file"):
        to_stems(options)


def test_the_library_separates_and_what_it_made_is_found_again(files, monkeypatch, tmp_path):
    """The library's own network and code, with weights by chance, since its trained ones come from the net."""
    import torch

    monkeypatch.setenv("AUDIOVIZ_CACHE", str(tmp_path / "kept"))
    monkeypatch.setattr(separate, "_PIECE", 0.9)
    monkeypatch.setattr(separate, "_AROUND", 0.1)
    torch.manual_seed(0)
    soundfile.write(files / "song.wav", hits([0.2, 0.7, 1.2], 1.6, 80), RATE)
    found = separated(files / "song.wav", "abc", model="demucs_unittest")
    assert set(found) == {"drums", "bass", "other", "vocals"}
    for path in found.values():
        info = soundfile.info(path)
        assert (info.samplerate, info.channels, info.format) == (44_100, 2, "FLAC") and info.frames == 1.6 * 44_100
    monkeypatch.setattr(separate, "_load", lambda model: pytest.fail("separated again"))
    os.utime(found["bass"], (0, 0))
    assert separated(files / "song.wav", "abc", model="demucs_unittest") == found
    assert found["bass"].stat().st_mtime > 0  # used now, so that others are dropped before it
    found["bass"].unlink()
    with pytest.raises(pytest.fail.Exception, match="separated again"):
        separated(files / "song.wav", "abc", model="demucs_unittest")


def test_without_the_library_one_line_says_how_to_install_it(files):
    code = "import sys; sys.modules['demucs'] = None; from audioviz.command.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "analyze", files / "song.wav", "--stem", "auto"], capture_output=True, text=True
    )
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "pip install 'audioviz[stems]'" in done.stderr


def test_the_command_takes_stems(files):
    stem = ["--json", str(files / "a.json"), "--stem", f"voice={files / 'voice.flac'}"]
    with pytest.warns(AudiovizWarning, match="5.00 s shorter") as said:
        cli.main(["analyze", str(files / "song.wav"), *stem], standalone_mode=False)
    assert len(said) == 1
    assert set(json.loads((files / "a.json").read_text())["stems"]) == {"voice"}
